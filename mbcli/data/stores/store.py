"""The clip store: many short motions of single people in one memory-mapped file.

A store is a folder with ``joints.npy``, (N, 21, 3) float32 with the frames of all clips
concatenated, and ``meta.json``, which describes the rows. Format ``mbcli.clips/1``: metres, y up,
the joints of ``BODY21``. ``feet.npy``, (N, 6, 3), has the joints ``FEET``, NaN in clips whose
recording has no toes; stores of mbcli 0.2.0 lack it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.bounds import MAX_RATE
from mbcli.data.stores.folder import (
    ARRAYS,
    CLIPS,
    META,
    FolderWriter,
    check_new_store,
    map_rows,
    read_meta,
)
from mbcli.errors import DataError
from mbcli.skeleton import BODY21, FEET
from mbcli.storage.output import check_separate

__all__ = ["FORMAT", "Clip", "ClipStore", "StoreWriter", "check_new_store", "merge_clips"]

FORMAT = CLIPS

_ROWS, _FEET = ARRAYS[FORMAT]
_WORLD = {"units": "metres", "axes": "y up, right-handed"}


@dataclass(frozen=True)
class Clip:
    """One motion in a store.

    Attributes:
        name: unique in its store, such as ``"cmu-16/16_01"``.
        subject: the person, such as ``"cmu-16"``; held-out sets are chosen by subject.
        source: the file it came from, relative to the imported folder.
        fps: frames per second as stored.
        start: its first row.
        frames: its number of rows.
        licence: terms of use.
        read_as: which axis of the source was up, its unit, and how both are known, or "".
    """

    name: str
    subject: str
    source: str
    fps: float
    start: int
    frames: int
    licence: str = ""
    read_as: str = ""

    @property
    def seconds(self) -> float:
        """Duration."""
        return self.frames / self.fps


class ClipStore:
    """Reader of a store; data is loaded on demand.

    Attributes:
        path: the folder.
        clips: its clips.
        feet: (N, 6, 3) float32 read-only memory map of the joints ``FEET``, NaN where unknown;
            None in a store without feet.
    """

    def __init__(
        self,
        path: Path,
        clips: tuple[Clip, ...],
        rows: npt.NDArray[np.float32],
        feet: npt.NDArray[np.float32] | None = None,
    ) -> None:
        self.path = path
        self.clips = clips
        self.feet = feet
        self._rows = rows

    @classmethod
    def open(cls, path: Path) -> ClipStore:
        """Open a store and validate its format.

        Raises:
            DataError: no store, another format, or a damaged store.
        """
        clips = _clips(path)
        total = sum(clip.frames for clip in clips)
        rows = map_rows(path / f"{_ROWS}.npy", (total, len(BODY21), 3))
        feet = path / f"{_FEET}.npy"
        return cls(
            path, clips, rows, map_rows(feet, (total, len(FEET), 3)) if feet.exists() else None
        )

    @cached_property
    def subjects(self) -> tuple[str, ...]:
        """Names of the people, sorted."""
        return tuple(sorted({clip.subject for clip in self.clips}))

    def joints(self, clip: Clip) -> npt.NDArray[np.float32]:
        """(F, 21, 3) float32 read-only view of a clip: metres, y up, joints of ``BODY21``."""
        return self._rows[clip.start : clip.start + clip.frames]

    def feet_of(self, clip: Clip) -> npt.NDArray[np.float32] | None:
        """(F, 6, 3) float32 read-only view of a clip's ``FEET`` in metres; None if unknown."""
        if self.feet is None:
            return None
        rows = self.feet[clip.start : clip.start + clip.frames]
        return None if np.isnan(rows[0]).any() else rows

    @property
    def rows(self) -> npt.NDArray[np.float32]:
        """(N, 21, 3) float32 read-only memory map of all clips, concatenated."""
        return self._rows

    @property
    def hours(self) -> float:
        """Total duration of all clips."""
        return sum(clip.seconds for clip in self.clips) / 3600


