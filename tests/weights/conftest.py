"""A file server on this machine that can be told to misbehave."""

from __future__ import annotations

import contextlib
import http.client
import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mbcli.weights import ENVIRONMENT_VARIABLE, transfer


class Site:
    """What the server has and how it behaves.

    Attributes:
        files: content by path.
        ranges: whether it answers requests for the rest of a file.
        etag: version of every file, empty for none.
        date: Last-Modified, empty for none.
        length: whether it tells the length.
        breaks: one number an answer: after that many bytes of the body it hangs up.
        statuses: one number an answer: sent in place of the file, 0 for the file.
        headers: sent with every answer.
        asked: (path, headers) of every request.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.ranges = True
        self.etag = '"one"'
        self.date = ""
        self.length = True
        self.breaks: list[int] = []
        self.statuses: list[int] = []
        self.headers: dict[str, str] = {}
        self.asked: list[tuple[str, dict[str, str]]] = []
        self.url = ""

    def start_of(self, wanted: dict[str, str]) -> int:
        """First byte that is asked for, 0 where the whole file must be sent."""
        match = re.fullmatch(r"bytes=(\d+)-", wanted.get("Range", ""))
        fits = wanted.get("If-Range") in (self.etag, self.date)
        return int(match[1]) if match and self.ranges and fits else 0


class _Handler(BaseHTTPRequestHandler):
    site: Site
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        site, wanted = self.site, dict(self.headers.items())
        site.asked.append((self.path, wanted))
        status = site.statuses.pop(0) if site.statuses else 0
        content = site.files.get(self.path)
        if status or content is None:
            self.send_response(status or 404)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = site.start_of(wanted)
        if start >= len(content) > 0:
            self.send_response(416)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if site.length:
            self.send_header("Content-Length", str(len(content) - start))
        for name, value in {"ETag": site.etag, "Last-Modified": site.date, **site.headers}.items():
            if value:
                self.send_header(name, value)
        self.send_header("Connection", "close")
        self.end_headers()
        rest = content[start:]
        # Whoever asked may have heard enough.
        with contextlib.suppress(ConnectionError):
            self.wfile.write(rest[: site.breaks.pop(0)] if site.breaks else rest)
        self.close_connection = True

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


class _Proxy(BaseHTTPRequestHandler):
    """Passes http requests on and remembers them."""

    seen: list[str]

    def do_GET(self) -> None:
        self.seen.append(self.path)
        parts = urlsplit(self.path)
        onward = http.client.HTTPConnection(parts.netloc, timeout=10)
        onward.request("GET", parts.path)
        answer = onward.getresponse()
        body = answer.read()
        onward.close()
        self.send_response(answer.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


def _served(handler: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def site() -> Iterator[Site]:
    """A running server; ``site.url`` is its address."""
    made = Site()
    for url in _served(type("Handler", (_Handler,), {"site": made})):
        made.url = url
        yield made


@pytest.fixture
def proxy() -> Iterator[tuple[str, list[str]]]:
    """Address of a running proxy, and the addresses that it was asked for."""
    seen: list[str] = []
    for url in _served(type("Proxy", (_Proxy,), {"seen": seen})):
        yield url, seen


@pytest.fixture(autouse=True)
def cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty cache, no settings from outside, and no waiting between tries."""
    monkeypatch.delenv(ENVIRONMENT_VARIABLE, raising=False)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    for name in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.setattr(transfer, "_PAUSE", 0.0)
    from mbcli.weights import cache_directory

    return cache_directory()
