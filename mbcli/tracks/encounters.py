"""Detection of identity switches: tracks that exchanged their people in an encounter.

A tracker decides frame by frame. Where one person hides another, a box matches both, and a track
may continue on the other person. The seconds before and after reveal it: people keep their clothes
and direction of motion.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from mbcli.types import FloatArray

_BESIDE = 0.7  # seconds to compare before and after an encounter
_FEWEST = 4  # frames needed for a velocity
# Body lengths between two people who are clear of each other; nearer, they hide each other. People
# who walk past or overtake are seen from the side, a third of a body length wide; people who shake
# hands are further apart. Of composited encounters (`research.crossings`) 0.5 leaves out those that
# take up most of a clip.
_APART = 0.3
_LONGEST = 3.0  # seconds of an encounter; after more, motion is unpredictable
_OFF = 1.5  # body lengths at which the error of a prediction is capped
_TURN = 0.5  # seconds: weight of a change of velocity relative to an error of position
_COLOUR = 25.0  # CIE76 difference between clothes that counts as much as a body length ...
_OTHER = 2.0  # ... up to this many, which outweighs people who turn back at a run
_MARGIN = 0.4  # body lengths by which an exchange must fit better than no exchange


@dataclass(frozen=True, eq=False)
class Path:
    """A person's path through the clip.

    Attributes:
        times: (N,) seconds.
        places: (N, 2) centre of the body in pixels.
        size: body length in pixels.
        looks: (N, 6) colours, see `mbcli.tracks.looks`; NaN where unknown.
    """

    times: FloatArray
    places: FloatArray
    size: float
    looks: FloatArray


def exchange_time(first: Path, second: Path) -> float | None:
    """When two tracks exchanged their people, in seconds; None if they did not.

    If they did in several encounters, the first one is returned.
    """
    size = (first.size + second.size) / 2
    shared, mine, yours = np.intersect1d(first.times, second.times, return_indices=True)
    if len(shared) < 2 * _FEWEST:
        return None
    step = float(np.median(np.diff(shared)))
    away = np.linalg.norm(first.places[mine] - second.places[yours], axis=-1) / size
    clear = np.flatnonzero(away > _APART)
    for left, right in pairwise(clear.tolist()):
        start, end = float(shared[left]), float(shared[right])
        met = right > left + 1
        unseen = end - start > 3.5 * step
        if not (met or unseen) or end - start > _LONGEST:
            continue
        gain = _gain(first, second, start, end, size)
        if gain is not None and gain > _MARGIN:
            between = slice(left, right + 1)
            return float(shared[between][np.argmin(away[between])]) if met else (start + end) / 2
    return None


def _gain(first: Path, second: Path, start: float, end: float, size: float) -> float | None:
    """By how many body lengths an exchange fits the later paths better; None if unknown."""
    ends = [
        (_Side.of(path, start - _BESIDE, start), _Side.of(path, end, end + _BESIDE))
        for path in (first, second)
    ]
    (a, a_after), (b, b_after) = ends
    if a is None or b is None or a_after is None or b_after is None:
        return None
    kept = a.unlike(a_after, size) + b.unlike(b_after, size)
    exchanged = a.unlike(b_after, size) + b.unlike(a_after, size)
    return kept - exchanged


@dataclass(frozen=True, eq=False)
class _Side:
    """A person before or after an encounter: mean time and position, velocity, colours."""

    time: float
    place: FloatArray
    velocity: FloatArray
    looks: FloatArray

    @classmethod
    def of(cls, path: Path, begin: float, end: float) -> _Side | None:
        near = (path.times >= begin - 1e-6) & (path.times <= end + 1e-6)
        if np.count_nonzero(near) < _FEWEST:
            return None
        times, places = path.times[near], path.places[near]
        middle = float(times.mean())
        slope = ((times - middle) @ (places - places.mean(axis=0))) / ((times - middle) ** 2).sum()
        known = np.isfinite(path.looks[near])
        total = np.where(known, path.looks[near], 0).sum(axis=0)
        looks = np.divide(
            total, known.sum(axis=0), out=np.full(len(total), np.nan), where=known.any(axis=0)
        )
        return cls(middle, places.mean(axis=0), slope, looks)

    def unlike(self, later: _Side, size: float) -> float:
        """Dissimilarity of ``later``, in body lengths, as evidence for another person."""
        passed = later.time - self.time
        mean = (self.velocity + later.velocity) / 2
        off = float(np.linalg.norm(self.place + mean * passed - later.place)) / size
        turn = float(np.linalg.norm(later.velocity - self.velocity)) / size
        apart = (self.looks - later.looks).reshape(2, 3)
        colours = np.linalg.norm(apart, axis=-1) / _COLOUR
        clothes = float(np.nanmean(colours)) if np.isfinite(colours).any() else 0.0
        return min(off, _OFF) + _TURN * turn + min(clothes, _OTHER)
