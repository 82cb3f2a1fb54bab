"""The clip store: many short motions of one body in one file that is mapped from disk.

A store is a folder of ``joints.npy``, (N, 21, 3) float32 with the frames of all clips one after
the other, and ``meta.json``, which says what the rows are. Format ``mbcli.clips/1``: metres, y
up, the joints of ``BODY21``.
"""

from __future__ import annotations

import json
import math
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from mbcli.data.body import BODY21
from mbcli.errors import DataError, OutputError

FORMAT = "mbcli.clips/1"

_ROWS = "joints.npy"
_META = "meta.json"
_WORLD = {"units": "metres", "axes": "y up, right-handed"}


@dataclass(frozen=True)
class Clip:
    """One motion in a store.

    Attributes:
        name: unique in its store, such as ``"cmu-16/16_01"``.
        subject: the person, such as ``"cmu-16"``; what a held-out set is chosen by.
        source: the file it came from, relative to the imported folder.
        fps: frames per second as stored.
        start: its first row.
        frames: its number of rows.
        licence: under which terms it may be used.
    """

    name: str
    subject: str
    source: str
    fps: float
    start: int
    frames: int
    licence: str = ""

    @property
    def seconds(self) -> float:
        """Length in time."""
        return self.frames / self.fps


class ClipStore:
    """Reader of a store; nothing is loaded before it is asked for.

    Attributes:
        path: the folder.
        clips: what it holds.
    """

    def __init__(self, path: Path, clips: tuple[Clip, ...], rows: npt.NDArray[np.float32]) -> None:
        self.path = path
        self.clips = clips
        self._rows = rows

    @classmethod
    def open(cls, path: Path) -> ClipStore:
        """Open a store and check it against its format.

        Raises:
            DataError: no store, one of another format, or a damaged one.
        """
        clips = _read_meta(path / _META)
        try:
            rows = np.lib.format.open_memmap(path / _ROWS, mode="r")
        except (OSError, ValueError) as error:
            raise DataError(f"{path / _ROWS}: must be a whole .npy file, got: {error}") from error
        total = sum(clip.frames for clip in clips)
        if rows.dtype != np.float32 or rows.shape != (total, len(BODY21), 3):
            raise DataError(
                f"{path / _ROWS}: must be float32 of shape ({total}, {len(BODY21)}, 3) as "
                f"{_META} says, got {rows.dtype} {rows.shape}"
            )
        return cls(path, clips, rows)

    @cached_property
    def subjects(self) -> tuple[str, ...]:
        """Names of the people, sorted."""
        return tuple(sorted({clip.subject for clip in self.clips}))

    def joints(self, clip: Clip) -> npt.NDArray[np.float32]:
        """(F, 21, 3) float32 read-only view of a clip: metres, y up, joints of ``BODY21``."""
        return self._rows[clip.start : clip.start + clip.frames]

    @property
    def rows(self) -> npt.NDArray[np.float32]:
        """(N, 21, 3) float32 read-only map of all clips, one after the other."""
        return self._rows

    @property
    def hours(self) -> float:
        """Length of all clips together."""
        return sum(clip.seconds for clip in self.clips) / 3600


def check_new_store(path: Path, *, overwrite: bool) -> None:
    """Find out, before any work is done, whether a store may be made at ``path``.

    Raises:
        OutputError: something is there already that may not be replaced.
    """
    if path.exists() and not (overwrite and (path / _META).is_file()):
        raise OutputError(f"{path}: exists already; only a clip store can be overwritten")


