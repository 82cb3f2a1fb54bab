"""Bringing one address into one file over HTTP, and going on where an earlier try broke off.

``requests`` does the talking: redirects, certificates, proxies from the environment
(``HTTPS_PROXY``, ``HTTP_PROXY``, ``NO_PROXY``). No more bytes are taken than the file may have, and
none without encryption, wherever an address redirects to, unless that is allowed.
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

_TIMEOUT = (15.0, 60.0)  # seconds to connect, and of silence afterwards
_TRIES = 4  # in a row without a new byte
_PAUSE = 0.5  # seconds before the second try, doubled for each further one
_CHUNK = 1 << 16  # bytes; so much of what came may be lost where the connection breaks off
_BUSY = frozenset({408, 425, 429, 500, 502, 503, 504})  # answers worth asking again
_SHA256 = re.compile(r'"?([0-9a-f]{64})"?')


class _BrokenOffError(Exception):
    """The connection or the server failed in a way that may pass."""


@dataclass(frozen=True)
class _State:
    """What is noted beside an unfinished file, so that it is never continued with another's bytes.

    Attributes:
        url: where the bytes came from.
        validator: the server's entity tag or date of that version.
        total: bytes of the whole file, None if the server does not say.
        sha256: digest of the whole file as the server tells it, None if it does not.
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
    """Download an address into a file, continuing what an earlier call left there.

    Continued is only what the server says is still the same file (``Range`` with ``If-Range``);
    from a server that cannot do that the file is brought anew.

    Args:
        url: https, or http if ``insecure``.
        part: the unfinished file. A note of the same name with ``.json`` lies beside it meanwhile.
        most: bytes that the whole file may have; the download breaks off there.
        size: bytes that it must have, None if not known.
        insecure: take it without encryption too.
        observer: is told the bytes that are there.

    Returns:
        SHA-256 of the file as the server tells it (Hugging Face does), None if it does not.

    Raises:
        WeightsError: no network, an answer other than the file, an address without encryption,
            the wrong size, or no room on the disk. What has come is kept, unless it is of no use.
    """
    # Imported on use: every command imports the table of weights, few of them download.
    import requests

    host = urlsplit(url).netloc
    farthest, failures = 0, 0
    with requests.Session() as session:
        if not insecure:
            # Nothing is left that could talk it, not even after a redirect.
            del session.adapters["http://"]
        while True:
            try:
                return _attempt(session, url, part, most, size, observer)
            except _BrokenOffError as error:
                reached = part.stat().st_size if part.exists() else 0
                failures = 1 if reached > farthest else failures + 1
                farthest = max(farthest, reached)
                if failures == _TRIES:
                    kept = "; what came is kept, the same command goes on" if reached else ""
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
    """Remove an unfinished file and the note beside it."""
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
    # Compressed on the way, sizes and ranges would not be those of the file.
    headers = {"User-Agent": f"mbcli/{version()}", "Accept-Encoding": "identity"}
    if state is not None:
        headers |= {"Range": f"bytes={have}-", "If-Range": state.validator}
    try:
        answer = session.get(url, headers=headers, stream=True, timeout=_TIMEOUT)
    except (requests.exceptions.SSLError, requests.exceptions.ProxyError):
        raise
    except (requests.exceptions.ConnectionError, requests.exceptions.Timeout) as error:
        raise _BrokenOffError(f"cannot be reached: {_reason(error)}") from error
    with answer:
        if answer.status_code == 416 or (answer.status_code == 206 and _start(answer) != have):
            discard(part)
            raise _BrokenOffError("has other ranges than what was downloaded before")
        _refuse_errors(answer, url)
        if answer.status_code != 206:
            have = 0
        total = _total(answer, have)
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
        announced = _announced(answer)
        if answer.status_code != 206:
            _remember(part, _State(url, _validator(answer), total, announced))
        try:
            _receive(answer, part, have, total, most, observer)
        except (
            requests.exceptions.ConnectionError,
            requests.exceptions.Timeout,
            requests.exceptions.ChunkedEncodingError,
        ) as error:
            raise _BrokenOffError(f"broke off: {_reason(error)}") from error
        return announced


