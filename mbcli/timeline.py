"""Frames on the clock: stretches of one even rate, and the slots of time in which frames lie.

Recordings pause, drop frames, and change their rate on the way. What counts in frames, such as a
network's window or a filter, counts in the slots of one stretch instead: a dropped frame leaves an
empty slot, and nothing reaches over a pause. Runs are frames in a row that have something in
common, whatever the clock says.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from mbcli.types import FloatArray, IntArray, Keypoints2D

# The longest absence over which the lifter has ever carried a window on.
_PAUSE = 1.0  # seconds from one frame to the next; longer is a pause ...
_SPARSE = 2.5  # ... unless the frames are this sparse anyway: not more than so many steps
# Between 1 and 2, the ratio of two usual rates: 24 and 30 frames a second are one rate to a lifter.
_OTHER_RATE = 1.5
_EXACT = 0.01  # a measured rate this near to the claimed one is the claimed one
_SUSTAINED = 5  # steps in a row that make another rate, not a stutter of the recorder


@dataclass(frozen=True, eq=False)
class Stretch:
    """Frames of one rate, without a pause.

    Attributes:
        start: position of its first frame.
        stop: one past that of its last.
        fps: slots a second; its frames' usual rate.
        slots: (stop - start,) int64, rising from 0; without a dropped frame 0, 1, 2 ...
    """

    start: int
    stop: int
    fps: float
    slots: IntArray

    @property
    def length(self) -> int:
        """Slots from the first frame to the last, both included."""
        return int(self.slots[-1]) + 1

    def spread(self, values: FloatArray, empty: float = np.nan) -> FloatArray:
        """(T, ...) values of all frames to (length, ...) values of this stretch's slots."""
        grid = np.full((self.length, *values.shape[1:]), empty, dtype=np.float64)
        grid[self.slots] = values[self.start : self.stop]
        return grid


def stretches(timestamps: FloatArray, fps: float, cuts: Iterable[int] = ()) -> list[Stretch]:
    """Cut the frames of a clip where they pause, go on at another rate, or show another scene.

    Args:
        timestamps: (T,) seconds, strictly increasing.
        fps: the mean rate that the source claims; also that of a stretch with a single frame.
        cuts: positions of frames with which a new scene begins.

    Returns:
        In order; every frame is in one of them.
    """
    times = np.asarray(timestamps, dtype=np.float64)
    if not len(times):
        return []
    found, start = [], 0
    ends = sorted({int(cut) for cut in cuts if 0 < cut < len(times)} | {len(times)})
    while start < len(times):
        steps = np.diff(times[: next(end for end in ends if end > start)])
        stop = _end(steps, start)
        inner = steps[start : stop - 1]
        step = float(np.median(inner)) if len(inner) else 1.0
        ticks = np.maximum(np.rint(inner / step), 1).astype(np.int64)
        slots = np.concatenate([[0], np.cumsum(ticks)])
        rate = slots[-1] / (times[stop - 1] - times[start]) if len(inner) else fps
        # What the source says of itself is exact, where its time stamps are rounded.
        found.append(Stretch(start, stop, fps if abs(rate - fps) < _EXACT * fps else rate, slots))
        start = stop
    return found


def clock_of(keypoints: Keypoints2D) -> list[Stretch]:
    """The stretches of a clip's frames; none of them reaches over a pause or a cut."""
    rows = np.searchsorted(keypoints.frame_index, keypoints.cuts)
    return stretches(keypoints.timestamps, keypoints.fps, rows.tolist())


def usual_rate(timestamps: FloatArray, otherwise: float) -> float:
    """Frames a second while a clip runs, its pauses and dropped frames left aside.

    Args:
        timestamps: (T,) seconds, strictly increasing.
        otherwise: the rate of a clip of which no two frames belong together.
    """
    parts = stretches(timestamps, otherwise)
    lasts = sum(float(timestamps[part.stop - 1] - timestamps[part.start]) for part in parts)
    return sum(part.length - 1 for part in parts) / lasts if lasts > 0 else otherwise


def _end(steps: FloatArray, start: int) -> int:
    """One past the last frame of the stretch that begins with frame ``start``."""
    if start == len(steps):
        return start + 1
    # The rate of the stretch is that of its beginning; a median of so few knows no stutter.
    usual = float(np.median(steps[start : start + 2 * _SUSTAINED - 1]))
    pauses = steps[start:] > max(_PAUSE, _SPARSE * usual)
    ratio = steps[start:] / usual
    other = _sustained(ratio > _OTHER_RATE) | _sustained(ratio < 1 / _OTHER_RATE)
    ends = np.flatnonzero(pauses | other)
    return start + int(ends[0]) + 1 if len(ends) else len(steps) + 1


def _sustained(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Where a run of at least ``_SUSTAINED`` true values begins."""
    padded = np.concatenate([flags, np.zeros(_SUSTAINED - 1, dtype=np.bool_)])
    return np.asarray(sliding_window_view(padded, _SUSTAINED).all(axis=-1))


def runs(flags: npt.NDArray[np.bool_], max_gap: int = 0) -> list[tuple[int, int]]:
    """Frames in a row for which something is true.

    Args:
        flags: (T,) where it is.
        max_gap: frames for which it may be false without ending a run.

    Returns:
        The first frame and the one past the last of each run; in both of its ends it is true.
    """
    frames = np.flatnonzero(flags)
    if not len(frames):
        return []
    ends = np.flatnonzero(np.diff(frames) > max_gap + 1)
    starts = frames[np.concatenate([[0], ends + 1])]
    stops = frames[np.concatenate([ends, [len(frames) - 1]])] + 1
    return list(zip(starts.tolist(), stops.tolist(), strict=True))


def known_together(
    known: npt.NDArray[np.bool_],
) -> Iterator[tuple[npt.NDArray[np.bool_], npt.NDArray[np.intp]]]:
    """Groups of tracks that are known in the same frames, as nearly all joints of a person are.

    Args:
        known: (T, N) where each track is known.

    Yields:
        (T,) where the tracks of a group are known, and which of the N these are.
    """
    masks, group = np.unique(known, axis=1, return_inverse=True)
    for number, mask in enumerate(masks.T):
        yield mask, np.flatnonzero(group.reshape(-1) == number)