class StoreWriter:
    """Writes a store clip by clip; the folder appears, whole, when the context ends well.

    Args:
        path: the folder to make.
        overwrite: whether a store that is already there may be replaced.

    Raises:
        OutputError: something is there already, or the folder cannot be written.
    """

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        check_new_store(path, overwrite=overwrite)
        self.path = path
        self.clips: list[Clip] = []
        self._names: set[str] = set()
        self._scratch = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        self._rows: IO[bytes] | None = None
        self._total = 0

    def __enter__(self) -> StoreWriter:
        try:
            self._scratch.mkdir()
            self._rows = (self._scratch / _ROWS).open("wb")
            self._header(self._rows)
        except OSError as error:
            raise OutputError(f"{self.path}: cannot be written: {error.strerror}") from error
        return self

    def add(
        self,
        joints: npt.ArrayLike,
        *,
        name: str,
        subject: str,
        source: str,
        fps: float,
        licence: str = "",
    ) -> Clip:
        """Append a clip of (F, 21, 3) metres, y up, joints of ``BODY21``.

        Raises:
            DataError: a wrong shape, a number that is not finite, or a name already taken.
        """
        rows = np.ascontiguousarray(joints, dtype="<f4")
        if rows.ndim != 3 or rows.shape[1:] != (len(BODY21), 3) or not len(rows):
            raise DataError(f"clip {name}: must be (F, {len(BODY21)}, 3), got {rows.shape}")
        if not np.isfinite(rows).all():
            raise DataError(f"clip {name}: all positions must be finite numbers")
        if name in self._names:
            raise DataError(f"clip {name}: names must be unique in a store")
        assert self._rows is not None, "StoreWriter is used in a with statement"
        self._rows.write(rows.tobytes())
        clip = Clip(name, subject, source, float(fps), self._total, len(rows), licence)
        self.clips.append(clip)
        self._names.add(name)
        self._total += len(rows)
        return clip

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._rows is not None, "StoreWriter was not entered"
        try:
            if kind is None:
                self._rows.seek(0)
                self._header(self._rows)
                self._rows.close()
                self._finish()
        except OSError as problem:
            raise OutputError(f"{self.path}: cannot be written: {problem.strerror}") from problem
        finally:
            self._rows.close()
            shutil.rmtree(self._scratch, ignore_errors=True)

    def _header(self, file: IO[bytes]) -> None:
        # NumPy pads the header so that a first axis of any length fits: it is written with 0
        # rows first, and again when their number is known.
        np.lib.format.write_array_header_1_0(
            file,
            {"descr": "<f4", "fortran_order": False, "shape": (self._total, len(BODY21), 3)},
        )

    def _finish(self) -> None:
        meta = {
            "format": FORMAT,
            **_WORLD,
            "joints": list(BODY21.joints),
            "clips": [asdict(clip) for clip in self.clips],
        }
        (self._scratch / _META).write_text(json.dumps(meta, indent=1) + "\n", encoding="utf-8")
        if self.path.exists():
            shutil.rmtree(self.path)
        self._scratch.rename(self.path)


def merge_stores(
    stores: Iterable[ClipStore],
    out: Path,
    *,
    leave_out: Iterable[str] = (),
    overwrite: bool = False,
) -> ClipStore:
    """Copy the clips of several stores into a new one.

    Args:
        stores: what to copy, in this order.
        out: the folder to make.
        leave_out: names of clips that are not copied.
        overwrite: whether a store at ``out`` may be replaced.

    Returns:
        The new store, opened.

    Raises:
        DataError: two clips have the same name.
        OutputError: ``out`` exists or cannot be written.
    """
    unwanted = set(leave_out)
    with StoreWriter(out, overwrite=overwrite) as writer:
        for store in stores:
            for clip in store.clips:
                if clip.name not in unwanted:
                    writer.add(
                        store.joints(clip),
                        name=clip.name,
                        subject=clip.subject,
                        source=clip.source,
                        fps=clip.fps,
                        licence=clip.licence,
                    )
    return ClipStore.open(out)


def _read_meta(path: Path) -> tuple[Clip, ...]:
    try:
        meta = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"{path}: a clip store needs this file: {error.strerror}") from error
    except ValueError as error:
        raise DataError(f"{path}: must be JSON, got: {error}") from error
    if not isinstance(meta, dict) or meta.get("format") != FORMAT:
        got = meta.get("format") if isinstance(meta, dict) else type(meta).__name__
        raise DataError(f"{path}: the format must be {FORMAT}, got {got}")
    wanted = {**_WORLD, "joints": list(BODY21.joints)}
    for key, value in wanted.items():
        if meta.get(key) != value:
            raise DataError(f"{path}: {key} must be {value}, got {meta.get(key)}")
    rows = meta.get("clips")
    if not isinstance(rows, list):
        raise DataError(f"{path}: clips must be a list, got {type(rows).__name__}")
    start = 0
    clips = []
    for number, row in enumerate(rows):
        clip = _clip(path, number, row)
        if clip.start != start:
            raise DataError(
                f"{path}: clips must follow each other, got clip {number} at row {clip.start} "
                f"in place of {start}"
            )
        start += clip.frames
        clips.append(clip)
    return tuple(clips)


def _clip(path: Path, number: int, row: Any) -> Clip:
    types: Mapping[str, tuple[type, ...]] = {
        "name": (str,),
        "subject": (str,),
        "source": (str,),
        "fps": (float, int),
        "start": (int,),
        "frames": (int,),
        "licence": (str,),
    }
    assert set(types) == {f.name for f in fields(Clip)}
    if not isinstance(row, dict) or set(row) != set(types):
        raise DataError(f"{path}: clip {number} must have {', '.join(types)}, got {row!r:.80}")
    for key, allowed in types.items():
        if not isinstance(row[key], allowed) or isinstance(row[key], bool):
            raise DataError(f"{path}: clip {number}: {key} is of a wrong type: {row[key]!r:.60}")
    clip = Clip(**row)
    if not 0 < clip.fps < math.inf or clip.frames < 1:
        raise DataError(
            f"{path}: clip {number} needs a positive fps and frames, got {clip.fps}, {clip.frames}"
        )
    return clip
