"""Resumable download of one address to a file over HTTP.

``requests`` handles redirects, certificates and the proxies in the environment (``HTTPS_PROXY``,
``HTTP_PROXY``, ``NO_PROXY``). A download stops at the maximum size of the file, and unencrypted
connections are refused, also after redirects, unless allowed.
"""

from __future__ import annotations

import contextlib
import errno
import json
import re
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from mbcli.errors import WeightsError
from mbcli.report import Observer, unobserved
from mbcli.version import version

if TYPE_CHECKING:
    import requests

_TIMEOUT = (15.0, 60.0)  # seconds to connect, and between bytes
_TRIES = 4  # consecutive attempts without a new byte
_PAUSE = 0.5  # seconds before the second attempt, doubled for each further one
_CHUNK = 1 << 16  # bytes; up to this much is lost when a connection breaks off
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})  # status codes worth a retry
_SHA256 = re.compile(r'"?([0-9a-f]{64})"?')


class _BrokenOffError(Exception):
    """The connection or the server failed, perhaps temporarily."""


@dataclass(frozen=True)
class _State:
    """Metadata of an unfinished file, so that it is never resumed with bytes of another version.

    Attributes:
        url: where the bytes came from.
        validator: the server's entity tag or date of that version.
        total: size of the complete file in bytes, None if the server does not state it.
        sha256: digest of the complete file, None if the server does not state it.
    """

    url: str
    validator: str
    total: int | None
    sha256: str | None


def download(
    url: str,
    part: Path,
    *,
    most: int,
    size: int | None = None,
    insecure: bool = False,
    observer: Observer = unobserved,
) -> str | None:
    """Download an address to a file, resuming what an earlier call left there.

    The download is resumed only if the server confirms that the file is unchanged (``Range`` with
    ``If-Range``); otherwise it starts over.

    Args:
        url: https, or http if ``insecure``.
        part: the unfinished file. Its state is kept beside it in a file with the suffix ``.json``.
        most: maximum size of the file in bytes; the download stops there.
        size: exact size in bytes, None if unknown.
        insecure: also allow unencrypted connections.
        observer: receives progress in bytes.

    Returns:
        SHA-256 of the file as stated by the server (Hugging Face does), else None.

    Raises:
        WeightsError: no network, an unexpected response, an address without encryption, the wrong
            size, or a full disk. Received data is kept if it is usable.
    """
    # Imported on use: every command imports the table of weights, but few download.
    import requests

    host = urlsplit(url).netloc
    farthest, failures = 0, 0
    with requests.Session() as session:
        if not insecure:
            # Without an adapter, http is impossible even after a redirect.
            del session.adapters["http://"]
        while True:
            try:
                return _attempt(session, url, part, most, size, observer)
            except _BrokenOffError as error:
                reached = part.stat().st_size if part.exists() else 0
                failures = 1 if reached > farthest else failures + 1
                farthest = max(farthest, reached)
                if failures == _TRIES:
                    kept = (
                        "; the partial download is kept: repeat the command to resume"
                        if reached
                        else ""
                    )
                    raise WeightsError(f"{host} {error} ({_TRIES} tries){kept}") from error
                time.sleep(_PAUSE * 2 ** (failures - 1))
            except requests.exceptions.SSLError as error:
                raise WeightsError(
                    f"{host} is not trusted: {_reason(error)}; behind a proxy that re-encrypts, "
                    f"set REQUESTS_CA_BUNDLE to its certificate"
                ) from error
            except requests.exceptions.ProxyError as error:
                raise WeightsError(
                    f"the proxy on the way to {host} cannot be used: {_reason(error)}; see the "
                    f"environment variables HTTPS_PROXY, HTTP_PROXY and NO_PROXY"
                ) from error
            except requests.exceptions.InvalidSchema as error:
                address = re.search(r"'(.*)'", str(error))
                raise WeightsError(
                    f"{url} leads to {address[1] if address else error}, which is not https; only "
                    "a mirror that you trust may do so, with --insecure-mirror"
                ) from error
            except requests.RequestException as error:
                raise WeightsError(f"{url} cannot be downloaded: {_reason(error)}") from error


def discard(part: Path) -> None:
    """Remove an unfinished file and its state."""
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def _attempt(
    session: requests.Session,
    url: str,
    part: Path,
    most: int,
    size: int | None,
    observer: Observer,
) -> str | None:
    import requests

    state, have = _left_over(part, url)
    if state is not None and have == state.total:
        return state.sha256
    # With compression, sizes and ranges would not be those of the file.
    headers = {"User-Agent": f"mbcli/{version()}", "Accept-Encoding": "identity"}
    if state is not None:
        headers |= {"Range": f"bytes={have}-", "If-Range": state.validator}
    try:
        response = session.get(url, headers=headers, stream=True, timeout=_TIMEOUT)
    except (requests.exceptions.SSLError, requests.exceptions.ProxyError):
        raise
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
        raise _BrokenOffError(f"cannot be reached: {_reason(error)}") from error
    with response:
        if response.status_code == 416 or (
            response.status_code == 206 and _start(response) != have
        ):
            discard(part)
            raise _BrokenOffError("has other ranges than what was downloaded before")
        _refuse_errors(response, url)
        if response.status_code != 206:
            have = 0
        total = _total(response, have)
        if size is not None and total is not None and total != size:
            discard(part)
            raise WeightsError(
                f"the file at {url} must be {size} bytes, but the server has {total}"
            )
        if total is not None and total > most:
            discard(part)
            raise WeightsError(
                f"the file at {url} must be {most} bytes at most, but the server has {total}"
            )
        announced = _announced(response)
        if response.status_code != 206:
            _remember(part, _State(url, _validator(response), total, announced))
        try:
            _receive(response, part, have, total, most, observer)
        except (
            requests.exceptions.ConnectionError,
            requests.exceptions.Timeout,
            requests.exceptions.ChunkedEncodingError,
        ) as error:
            raise _BrokenOffError(f"broke off: {_reason(error)}") from error
        return announced


