"""Folders of unfinished files, which are removed however the process that fills them ends.

A workspace lies beside the output, so that a finished file is renamed into place. Its process holds
a lock on it, which the operating system releases when the process is gone, even after ``kill -9``:
the next output in the same folder removes a workspace whose lock is free.
"""

from __future__ import annotations

import os
import secrets
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from mbcli.errors import OutputError

if sys.platform != "win32":  # where nothing is locked, and what killed processes leave stays
    import fcntl

_PREFIX, _SUFFIX = ".mbcli-", ".part"

# Workspaces, and folders made for an output, that must go if the process ends now; oldest first.
_unfinished: list[Path] = []


@contextmanager
def workspace(folder: Path) -> Iterator[Path]:
    """Yield a new empty folder inside ``folder``; it is removed with what is left in it.

    ``folder`` and its parents are created, and removed again on failure if they are empty.

    Raises:
        OSError: of the file system.
    """
    with made_folder(folder):
        _sweep(folder)
        place, lock = _locked(folder)
        _unfinished.append(place)
        try:
            yield place
        finally:
            shutil.rmtree(place, ignore_errors=True)
            if lock is not None:
                os.close(lock)
            _unfinished.remove(place)


@contextmanager
def made_folder(folder: Path) -> Iterator[None]:
    """Create a folder and its parents; if the body fails, remove those that are empty.

    Raises:
        OSError: of the file system.
    """
    missing = missing_folders(folder)
    _unfinished.extend(reversed(missing))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        for place in missing:
            # Another process may have put something there, or removed it.
            with suppress(OSError):
                place.rmdir()
        raise
    finally:
        for place in missing:
            _unfinished.remove(place)


def missing_folders(folder: Path) -> list[Path]:
    """A folder and its parents that do not exist, the innermost first."""
    return [place for place in (folder, *folder.parents) if not place.exists()]


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold a lock on a file, which is created; a crash does not leave the lock behind.

    Raises:
        OutputError: another process holds the lock, or the file cannot be written.
    """
    try:
        handle = os.open(file, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise OutputError(f"{file} cannot be written: {error.strerror}") from error
    try:
        if not _lock(handle):
            raise OutputError(f"{file.parent} is in use by another run of mbcli")
        yield
    finally:
        os.close(handle)


def discard_unfinished() -> None:
    """Remove the workspaces of this process, and folders made for its outputs that are empty."""
    for place in reversed(_unfinished):
        if place.name.startswith(_PREFIX):
            shutil.rmtree(place, ignore_errors=True)
        else:
            with suppress(OSError):
                place.rmdir()


def _locked(folder: Path) -> tuple[Path, int | None]:
    """A new workspace and the file descriptor that holds its lock."""
    while True:
        place = folder / f"{_PREFIX}{secrets.token_hex(4)}{_SUFFIX}"
        place.mkdir()
        if sys.platform == "win32":
            return place, None
        with suppress(FileNotFoundError):
            handle = os.open(place, os.O_RDONLY)
            _lock(handle)
            if os.path.samestat(os.fstat(handle), place.stat()):
                return place, handle
        # Another process swept it before it was locked.


def _sweep(folder: Path) -> None:
    """Remove the workspaces in ``folder`` whose process is gone."""
    if sys.platform == "win32":
        return
    for place in folder.glob(f"{_PREFIX}*{_SUFFIX}"):
        with suppress(OSError):
            handle = os.open(place, os.O_RDONLY)
            if _lock(handle):
                shutil.rmtree(place, ignore_errors=True)
            os.close(handle)


def _lock(handle: int) -> bool:
    """Lock an open file or folder; False if another process holds the lock."""
    if sys.platform == "win32":
        return True
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True
