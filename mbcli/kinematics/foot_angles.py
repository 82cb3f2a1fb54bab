"""Flexion of the ankle and foot progression, and the direction in which a person walks.

A foot's long axis leads from the heel to the middle between big and small toe.
"""

from __future__ import annotations

import numpy as np

from mbcli.geometry import unit
from mbcli.types import FloatArray

# Two directions within 10 degrees of each other do not define a reliable plane.
SINGULAR = float(np.sin(np.radians(10)))
# Somebody who moves more slowly stands: even those who after a stroke walk at home only reach up to
# 0.4 m/s (Perry et al. 1995, Stroke 26, 982).
_SLOWEST = 0.3  # metres per second
_STRIDE = 1.0  # seconds, about a stride, over which the body's sway cancels out
_SHORTEST = 0.2  # seconds, the least time from which a direction is read


def ankle_flexion(long_axis: FloatArray, shank: FloatArray) -> FloatArray:
    """(...) degrees, -90..90, by which the toes are raised from a right angle with the shank.

    It does not depend on the rotation of the shank about itself, which joints do not show.

    Args:
        long_axis: (..., 3) from the heel to the toes.
        shank: (..., 3) from the ankle to the knee.
    """
    cosine = (unit(long_axis, np.nan) * unit(shank, np.nan)).sum(axis=-1)
    return np.degrees(np.arcsin(np.clip(cosine, -1.0, 1.0)))


def foot_progression(long_axis: FloatArray, ahead: FloatArray, sign: float) -> FloatArray:
    """(...) degrees, -180..180, by which a foot points inwards of the direction of walking.

    NaN while the foot is within 10 degrees of vertical.

    Args:
        long_axis: (..., 3) from the heel to the toes, in axes whose y points up.
        ahead: (..., 3) direction of walking in the same axes; NaN where nobody walks.
        sign: 1 for the right foot, -1 for the left one.
    """
    foot = unit(long_axis, np.nan)
    across = foot[..., 0] * ahead[..., 2] - foot[..., 2] * ahead[..., 0]
    along = foot[..., 0] * ahead[..., 0] + foot[..., 2] * ahead[..., 2]
    turned = sign * np.degrees(np.arctan2(across, along))
    return np.where(np.hypot(foot[..., 0], foot[..., 2]) > SINGULAR, turned, np.nan)


def walking_direction(pelvis: FloatArray, times: FloatArray) -> FloatArray:
    """(T, 3) unit vectors, the level direction in which a person walks at each time.

    It is that of the way from half a second before to half a second after, within the track. NaN
    where the person is absent, or slower than 0.3 m/s on this way.

    Args:
        pelvis: (T, 3) metres in a world whose y is vertical; NaN where absent.
        times: (T,) seconds.
    """
    ahead = np.full(pelvis.shape, np.nan)
    there = np.isfinite(pelvis).all(axis=-1)
    if not there.any():
        return ahead
    known, places = times[there], pelvis[there] * [1.0, 0.0, 1.0]
    ends = [np.clip(known + shift, known[0], known[-1]) for shift in (-_STRIDE / 2, _STRIDE / 2)]
    before, after = (
        np.stack([np.interp(end, known, places[:, axis]) for axis in range(3)], axis=-1)
        for end in ends
    )
    lasts = ends[1] - ends[0]
    way = after - before
    walks = (lasts >= _SHORTEST) & (np.linalg.norm(way, axis=-1) >= _SLOWEST * lasts)
    ahead[there] = np.where(walks[:, None], unit(way), np.nan)
    return ahead
