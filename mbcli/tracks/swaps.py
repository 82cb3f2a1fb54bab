"""Detection of brief swaps of left and right joints.

On real footage a detector rarely mirrors a whole person. It swaps single pairs, an ankle for some
frames and the knee above it for one of these, mostly while the legs pass each other. Every pair is
therefore evaluated separately; pairs without enough evidence follow their limb.

The evidence comes from both ends of a swap: both joints jump to each other's position and back
within `MAX_SPAN`. Legs that really cross behave differently: they change places once and move on.
"""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

from mbcli.skeleton import Skeleton
from mbcli.timeline import runs
from mbcli.types import BoolArray, FloatArray, IntArray

# Seconds from the last good frame before a swap to the first one after it: five frames at 30 per
# second, plus a hundredth for the rounding of time stamps.
MAX_SPAN = 0.21
SURE = 0.2  # minimum confidence of both joints of a pair as evidence ...
MIN_APART = 0.03  # ... and body lengths between them: closer pairs are no evidence
MIN_GAIN = 0.04  # body lengths per joint by which the swap must fit better ...
MIN_RATIO = 2.0  # ... and how many times better ...
MIN_OVER_USUAL = (
    2.5  # ... and how many times the pair's usual deviation from its neighbours in time
)
_MIN_STEP = 0.01  # body lengths per joint, likewise for the steps into and out of the swap

_T = TypeVar("_T", bound=np.generic)

_PARTS = {
    "legs": ("hip", "knee", "ankle", "heel", "toe", "foot"),
    "arms": ("shoulder", "elbow", "wrist", "hand", "pinky", "index", "thumb"),
    "face": ("eye", "ear", "mouth"),
}


def part_of(joint: str) -> str:
    """``legs``, ``arms``, ``face``, or ``other`` for a joint with another name."""
    words = joint.split("_")
    return next((part for part, names in _PARTS.items() if set(names) & set(words)), "other")


def sided_pairs(skeleton: Skeleton) -> tuple[IntArray, tuple[str, ...]]:
    """(K, 2) indices of left and right joints, and the K names that both sides share.

    A joint whose counterpart the skeleton lacks is in no pair.
    """
    number = {name: index for index, name in enumerate(skeleton.joints)}
    names = tuple(
        name.removeprefix("left_")
        for name in skeleton.joints
        if name.startswith("left_") and "right_" + name.removeprefix("left_") in number
    )
    rows = [(number[f"left_{name}"], number[f"right_{name}"]) for name in names]
    return np.array(rows, dtype=np.int64).reshape(-1, 2), names


def exchange(data: npt.NDArray[_T], swaps: BoolArray, pairs: IntArray) -> npt.NDArray[_T]:
    """Data (T, P, J, ...) with left and right exchanged where ``swaps`` (T, P, K) is true."""
    result = data.copy()
    frame, person, pair = np.nonzero(swaps)
    left, right = pairs[pair].T
    result[frame, person, left] = data[frame, person, right]
    result[frame, person, right] = data[frame, person, left]
    return result


def find_swaps(
    data: FloatArray,
    times: FloatArray,
    sizes: FloatArray,
    pairs: IntArray,
    names: tuple[str, ...],
) -> BoolArray:
    """Find brief swaps of left and right.

    Args:
        data: (T, P, J, 3) x, y, confidence; missing = (NaN, NaN, 0).
        times: (T,) seconds, ascending.
        sizes: (T, P) body lengths in pixels.
        pairs: (K, 2) indices of left and right joints.
        names: the K names that both sides share; they determine the limb.

    Returns:
        (T, P, K), true where the two joints of a pair must be exchanged.
    """
    swaps = np.zeros((*data.shape[:2], len(pairs)), dtype=bool)
    parts = np.array([part_of(name) for name in names])
    for person in range(data.shape[1]):
        points = data[:, person, pairs].astype(np.float64)  # (T, K, 2, 3)
        tracks = [_Pair(points[:, k], times, sizes[:, person]) for k in range(len(pairs))]
        for pair, track in enumerate(tracks):
            for start, stop in track.moments():
                swaps[start:stop, person, pair] = True
        for part in set(parts[swaps[:, person].any(axis=0)]):
            limb = [pair for pair, its_part in enumerate(parts) if its_part == part]
            swapped = swaps[:, person, limb].any(axis=1)
            for pair in limb:
                follow = swapped & ~swaps[:, person, pair]
                tracks[pair].exchange(swaps[:, person, pair])
                for start, stop in runs(follow):
                    if tracks[pair].follows(start, stop):
                        swaps[start:stop, person, pair] = True
    return swaps


