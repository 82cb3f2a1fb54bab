"""How feet are turned, from toes and heels.

A foot's axes at rest are those of the T-pose: z from the heel to the middle between both toes, x
across towards the person's left, y upwards from the sole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import gaussian_filter1d

from mbcli.geometry import unit
from mbcli.kinematics.bones import known_medians
from mbcli.skeleton import FOOT, Skeleton
from mbcli.types import FloatArray

_SMOOTHING = 0.05  # seconds, standard deviation, as for hinges: toes tremble more than ankles
_SIDES = {"left": 1.0, "right": -1.0}  # sign of the way from the big toe to the small one


@dataclass(frozen=True, eq=False)
class SeenFeet:
    """Feet that were seen.

    Attributes:
        turns: (K, 3, 3) rotation in the world of each ankle, by its name; NaN where it is unknown.
        toes: (3,) metres from an ankle to the middle between both toes, at rest.
    """

    turns: Mapping[str, FloatArray]
    toes: FloatArray


def feet_of(points: FloatArray, skeleton: Skeleton, fps: float) -> SeenFeet | None:
    """The turn of feet over time; None if no foot is ever known.

    Args:
        points: (K, J, 3) metres, NaN where unknown.
        skeleton: of the J joints.
        fps: frames per second.
    """
    turns, toes = {}, []
    for side, sign in _SIDES.items():
        names = [f"{side}_{part}" for part in FOOT]
        if not set(names) <= set(skeleton.joints):
            continue
        big, small, heel = (points[:, skeleton.index(name)] for name in names)
        ankle = points[:, skeleton.index(f"{side}_ankle")]
        middle = (big + small) / 2
        known = np.flatnonzero(np.isfinite(np.concatenate([big, small, heel], -1)).all(-1))
        if not len(known):
            continue
        width = _SMOOTHING * fps
        along, across = (
            gaussian_filter1d(vectors[known], width, axis=0, mode="nearest")
            for vectors in (middle - heel, sign * (small - big))
        )
        z = unit(along)
        x = unit(across - (across * z).sum(-1, keepdims=True) * z)
        turn = np.full((len(points), 3, 3), np.nan)
        turn[known] = np.stack([x, np.cross(z, x), z], axis=-1)
        if not (x.any(-1) & z.any(-1)).all():  # joints that fall together
            continue
        turns[f"{side}_ankle"] = turn
        toes.append(np.einsum("kji,kj->ki", turn[known], (middle - ankle)[known]))
    if not turns:
        return None
    # Both feet are alike: straight ahead, as far, and as far below the ankle.
    return SeenFeet(turns, known_medians(np.concatenate(toes)) * [0, 1, 1])
