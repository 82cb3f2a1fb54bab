"""Mapping from the joints of known recordings to the training skeleton, by name."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from mbcli.data.recordings.hierarchy import Hierarchy
from mbcli.errors import DataError


@dataclass(frozen=True)
class BodyMap:
    """Mapping from the joints of a foreign skeleton to ours.

    Attributes:
        joints: our name to theirs, for hips, knees, ankles, shoulders, elbows and wrists, and for
            joints that would be derived if the skeleton did not have them.
        skull: the joint that rotates with the head.
        head: the joint at the far end of the head bone, if there is one.
        eyes: their left and right eye, if there are any.
        pitch: degrees by which the face looks up when the skull joint is in its rest pose.
        lost: joints that coincide with their parent because a converter lost the bone between.
        stretched: joints that are too close to their parent, with the factor that corrects it.
    """

    joints: Mapping[str, str]
    skull: str
    head: str | None = None
    eyes: tuple[str, str] | None = None
    pitch: float = 0.0
    lost: tuple[str, ...] = ()
    stretched: Mapping[str, float] = field(default_factory=dict)

    @property
    def needed(self) -> tuple[str, ...]:
        """All joint names that a skeleton must have for this map."""
        extra = (self.head,) if self.head else ()
        return (*self.joints.values(), self.skull, *extra, *(self.eyes or ()))


# Metres from the head joint of an adult: forward, up, left. That joint is the end of Vicon's head
# bone, as in Human3.6M: at the level of a headband, 0.07 m below the vertex. (With the shoulders at
# 0.818 of the stature, from Winter's table, it is 0.06 to 0.09 m in the recordings.)
FACE = {
    "nose": (0.110, -0.080, 0.0),
    "left_eye": (0.085, -0.045, 0.0315),
    "right_eye": (0.085, -0.045, -0.0315),
    "left_ear": (0.0, -0.060, 0.0725),
    "right_ear": (0.0, -0.060, -0.0725),
}

_LIMBS = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")


def _sided(left: tuple[str, ...], right: tuple[str, ...]) -> dict[str, str]:
    return {
        f"{side}_{limb}": name
        for side, names in (("left", left), ("right", right))
        for limb, name in zip(_LIMBS, names, strict=True)
    }


# The head's own axes in the Vicon model look down by 14 degrees, the median over people walking in
# CMU's and HDM05's recordings; people hold their heads approximately level.
_VICON_PITCH = 8.0

# In the rest pose of the exported skeleton the bone from nose to head leans back by 45 degrees.
_RIG_PITCH = math.degrees(math.atan2(-FACE["nose"][1], FACE["nose"][0])) - 45

# The BVH versions of CMU's recordings lack the thorax bone of the Acclaim skeleton: neck and
# collars are attached to its lower end, and the trunk is 0.12 m too short. Where both versions
# exist, the lost bone equals the bone below it within 2 %, so it is restored as a copy of that one.
BODY_MAPS: dict[str, BodyMap] = {
    "acclaim": BodyMap(  # Vicon BodyBuilder: CMU and HDM05
        _sided(
            ("lfemur", "ltibia", "lfoot", "lhumerus", "lradius", "lwrist"),
            ("rfemur", "rtibia", "rfoot", "rhumerus", "rradius", "rwrist"),
        ),
        skull="head",
        head="head_end",
        pitch=_VICON_PITCH,
    ),
    "cmu-bvh": BodyMap(
        _sided(
            ("LeftUpLeg", "LeftLeg", "LeftFoot", "LeftArm", "LeftForeArm", "LeftHand"),
            ("RightUpLeg", "RightLeg", "RightFoot", "RightArm", "RightForeArm", "RightHand"),
        ),
        skull="Head",
        pitch=_VICON_PITCH,
        lost=("Neck", "LeftShoulder", "RightShoulder"),
    ),
    "cmu-bvh-anatomical": BodyMap(
        _sided(
            ("LeftHip", "LeftKnee", "LeftAnkle", "LeftShoulder", "LeftElbow", "LeftWrist"),
            ("RightHip", "RightKnee", "RightAnkle", "RightShoulder", "RightElbow", "RightWrist"),
        ),
        skull="Head",
        head="Head_end",
        pitch=_VICON_PITCH,
        lost=("lowerneck", "LeftCollar", "RightCollar"),
    ),
    "smpl": BodyMap(  # SMPL and SMPL-H, with the head's end added by smpl.py
        _sided(
            tuple(f"left_{limb}" for limb in _LIMBS),
            tuple(f"right_{limb}" for limb in _LIMBS),
        ),
        skull="head",
        head="head_end",
    ),
    "mbcli": BodyMap(  # `mbcli export`
        {
            **_sided(
                tuple(f"left_{limb}" for limb in _LIMBS),
                tuple(f"right_{limb}" for limb in _LIMBS),
            ),
            **{name: name for name in ("pelvis", "spine", "thorax", "nose")},
        },
        skull="nose",
        head="nose_end",
        pitch=_RIG_PITCH,
    ),
    "daz": BodyMap(  # figures with fingers and eyes
        _sided(
            ("lThigh", "lShin", "lFoot", "lShldr", "lForeArm", "lHand"),
            ("rThigh", "rShin", "rFoot", "rShldr", "rForeArm", "rHand"),
        ),
        skull="head",
        eyes=("leftEye", "rightEye"),
        # The figure's shoulders are 0.23 m apart, a person's 0.33.
        stretched={"lShldr": 1.6, "rShldr": 1.6},
    ),
    "humanoid": BodyMap(  # Unity's names, as used in joint arrays
        _sided(
            *(
                tuple(
                    f"{side}{part}"
                    for part in ("UpperLeg", "LowerLeg", "Foot", "UpperArm", "LowerArm", "Hand")
                )
                for side in ("Left", "Right")
            )
        ),
        skull="Head",
    ),
    "freemocap": BodyMap(  # FreeMoCap's Blender rig: the face bone starts between the ears
        _sided(
            ("thigh.L", "shin.L", "foot.L", "upper_arm.L", "forearm.L", "forearm.L_end"),
            ("thigh.R", "shin.R", "foot.R", "upper_arm.R", "forearm.R", "forearm.R_end"),
        ),
        skull="face",
    ),
}


def body_map(joints: Collection[str]) -> BodyMap:
    """Find the map for a skeleton by its joint names.

    Raises:
        DataError: no map fits; the message lists the joints that the closest one lacks.
    """
    names = set(joints)
    best = min(BODY_MAPS, key=lambda key: len(set(BODY_MAPS[key].needed) - names))
    missing = [name for name in BODY_MAPS[best].needed if name not in names]
    if missing:
        raise DataError(
            f"the skeleton must be one of {', '.join(BODY_MAPS)}; for the closest, {best}, it "
            f"lacks the joints {', '.join(missing)}"
        )
    return BODY_MAPS[best]


def mended(hierarchy: Hierarchy) -> Hierarchy:
    """Undo known damage that converters have done to a skeleton's bones.

    Raises:
        DataError: the skeleton is unknown.
    """
    chosen = body_map(hierarchy.names)
    offsets = np.array(hierarchy.offsets)
    for joint, name in enumerate(hierarchy.names):
        if name in chosen.lost and not offsets[joint].any():
            offsets[joint] = offsets[hierarchy.parents[joint]]
        offsets[joint] *= chosen.stretched.get(name, 1.0)
    return replace(hierarchy, offsets=offsets)
