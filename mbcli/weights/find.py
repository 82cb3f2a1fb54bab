"""Finding weights on this machine and checking their integrity.

A weights file is searched for in this order:

1. the given path, if it is not a name in the table;
2. the directory named by the environment variable ``MBCLI_WEIGHTS``;
3. ``weights/`` of the checkout, or its copy in the installed package;
4. the user's cache (``~/.cache/mbcli/weights`` on Linux), where downloads go.
"""

from __future__ import annotations

import difflib
import hashlib
import os
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

from mbcli.errors import WeightsError
from mbcli.weights.entry import WeightsEntry
from mbcli.weights.table import TABLE

ENVIRONMENT_VARIABLE = "MBCLI_WEIGHTS"

_CHUNK = 1 << 20  # bytes read at a time while hashing


def cache_directory() -> Path:
    """The user's weights cache: by XDG on Linux, else the system's cache folder."""
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "mbcli" / "weights"


def bundled_directory() -> Path:
    """The weights in the installed package, or ``weights/`` of a checkout."""
    package = Path(__file__).resolve().parents[1]
    carried = package / "_weights"
    return carried if carried.is_dir() else package.parent / "weights"


def search_directories() -> tuple[Path, ...]:
    """Directories in which names in the table are searched for; the first hit wins.

    Raises:
        WeightsError: ``MBCLI_WEIGHTS`` is set but is not a directory.
    """
    directories = (bundled_directory(), cache_directory())
    chosen = os.environ.get(ENVIRONMENT_VARIABLE)
    if not chosen:
        return directories
    if not Path(chosen).is_dir():
        raise WeightsError(
            f"{ENVIRONMENT_VARIABLE} must name a directory, got {chosen!r}; unset it to use the "
            f"bundled weights"
        )
    return (Path(chosen), *directories)


def named(name: str) -> WeightsEntry:
    """Look up a name in the table.

    Raises:
        WeightsError: there is no such name.
    """
    entry = TABLE.get(name)
    if entry is None:
        raise WeightsError(f"no weights are named {name!r}{_nearest(name)}")
    return entry


def on_disk(name: str) -> Path | None:
    """Path of the file for a name, valid or not; None if it is not on disk.

    Raises:
        WeightsError: an unknown name, or ``MBCLI_WEIGHTS`` is not a directory.
    """
    entry = named(name)
    candidates = (directory / entry.file for directory in search_directories())
    return next((path for path in candidates if path.is_file()), None)


def resolve(name_or_path: str | Path) -> Path:
    """Find a weights file.

    A name in the table takes precedence over a file of that name in the working directory; write
    ``./NAME`` for the latter. For a name, the size of the file is also checked if it is known,
    which detects an interrupted copy at no cost; `verify` checks the full contents.

    Args:
        name_or_path: a name in `TABLE`, or the path of any file.

    Returns:
        Path of an existing file.

    Raises:
        WeightsError: no such file, or a named one of the wrong size.
    """
    entry = TABLE.get(str(name_or_path))
    if entry is None:
        path = Path(name_or_path)
        if path.is_file():
            return path
        what = "is a directory" if path.is_dir() else "does not exist"
        raise WeightsError(
            f"weights must be a file or a name in the weights table; "
            f"{str(name_or_path)!r} {what}{_nearest(str(name_or_path))}"
        )
    found = on_disk(entry.name)
    if found is None:
        places = ", ".join(map(str, search_directories()))
        remedy = (
            f"put it there, or set {ENVIRONMENT_VARIABLE} to its directory"
            if entry.url is None
            else f"download it with: mbcli weights fetch {entry.name}"
        )
        raise WeightsError(
            f"weights {entry.name!r} not found: no file {entry.file} in {places}; {remedy}"
        )
    _check_size(entry, found)
    return found


def entry_for(name_or_path: str | Path) -> WeightsEntry | None:
    """The entry in the table for a name, or for a file with identical contents.

    A file is recognised by its digest, regardless of its name. None means that the file is not in
    the table, or that the table does not have its digest.

    Raises:
        WeightsError: neither a name nor an existing file.
    """
    entry = TABLE.get(str(name_or_path))
    if entry is not None:
        return entry
    path = resolve(name_or_path)
    digest = sha256_of(path)
    return next((row for row in TABLE.values() if _known_digest(row, digest)), None)


