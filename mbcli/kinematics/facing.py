"""Where a body faces."""

from __future__ import annotations

import numpy as np

from mbcli.geometry import unit
from mbcli.skeleton import Skeleton
from mbcli.types import FloatArray


def facing(body: FloatArray, skeleton: Skeleton) -> FloatArray:
    """(..., 2) unit vectors to the right and away, square to the hips and shoulders of a body.

    Args:
        body: (..., J, 3) metres; x right, y down, z away.
        skeleton: of the J joints.
    """
    at = skeleton.index
    parts = ("hip", "shoulder")
    left = np.sum(
        [body[..., at(f"left_{part}"), :] - body[..., at(f"right_{part}"), :] for part in parts],
        axis=0,
    )
    ahead = np.stack([left[..., 2], -left[..., 0]], axis=-1)
    known = ahead.any(axis=-1, keepdims=True)
    return np.asarray(unit(np.where(known, ahead, [0.0, -1.0])))
