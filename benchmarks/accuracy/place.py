"""Size and place: stature and the path of the hips in camera space against the reference."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from benchmarks.accuracy.footage import HIPS, statures
from mbcli.types import FloatArray


@dataclass(frozen=True)
class Place:
    """How far a motion is off in the camera's frame.

    Attributes:
        stature: metres, the median over the frames, by the bones of the limbs.
        stature_error: metres, less the reference's.
        size_spread: standard deviation of the frame's stature over its mean.
        root: mm, mean distance of the middle of the hips.
        root_depth: mm, mean absolute error of its distance from the camera along the axis.
        root_path: mm, mean distance after one translation for the whole clip.
        drift: mm, error of the way from the first to the last half second.
    """

    stature: float
    stature_error: float
    size_spread: float
    root: float
    root_depth: float
    root_path: float
    drift: float


def place(limbs: FloatArray, target: FloatArray, fps: float) -> Place:
    """Compare (T, 12, 3) metres in the camera's frame with the reference's."""
    there = np.isfinite(limbs).all(axis=(1, 2))
    found, true = limbs[there], target[there]
    path, real = (poses[:, list(HIPS)].mean(axis=1) for poses in (found, true))
    away = (path - real) * 1000
    sizes, wanted = statures(found), statures(true)
    half_second = max(1, round(fps / 2))
    drift = away[-half_second:].mean(axis=0) - away[:half_second].mean(axis=0)
    return Place(
        stature=float(np.median(sizes)),
        stature_error=float(np.median(sizes) - np.median(wanted)),
        size_spread=float(sizes.std() / sizes.mean()),
        root=float(np.linalg.norm(away, axis=-1).mean()),
        root_depth=float(np.abs(away[:, 2]).mean()),
        root_path=float(np.linalg.norm(away - away.mean(axis=0), axis=-1).mean()),
        drift=float(np.linalg.norm(drift)),
    )
