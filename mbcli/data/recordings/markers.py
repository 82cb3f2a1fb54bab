"""Joint centres from the markers on a person's skin, for marker sets that are known.

Plug-in Gait, CMU's and HDM05's 41, OpenSim's, and sets with markers on both sides of the joints
(Leardini et al. 2007, IOR; CAST): told by pelvis markers, with the names of ``_MARKERS``.

- Hips: Harrington et al. 2007 (J. Biomech. 40:595-602), from the width and depth of the pelvis.
- Shoulders: Rab et al. 2002 (Gait & Posture 15:113-119), 17 % of the distance between the acromia
  below them.
- Knees, ankles, elbows: between the markers on both sides; with the outer one only, half a breadth
  inwards along the axis about which the limb bends, and while it is straight, the pelvis's.
- Wrists: between their markers. The head is turned as its four markers are, at their level.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import numpy as np

from mbcli.data.recordings.figure import Figure
from mbcli.data.recordings.heads import Head
from mbcli.data.recordings.names import SIDES, bare
from mbcli.data.recordings.units import find_unit, height_of
from mbcli.errors import DataError
from mbcli.geometry import unit
from mbcli.types import FloatArray

# Names without separators, in capitals; # stands for the side, L or R.
_MARKERS: dict[str, tuple[str, ...]] = {
    "asis": ("#ASI", "#ASIS", "#FWT", "#IAS"),
    "psis": ("#PSI", "#PSIS", "#BWT", "#IPS"),
    "knee": ("#KNE", "#KNEE", "#KNEELAT", "#FLE", "#LFE", "#LE", "#KNL"),
    "knee_inner": ("#KNM", "#KNEM", "#MKNE", "#MKNEE", "#KNEEMED", "#FME", "#MFE", "#ME"),
    "ankle": ("#ANK", "#ANKLE", "#ANKLELAT", "#FAL", "#LMAL", "#LM"),
    "ankle_inner": (
        *("#MED", "#ANM", "#ANKM", "#MANK", "#MANKLE", "#ANKLEMED", "#TAM", "#MMAL"),
        *("#MM", "#MMA"),
    ),
    "shoulder": ("#SHO", "#SHOULDER", "#ACR", "#AC", "#ACROMIUM", "#ACROMION", "#SAE"),
    "elbow": ("#ELB", "#ELBOW", "#ELBOWLAT", "#LELBOW", "#ELBL", "#HLE", "#LEL"),
    "elbow_inner": ("#ELBM", "#ELBOWMED", "#MELBOW", "#MELB", "#HME", "#MEL"),
    "wrist": ("#WRA", "#WRIST", "#WRISTLAT", "#LWRIST", "#IWR", "#RSP", "#WRI"),
    "wrist_inner": ("#WRB", "#WRISTMED", "#MWRIST", "#OWR", "#USP"),
    "forehead": ("#FHD",),
    "occiput": ("#BHD",),
}
_SACRUM = ("SACR", "SACRUM", "VSACRAL", "SACRAL")
_IDLE = ("STUDY",)  # of OpenCap's names

# Metres, of adults with legs of ``_LEG``: what callipers measure for Plug-in Gait, rounded.
_BREADTHS = {"knee": 0.10, "ankle": 0.07, "elbow": 0.07}
_LEG = 0.83
_ROUNDS = 5  # the axis moves the joints from which it comes; it stands still after four
_STRAIGHT = 0.1  # weight of the pelvis's axis against the sine of the angle by which a limb bends


def marker_figure(
    names: Sequence[str], places: FloatArray, fps: float, word: float | None
) -> tuple[Figure, str] | None:
    """Joint centres by a known marker set.

    Args:
        names: of N points.
        places: (F, N, 3) in the file's unit, NaN where missing.
        fps: frames per second.
        word: metres per unit by the file's word, or None.

    Returns:
        The figure in the unit of the file, and a note; None without markers of a pelvis.

    Raises:
        DataError: it is a marker set, but lacks markers of other joints.
    """
    at = _found(names, places)
    if not {"L_asis", "R_asis"} <= {*at} or not ({"L_psis", "R_psis"} <= {*at} or "sacrum" in at):
        return None
    needed = [
        f"{s}_{part}" for part in ("knee", "ankle", "shoulder", "elbow", "wrist") for s in "LR"
    ]
    if missing := [name for name in needed if name not in at]:
        raise DataError(
            f"a marker set must have {', '.join(missing)}, which no label means: name joint "
            f"centres with --joint-map THEIRS=OURS,...; got {', '.join(map(bare, names))}"
        )
    rough = {
        f"{side}_{ours}": at[f"{side[0].upper()}_{theirs}"]
        for side in SIDES
        for ours, theirs in (("hip", "asis"), ("knee", "knee"), ("ankle", "ankle"))
    }
    rough["skull"] = (at["L_shoulder"] + at["R_shoulder"]) / 2 + 0.15 * (
        at["L_shoulder"] + at["R_shoulder"] - at["L_asis"] - at["R_asis"]
    )
    seen = np.logical_and.reduce([np.isfinite(place).all(-1) for place in rough.values()])
    if not seen.any():
        raise DataError("a frame must hold the markers of all joints, got none")
    metres = find_unit(height_of({n: p[seen] for n, p in rough.items()}), word).metres
    joints, head = _centres({name: metres * place for name, place in at.items()})
    joints = {name: place / metres for name, place in joints.items()}
    note = "joint centres were computed from skin markers"
    return Figure(joints, head.turned(np.eye(3), 1 / metres), fps, unit=word), note


def _found(names: Sequence[str], places: FloatArray) -> dict[str, FloatArray]:
    """Markers by the keys of ``_MARKERS`` with ``L_`` and ``R_`` before them."""
    plain = [re.sub(r"[^A-Z0-9]", "", bare(name).upper()) for name in names]
    for word in _IDLE:
        plain = [name.removesuffix(word) for name in plain]
    wanted = {
        f"{side}_{part}": [name.replace("#", side) for name in options]
        for side in "LR"
        for part, options in _MARKERS.items()
    } | {"sacrum": list(_SACRUM)}
    return {
        key: places[:, plain.index(option)]
        for key, options in wanted.items()
        for option in [o for o in options if o in plain][:1]
    }


def _centres(at: Mapping[str, FloatArray]) -> tuple[dict[str, FloatArray], Head]:
    """Our joints and the head, from markers in metres."""
    right, hips = _hips(at)
    joints = dict(hips)
    shoulders = at["L_shoulder"] - at["R_shoulder"]
    trunk = (at["L_shoulder"] + at["R_shoulder"]) / 2 - (hips["left_hip"] + hips["right_hip"]) / 2
    down = 0.17 * np.nanmedian(np.linalg.norm(shoulders, axis=-1)) * unit(trunk)
    leg = np.linalg.norm(hips["left_hip"] - at["L_knee"], axis=-1) + np.linalg.norm(
        at["L_knee"] - at["L_ankle"], axis=-1
    )
    size = np.clip(np.nanmedian(leg) / _LEG, 0.4, 1.2)
    for side in SIDES:
        s = side[0].upper()
        outward = right if s == "R" else -right
        joints[f"{side}_shoulder"] = at[f"{s}_shoulder"] - down
        inner = at.get(f"{s}_wrist_inner", at[f"{s}_wrist"])
        joints[f"{side}_wrist"] = (at[f"{s}_wrist"] + inner) / 2
        # Legs bend backwards and arms forwards, so that the axes of the two point to other sides.
        bends = 1 if s == "R" else -1
        hip, shoulder = joints[f"{side}_hip"], joints[f"{side}_shoulder"]
        knee, ankle = at[f"{s}_knee"], at[f"{s}_ankle"]
        elbow, wrist = at[f"{s}_elbow"], joints[f"{side}_wrist"]
        halves = {part: size * breadth / 2 for part, breadth in _BREADTHS.items()}
        axis = _hinge(hip, knee, ankle, outward, -bends, halves["knee"], halves["ankle"])
        joints[f"{side}_knee"] = _between(at, f"{s}_knee", halves["knee"] * axis)
        axis = _across(axis, ankle - joints[f"{side}_knee"])
        joints[f"{side}_ankle"] = _between(at, f"{s}_ankle", halves["ankle"] * axis)
        axis = _hinge(shoulder, elbow, wrist, outward, bends, halves["elbow"], 0.0)
        joints[f"{side}_elbow"] = _between(at, f"{s}_elbow", halves["elbow"] * axis)
    markers = [at.get(f"{s}_{part}") for part in ("forehead", "occiput") for s in "LR"]
    if any(marker is None for marker in markers):
        neck = 0.16 * np.nanmedian(leg) * unit(trunk)  # as in `points`
        joints["skull"] = (at["L_shoulder"] + at["R_shoulder"]) / 2 + neck
        return joints, Head()
    left_front, right_front, left_back, right_back = (m for m in markers if m is not None)
    joints["skull"] = (left_front + right_front + left_back + right_back) / 4
    left = unit(left_front + left_back - right_front - right_back)
    ahead = _across(left_front + right_front - left_back - right_back, left)
    turn = np.stack([ahead, np.cross(left, -ahead), left], axis=-1)
    return joints, Head(turn, offset=np.zeros(3))


def _hinge(
    near: FloatArray,
    marker: FloatArray,
    far: FloatArray,
    outward: FloatArray,
    sign: int,
    half: float,
    far_half: float,
) -> FloatArray:
    """(F, 3) unit axis of a knee or elbow, outwards, from the plane in which the limb is bent.

    Args:
        near: (F, 3) the joint before it.
        marker: (F, 3) its outer marker.
        far: (F, 3) the next joint, or its outer marker.
        outward: (F, 3) axis of the pelvis, for a straight limb.
        sign: of the axis about which the limb bends, where it points outwards.
        half: metres from the marker to the joint.
        far_half: metres from ``far`` to the next joint.
    """
    axis = _across(outward, marker - near)
    for _ in range(_ROUNDS):
        joint = marker - half * axis
        fold = np.cross(unit(joint - near), unit(far - far_half * axis - joint))
        axis = _across(sign * fold + _STRAIGHT * outward, joint - near)
    return axis


def _hips(at: Mapping[str, FloatArray]) -> tuple[FloatArray, dict[str, FloatArray]]:
    """The direction to the right of the pelvis, and the centres of the hips."""
    back = at["sacrum"] if "L_psis" not in at else (at["L_psis"] + at["R_psis"]) / 2
    front = (at["L_asis"] + at["R_asis"]) / 2
    right = unit(at["R_asis"] - at["L_asis"])
    ahead = _across(front - back, right)
    up = np.cross(right, ahead)
    width = np.nanmedian(np.linalg.norm(at["R_asis"] - at["L_asis"], axis=-1))
    depth = np.nanmedian(np.linalg.norm(front - back, axis=-1))
    middle = front + (-0.24 * depth - 0.0099) * ahead + (-0.30 * width - 0.0109) * up
    aside = (0.33 * width + 0.0073) * right
    return right, {"left_hip": middle - aside, "right_hip": middle + aside}


def _between(at: Mapping[str, FloatArray], key: str, inward: FloatArray) -> FloatArray:
    """Between the outer and the inner marker; without one, from the outer marker inwards."""
    inner = at.get(f"{key}_inner")
    return at[key] - inward if inner is None else (at[key] + inner) / 2


def _across(direction: FloatArray, along: FloatArray) -> FloatArray:
    """The unit vector of ``direction`` without its part along another."""
    along = unit(along)
    return unit(direction - (direction * along).sum(-1, keepdims=True) * along)
