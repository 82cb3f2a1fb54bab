"""A local file server that can be made to misbehave."""

from __future__ import annotations

import contextlib
import http.client
import re
import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from mbcli.weights import ENVIRONMENT_VARIABLE, transfer


class Site:
    """Files and behaviour of the server.

    Attributes:
        files: content by path.
        ranges: whether it supports requests for the rest of a file.
        etag: version of every file, empty for none.
        date: Last-Modified, empty for none.
        length: whether it sends the length.
        breaks: one number per response: after that many bytes of the body it hangs up.
        statuses: one number per response: sent instead of the file, 0 for the file.
        headers: sent with every response.
        redirects: address by path, sent instead of the file.
        endless: whether the body never ends.
        sent: bytes of an endless body that were received.
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
        self.redirects: dict[str, str] = {}
        self.endless = False
        self.sent = 0
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
        if self.path in site.redirects:
            self.send_response(302)
            self.send_header("Location", site.redirects[self.path])
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if site.endless:
            self._go_on_for_ever()
            return
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

    def _go_on_for_ever(self) -> None:
        self.send_response(200)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        block = bytes(10_000)
        with contextlib.suppress(OSError):
            while True:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(block), block))
                self.site.sent += len(block)
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
        response = onward.getresponse()
        body = response.read()
        onward.close()
        self.send_response(response.status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


def _served(
    handler: type[BaseHTTPRequestHandler], tls: ssl.SSLContext | None = None
) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http{'s' if tls else ''}://127.0.0.1:{server.server_port}"
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


@pytest.fixture(scope="session")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and a certificate of 127.0.0.1 in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    path = tmp_path_factory.mktemp("tls") / "both.pem"
    key = path.with_name("key.pem")
    words = "req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=127.0.0.1"
    command = ["openssl", *words.split(), "-addext", "subjectAltName=IP:127.0.0.1"]
    command += ["-keyout", str(key), "-out", str(path)]
    subprocess.run(command, check=True, capture_output=True)
    path.write_text(key.read_text() + path.read_text())
    return path


@pytest.fixture
def safe_site(certificate: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Site]:
    """A server that talks https, and is trusted."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    tls.load_cert_chain(certificate)
    made = Site()
    for url in _served(type("Handler", (_Handler,), {"site": made}), tls):
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
