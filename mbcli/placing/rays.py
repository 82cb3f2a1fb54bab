"""Smoothing depth along the lines of sight, which keeps positions in the picture."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mbcli.placing.smoothing import smooth_on_the_clock
from mbcli.timeline import Stretch
from mbcli.types import FloatArray

_SIGMA = 0.15  # seconds: removes jumps, keeps steps, of which people take two per second


def steady_depth(root: FloatArray, clock: Sequence[Stretch]) -> FloatArray:
    """Smooth the distance of people, each along their line of sight.

    A single camera measures the position in the picture well and the distance badly, so that
    independent frames jump to and fro.

    Args:
        root: (T, P, 3) metres in the camera's frame, NaN where absent.
        clock: clock of the T frames, see `mbcli.timeline`.

    Returns:
        (T, P, 3) float32; x / z and y / z are unchanged.
    """
    steady = np.array(root, dtype=np.float64)
    for person in range(root.shape[1]):
        depth = steady[:, person, 2]
        seen = np.isfinite(depth) & (depth > 0)
        logarithm = np.where(seen, np.log(np.where(seen, depth, 1.0)), np.nan)
        smoothed = np.exp(smooth_on_the_clock(logarithm, _SIGMA, clock))
        steady[seen, person] *= (smoothed[seen] / depth[seen])[:, None]
    return steady.astype(np.float32)
