"""What of a made motion no person does."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mbcli.types import FloatArray
from research.postures.body import FPS, SIDES, at, axes
from research.postures.limbs import FLEXED, flexion
from research.postures.posture import FLOOR

# Of the thigh against the straight line of the trunk, which bends with the hip, degrees: wider
# than what a hip alone does (Norkin and White: 120 flexed, 20 extended, 40 out, 20 in).
_HIP = (-60.0, 165.0)
_OUTWARD = (-50.0, 80.0)
_ASIDE = 55.0  # a thigh farther to the side than this has no flexion
_THROUGH = 0.04  # metres of a joint below where it rests: clothes and carpets give way
# Of a joint: half of what the quickest recordings reach (`mbcli.data.stores.quality`).
_SPEED = 7.0  # m/s
_ACCELERATION = 250.0  # m/s2


@dataclass(frozen=True)
class Fault:
    """Something that is wrong.

    Attributes:
        kind: in a few words.
        worst: how bad, in the kind's unit.
    """

    kind: str
    worst: float


def faults(body: FloatArray) -> list[Fault]:
    """What no person does in a motion (F, 21, 3) at `FPS`, floor at 0; empty if it is sound."""
    found: list[Fault] = []

    def check(kind: str, values: FloatArray, low: float, high: float) -> None:
        for worst, wrong in (
            (values.min(), values.min() < low),
            (values.max(), values.max() > high),
        ):
            if wrong:
                found.append(Fault(kind, float(worst)))

    pelvis = axes(
        at(body, "left_hip") - at(body, "right_hip"), at(body, "spine") - at(body, "pelvis")
    )
    for side, out in zip(SIDES, (1.0, -1.0), strict=True):
        hip, knee, ankle = (at(body, f"{side}_{j}") for j in ("hip", "knee", "ankle"))
        thigh = np.einsum("fji,fj->fi", pelvis, knee - hip)
        thigh /= np.linalg.norm(thigh, axis=-1, keepdims=True)
        outward = np.degrees(np.arcsin(np.clip(out * thigh[:, 0], -1, 1)))
        flexed = np.degrees(np.arctan2(thigh[:, 2], -thigh[:, 1]))
        check("hip flexion", np.where(np.abs(outward) < _ASIDE, flexed, 0.0), *_HIP)
        check("leg outwards", outward, *_OUTWARD)
        check("knee flexion", flexion(knee - hip, ankle - knee), 0.0, FLEXED["knee"] + 1)
    for joint, least in FLOOR.items():
        for name in (joint,) if joint == "head" else (f"left_{joint}", f"right_{joint}"):
            check(f"{joint} in the floor", at(body, name)[:, 1], least - _THROUGH, np.inf)
    speed = np.linalg.norm(np.diff(body, axis=0), axis=-1) * FPS
    check("speed", speed, 0.0, _SPEED)
    turns = np.linalg.norm(np.diff(body, n=2, axis=0), axis=-1) * FPS**2
    check("acceleration", turns, 0.0, _ACCELERATION)
    return found