class _Pair:
    """A left and a right joint over time.

    Attributes:
        points: (T, 2, 3) x, y, confidence of left and right.
    """

    def __init__(self, points: FloatArray, times: FloatArray, sizes: FloatArray) -> None:
        self.points = points
        self.times = times
        self.sizes = sizes
        self._finite: BoolArray = np.all(np.isfinite(points), axis=(1, 2))

    def exchange(self, swaps: BoolArray) -> None:
        """Exchange left and right in the frames where ``swaps`` (T,) is true."""
        self.points[swaps] = self.points[swaps][:, ::-1]

    def moments(self) -> list[tuple[int, int]]:
        """First frame and frame after the last of every swap with strong evidence.

        Swaps begin and end at switches: steps between frames that would be shorter if left and
        right were exchanged. Of all intervals between two switches, those with the largest total
        gain are chosen, using each switch once: if good and swapped frames alternate, there are as
        many intervals between the swaps as there are swaps.
        """
        apart: FloatArray = np.linalg.norm(self.points[:, 0, :2] - self.points[:, 1, :2], axis=-1)
        weakest = self.points[..., 2].min(axis=1)
        clear = self._finite & (weakest >= SURE) & (apart >= MIN_APART * self.sizes)
        seen = np.flatnonzero(clear)
        points, times, sizes = self.points[seen], self.times[seen], self.sizes[seen]
        kept, crossed = _misfit(points[1:], points[:-1, :, :2])
        found = (kept - crossed > _MIN_STEP * sizes[1:]) & (np.diff(times) <= MAX_SPAN)
        switches = [int(step) + 1 for step in np.flatnonzero(found)]
        if len(switches) < 2:
            return []
        least = max(MIN_GAIN, MIN_OVER_USUAL * _usual_misfit(points, times, sizes))
        best: list[tuple[float, tuple[tuple[int, int], ...]]] = [(0.0, ())]
        for number, stop in enumerate(switches):
            options = [best[-1]]
            for earlier in range(number - 1, -1, -1):
                start = switches[earlier]
                if times[stop] - times[start - 1] > MAX_SPAN:
                    break
                gain = _gain(points, times, sizes, start, stop)
                if gain >= least:
                    total, chosen = best[earlier]
                    options.append((total + gain, (*chosen, (start, stop))))
            best.append(max(options, key=lambda option: option[0]))
        return [(int(seen[start]), int(seen[stop - 1]) + 1) for start, stop in best[-1][1]]

    def follows(self, start: int, stop: int) -> bool:
        """Whether the swap fits better, even slightly, in every frame from start to stop."""
        before = np.flatnonzero(self._finite[:start])[-1:]
        inside = start + np.flatnonzero(self._finite[start:stop])
        after = stop + np.flatnonzero(self._finite[stop:])[:1]
        if not (len(before) and len(inside) and len(after)):
            return False
        frames = np.concatenate([before, inside, after])
        times = self.times[frames]
        if times[-1] - times[0] > MAX_SPAN:
            return False
        kept, crossed = _misfits_inside(self.points[frames], times)
        return bool(np.all(crossed < kept))


def _gain(points: FloatArray, times: FloatArray, sizes: FloatArray, start: int, stop: int) -> float:
    """Body lengths per joint by which a swap from start to stop fits better.

    0 if it does not fit better in every frame, or not `MIN_RATIO` times better in all.
    """
    around = slice(start - 1, stop + 1)
    kept, crossed = _misfits_inside(points[around], times[around])
    if np.any(crossed >= kept) or kept.sum() < MIN_RATIO * crossed.sum():
        return 0.0
    return float(np.mean((kept - crossed) / sizes[start:stop]))


def _usual_misfit(points: FloatArray, times: FloatArray, sizes: FloatArray) -> float:
    """Median distance of (N, 2, 3) points from the lines between their neighbours, body lengths.

    It grows with the detector's noise and with the limb's turning between two frames.
    """
    share = ((times[1:-1] - times[:-2]) / (times[2:] - times[:-2]))[:, None, None]
    lines = points[:-2, :, :2] + share * (points[2:, :, :2] - points[:-2, :, :2])
    kept, _ = _misfit(points[1:-1], lines)
    return float(np.median(kept / sizes[1:-1]))


def _misfits_inside(points: FloatArray, times: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Distances of the inner ones of (N, 2, 3) points from the lines from the first to the last."""
    share = ((times[1:-1] - times[0]) / (times[-1] - times[0]))[:, None, None]
    lines = points[0, :, :2] + share * (points[-1, :, :2] - points[0, :, :2])
    return _misfit(points[1:-1], lines)


def _misfit(points: FloatArray, places: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Distances from the expected positions of left and right, as detected and exchanged.

    Args:
        points: (N, 2, 3) x, y, confidence.
        places: (N, 2, 2) expected positions of left and right.

    Returns:
        Two arrays (N,) in pixels: means over both joints, weighted by their confidence.
    """
    weights = points[..., 2] + np.finfo(np.float64).tiny  # avoids division by zero if both are 0
    weights /= weights.sum(axis=1, keepdims=True)
    kept = np.linalg.norm(points[..., :2] - places, axis=-1)
    crossed = np.linalg.norm(points[..., :2] - places[:, ::-1], axis=-1)
    return (weights * kept).sum(axis=1), (weights * crossed).sum(axis=1)
