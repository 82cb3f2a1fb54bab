"""Heel strikes and toe offs (Zeni, Richards and Higginson 2008, Gait & Posture 27, 710).

A heel strikes the floor when it is furthest ahead of the pelvis along the direction of walking, and
toes leave it when they are furthest behind. Without heels and toes, both are read from the ankle.
How far away a body is, which a single camera measures badly, does not matter: joints are taken
relative to the pelvis. Events lie between frames, at the top of a parabola through three of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.signal import find_peaks

from mbcli.kinematics.foot_angles import walking_direction
from mbcli.motion import Motion3D
from mbcli.timeline import runs, stretches
from mbcli.types import FloatArray

SIDES = ("right", "left")
# How far a foot must swing to make a step: half of the shortest steps of walking people, and far
# above the trembling of joints.
_SWING = 0.15  # metres


@dataclass(frozen=True, eq=False)
class FootEvents:
    """Heel strikes and toe offs of one foot while the person walks without a pause.

    Attributes:
        side: ``"right"`` or ``"left"``.
        strikes: heel strikes in frames and fractions of them, in order.
        offs: toe offs, likewise.
    """

    side: str
    strikes: tuple[float, ...]
    offs: tuple[float, ...]


def read_from(motion: Motion3D) -> str:
    """The joints that show the events of a motion, in words."""
    return "heel and big toe" if "left_heel" in motion.skeleton.joints else "ankle"


def gait_events(motion: Motion3D) -> list[FootEvents]:
    """The events of the only person of ``motion``: of each foot, one for each walk.

    A walk is a run of frames in which the person is present and walks (0.3 m/s or more).
    """
    at, points = motion.skeleton.index, motion.in_world[:, 0]
    pelvis = points[:, at("pelvis")]
    ahead = walking_direction(pelvis, motion.timestamps)
    feet = read_from(motion) != "ankle"
    found = []
    for part in stretches(motion.timestamps, motion.fps):
        frames = slice(part.start, part.stop)
        for start, stop in runs(np.asarray(np.isfinite(ahead[frames]).all(axis=-1))):
            walk = slice(part.start + start, part.start + stop)
            for side in SIDES:
                heel, toe = (
                    _peaks(_forward(points[walk, at(joint)] - pelvis[walk], ahead[walk]) * sign)
                    for joint, sign in (
                        (f"{side}_heel" if feet else f"{side}_ankle", 1.0),
                        (f"{side}_big_toe" if feet else f"{side}_ankle", -1.0),
                    )
                )
                found.append(
                    FootEvents(side, *(tuple(walk.start + n for n in some) for some in (heel, toe)))
                )
    return found


def _forward(offset: FloatArray, ahead: FloatArray) -> FloatArray:
    """(T,) metres ahead of the pelvis."""
    return np.asarray((offset * ahead).sum(axis=-1))


def _peaks(values: FloatArray) -> list[float]:
    """Positions of the peaks that stand out by a swing of the foot."""
    if not np.isfinite(values).all():
        return []
    peaks = find_peaks(values, prominence=_SWING)[0]
    rise, fall = values[peaks] - values[peaks - 1], values[peaks] - values[peaks + 1]
    # Both are 0 in the middle of a level top.
    shift = np.divide(
        rise - fall, 2 * (rise + fall), out=np.zeros(len(peaks)), where=rise + fall > 0
    )
    found: list[float] = (peaks + shift).tolist()
    return found