def _receive(
    answer: requests.Response,
    part: Path,
    have: int,
    total: int | None,
    most: int,
    observer: Observer,
) -> None:
    """Write the body of an answer behind the first ``have`` bytes of the file."""
    with on_disk_errors(part):
        _check_room(part, None if total is None else total - have)
    observer("download", have, total)
    with on_disk_errors(part), part.open("ab" if have else "wb") as out:
        for chunk in answer.iter_content(_CHUNK):
            out.write(chunk)
            have += len(chunk)
            observer("download", have, total)
            if have > most:
                break
    if have > most:
        discard(part)
        raise WeightsError(f"the file must be {most} bytes at most, but more have come")
    if total is not None and have < total:
        raise _BrokenOffError(f"broke off after {have} of {total} bytes")


@contextlib.contextmanager
def on_disk_errors(path: Path) -> Iterator[None]:
    """Tell what went wrong with a file of ours as an error of ours.

    Raises:
        WeightsError: the body ran into a full disk, a missing permission or the like.
    """
    import requests

    try:
        yield
    except requests.RequestException:
        # An OSError by its class, but it tells of the network.
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise WeightsError(
                f"the disk is full: no room for the download in {path.parent}; make some and "
                f"repeat the command, or choose another folder with --to"
            ) from error
        raise WeightsError(f"{path} cannot be written: {error.strerror or error}") from error


def _check_room(part: Path, needed: int | None) -> None:
    if needed is not None and shutil.disk_usage(part.parent).free < needed:
        raise OSError(errno.ENOSPC, "not enough room")


def _refuse_errors(answer: requests.Response, url: str) -> None:
    """Raise for an answer that holds no part of the file."""
    if answer.status_code in (200, 206):
        if answer.headers.get("Content-Type", "").lower().startswith("text/html"):
            raise WeightsError(
                f"{url} is a web page, not the file; some networks show a page to log in first"
            )
        return
    said = f"{answer.status_code} {answer.reason or ''}".strip()
    if answer.status_code in _BUSY:
        raise _BrokenOffError(f"answers {said}")
    if answer.status_code in (404, 410):
        raise WeightsError(f"there is no file at {url} ({said})")
    if answer.status_code in (401, 403, 407, 451):
        raise WeightsError(f"{urlsplit(url).netloc} refuses to give {url} ({said})")
    raise WeightsError(f"{url} cannot be downloaded: the server answers {said}")


def _start(answer: requests.Response) -> int | None:
    """Position of the first byte of a partial answer."""
    match = re.match(r"bytes (\d+)-", answer.headers.get("Content-Range", ""))
    return int(match[1]) if match else None


def _total(answer: requests.Response, have: int) -> int | None:
    """Bytes of the whole file, as far as the answer tells."""
    length = answer.headers.get("Content-Length", "")
    return have + int(length) if length.isdigit() else None


def _validator(answer: requests.Response) -> str:
    """What names this version of the file, empty if nothing does to the byte."""
    tag: str = answer.headers.get("ETag", "")
    if tag and not tag.startswith("W/"):
        return tag
    return answer.headers.get("Last-Modified", "")


def _announced(answer: requests.Response) -> str | None:
    """The SHA-256 that Hugging Face gives on the way to a large file."""
    tags = (hop.headers.get("X-Linked-ETag", "") for hop in (*answer.history, answer))
    return next((match[1] for tag in tags if (match := _SHA256.fullmatch(tag))), None)


def _note(part: Path) -> Path:
    return part.with_name(f"{part.name}.json")


def _remember(part: Path, state: _State) -> None:
    """Note whose bytes come next; without a validator they cannot be continued later."""
    with on_disk_errors(part):
        discard(part)
        if state.validator:
            _note(part).write_text(json.dumps(asdict(state)), encoding="utf-8")


def _left_over(part: Path, url: str) -> tuple[_State | None, int]:
    """What an earlier call left of the same address, and how many bytes; else (None, 0)."""
    try:
        have = part.stat().st_size
        state = _State(**json.loads(_note(part).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        # Nothing there, or a note that was cut off itself: the download starts over.
        return None, 0
    if state.url != url or have == 0 or (state.total is not None and have > state.total):
        return None, 0
    return state, have


def _reason(error: BaseException) -> str:
    """The innermost cause of a network error, in a few words."""
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
            words = "no answer in time"
        elif not isinstance(cause, OSError) or inner is None:
            words = str(cause) or words
        cause = inner or cause.__cause__ or cause.__context__
    return words
