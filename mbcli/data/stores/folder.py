"""A store on disk: a folder of plain ``.npy`` arrays, one row per frame, and ``meta.json``.

This is the common part of clip stores and sequence stores: arrays are written piece by piece and
memory-mapped for reading, and the folder appears only when it is complete.
"""

from __future__ import annotations

import json
from contextlib import ExitStack, suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from mbcli.boundary import reading
from mbcli.errors import DataError, OutputError
from mbcli.storage.arrays import map_npy
from mbcli.storage.output import check_replaceable, move_folder
from mbcli.storage.workspace import workspace

META = "meta.json"
CLIPS, SEQUENCES = "mbcli.clips/1", "mbcli.sequences/1"

# Kind of store -> the arrays that it may hold. A store's folder contains only their files and the
# table, and only these are removed with it.
ARRAYS = {
    CLIPS: ("joints", "feet"),
    SEQUENCES: ("keypoints", "target", "truth", "factor", "pose", "shape"),
}

Rows = npt.NDArray[np.float32]


def check_new_store(path: Path, *, overwrite: bool) -> None:
    """Check, before any work is done, that a store can be created at ``path``.

    Args:
        path: the folder.
        overwrite: whether an existing store may be replaced.

    Raises:
        OutputError: ``path`` exists, and either ``overwrite`` is off, it is not a store, or it
            contains other files.
    """
    check_replaceable(path, _is_ours, overwrite=overwrite)
    if not path.exists():
        return
    try:
        format = store_format(path)
    except DataError as error:
        raise OutputError(f"{path}: only a store can be overwritten: {error}") from error
    if format not in ARRAYS:
        raise OutputError(
            f"{path}: only a store can be overwritten, {' or '.join(ARRAYS)}, got format {format}"
        )


def _is_ours(name: str) -> bool:
    return name == META or name in {f"{row}.npy" for rows in ARRAYS.values() for row in rows}


def read_meta(path: Path, format: str, title: str) -> dict[str, Any]:
    """The table of the store at ``path``.

    Args:
        path: the folder.
        format: the format that the table must state.
        title: name of this kind of store, for messages.

    Raises:
        DataError: there is no table, it is not JSON, or it states another format.
    """
    meta = _load_meta(path, title)
    if meta.get("format") != format:
        raise DataError(f"{path / META}: the format must be {format}, got {meta.get('format')}")
    return meta


def store_format(path: Path) -> str:
    """The format that the store at ``path`` states, such as ``mbcli.clips/1``.

    Raises:
        DataError: there is no store.
    """
    return str(_load_meta(path, "store").get("format"))


def map_rows(path: Path, shape: tuple[int, ...]) -> Rows:
    """Memory-map an array of a store, read-only; nothing is loaded before use.

    Args:
        path: the ``.npy`` file, float32.
        shape: its shape according to the table.

    Raises:
        DataError: the file is missing, truncated, or of another type or shape.
    """
    rows = map_npy(path, DataError)
    if rows.dtype != np.float32 or rows.shape != shape:
        raise DataError(
            f"{path}: must be float32 of shape {shape} as {META} says, got {rows.dtype} "
            f"{rows.shape}"
        )
    return rows


class FolderWriter:
    """Writes the arrays of a store piece by piece; the folder appears if all succeeds.

    Each kind of store has a subclass whose `_meta` returns the contents of the table.

    Args:
        path: the folder to create.
        shapes: shape of one row of each array, by name.
        overwrite: whether an existing store may be replaced.

    Raises:
        OutputError: ``path`` exists, or the folder cannot be written.
    """

    def __init__(
        self, path: Path, shapes: dict[str, tuple[int, ...]], *, overwrite: bool = False
    ) -> None:
        check_new_store(path, overwrite=overwrite)
        self.path = path
        self.total = 0
        self._shapes = shapes
        self._open = ExitStack()
        self._files: dict[str, IO[bytes]] = {}

    def __enter__(self) -> FolderWriter:
        try:
            self._scratch = self._open.enter_context(workspace(self.path.parent)) / self.path.name
            self._scratch.mkdir()
            for name in self._shapes:
                self._files[name] = (self._scratch / f"{name}.npy").open("wb")
            self._headers()
        except OSError as error:
            self._clean(error)
            raise OutputError(f"{self.path}: cannot be written: {error.strerror}") from error
        return self

    def _meta(self) -> dict[str, Any]:
        """Contents of the table."""
        raise NotImplementedError

    def _append(self, pieces: dict[str, Rows]) -> int:
        """Append equally many rows to all arrays; returns the index of the first.

        Raises:
            OutputError: the disk is full or unavailable.
        """
        assert pieces.keys() == self._files.keys(), "a writer is used in a with statement"
        try:
            for name, rows in pieces.items():
                self._files[name].write(np.ascontiguousarray(rows, dtype="<f4").tobytes())
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written: {error.strerror}") from error
        first = self.total
        self.total += len(next(iter(pieces.values())))
        return first

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            if kind is None:
                self._headers()
                for file in self._files.values():
                    file.close()
                self._finish()
        except BaseException as problem:
            error = problem
            if isinstance(problem, OSError):
                raise OutputError(
                    f"{self.path}: cannot be written: {problem.strerror}"
                ) from problem
            raise
        finally:
            self._clean(error)

    def _headers(self) -> None:
        # NumPy pads the header so that a first axis of any length fits: it is first written with 0
        # rows, and again when their number is known.
        for name, file in self._files.items():
            shape = (self.total, *self._shapes[name])
            file.seek(0)
            np.lib.format.write_array_header_1_0(
                file, {"descr": "<f4", "fortran_order": False, "shape": shape}
            )

    def _finish(self) -> None:
        text = json.dumps(self._meta(), indent=1) + "\n"
        (self._scratch / META).write_text(text, encoding="utf-8")
        move_folder(self._scratch, self.path, _is_ours)

    def _clean(self, error: BaseException | None) -> None:
        for file in self._files.values():
            # On a full disk, closing may fail; the file is deleted anyway.
            with suppress(OSError):
                file.close()
        self._open.__exit__(type(error) if error else None, error, None)


def _load_meta(path: Path, title: str) -> dict[str, Any]:
    try:
        content = (path / META).read_bytes()
    except OSError as error:
        raise DataError(f"{path / META}: a {title} needs this file: {error.strerror}") from error
    with reading(path / META, "JSON", DataError, verdict="must be"):
        meta = json.loads(content.decode("utf-8"))
    if not isinstance(meta, dict):
        raise DataError(f"{path / META}: must be a JSON object, got {type(meta).__name__}")
    return meta
