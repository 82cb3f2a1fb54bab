"""What is known of some skeletons beyond the names of their joints."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from mbcli.data.recordings.hierarchy import Hierarchy
from mbcli.data.recordings.names import bare
from mbcli.kinematics.templates import FACE


@dataclass(frozen=True)
class Known:
    """A skeleton that is known.

    Attributes:
        signature: names that only this skeleton has.
        skull: the joint that rotates with the head, if it has another name.
        head: the joint at the far end of the head bone, if it is the head joint of ours.
        pitch: degrees by which the face looks up when the skull joint is in its rest pose.
        lost: joints that coincide with their parent because a converter lost the bone between.
        stretched: joints that are too close to their parent, with the factor that corrects it.
    """

    signature: frozenset[str] = frozenset()
    skull: str | None = None
    head: str | None = None
    pitch: float = 0.0
    lost: tuple[str, ...] = ()
    stretched: Mapping[str, float] = field(default_factory=dict)


# The head's own axes in the Vicon model look down by 14 degrees, the median over people walking in
# CMU's and HDM05's recordings; people hold their heads approximately level.
_VICON_PITCH = 8.0

# In the rest pose of the exported skeleton the bone from nose to head leans back by 45 degrees.
_RIG_PITCH = math.degrees(math.atan2(-FACE["nose"][1], FACE["nose"][0])) - 45

# The BVH versions of CMU's recordings lack the thorax bone of the Acclaim skeleton: neck and
# collars are attached to its lower end, and the trunk is 0.12 m too short. Where both versions
# exist, the lost bone equals the bone below it within 2 %, so it is restored as a copy of that one.
KNOWN: dict[str, Known] = {
    "acclaim": Known(  # Vicon BodyBuilder: CMU and HDM05
        frozenset(("lfemur", "lhumerus", "head", "head_end")), head="head_end", pitch=_VICON_PITCH
    ),
    "cmu-bvh": Known(
        frozenset(("LHipJoint", "LeftUpLeg", "LeftForeArm")),
        pitch=_VICON_PITCH,
        lost=("Neck", "LeftShoulder", "RightShoulder"),
    ),
    "cmu-bvh-anatomical": Known(
        frozenset(("LHipJoint", "LeftHip", "LeftElbow", "Head_end")),
        head="Head_end",
        pitch=_VICON_PITCH,
        lost=("lowerneck", "LeftCollar", "RightCollar"),
    ),
    "smpl": Known(frozenset(("left_collar", "spine1", "head_end")), head="head_end"),  # smpl.py
    "mbcli": Known(  # `mbcli export`
        frozenset(("pelvis", "spine", "thorax", "nose", "nose_end")),
        skull="nose",
        head="nose_end",
        pitch=_RIG_PITCH,
    ),
    # A figure with fingers and eyes whose shoulders are 0.23 m apart, a person's 0.33.
    "daz": Known(
        frozenset(("lShldr", "lButtock", "leftEye")), stretched={"lShldr": 1.6, "rShldr": 1.6}
    ),
}


def known(joints: Collection[str]) -> Known:
    """What is known of a skeleton with these joints; nothing of most."""
    names = {bare(name) for name in joints}
    return next((one for one in KNOWN.values() if one.signature <= names), Known())


def mended(hierarchy: Hierarchy) -> Hierarchy:
    """Undo known damage that converters have done to a skeleton's bones."""
    one = known(hierarchy.names)
    offsets = np.array(hierarchy.offsets)
    for joint, name in enumerate(map(bare, hierarchy.names)):
        if name in one.lost and not offsets[joint].any():
            offsets[joint] = offsets[hierarchy.parents[joint]]
        offsets[joint] *= one.stretched.get(name, 1.0)
    return replace(hierarchy, offsets=offsets)