def _receive(
    response: requests.Response,
    part: Path,
    have: int,
    total: int | None,
    most: int,
    observer: Observer,
) -> None:
    """Append the body of a response after the first ``have`` bytes of the file."""
    with on_disk_errors(part):
        _check_room(part, None if total is None else total - have)
    observer("download", have, total)
    with on_disk_errors(part), part.open("ab" if have else "wb") as out:
        for chunk in response.iter_content(_CHUNK):
            out.write(chunk)
            have += len(chunk)
            observer("download", have, total)
            if have > most:
                break
    if have > most:
        discard(part)
        raise WeightsError(f"the file must be {most} bytes at most, got more")
    if total is not None and have < total:
        raise _BrokenOffError(f"broke off after {have} of {total} bytes")


@contextlib.contextmanager
def on_disk_errors(path: Path) -> Iterator[None]:
    """Convert errors of writing a file to WeightsError.

    Raises:
        WeightsError: a full disk, a missing permission or the like.
    """
    import requests

    try:
        yield
    except requests.RequestException:
        # A subclass of OSError, but about the network.
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise WeightsError(
                f"the disk is full: no room for the download in {path.parent}; free some space and "
                f"repeat the command, or choose another folder with --to"
            ) from error
        raise WeightsError(f"{path} cannot be written: {error.strerror or error}") from error


def _check_room(part: Path, needed: int | None) -> None:
    if needed is not None and shutil.disk_usage(part.parent).free < needed:
        raise OSError(errno.ENOSPC, "not enough room")


def _refuse_errors(response: requests.Response, url: str) -> None:
    """Raise for a response that contains no part of the file."""
    if response.status_code in (200, 206):
        if response.headers.get("Content-Type", "").lower().startswith("text/html"):
            raise WeightsError(
                f"{url} is a web page, not the file; some networks show a page to log in first"
            )
        return
    said = f"{response.status_code} {response.reason or ''}".strip()
    if response.status_code in _BUSY:
        raise _BrokenOffError(f"responds with {said}")
    if response.status_code in (404, 410):
        raise WeightsError(f"there is no file at {url} ({said})")
    if response.status_code in (401, 403, 407, 451):
        raise WeightsError(f"{urlsplit(url).netloc} refuses to give {url} ({said})")
    raise WeightsError(f"{url} cannot be downloaded: the server responds with {said}")


def _start(response: requests.Response) -> int | None:
    """Position of the first byte of a partial response."""
    match = re.match(r"bytes (\d+)-", response.headers.get("Content-Range", ""))
    return int(match[1]) if match else None


def _total(response: requests.Response, have: int) -> int | None:
    """Size of the complete file in bytes, if the response states it."""
    length = response.headers.get("Content-Length", "")
    return have + int(length) if length.isdigit() else None


def _validator(response: requests.Response) -> str:
    """Strong identifier of this version of the file; empty if there is none."""
    tag: str = response.headers.get("ETag", "")
    if tag and not tag.startswith("W/"):
        return tag
    return response.headers.get("Last-Modified", "")


def _announced(response: requests.Response) -> str | None:
    """The SHA-256 that Hugging Face sends in the redirect to a large file."""
    tags = (hop.headers.get("X-Linked-ETag", "") for hop in (*response.history, response))
    return next((match[1] for tag in tags if (match := _SHA256.fullmatch(tag))), None)


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _remember(part: Path, state: _State) -> None:
    """Save the state of a new download; without a validator it cannot be resumed later."""
    with on_disk_errors(part):
        discard(part)
        if state.validator:
            _note(part).write_text(json.dumps(asdict(state)), encoding="utf-8")


def _left_over(part: Path, url: str) -> tuple[_State | None, int]:
    """State and size of what an earlier call left for an address; else (None, 0)."""
    try:
        have = part.stat().st_size
        state = _State(**json.loads(_note(part).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        # No file, or a truncated state: the download starts over.
        return None, 0
    if state.url != url or have == 0 or (state.total is not None and have > state.total):
        return None, 0
    return state, have


def _reason(error: BaseException) -> str:
    """The root cause of a network error, in a few words."""
    words = type(error).__name__
    cause: BaseException | None = error
    seen: set[int] = set()
    while cause is not None and id(cause) not in seen:
        seen.add(id(cause))
        named = (getattr(cause, "reason", None), *cause.args)
        inner = next((item for item in named if isinstance(item, BaseException)), None)
        if isinstance(cause, OSError) and cause.strerror:
            words = cause.strerror
        elif "timed out" in str(cause).lower():
            words = "no response in time"
        elif not isinstance(cause, OSError) or inner is None:
            words = str(cause) or words
        cause = inner or cause.__cause__ or cause.__context__
    return words
