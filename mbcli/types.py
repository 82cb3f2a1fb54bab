"""What flows down the street: frames, detected poses, keypoint tracks, 3D motion.

All are frozen, check themselves on construction and hold read-only arrays. Axes everywhere:
x right, y down, z away from the camera; pixels for images, metres for space, seconds for time.
Missing 2D keypoints are (NaN, NaN, 0); a person absent from a frame is NaN throughout.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.skeleton import H36M17, Skeleton

FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.integer[Any]]


def _frozen(array: npt.ArrayLike, dtype: npt.DTypeLike | None = None) -> npt.NDArray[Any]:
    """A read-only array that shares no memory with a writable one."""
    out = np.array(array, dtype=dtype, copy=True)
    out.setflags(write=False)
    return out


def _check_shape(owner: str, name: str, array: npt.NDArray[Any], shape: tuple[int, ...]) -> None:
    """Compare a shape; -1 in ``shape`` admits any length."""
    same_rank = array.ndim == len(shape)
    if not same_rank or any(w not in (-1, g) for w, g in zip(shape, array.shape, strict=True)):
        want = ", ".join("any" if n == -1 else str(n) for n in shape)
        raise ValueError(f"{owner}.{name} must have shape ({want}), got {array.shape}")


def _check_confidence(owner: str, confidence: FloatArray) -> None:
    if confidence.size and not (np.all(confidence >= 0) and np.all(confidence <= 1)):
        low, high = confidence.min(), confidence.max()
        raise ValueError(f"{owner}: confidence must be within 0..1, got {low:g}..{high:g}")


def _check_clock(owner: str, timestamps: FloatArray, fps: float) -> None:
    if not (np.isfinite(fps) and fps > 0):
        raise ValueError(f"{owner}.fps must be a positive number, got {fps}")
    if not np.all(np.isfinite(timestamps)) or np.any(np.diff(timestamps) <= 0):
        raise ValueError(f"{owner}.timestamps must be finite and strictly increasing")


@dataclass(frozen=True)
class Frame:
    """One decoded picture.

    Attributes:
        index: number of the frame in its source, counted from 0.
        time: presentation time in seconds.
        image: (H, W, 3) uint8, RGB, upright.
    """

    index: int
    time: float
    image: npt.NDArray[np.uint8]

    def __post_init__(self) -> None:
        _check_shape("Frame", "image", self.image, (-1, -1, 3))
        if self.image.dtype != np.uint8:
            raise ValueError(f"Frame.image must be uint8, got {self.image.dtype}")

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.image.shape[1], self.image.shape[0]


@dataclass(frozen=True)
class FramePoses:
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
        object.__setattr__(self, "boxes", _frozen(self.boxes, np.float32))
        object.__setattr__(self, "keypoints", _frozen(self.keypoints, np.float32))
        _check_shape("FramePoses", "boxes", self.boxes, (-1, 4))
        _check_shape("FramePoses", "keypoints", self.keypoints, (len(self.boxes), -1, 3))
        _check_confidence("FramePoses", self.keypoints[..., 2])

    def __len__(self) -> int:
        return len(self.boxes)


@dataclass(frozen=True)
class Keypoints2D:
    """2D keypoint tracks over video time.

    Attributes:
        data: (T, P, J, 3) float32, x, y in pixels and confidence 0..1; missing = (NaN, NaN, 0).
            T is video time: a frame without people stays a frame.
        skeleton: names of the J joints.
        fps: frames per second after any skipping, the mean rate where it varies.
        timestamps: (T,) float64 seconds, strictly increasing.
        size: (width, height) of the pictures in pixels.
        track_ids: (P,) int64, one identity a column.
        boxes: (T, P, 4) float32 x1 y1 x2 y2 in pixels, NaN where the person is absent.
        frame_index: (T,) int64 frame numbers in the source.
    """

    data: FloatArray
    skeleton: Skeleton
    fps: float
    timestamps: FloatArray
    size: tuple[int, int]
    track_ids: IntArray
    boxes: FloatArray
    frame_index: IntArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "data", _frozen(self.data, np.float32))
        object.__setattr__(self, "timestamps", _frozen(self.timestamps, np.float64))
        object.__setattr__(self, "track_ids", _frozen(self.track_ids, np.int64))
        object.__setattr__(self, "boxes", _frozen(self.boxes, np.float32))
        object.__setattr__(self, "frame_index", _frozen(self.frame_index, np.int64))
        _check_shape("Keypoints2D", "data", self.data, (-1, -1, len(self.skeleton), 3))
        frames, people = self.data.shape[:2]
        _check_shape("Keypoints2D", "timestamps", self.timestamps, (frames,))
        _check_shape("Keypoints2D", "track_ids", self.track_ids, (people,))
        _check_shape("Keypoints2D", "boxes", self.boxes, (frames, people, 4))
        _check_shape("Keypoints2D", "frame_index", self.frame_index, (frames,))
        _check_clock("Keypoints2D", self.timestamps, self.fps)
        _check_confidence("Keypoints2D", self.data[..., 2])
        missing = np.isnan(self.data[..., :2]).any(axis=-1)
        if np.any(self.data[..., 2][missing] != 0):
            raise ValueError("Keypoints2D: a missing keypoint (NaN) must have confidence 0")

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """(T, P) whether any keypoint of the person is there in the frame."""
        result: npt.NDArray[np.bool_] = np.asarray(
            np.isfinite(self.data[..., :2]).all(axis=-1).any(axis=-1)
        )
        return result


@dataclass(frozen=True)
class Motion3D:
    """3D motion of every person, as written to ``pose.npz``.

    Attributes:
        positions: (T, P, 17, 3) float32 metres, pelvis at 0, camera axes; NaN where absent.
        root: (T, P, 3) float32 metres, the pelvis in the camera's frame.
        positions_normalized: (T, P, 17, 3) float32, the network's own output in image units.
        confidence: (T, P, 17) float32, 0..1.
        keypoints: the 2D keypoints that were lifted, in the same skeleton.
        meta: JSON-ready provenance: version, command, options, weights and what was assumed.
        skeleton: joint names and parents.
    """

    positions: FloatArray
    root: FloatArray
    positions_normalized: FloatArray
    confidence: FloatArray
    keypoints: Keypoints2D
    meta: Mapping[str, Any] = field(default_factory=dict)
    skeleton: Skeleton = H36M17

    def __post_init__(self) -> None:
        for name in ("positions", "root", "positions_normalized", "confidence"):
            object.__setattr__(self, name, _frozen(getattr(self, name), np.float32))
        frames, people = self.keypoints.data.shape[:2]
        joints = len(self.skeleton)
        _check_shape("Motion3D", "positions", self.positions, (frames, people, joints, 3))
        _check_shape("Motion3D", "root", self.root, (frames, people, 3))
        _check_shape(
            "Motion3D", "positions_normalized", self.positions_normalized, self.positions.shape
        )
        _check_shape("Motion3D", "confidence", self.confidence, (frames, people, joints))
        _check_confidence("Motion3D", self.confidence)
        if self.keypoints.skeleton != self.skeleton:
            raise ValueError(
                f"Motion3D: keypoints must be in {self.skeleton.name}, "
                f"got {self.keypoints.skeleton.name}"
            )

    @property
    def timestamps(self) -> FloatArray:
        """(T,) float64 seconds."""
        return self.keypoints.timestamps

    @property
    def fps(self) -> float:
        """Frames per second."""
        return self.keypoints.fps

    @property
    def track_ids(self) -> IntArray:
        """(P,) int64 identities."""
        return self.keypoints.track_ids

    @property
    def present(self) -> npt.NDArray[np.bool_]:
        """(T, P) whether the person has a pose in the frame."""
        result: npt.NDArray[np.bool_] = np.asarray(np.isfinite(self.positions).all(axis=(-1, -2)))
        return result
