"""Which way is up, found from a motion, and the turn to y up.

For each of the six axes: how far head over trunk over feet points along it, in the mean over the
clip; minus the range of the lowest point, as people stay on a floor; plus something if that point
is near zero, where floors are, and a little for the axis that is usual for the format. On 695
recordings of CMU and HDM05, people who lie down among them, the right axis is ahead by 0.2 or more.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mbcli.geometry import unit
from mbcli.types import FloatArray

AXES: dict[str, FloatArray] = {
    sign + name: factor * axis
    for sign, factor in (("", 1.0), ("-", -1.0))
    for name, axis in zip("xyz", np.eye(3), strict=True)
}
"""The names of the six axes, as ``--up`` takes them, and their directions."""

_FLOOR = (-0.03, 0.15)  # shares of the height in which the lowest joint is at a floor at zero
_AT_ZERO = 0.7  # what a floor at zero weighs against a person who stands straight, 1
_STANDS = 0.3  # of 1: below, a floor across a body's unusual axis is a coincidence
_USUAL = 0.3  # what the usual axis weighs; enough for people who lie down half of the time


def find_up(joints: Mapping[str, FloatArray], size: float, usual: str) -> str:
    """The axis that points up.

    Args:
        joints: our joints to (F, 3) in any unit; the limbs at least.
        size: the person's height in that unit.
        usual: the axis that is up in most files of the format.

    Returns:
        A key of ``AXES``.
    """

    def middle(part: str) -> FloatArray:
        return (joints[f"left_{part}"] + joints[f"right_{part}"]) / 2

    hips = middle("hip")
    body = unit(middle("shoulder") - hips) + unit(hips - middle("ankle"))
    upright = body.mean(axis=0) / 2
    everything = np.stack(list(joints.values()), axis=1)  # (F, J, 3)

    def score(name: str) -> float:
        axis = AXES[name]
        lowest = (everything @ axis).min(axis=1)
        low, at, high = np.percentile(lowest, (5, 50, 95))
        stands = name == usual or upright @ axis > _STANDS
        grounded = stands and _FLOOR[0] < at / size < _FLOOR[1]
        moving = min((high - low) / size, 1.0)
        return float(upright @ axis - moving + _AT_ZERO * grounded + _USUAL * (name == usual))

    return max(AXES, key=score)


def turn_up(up: str) -> FloatArray:
    """(3, 3) the turn that leads an axis to +y: about x for y and z, about z for x."""
    axis = AXES[up]
    side = AXES["z"] if up.endswith("x") else AXES["x"]
    return np.array(
        [np.cross(axis, side), axis, side]
        if up.endswith("x")
        else [side, axis, np.cross(side, axis)]
    )
