"""Frames in time: stretches with a constant rate, and the time slots of their frames.

Recordings pause, drop frames, and change their rate. Everything that operates on frames, such as a
network's window or a filter, operates on the slots of one stretch instead: a dropped frame leaves
an empty slot, and nothing extends across a pause. Runs are consecutive frames with a common
property, regardless of time.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from numpy.lib.stride_tricks import sliding_window_view

from mbcli.types import FloatArray, IntArray, Keypoints2D

# The longest absence that the lifter's windows extend across.
_PAUSE = 1.0  # seconds between two frames; more is a pause ...
_SPARSE = 2.5  # ... unless frames are this sparse anyway: at most this many steps
# Ratio between 1 and 2 of common rates: a lifter can treat 24 and 30 frames per second alike.
_OTHER_RATE = 1.5
_EXACT = 0.01  # a measured rate this close to the declared one is replaced by it
_SUSTAINED = 5  # consecutive steps that indicate another rate, not a stutter of the recorder


@dataclass(frozen=True, eq=False)
class Stretch:
    """Consecutive frames with one rate and without a pause.

    Attributes:
        start: position of its first frame.
        stop: position after its last frame.
        fps: slots per second; the usual rate of its frames.
        slots: (stop - start,) int64, ascending from 0; without dropped frames 0, 1, 2 ...
    """

    start: int
    stop: int
    fps: float
    slots: IntArray

    @property
    def length(self) -> int:
        """Number of slots from the first frame to the last, inclusive."""
        return int(self.slots[-1]) + 1

    def spread(self, values: FloatArray, empty: float = np.nan) -> FloatArray:
        """Convert (T, ...) values of all frames to (length, ...) values of this stretch's slots."""
        grid = np.full((self.length, *values.shape[1:]), empty, dtype=np.float64)
        grid[self.slots] = values[self.start : self.stop]
        return grid


def stretches(timestamps: FloatArray, fps: float, cuts: Iterable[int] = ()) -> list[Stretch]:
    """Split the frames of a clip at pauses, changes of rate and scene cuts.

    Args:
        timestamps: (T,) seconds, strictly increasing.
        fps: the mean rate declared by the source; also used for a stretch with a single frame.
        cuts: positions of frames at which a new scene begins.

    Returns:
        Stretches in order; every frame is in exactly one.
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
        # The declared rate is exact, while time stamps are rounded.
        found.append(Stretch(start, stop, fps if abs(rate - fps) < _EXACT * fps else rate, slots))
        start = stop
    return found


def clock_of(keypoints: Keypoints2D) -> list[Stretch]:
    """The stretches of a clip's frames; none extends across a pause or a cut."""
    rows = np.searchsorted(keypoints.frame_index, keypoints.cuts)
    return stretches(keypoints.timestamps, keypoints.fps, rows.tolist())


def shots_of(keypoints: Keypoints2D) -> list[slice]:
    """The frames of each shot of a clip."""
    ends = np.searchsorted(keypoints.frame_index, keypoints.cuts).tolist()
    frames = len(keypoints.frame_index)
    edges = [0, *(end for end in ends if 0 < end < frames), frames]
    return [slice(a, b) for a, b in pairwise(edges) if a < b]


def within(clock: Iterable[Stretch], frames: slice) -> list[Stretch]:
    """The stretches of a section of a clip, counted from its first frame, each with its rate."""
    found = []
    for part in clock:
        start, stop = max(part.start, frames.start), min(part.stop, frames.stop)
        if start < stop:
            slots = part.slots[start - part.start : stop - part.start]
            found.append(
                Stretch(start - frames.start, stop - frames.start, part.fps, slots - slots[0])
            )
    return found


def usual_rate(timestamps: FloatArray, otherwise: float) -> float:
    """Frames per second of a clip, ignoring pauses and dropped frames.

    Args:
        timestamps: (T,) seconds, strictly increasing.
        otherwise: the rate of a clip in which every frame is a stretch of its own.
    """
    parts = stretches(timestamps, otherwise)
    lasts = sum(float(timestamps[part.stop - 1] - timestamps[part.start]) for part in parts)
    return sum(part.length - 1 for part in parts) / lasts if lasts > 0 else otherwise


def _end(steps: FloatArray, start: int) -> int:
    """Position after the last frame of the stretch that begins at frame ``start``."""
    if start == len(steps):
        return start + 1
    # The rate of the stretch is that of its beginning; a median of few steps ignores stutter.
    usual = float(np.median(steps[start : start + 2 * _SUSTAINED - 1]))
    pauses = steps[start:] > max(_PAUSE, _SPARSE * usual)
    ratio = steps[start:] / usual
    other = _sustained(ratio > _OTHER_RATE) | _sustained(ratio < 1 / _OTHER_RATE)
    ends = np.flatnonzero(pauses | other)
    return start + int(ends[0]) + 1 if len(ends) else len(steps) + 1


def _sustained(flags: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Mask of positions at which a run of at least ``_SUSTAINED`` true values begins."""
    padded = np.concatenate([flags, np.zeros(_SUSTAINED - 1, dtype=np.bool_)])
    return np.asarray(sliding_window_view(padded, _SUSTAINED).all(axis=-1))


def runs(flags: npt.NDArray[np.bool_], max_gap: int = 0) -> list[tuple[int, int]]:
    """Runs of consecutive frames whose flag is true.

    Args:
        flags: (T,) flag of each frame.
        max_gap: number of false frames that do not end a run.

    Returns:
        The first frame and the frame after the last of each run; runs begin and end with true.
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
    """Group tracks that are known in identical frames, as nearly all joints of a person are.

    Args:
        known: (T, N) mask of known values of each track.

    Yields:
        The (T,) mask of a group, and the indices of its tracks among the N.
    """
    if not len(known):
        return
    masks, group = np.unique(known, axis=1, return_inverse=True)
    for number, mask in enumerate(masks.T):
        yield mask, np.flatnonzero(group.reshape(-1) == number)
