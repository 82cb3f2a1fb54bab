"""Human bone lengths for figures with other proportions; bone directions are kept."""

from __future__ import annotations

import numpy as np

from mbcli.geometry import unit
from mbcli.kinematics.bones import distances
from mbcli.skeleton import BODY21
from mbcli.types import FloatArray

# Distance of each joint from its parent as a share of the leg from hip to ankle: medians over the
# 40 people of CMU's and HDM05's recordings, as read by `mbcli data import`.
_BY_LEG = {
    "hip": 0.109,
    "knee": 0.481,
    "ankle": 0.519,
    "spine": 0.305,
    "thorax": 0.305,
    "shoulder": 0.222,
    "elbow": 0.350,
    "wrist": 0.232,
}
_SKULL_BY_LEG = 0.16  # from the thorax to the head's centre of rotation; the head joint is 0.11 up
_NEAR = 0.05  # metres by which a foot must be higher than the other to get a third of its weight
_SIDES = ("left", "right")
_LEGS = [
    (f"{side}_{a}", f"{side}_{b}")
    for side in _SIDES
    for a, b in (("hip", "knee"), ("knee", "ankle"))
]
_ANKLES = [BODY21.index(f"{side}_ankle") for side in _SIDES]
_THORAX = BODY21.index("thorax")


def with_human_lengths(body: FloatArray, skull: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Give each bone below the head the length that it has in people with legs of this length.

    The figure is moved so that its supporting foot keeps its position; two feet at equal height
    count half each.

    Args:
        body: (F, 21, 3) metres, y up, head and face not yet placed.
        skull: (F, 3) the joint that rotates with the head.

    Returns:
        Both, with the new lengths.
    """
    leg = float(np.nanmedian(distances(body, BODY21, _LEGS).sum(axis=-1))) / 2
    result = np.array(body)
    for joint, (name, parent) in enumerate(zip(BODY21.joints, BODY21.parents, strict=True)):
        length = _BY_LEG.get(name.removeprefix("left_").removeprefix("right_"))
        if length is not None:
            along = unit(body[:, joint] - body[:, parent])  # (F, 3)
            result[:, joint] = result[:, parent] + leg * length * along
    neck = leg * _SKULL_BY_LEG * unit(skull - body[:, _THORAX])  # (F, 3)
    height = body[:, _ANKLES, 1]  # (F, 2)
    weight = np.exp((height.min(axis=1, keepdims=True) - height) / _NEAR)
    weight /= weight.sum(axis=1, keepdims=True)
    moved = ((body - result)[:, _ANKLES] * weight[..., None]).sum(axis=1)  # (F, 3)
    return result + moved[:, None], result[:, _THORAX] + neck + moved