class StoreWriter(FolderWriter):
    """Writes a store clip by clip; the folder appears when the context succeeds.

    Args:
        path: the folder to create.
        overwrite: whether an existing store may be replaced.

    Raises:
        OutputError: ``path`` exists, or the folder cannot be written.
    """

    def __init__(self, path: Path, *, overwrite: bool = False) -> None:
        shapes: dict[str, tuple[int, ...]] = {_ROWS: (len(BODY21), 3), _FEET: (len(FEET), 3)}
        super().__init__(path, shapes, overwrite=overwrite)
        self.clips: list[Clip] = []
        self._names: set[str] = set()

    def __enter__(self) -> StoreWriter:
        super().__enter__()
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
        read_as: str = "",
        feet: npt.ArrayLike | None = None,
    ) -> Clip:
        """Append a clip of (F, 21, 3) metres, y up, joints of ``BODY21``.

        Args:
            joints: the motion.
            name: see `Clip`, as the other arguments.
            subject: the person.
            source: the file.
            fps: frames per second.
            licence: terms of use.
            read_as: axes and unit of the source.
            feet: (F, 6, 3) metres, the joints ``FEET``; None if they are not known.

        Raises:
            DataError: a wrong shape, a number that is not finite, or a name already taken.
            OutputError: the disk is full or unavailable.
        """
        rows = np.asarray(joints, dtype=np.float32)
        if rows.ndim != 3 or rows.shape[1:] != (len(BODY21), 3) or not len(rows):
            raise DataError(f"clip {name}: must be (F, {len(BODY21)}, 3), got {rows.shape}")
        shape = (len(rows), len(FEET), 3)
        soles = np.asarray(np.full(shape, np.nan) if feet is None else feet, dtype=np.float32)
        if soles.shape != shape:
            raise DataError(f"clip {name}: the feet must be {shape}, got {soles.shape}")
        if not np.isfinite(rows).all() or (feet is not None and not np.isfinite(soles).all()):
            raise DataError(f"clip {name}: all positions must be finite numbers")
        if name in self._names:
            raise DataError(
                f"clip {name}: names must be unique in a store, got two: import one of them again "
                "with another --prefix (mbcli data import)"
            )
        start = self._append({_ROWS: rows, _FEET: soles})
        clip = Clip(name, subject, source, float(fps), start, len(rows), licence, read_as)
        self.clips.append(clip)
        self._names.add(name)
        return clip

    def _meta(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            **_WORLD,
            "joints": list(BODY21.joints),
            "clips": [asdict(clip) for clip in self.clips],
        }


def merge_clips(
    clips: Sequence[tuple[ClipStore, Clip]], out: Path, *, overwrite: bool = False
) -> ClipStore:
    """Copy clips of several stores into a new one.

    Args:
        clips: what to copy, each clip with its store, in this order.
        out: the folder to create.
        overwrite: whether a store at ``out`` may be replaced.

    Returns:
        The new store, opened.

    Raises:
        DataError: there are no clips, or two have the same name.
        OutputError: ``out`` exists, is one of the stores, or cannot be written.
    """
    check_separate([out], [store.path for store, _ in clips])
    if not clips:
        raise DataError(f"{out}: a store must hold at least one clip, got none to merge")
    with StoreWriter(out, overwrite=overwrite) as writer:
        for store, clip in clips:
            try:
                writer.add(
                    store.joints(clip),
                    name=clip.name,
                    subject=clip.subject,
                    source=clip.source,
                    fps=clip.fps,
                    licence=clip.licence,
                    read_as=clip.read_as,
                    feet=store.feet_of(clip),
                )
            except DataError as error:
                raise DataError(f"{store.path}: {error}") from error
    return ClipStore.open(out)


def _clips(folder: Path) -> tuple[Clip, ...]:
    """Read and check the table of clips."""
    meta = read_meta(folder, FORMAT, "clip store")
    path = folder / META
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
                f"{path}: clips must be contiguous, got clip {number} at row {clip.start} "
                f"instead of {start}"
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
        "read_as": (str,),
    }
    assert set(types) == {f.name for f in fields(Clip)}
    if isinstance(row, dict):
        row = {"read_as": "", **row}  # stores of mbcli 0.2.0 have none
    if not isinstance(row, dict) or set(row) != set(types):
        raise DataError(f"{path}: clip {number} must have {', '.join(types)}, got {row!r:.80}")
    for key, allowed in types.items():
        if not isinstance(row[key], allowed) or isinstance(row[key], bool):
            raise DataError(f"{path}: clip {number}: {key} has the wrong type: {row[key]!r:.60}")
    clip = Clip(**row)
    if not 0 < clip.fps <= MAX_RATE or clip.frames < 1:
        raise DataError(
            f"{path}: clip {number} needs an fps up to {MAX_RATE} and frames, both above 0, got "
            f"{clip.fps:g}, {clip.frames}"
        )
    return clip