def sha256_of(path: str | Path) -> str:
    """SHA-256 of a file as 64 lower-case hexadecimal digits; unchanged files are read only once.

    Raises:
        WeightsError: the file cannot be read.
    """
    try:
        state = Path(path).stat()
        return _digest(str(path), (state.st_dev, state.st_ino, state.st_size, state.st_mtime_ns))
    except OSError as error:
        raise WeightsError(f"weights file {path} cannot be read: {error.strerror}") from error


@cache
def _digest(path: str, _state: tuple[int, ...]) -> str:
    """The digest of a file, cached by its path and state (size, time and so on)."""
    digest = hashlib.sha256()
    with Path(path).open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest()


def verify(name: str) -> Path:
    """Find a file in the table and check its full contents.

    Returns:
        Path of the valid file.

    Raises:
        WeightsError: an unknown name, no file, the wrong size or the wrong digest.
    """
    entry = named(name)
    path = resolve(name)
    check(entry, path)
    return path


@dataclass(frozen=True)
class Expected:
    """The expected SHA-256 of a file.

    Attributes:
        digits: all 64 digits, or the first few.
        source: where the digest comes from.
    """

    digits: str
    source: Literal["measured", "publisher", "second-hand", "first download", "server"]

    def fits(self, digest: str) -> bool:
        """Whether a digest equals or begins with the expected one."""
        return digest.startswith(self.digits)

    def __str__(self) -> str:
        caveat = {
            "second-hand": " (a second-hand digest: published by others, not by the publisher)",
            "first download": " (as first downloaded; the publisher's digest is unknown)",
            "server": " (as stated by the server)",
        }.get(self.source, "")
        return f"{'be' if len(self.digits) == 64 else 'begin with'} {self.digits}{caveat}"


def expected(entry: WeightsEntry, path: Path) -> Expected | None:
    """The expected digest of a file; None if unknown.

    It is the digest in the table, else the first digits stated by the publisher, else the digest
    recorded beside the file at the first download.

    Args:
        entry: the entry in the table.
        path: path of the file, existing or not.

    Raises:
        WeightsError: the recorded digest is unusable.
    """
    if entry.sha256 is not None and entry.sha256_source is not None:
        return Expected(entry.sha256, entry.sha256_source)
    if entry.sha256_prefix is not None:
        return Expected(entry.sha256_prefix, "publisher")
    noted = _first_digest(path)
    return None if noted is None else Expected(noted, "first download")


def check(entry: WeightsEntry, path: Path) -> Expected | None:
    """Compare size and digest of a file with the expected values.

    Returns:
        The digest that it was compared with, None if there was none.

    Raises:
        WeightsError: the wrong size or the wrong digest.
    """
    _check_size(entry, path)
    known = expected(entry, path)
    if known is not None and not known.fits(digest := sha256_of(path)):
        raise WeightsError(
            f"the SHA-256 of weights {entry.name!r} must {known}, got {digest} in {path}; "
            f"{_again(entry)}"
        )
    return known


def digest_note(path: Path) -> Path:
    """The file beside a download that holds its digest, in the format of ``sha256sum -c``."""
    return path.with_name(f"{path.name}.sha256")


def _first_digest(path: Path) -> str | None:
    note = digest_note(path)
    try:
        digits = note.read_text(encoding="ascii").split()[0].lower()
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, IndexError):
        digits = ""
    if len(digits) != 64:
        raise WeightsError(f"{note} must begin with a SHA-256 of 64 digits: remove it")
    return digits


def _check_size(entry: WeightsEntry, path: Path) -> None:
    size = path.stat().st_size
    if entry.bytes is not None and size != entry.bytes:
        raise WeightsError(
            f"weights {entry.name!r} must be {entry.bytes} bytes, got {size} in {path}; "
            f"{_again(entry)}"
        )


def _again(entry: WeightsEntry) -> str:
    if entry.url is None:
        return "it comes with mbcli: install mbcli again"
    return f"fetch the file again: mbcli weights fetch {entry.name}"


def _known_digest(entry: WeightsEntry, digest: str) -> bool:
    if entry.sha256 is not None:
        return digest == entry.sha256
    return entry.sha256_prefix is not None and digest.startswith(entry.sha256_prefix)


def _nearest(name: str) -> str:
    """The end of a message about an unknown name."""
    near = difflib.get_close_matches(name, TABLE, n=3, cutoff=0.5)
    guess = f"; did you mean {' or '.join(near)}?" if near else ""
    return f"{guess} (names: mbcli weights list)"
