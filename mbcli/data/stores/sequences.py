"""The sequence store: motion as seen by a camera, with or without 3D ground truth.

A store is a folder of arrays with one row per frame, the frames of all sequences concatenated, and
``meta.json``, which describes the rows. Format ``mbcli.sequences/1``: joints of ``H36M17``; x
right, y down, z away from the camera. Missing keypoints are (NaN, NaN, 0). The other arrays
describe the first person; unknown values in them are NaN:

===========  ==============  ===========================================================
keypoints    (N, M, 17, 3)   x, y in pixels and confidence 0..1 of M people
target       (N, 17, 3)      training target of a lifter: x, y in pixels, z in pixels at
                             the scale of the pelvis
truth        (N, 17, 3)      millimetres: ground truth of the evaluation protocols
factor       (N,)            millimetres per pixel of target
pose         (N, 72)         SMPL: axis times angle of 24 joints, in the camera's frame
shape        (N, 10)         SMPL: betas
===========  ==============  ===========================================================
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from collections.abc import Sequence as SequenceOf
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.data.stores import store
from mbcli.data.stores.folder import (
    META,
    SEQUENCES,
    FolderWriter,
    Rows,
    map_rows,
    read_meta,
    store_format,
)
from mbcli.data.stores.sequence import Sequence, check_sequence, read_sequences
from mbcli.data.stores.store import ClipStore
from mbcli.errors import DataError
from mbcli.skeleton import H36M17

__all__ = [
    "FORMAT",
    "KEYPOINTS",
    "OPTIONAL",
    "Sequence",
    "SequenceStore",
    "SequenceWriter",
    "open_store",
]

FORMAT = SEQUENCES
KEYPOINTS = "keypoints"
OPTIONAL: dict[str, tuple[int, ...]] = {
    "target": (len(H36M17), 3),
    "truth": (len(H36M17), 3),
    "factor": (),
    "pose": (72,),
    "shape": (10,),
}
_WORLD = {
    "units": "pixels; millimetres in truth",
    "axes": "x right, y down, z away from the camera",
    "joints": list(H36M17.joints),
}


class SequenceStore:
    """Reader of a store; data is loaded on demand.

    Attributes:
        path: the folder.
        sequences: its sequences.
        people: number of people per frame, M.
        labels: names of the action classes; empty if the data set has none.
    """

    def __init__(
        self,
        path: Path,
        sequences: tuple[Sequence, ...],
        arrays: Mapping[str, Rows],
        labels: tuple[str, ...] = (),
    ) -> None:
        self.path = path
        self.sequences = sequences
        self.people = int(arrays[KEYPOINTS].shape[1])
        self.labels = labels
        self._arrays = arrays

    @classmethod
    def open(cls, path: Path) -> SequenceStore:
        """Open a store and validate its format.

        Raises:
            DataError: no store, another format, or a damaged store.
        """
        meta = read_meta(path, FORMAT, "sequence store")
        where = path / META
        for key, value in _WORLD.items():
            if meta.get(key) != value:
                raise DataError(f"{where}: {key} must be {value}, got {meta.get(key)}")
        people, labels, arrays = (meta.get(key) for key in ("people", "labels", "arrays"))
        if not isinstance(people, int) or isinstance(people, bool) or people < 1:
            raise DataError(f"{where}: people must be a positive number, got {people!r:.60}")
        if not isinstance(labels, list) or not all(isinstance(name, str) for name in labels):
            raise DataError(f"{where}: labels must be a list of names, got {labels!r:.60}")
        known = [KEYPOINTS, *OPTIONAL]
        if not isinstance(arrays, list) or KEYPOINTS not in arrays or set(arrays) - set(known):
            raise DataError(
                f"{where}: arrays must be {KEYPOINTS} and any of {', '.join(OPTIONAL)}, "
                f"got {arrays!r:.80}"
            )
        sequences = read_sequences(where, meta.get("sequences"), len(labels))
        total = sum(sequence.frames for sequence in sequences)
        shapes = _shapes(people, arrays)
        mapped = {
            name: map_rows(path / f"{name}.npy", (total, *shape)) for name, shape in shapes.items()
        }
        return cls(path, sequences, mapped, tuple(labels))

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the path only: a worker process maps the files itself; no rows are sent."""
        return SequenceStore.open, (self.path,)

    def has(self, name: str) -> bool:
        """Whether the store holds the array ``name``.

        Raises:
            DataError: the format has no such array.
        """
        if name != KEYPOINTS and name not in OPTIONAL:
            choices = ", ".join((KEYPOINTS, *OPTIONAL))
            raise DataError(f"an array of a sequence store must be one of {choices}, got {name}")
        return name in self._arrays

    def rows(self, name: str) -> Rows:
        """Read-only memory map of a whole array, the frames of all sequences concatenated.

        Raises:
            DataError: the store does not have this array.
        """
        if not self.has(name):
            raise DataError(
                f"{self.path}: a store with {name} is needed, this one has "
                f"{', '.join(self._arrays)}"
            )
        return self._arrays[name]

    def array(self, name: str, sequence: Sequence) -> Rows:
        """Read-only view of one sequence's rows of an array; see the module for shapes.

        Raises:
            DataError: the store does not have this array.
        """
        return self.rows(name)[sequence.start : sequence.start + sequence.frames]

    @cached_property
    def subjects(self) -> tuple[str, ...]:
        """Names of the people, sorted."""
        return tuple(sorted({sequence.subject for sequence in self.sequences}))

    @property
    def arrays(self) -> tuple[str, ...]:
        """Names of its arrays."""
        return tuple(self._arrays)

    @property
    def frames(self) -> int:
        """Total number of rows."""
        return len(self._arrays[KEYPOINTS])

    @property
    def hours(self) -> float:
        """Total duration of all sequences."""
        return sum(sequence.seconds for sequence in self.sequences) / 3600


