"""The feet of a recording: heel, big toe and small toe, from its ankles and toe joints.

Recordings have a joint between foot and toes, but no heel and no single toe. Those are placed by
the shape of a mean foot: points of the open body model Anny, means over 54 adults, as shares of
stature. A sole is level where the foot is planted, however the recording places its joints.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mbcli.geometry import unit
from mbcli.kinematics.bones import distances
from mbcli.skeleton import BODY21, FEET
from mbcli.types import FloatArray

BoolArray = npt.NDArray[np.bool_]

# Forward, up and outward of the ankle joint, of a foot that stands.
_HEEL = (-0.031, -0.034, 0.0)
_BALL = (0.082, -0.029, 0.0)
# The same of the ball of the foot.
_TIPS = {"big_toe": (0.035, -0.0065, -0.015), "small_toe": (0.014, -0.0065, 0.025)}
_LEG = 0.491  # hip to ankle over stature: 0.530 - 0.039 of Drillis and Contini (1966)
_LEGS = [(f"left_{a}", f"left_{b}") for a, b in (("hip", "knee"), ("knee", "ankle"))]
_STILL = 0.2  # m/s of the ankle of a planted foot: in walking, it swings at 1 to 4
_LOW = 0.03  # metres above the lowest tenth of its heights at which an ankle may be planted


@dataclass(frozen=True, eq=False)
class Toes:
    """What a file says of one foot; directions in its axes.

    Attributes:
        along: (F, 3) from the ankle to the toe joint.
        left: (F, 3) leftwards across the foot, by its rotation; None: the shank says it.
        tip: (F, 3) from the toe joint to the tip of the toes; None: as the foot.
    """

    along: FloatArray
    left: FloatArray | None = None
    tip: FloatArray | None = None

    def turned(self, turn: FloatArray) -> Toes:
        """In other axes of the world."""
        left, tip = self.left, self.tip
        return replace(
            self,
            along=self.along @ turn.T,
            left=None if left is None else left @ turn.T,
            tip=None if tip is None else tip @ turn.T,
        )


def feet_of(body: FloatArray, toes: Mapping[str, Toes], fps: float) -> FloatArray:
    """Place heels and toes.

    Args:
        body: (F, 21, 3) metres, y up.
        toes: of both sides, in the axes of ``body``.
        fps: frames per second.

    Returns:
        (F, 6, 3) the joints ``FEET``; NaN where an ankle is missing.
    """
    stature = float(np.nanmedian(distances(body, BODY21, _LEGS).sum(axis=-1))) / _LEG
    feet = np.full((len(body), len(FEET), 3), np.nan)
    for side, outward in (("left", 1.0), ("right", -1.0)):
        ankle, one = body[:, BODY21.index(f"{side}_ankle")], toes[side]
        shank = unit(body[:, BODY21.index(f"{side}_knee")] - ankle)
        across = np.cross(shank, one.along) if one.left is None else one.left
        planted = _planted(ankle, fps)
        sole = _levelled(one.along, across, planted, _BALL)
        front = sole if one.tip is None else _levelled(one.tip, across, planted, (1.0, 0.0, 0.0))
        ball = ankle + stature * (sole @ np.array(_BALL))
        points = {"heel": (ankle, sole, _HEEL), **{n: (ball, front, p) for n, p in _TIPS.items()}}
        for name, (start, axes, (forward, up, out)) in points.items():
            at = np.array([forward, up, outward * out])
            feet[:, FEET.index(f"{side}_{name}")] = start + stature * (axes @ at)
    return feet


def _planted(ankle: FloatArray, fps: float) -> BoolArray:
    """(F,) whether the foot of an ankle (F, 3) stands."""
    height = ankle[:, 1]
    speed = np.linalg.norm(np.gradient(ankle, axis=0), axis=-1) * fps if len(ankle) > 1 else height
    return np.asarray((speed < _STILL) & (height < np.nanquantile(height, 0.1) + _LOW))


def _levelled(
    along: FloatArray, across: FloatArray, planted: BoolArray, usual: tuple[float, float, float]
) -> FloatArray:
    """Axes of a foot whose sole is level where it stands.

    Args:
        along: (F, 3) a direction that the foot carries forward.
        across: (F, 3) roughly leftwards.
        planted: (F,) where the foot stands.
        usual: forward and up of ``along`` in a foot that stands, for one that never does.

    Returns:
        (F, 3, 3) columns forward, up and left.
    """
    left = unit(across - (across * along).sum(-1, keepdims=True) * along)
    up = np.cross(along, left)
    stands = planted & (up[:, 1] > 0)

    def level(ahead: FloatArray, above: FloatArray, otherwise: float) -> tuple[FloatArray, ...]:
        """Turn two axes in their plane so that the first is level where the foot stands."""
        rise = np.arctan2(-ahead[:, 1], above[:, 1])
        angle = float(np.median(rise[stands])) if stands.any() else otherwise
        c, s = np.cos(angle), np.sin(angle)
        return c * ahead + s * above, c * above - s * ahead

    forward, up = level(along, up, np.arctan2(-usual[1], usual[0]))
    left, up = level(left, up, 0.0)
    return np.stack([forward, up, left], axis=-1)
