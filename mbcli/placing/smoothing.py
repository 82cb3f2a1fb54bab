"""A zero-lag smoother for one number over time that ignores outliers."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from mbcli.timeline import Stretch
from mbcli.types import FloatArray

_PASSES = 3  # the first, and two that down-weight outliers: as in Cleveland
_TUNING = 2.0  # robust standard deviations; 1 in 20 normal errors is down-weighted


def smooth(values: FloatArray, sigma: float) -> FloatArray:
    """Robust local linear regression with a Gaussian window (Cleveland 1979, Gaussian for tricube).

    A straight line is fitted around each frame, symmetrically, so that neither the ends of a
    track nor a steady change are pulled towards the past. Frames whose residual is large for
    the track (more than 2 robust standard deviations) are down-weighted in proportion.

    Args:
        values: (T,), NaN where unknown.
        sigma: width of the window in frames.

    Returns:
        (T,) float64, NaN exactly where ``values`` is.
    """
    known = np.isfinite(values)
    if not known.any():
        return np.full(len(values), np.nan)
    filled: FloatArray = np.where(known, values, 0.0).astype(np.float64)
    weights: FloatArray = known.astype(np.float64)
    result = filled
    for _ in range(_PASSES):
        result = _local_lines(filled, weights, sigma)
        residual = np.abs(filled - result)
        spread = 1.4826 * float(np.median(residual[known]))
        limit = max(_TUNING * spread, np.finfo(np.float64).tiny)
        weights = known * limit / np.maximum(residual, limit)
    return np.where(known, result, np.nan)


def smooth_on_the_clock(values: FloatArray, sigma: float, clock: Sequence[Stretch]) -> FloatArray:
    """Apply `smooth` in seconds, to each stretch of the clip, with dropped frames left empty.

    Args:
        values: (T,), NaN where unknown.
        sigma: width of the window in seconds.
        clock: clock of the T frames.

    Returns:
        (T,) float64, NaN exactly where ``values`` is.
    """
    parts = [smooth(s.spread(values), sigma * s.fps)[s.slots] for s in clock]
    return np.concatenate(parts) if parts else np.empty(0)


def _local_lines(values: FloatArray, weights: FloatArray, sigma: float) -> FloatArray:
    """The weighted line around each frame, evaluated there; 0 where nothing is near."""
    # Rounded first: a rate that was computed from time stamps is 30.000000000000004.
    reach = min(math.ceil(round(3 * sigma, 6)), max(len(values) - 1, 0))
    offsets = np.arange(-reach, reach + 1, dtype=np.float64)
    kernel = np.exp(-0.5 * (offsets / sigma) ** 2)
    near = sliding_window_view(np.pad(weights, reach), len(offsets))
    near_values = sliding_window_view(np.pad(weights * values, reach), len(offsets))
    s0, s1, s2 = (near @ (kernel * offsets**k) for k in range(3))
    y0, y1 = (near_values @ (kernel * offsets**k) for k in range(2))
    # With all weight on one frame the slope is undetermined: the mean remains.
    determinant = s0 * s2 - s1**2
    line = determinant > 1e-6 * s0**2
    mean = np.divide(y0, s0, out=np.zeros_like(y0), where=s0 > 0)
    return np.divide(s2 * y0 - s1 * y1, determinant, out=mean, where=line)
