"""Depth made steady along the lines of sight, so that the place in the picture stays."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mbcli.placing.smoothing import smooth_on_the_clock
from mbcli.timeline import Stretch
from mbcli.types import FloatArray

_SIGMA = 0.15  # seconds: takes out what jumps, keeps steps, of which people make two a second


def steady_depth(root: FloatArray, clock: Sequence[Stretch]) -> FloatArray:
    """Smooth how far away people are, each along the ray on which they are seen.

    A single camera tells the place in the picture well and the distance badly, so that frames
    taken one by one jump to and fro.

    Args:
        root: (T, P, 3) metres in the camera's frame, NaN where absent.
        clock: of the T frames, see `mbcli.timeline`.

    Returns:
        (T, P, 3) float32; x / z and y / z are as before.
    """
    steady = np.array(root, dtype=np.float64)
    for person in range(root.shape[1]):
        depth = steady[:, person, 2]
        seen = np.isfinite(depth) & (depth > 0)
        logarithm = np.where(seen, np.log(np.where(seen, depth, 1.0)), np.nan)
        smoothed = np.exp(smooth_on_the_clock(logarithm, _SIGMA, clock))
        steady[seen, person] *= (smoothed[seen] / depth[seen])[:, None]
    return steady.astype(np.float32)