class SequenceWriter(FolderWriter):
    """Writes a store sequence by sequence; the folder appears when the context succeeds.

    Args:
        path: the folder to create.
        arrays: which of the optional arrays to store.
        people: number of people per frame.
        labels: names of the action classes.
        overwrite: whether an existing store may be replaced.

    Raises:
        OutputError: ``path`` exists, or the folder cannot be written.
    """

    def __init__(
        self,
        path: Path,
        *,
        arrays: Collection[str] = (),
        people: int = 1,
        labels: SequenceOf[str] = (),
        overwrite: bool = False,
    ) -> None:
        assert people > 0, people
        assert not set(arrays) - set(OPTIONAL), arrays
        shapes = _shapes(people, (KEYPOINTS, *arrays))
        super().__init__(path, shapes, overwrite=overwrite)
        self.sequences: list[Sequence] = []
        self.people = people
        self.labels = tuple(labels)
        self._names: set[str] = set()

    def __enter__(self) -> SequenceWriter:
        super().__enter__()
        return self

    def add(
        self,
        keypoints: npt.ArrayLike,
        *,
        name: str,
        subject: str,
        source: str,
        fps: float,
        size: tuple[int, int] = (0, 0),
        action: str = "",
        camera: str = "",
        split: str = "",
        label: int | None = None,
        licence: str = "",
        gender: str = "",
        **arrays: npt.ArrayLike | None,
    ) -> Sequence:
        """Append a sequence; the arguments are described at `Sequence`.

        Args:
            keypoints: (F, M, 17, 3), or (F, 17, 3) in a store of one person.
            name: unique in the store.
            subject: the person.
            source: where it came from.
            fps: frames per second.
            size: of the pictures.
            action: name of the action.
            camera: name of the camera.
            split: of the data set.
            label: action class.
            licence: terms of use.
            gender: of the body model.
            **arrays: any of the optional arrays that the store was created with, F rows each; an
                array that is not given is unknown, NaN, for the whole sequence.

        Raises:
            DataError: a wrong shape, an infinite number, a confidence outside 0..1 or of a
                missing keypoint, metadata that breaks its rule, or a name already taken.
            OutputError: the disk is full or unavailable.
        """
        where = f"sequence {name}"
        points = np.asarray(keypoints, dtype=np.float32)
        if self.people == 1 and points.ndim == 3:
            points = points[:, None]
        if points.shape[1:] != self._shapes[KEYPOINTS] or not len(points):
            wanted = ", ".join(map(str, self._shapes[KEYPOINTS]))
            raise DataError(f"{where}: keypoints must be (F, {wanted}), got {points.shape}")
        _check_keypoints(where, points)
        foreign = sorted(set(arrays) - set(self._shapes))
        if foreign:
            raise DataError(f"{where}: the store was not created with {', '.join(foreign)}")
        pieces = {KEYPOINTS: points}
        for key, shape in self._shapes.items():
            if key != KEYPOINTS:
                pieces[key] = _optional(where, key, (len(points), *shape), arrays.get(key))
        if name in self._names:
            raise DataError(f"{where}: names must be unique in a store")
        sequence = Sequence(
            name,
            subject,
            source,
            float(fps),
            self.total,
            len(points),
            (int(size[0]), int(size[1])),
            action,
            camera,
            split,
            None if label is None else int(label),
            licence,
            gender,
        )
        check_sequence(where, sequence, len(self.labels))
        self._append(pieces)
        self.sequences.append(sequence)
        self._names.add(name)
        return sequence

    def _meta(self) -> dict[str, Any]:
        return {
            "format": FORMAT,
            **_WORLD,
            "arrays": list(self._shapes),
            "people": self.people,
            "labels": list(self.labels),
            "sequences": [asdict(sequence) for sequence in self.sequences],
        }


