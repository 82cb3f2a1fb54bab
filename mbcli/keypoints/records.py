"""Content of a keypoint file, regardless of the video it belongs to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mbcli.bounds import MAX_FRAMES
from mbcli.errors import InputError
from mbcli.skeleton import Skeleton
from mbcli.types import NO_CUTS, FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class KeypointFile:
    """Poses in the order of their frames, and what else the file holds.

    Attributes:
        path: the file or folder.
        format: its key in `mbcli.keypoints.FORMATS`.
        skeleton: names of the J joints.
        frame_index: (N,) int64, the frame of the video that each pose belongs to, counted from
            0, never decreasing.
        keypoints: (N, J, 3) float, x, y in pixels and confidence 0..1; missing = (NaN, NaN, 0).
        ids: (N,) int64 identities; None if the file has none, so that they must be tracked.
        boxes: (N, 4) x1 y1 x2 y2 in pixels; None if the file has none.
        frames: number of frames of the video: at least the last index + 1.
        size: (width, height) of the pictures, if the file has it.
        fps: frames per second, if the file has it.
        timestamps: (frames,) seconds, if the file has them.
        looked_at: (F,) frames in which people were sought, ascending; None for all frames.
        cuts: (C,) frames at which new shots begin, ascending.
        untimed: why the file's own times or rate are not used, or an empty text.
        numbered: whether the file numbers its frames; otherwise they are counted.
        counts_from: number of the first frame in the format; None if that is up to the user, and
            `frame_index` has the file's own numbers.
        pictures: name of a picture -> frame, if the file names pictures.
        video: the video named in the file.
        relative: whether x and y are fractions of the picture's width and height, not pixels.
        projected: whether they are positions in space, projected into a picture of ``size`` that
            was made for them.
        warnings: what had to be assumed or repaired, one line each.
    """

    path: Path
    format: str
    skeleton: Skeleton
    frame_index: IntArray
    keypoints: FloatArray
    frames: int
    ids: IntArray | None = None
    boxes: FloatArray | None = None
    size: tuple[int, int] | None = None
    fps: float | None = None
    timestamps: FloatArray | None = None
    looked_at: IntArray | None = None
    cuts: IntArray = field(default_factory=lambda: NO_CUTS)
    untimed: str = ""
    numbered: bool = True
    counts_from: int | None = 0
    pictures: Mapping[str, int] = field(default_factory=dict)
    video: Path | None = None
    relative: bool = False
    projected: bool = False
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the rules that all formats share.

        Raises:
            InputError: no poses, NaN or infinite numbers, confidence outside 0..1, frames out of
                order or above `MAX_FRAMES`, or one person twice in a frame.
        """
        path, index, points = self.path, self.frame_index, self.keypoints
        if points.shape != (len(index), len(self.skeleton), 3):
            raise InputError(
                f"{path} must hold {len(self.skeleton)} keypoints of x, y and confidence a person "
                f"({self.skeleton.name}), got shape {points.shape[1:]}"
            )
        if not len(index):
            raise InputError(f"{path} holds no person in any frame")
        confidence = points[..., 2]
        missing = np.isnan(points[..., :2]).any(axis=-1) & (confidence == 0)
        broken = (~np.isfinite(points).all(axis=-1) & ~missing) | np.isinf(points).any(axis=-1)
        if broken.any():
            where = int(index[broken.any(axis=1)][0])
            raise InputError(f"{path} must hold finite numbers, got others in frame {where}")
        if confidence.min() < 0 or confidence.max() > 1:
            raise InputError(
                f"{path} must hold confidences within 0..1, "
                f"got {confidence.min():g}..{confidence.max():g}"
            )
        if index[0] < 0 or (np.diff(index) < 0).any():
            place = 0 if index[0] < 0 else int(np.argmax(np.diff(index) < 0)) + 1
            raise InputError(
                f"{path} must have frames in order, counted from 0; "
                f"got frame {index[place]}" + (f" after {index[place - 1]}" if place else " first")
            )
        if self.frames > MAX_FRAMES:
            raise InputError(
                f"{path} must number frames from 0 to {MAX_FRAMES}, got frame {self.frames - 1}"
            )
        if self.ids is not None:
            order = np.lexsort((self.ids, index))
            frame, person = index[order], self.ids[order]
            again = np.flatnonzero((np.diff(frame) == 0) & (np.diff(person) == 0))
            if len(again):
                raise InputError(
                    f"{path} has person {person[again[0]]} twice in frame {frame[again[0]]}"
                )
