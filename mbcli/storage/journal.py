"""Intermediate results of a long run in a work folder, so that a run that was killed goes on.

They are kept in chunks of arrays, one file each, written whole and in order; what a crash damages
is the last one at most. A run locks the folder while it uses it, and removes it in the end.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from mbcli.errors import InputError, MbcliError, OutputError
from mbcli.storage.arrays import read_npz
from mbcli.storage.workspace import locked, missing_folders

Arrays = dict[str, npt.NDArray[Any]]

# Seconds between chunks: what a kill costs at most, less than a promised ten.
_EVERY = 5.0
# Seconds for the process of a run that has ended to be gone, on another machine too: servers of
# files let go of what a lost machine has locked after 90 (the lease of Linux' NFS server).
_GONE = 120.0
_ABOUT, _LOCK, _PART = "about.json", "lock", ".part"


def journal_folder(target: Path) -> Path:
    """The work folder of a result, beside it; its name is short whatever the result's is."""
    return target.parent / f".mbcli-work-{hashlib.sha256(target.name.encode()).hexdigest()[:12]}"


def wait_until_free(folder: Path) -> None:
    """Wait until no process uses a work folder, or for a time after which none should."""
    end = time.monotonic() + _GONE
    while folder.exists() and time.monotonic() < end:
        with suppress(OutputError), locked(folder / _LOCK):
            return
        time.sleep(0.2)


class Journal:
    """The chunks of one run, written while it goes on; from `journal`.

    Attributes:
        kept: chunks of an earlier run, in order.
        went_on: how much of an earlier run was used, in words; empty if nothing was.
        elsewhere: how many of its chunks were made elsewhere.
    """

    def __init__(self, folder: Path, key: Callable[[], str]) -> None:
        self.kept: list[Arrays] = []
        self.went_on = ""
        self.elsewhere = 0
        self._folder = folder
        self._key = key
        self._count = 0
        self._last = time.monotonic()
        self._held = ExitStack()
        self._made: list[Path] = []
        self._writer = ThreadPoolExecutor(1, "journal")
        self._writing: Future[None] | None = None

    def taken(self) -> Iterator[Arrays]:
        """The chunks of an earlier run, which are not kept any longer."""
        while self.kept:
            yield self.kept.pop(0)

    def due(self) -> bool:
        """Whether it is time for another chunk; if so, the next one is due some time later."""
        now = time.monotonic()
        if now - self._last < _EVERY:
            return False
        self._last = now
        return True

    def begin_with(self, chunks: Sequence[Arrays]) -> None:
        """Take over chunks that were made elsewhere, if there are none of an earlier run.

        Raises:
            OutputError: they cannot be written, or another run uses the folder.
        """
        if self.begun or not chunks:
            return
        for chunk in chunks:
            self.add(chunk)
        self.kept.extend(chunks)
        self.elsewhere = len(chunks)

    @property
    def begun(self) -> bool:
        """Whether there are chunks."""
        return self._count > 0

    def add(self, arrays: Arrays) -> None:
        """Begin to write a chunk, once the one before is on disk.

        Raises:
            OutputError: the one before could not be written, or another run uses the folder.
        """
        self.settle()
        try:
            if not self._count:
                self._made = missing_folders(self._folder.parent)
                self._folder.mkdir(parents=True, exist_ok=True)
                self._held.enter_context(locked(self._folder / _LOCK))
        except OSError as error:
            raise self._unwritable(error) from error
        self._writing = self._writer.submit(self._write, self._count, arrays)
        self._count += 1

    def settle(self) -> None:
        """Wait until what was added is on disk.

        Raises:
            OutputError: it could not be written.
        """
        writing, self._writing = self._writing, None
        try:
            if writing is not None:
                writing.result()
        except OSError as error:
            raise self._unwritable(error) from error

    def _write(self, number: int, arrays: Arrays) -> None:
        if not number:
            about = json.dumps({"key": self._key()}).encode()
            self._put(_ABOUT, lambda stream: stream.write(about))
        self._put(f"{number:06d}.npz", lambda stream: np.savez(stream, **arrays))  # type: ignore[arg-type]

    def _put(self, name: str, write: Callable[[BinaryIO], object]) -> None:
        """Create a file that is whole and on disk, or not there."""
        path = self._folder / name
        part = path.with_suffix(_PART)
        with part.open("wb") as stream:
            write(stream)
            stream.flush()
            os.fsync(stream.fileno())
        part.replace(path)

    def _unwritable(self, error: OSError) -> OutputError:
        return OutputError(f"{self._folder} cannot be written: {error.strerror or error}")

    def _read(self) -> None:
        """Take over the chunks of an earlier run, if they are of the same."""
        self._held.enter_context(locked(self._folder / _LOCK))
        try:
            about = json.loads((self._folder / _ABOUT).read_text(encoding="utf-8"))
            same = isinstance(about, dict) and about.get("key") == self._key()
        except (OSError, ValueError):
            same = False
        for number in itertools.count() if same else ():
            path = self._folder / f"{number:06d}.npz"
            if not path.exists():
                break
            try:
                self.kept.append(read_npz(path))
            except InputError:
                break  # damaged, and all that follow are useless
        self._count = len(self.kept)
        for path in self._folder.iterdir():
            chunk = path.suffix == ".npz" and int(path.stem) >= self._count
            if chunk or path.suffix == _PART:
                path.unlink()
        if not self._count:
            self._held.close()

    def _end(self, *, keep: bool) -> None:
        self._writer.shutdown()
        if not keep:
            shutil.rmtree(self._folder, ignore_errors=True)
            for folder in self._made:
                # Not if the result is in it.
                with suppress(OSError):
                    folder.rmdir()
        self._held.close()


@contextmanager
def journal(folder: Path, key: Callable[[], str], *, restart: bool = False) -> Iterator[Journal]:
    """Open the work folder of a run; it is made with the first chunk.

    It is removed if the body succeeds, or fails for a reason that would come again. Whatever else
    ends the body, an interruption or a full disk, leaves it for the next run.

    Args:
        folder: from `journal_folder`.
        key: tells what the chunks depend on; chunks with another key are not used. It is called
            only if there are chunks to read or to write.
        restart: forget an earlier run.

    Raises:
        OutputError: another run uses the folder.
    """
    made = Journal(folder, key)
    if folder.exists():
        if restart:
            with locked(folder / _LOCK):
                shutil.rmtree(folder)
        else:
            made._read()
    keep = False
    try:
        yield made
    except BaseException as error:
        final = isinstance(error, MbcliError) and not isinstance(error, OutputError)
        keep = bool(made._count) and not final
        raise
    finally:
        made._end(keep=keep)
