"""The focal length that walking people show: they mostly look where they go.

With a focal length that is too long everybody is too far away, and ways lead too far into depth,
while bodies face where they did. How far somebody looks aside of their way is known to within some
degrees only, so it takes several people who walk at a slant to tell a focal length.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from mbcli.kinematics.facing import facing
from mbcli.skeleton import Skeleton
from mbcli.spans import PerPerson
from mbcli.types import FloatArray

# Radians between where lifted people face and where they go, over a walk: 5.1 and 5.4 degrees (root
# mean square, without those beyond 30) of people in CMU recordings, with MoveNet's errors.
_ASIDE = float(np.radians(5.3))
# Share of the pieces in which people go sideways or backwards. In recordings of basketball it is
# more, in those of walks none.
_OTHERS = 0.15
_FAST = 0.6  # metres a second; slower people shuffle and turn
_PIECE = 1.0  # seconds: a step of either foot
_FACTORS = np.linspace(-1.0, 1.0, 201)  # logarithms of what is tried


def walked_focal(
    bodies: PerPerson,
    times: FloatArray,
    shots: Sequence[slice],
    skeleton: Skeleton,
    doubt: float,
) -> tuple[float, float]:
    """By what the focal length that people were placed with is to be multiplied, and its doubt.

    The mean of the logarithm over all that is possible: the angles between where people face and
    where they go, for each person over pieces of a second, are normal with outliers. What is said
    of the lens beforehand counts as one more measurement.

    Args:
        bodies: (T, P, J, 3) metres in the axes of a camera that stays in place, NaN where absent.
            Lifters that answer along the line of sight give them.
        times: (T,) seconds.
        shots: the frames of each shot.
        skeleton: of the J joints.
        doubt: relative standard error of the focal length they were placed with.

    Returns:
        The factor, and its relative standard error, which is ``doubt`` if nobody walks.
    """
    cost = (_FACTORS / doubt) ** 2
    for column in range(len(bodies.spans)):
        frames = bodies.spans.frames_of(column)
        pieces = list(_pieces(bodies[column], times[frames], frames.start, shots))
        if pieces:
            cost = cost + np.mean([_cost(*piece, skeleton) for piece in pieces], axis=0)
    chance = np.exp(-0.5 * (cost - cost.min()))
    chance /= chance.sum()
    mean = float(chance @ _FACTORS)
    return float(np.exp(mean)), float(np.sqrt(chance @ (_FACTORS - mean) ** 2))


def _pieces(
    body: FloatArray, times: FloatArray, first: int, shots: Sequence[slice]
) -> Iterator[tuple[FloatArray, FloatArray]]:
    """Stretches of about a second: (n, J, 3) metres and (n,) seconds."""
    there = np.flatnonzero(np.isfinite(body).all(axis=(1, 2)))
    for shot in shots:
        rows = there[(there + first >= shot.start) & (there + first < shot.stop)]
        if len(rows) < 2:
            continue
        since = times[rows] - times[rows[0]]
        count = max(1, int(since[-1] / _PIECE))
        number = np.minimum((since / since[-1] * count).astype(int), count - 1)
        for piece in range(count):
            mine = rows[number == piece]
            if len(mine) > 1 and np.ptp(times[mine]) >= _PIECE / 2:
                yield body[mine].astype(np.float64), times[mine]


def _cost(body: FloatArray, times: FloatArray, skeleton: Skeleton) -> FloatArray:
    """(G,) minus twice the logarithm of the likelihood of each factor, up to a constant."""
    root, factors = body[:, skeleton.root], np.exp(_FACTORS)
    speed: FloatArray = np.polyfit(times - times.mean(), root, 1)[0]
    x, _, z = np.median(root, axis=0)
    right, away = np.moveaxis(facing(body, skeleton).sum(axis=0), -1, 0)
    # Lifted along the line of sight, a body turns with it.
    turned = np.arctan2(x, factors * z) - np.arctan2(x, z)
    aside = np.arctan2(speed[0], factors * speed[2]) - np.arctan2(right, away) - turned
    aside = (aside + np.pi) % (2 * np.pi) - np.pi
    ahead = np.exp(-0.5 * (aside / _ASIDE) ** 2) / (np.sqrt(2 * np.pi) * _ASIDE)
    fast = np.hypot(speed[0], factors * speed[2]) >= _FAST
    chance = np.where(fast, (1 - _OTHERS) * ahead, 0.0) + _OTHERS / (2 * np.pi)
    return np.asarray(-2 * np.log(chance))
