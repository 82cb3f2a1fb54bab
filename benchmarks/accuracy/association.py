"""Which person of each view is the same one."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from benchmarks.accuracy.calibration import View
from benchmarks.accuracy.triangulation import misses, solve
from mbcli.errors import InputError
from mbcli.skeleton import H36M17
from mbcli.types import FloatArray

_SAME_PERSON = 0.12  # metres that shoulders and hips may miss their rays by, in the median


def same_person(views: Sequence[View], people: Sequence[FloatArray]) -> tuple[int, ...]:
    """The person of each view that is the same one: of those who fit, who moves most.

    Middles of the shoulders and the hips are compared, which confused sides do not change.

    Args:
        views: V cameras.
        people: for each (T, P, 17, 3) pixels and confidence, NaN where missing.

    Raises:
        InputError: nobody is seen by all the views.
    """
    fits: list[tuple[float, float, tuple[int, ...]]] = []
    for tracks in itertools.product(*(range(seen.shape[1]) for seen in people)):
        pixels = np.stack(
            [_middles(seen[:, who]) for seen, who in zip(people, tracks, strict=True)]
        )
        rays = np.stack(
            [view.rays(seen[..., :2]) for view, seen in zip(views, pixels, strict=True)]
        )
        points = solve(views, rays, np.where(np.isfinite(rays).all(axis=-1), 1.0, 0.0))
        miss = float(np.median(misses(views, rays, points)))
        travel = float(np.nansum(np.linalg.norm(np.diff(points, axis=0), axis=-1)))
        fits.append((miss, travel, tracks))
    chosen: list[tuple[float, float, tuple[int, ...]]] = []
    for fit in sorted(fits):
        apart = all(
            mine != theirs
            for _, _, other in chosen
            for mine, theirs in zip(fit[2], other, strict=True)
        )
        if apart and fit[0] < _SAME_PERSON:
            chosen.append(fit)
    if not chosen:
        raise InputError("no person is seen by all the views; is the calibration theirs?")
    return max(chosen, key=lambda fit: fit[1])[2]


def _middles(body: FloatArray) -> FloatArray:
    """(T, 17, 3) keypoints to (T, 2, 2): between the shoulders, and between the hips."""
    pairs = [
        [H36M17.index(f"{side}_{joint}") for side in ("left", "right")]
        for joint in ("shoulder", "hip")
    ]
    return np.stack([body[:, pair, :2].astype(np.float64).mean(axis=1) for pair in pairs], axis=1)