def open_store(path: Path) -> ClipStore | SequenceStore:
    """Open the store at ``path``, of whichever kind its table states.

    Raises:
        DataError: no store, an unknown format, or a damaged store.
    """
    format = store_format(path)
    if format == store.FORMAT:
        return ClipStore.open(path)
    if format == FORMAT:
        return SequenceStore.open(path)
    raise DataError(f"{path / META}: the format must be {store.FORMAT} or {FORMAT}, got {format}")


def _shapes(people: int, arrays: Collection[str]) -> dict[str, tuple[int, ...]]:
    """Shape of one row of each array, keypoints first."""
    shapes: dict[str, tuple[int, ...]] = {KEYPOINTS: (people, len(H36M17), 3)}
    return shapes | {name: shape for name, shape in OPTIONAL.items() if name in arrays}


def _check_keypoints(where: str, points: Rows) -> None:
    if np.isinf(points).any() or np.isnan(points[..., 2]).any():
        raise DataError(f"{where}: keypoints must be finite, or (NaN, NaN, 0) where missing")
    confidence = points[..., 2]
    if confidence.min() < 0 or confidence.max() > 1:
        raise DataError(
            f"{where}: confidences must be within 0..1, "
            f"got {confidence.min():g}..{confidence.max():g}"
        )
    if confidence[np.isnan(points[..., :2]).any(-1)].any():
        raise DataError(f"{where}: a missing keypoint (NaN) must have confidence 0")


def _optional(where: str, name: str, shape: tuple[int, ...], given: npt.ArrayLike | None) -> Rows:
    if given is None:
        return np.full(shape, np.nan, dtype=np.float32)
    rows = np.asarray(given, dtype=np.float32)
    if rows.shape != shape:
        raise DataError(f"{where}: {name} must be {shape}, got {rows.shape}")
    if np.isinf(rows).any():
        raise DataError(f"{where}: {name} must be finite, or NaN where unknown")
    return rows
