"""Data types of the pipeline before lifting: frames, detected poses and keypoint tracks.

All are frozen, validated on construction, and hold read-only arrays. Axes everywhere: x right, y
down, z away from the camera; pixels for images, metres for space, seconds for time. Missing 2D
keypoints are (NaN, NaN, 0); a person absent from a frame is NaN throughout. Instances are compared
by value, see `ByValue`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.skeleton import Skeleton
from mbcli.spans import PerPerson, Spans
from mbcli.values import Dense, align, by_person, changed, check_dense, column_of, fits, kept

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.integer[Any]]
BoolArray = npt.NDArray[np.bool_]

_SMALL = 480  # pixels across, of small pictures: a sixth of HD has what cuts and cameras show


class ByValue:
    """Comparison by value for frozen dataclasses with arrays, declared with ``eq=False``.

    Two instances are equal if they have the same class and all their fields are equal; arrays are
    equal if they have the same type, shape and values, where NaN equals NaN. The hash does not
    depend on the contents of arrays.
    """

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return NotImplemented
        return all(map(_same, _values(self), _values(other)))

    def __hash__(self) -> int:
        return hash((type(self), *(v.shape for v in _values(self) if isinstance(v, np.ndarray))))


def _values(instance: Any) -> list[Any]:
    """The fields as they are kept: values of people as `PerPerson`."""
    return [vars(instance)[field.name] for field in fields(instance)]


def _same(one: Any, other: Any) -> bool:
    if not isinstance(one, np.ndarray) or not isinstance(other, np.ndarray):
        arrays = isinstance(one, np.ndarray) or isinstance(other, np.ndarray)
        return not arrays and bool(one == other)
    floats = one.dtype.kind == "f"
    return one.dtype == other.dtype and np.array_equal(one, other, equal_nan=floats)


def frozen_array(array: npt.ArrayLike, dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
    """A read-only copy of an array."""
    out = np.array(array, dtype=dtype, copy=True)
    out.setflags(write=False)
    return out


def check_shape(
    owner: str, name: str, array: npt.NDArray[Any] | PerPerson, shape: tuple[int, ...]
) -> None:
    """Check a shape; -1 in ``shape`` allows any length."""
    same_rank = array.ndim == len(shape)
    if not same_rank or any(w not in (-1, g) for w, g in zip(shape, array.shape, strict=True)):
        want = ", ".join("any" if n == -1 else str(n) for n in shape)
        raise ValueError(f"{owner}.{name} must have shape ({want}), got {array.shape}")


def check_confidence(owner: str, confidence: FloatArray) -> None:
    """Check that confidences are within 0..1; the ValueError names ``owner``."""
    if confidence.size and not (np.all(confidence >= 0) and np.all(confidence <= 1)):
        low, high = confidence.min(), confidence.max()
        raise ValueError(f"{owner}: confidence must be within 0..1, got {low:g}..{high:g}")


def check_errors(owner: str, errors: FloatArray) -> None:
    """Check that expected errors are non-negative or NaN.

    Raises:
        ValueError: a value breaks these rules.
    """
    if (errors < 0).any() or np.isinf(errors).any():
        raise ValueError(f"{owner}: expected_error must be metres, 0 or more, or NaN")


def _check_clock(owner: str, timestamps: FloatArray, fps: float) -> None:
    if not (np.isfinite(fps) and fps > 0):
        raise ValueError(f"{owner}.fps must be a positive number, got {fps}")
    if not np.all(np.isfinite(timestamps)) or np.any(np.diff(timestamps) <= 0):
        raise ValueError(f"{owner}.timestamps must be finite and strictly increasing")


@dataclass(frozen=True, eq=False)
class Frame(ByValue):
    """One decoded picture.

    Attributes:
        index: number of the frame in its source, counted from 0.
        time: presentation time in seconds.
        image: (H, W, 3) uint8, RGB, upright.
        cut: whether a new shot begins at this frame.
    """

    index: int
    time: float
    image: npt.NDArray[np.uint8]
    cut: bool = False

    def __post_init__(self) -> None:
        check_shape("Frame", "image", self.image, (-1, -1, 3))
        if self.image.dtype != np.uint8:
            raise ValueError(f"Frame.image must be uint8, got {self.image.dtype}")

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.image.shape[1], self.image.shape[0]

    @property
    def shrunk(self) -> int:
        """Pixels of the picture per pixel of :attr:`small`, across and down."""
        return max(1, min(round(max(self.size) / _SMALL), *self.size))

    @cached_property
    def small(self) -> npt.NDArray[np.uint8]:
        """(H // shrunk, W // shrunk, 3) uint8, RGB: the picture with some 480 pixels across."""
        import cv2

        by = self.shrunk
        width, height = (side // by for side in self.size)
        whole = self.image[: height * by, : width * by]
        # A whole number of pixels is averaged ten times faster than a broken one.
        small = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
        return np.asarray(small, dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class FramePoses(ByValue):
    """The people found in one frame, in no particular order.

    Attributes:
        index: frame number in the source.
        time: seconds.
        boxes: (P, 4) float32, x1 y1 x2 y2 in pixels.
        keypoints: (P, J, 3) float32, x, y in pixels and confidence 0..1; missing = (NaN, NaN, 0).
    """

    index: int
    time: float
    boxes: FloatArray
    keypoints: FloatArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "boxes", frozen_array(self.boxes, np.float32))
        object.__setattr__(self, "keypoints", frozen_array(self.keypoints, np.float32))
        check_shape("FramePoses", "boxes", self.boxes, (-1, 4))
        check_shape("FramePoses", "keypoints", self.keypoints, (len(self.boxes), -1, 3))
        check_confidence("FramePoses", self.keypoints[..., 2])

    def __len__(self) -> int:
        return len(self.boxes)


NO_CUTS: IntArray = np.empty(0, dtype=np.int64)  # a clip of a single shot
NO_CUTS.setflags(write=False)


@by_person(data=Dense(4, (np.nan, np.nan, 0.0)), boxes=Dense(3, np.nan))
@dataclass(frozen=True, eq=False)
class Keypoints2D(ByValue):
    """2D keypoint tracks over video time.

    Attributes:
        data: (T, P, J, 3) float32, x, y in pixels and confidence 0..1; missing = (NaN, NaN, 0).
            T is video time: a frame without people stays a frame.
        skeleton: names of the J joints.
        fps: frames per second after any skipping; the mean rate if it varies.
        timestamps: (T,) float64 seconds, strictly increasing.
        size: (width, height) of the pictures in pixels.
        track_ids: (P,) int64 identity of each column.
        boxes: (T, P, 4) float32 x1 y1 x2 y2 in pixels, NaN where the person is absent.
        frame_index: (T,) int64 frame numbers in the source.
        cuts: (C,) int64 ascending frame numbers in the source at which a new shot begins.
    """

    data: FloatArray
    skeleton: Skeleton
    fps: float
    timestamps: FloatArray
    size: tuple[int, int]
    track_ids: IntArray
    boxes: FloatArray
    frame_index: IntArray
    cuts: IntArray = field(default_factory=lambda: NO_CUTS)

    def __post_init__(self) -> None:
        object.__setattr__(self, "cuts", frozen_array(self.cuts, np.int64))
        check_shape("Keypoints2D", "cuts", self.cuts, (-1,))
        if np.any(np.diff(self.cuts) <= 0):
            raise ValueError("Keypoints2D.cuts must be ascending")
        object.__setattr__(self, "timestamps", frozen_array(self.timestamps, np.float64))
        object.__setattr__(self, "track_ids", frozen_array(self.track_ids, np.int64))
        object.__setattr__(self, "frame_index", frozen_array(self.frame_index, np.int64))
        data, boxes = vars(self)["data"], vars(self)["boxes"]
        check_shape("Keypoints2D", "data", data, (-1, -1, len(self.skeleton), 3))
        frames, people = data.shape[:2]
        check_shape("Keypoints2D", "timestamps", self.timestamps, (frames,))
        check_shape("Keypoints2D", "track_ids", self.track_ids, (people,))
        check_shape("Keypoints2D", "boxes", boxes, (frames, people, 4))
        check_shape("Keypoints2D", "frame_index", self.frame_index, (frames,))
        _check_clock("Keypoints2D", self.timestamps, self.fps)
        align(self)
        rows = kept(self, "data").rows
        check_confidence("Keypoints2D", rows[..., 2])
        missing = np.isnan(rows[..., :2]).any(axis=-1)
        if np.any(rows[..., 2][missing] != 0):
            raise ValueError("Keypoints2D: a missing keypoint (NaN) must have confidence 0")

    @property
    def spans(self) -> Spans:
        """The first and the last frame of each person."""
        return kept(self, "data").spans

    @property
    def there(self) -> PerPerson:
        """(T, P) whether any keypoint of the person exists in the frame, kept by person."""
        data = kept(self, "data")
        rows = np.isfinite(data.rows[..., :2]).all(axis=-1).any(axis=-1)
        return PerPerson(data.spans, np.asarray(rows), np.False_)

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """(T, P) whether any keypoint of the person exists in the frame."""
        there = self.there
        check_dense("Keypoints2D.present", there)
        return there.dense()

    @property
    def fits_dense(self) -> bool:
        """Whether all arrays (T, P, ...) together take at most 1 GB; else a file is long."""
        return fits((kept(self, "data"), kept(self, "boxes")))

    def person(self, identity: int) -> Keypoints2D:
        """The track of one person, (t, 1, J, 3), from their first frame to their last.

        Raises:
            KeyError: there is no such person.
        """
        return self.alone(column_of(self.track_ids, identity))

    def alone(self, column: int) -> Keypoints2D:
        """The track of the person in a column, from their first frame to their last."""
        return self.part(self.spans.frames_of(column), [column])

    def part(self, frames: slice, columns: Sequence[int] | IntArray) -> Keypoints2D:
        """The tracks of some people in a section of the clip."""
        return changed(
            self,
            data=kept(self, "data").part(frames, columns),
            boxes=kept(self, "boxes").part(frames, columns),
            timestamps=self.timestamps[frames],
            frame_index=self.frame_index[frames],
            track_ids=self.track_ids[columns],
        )
