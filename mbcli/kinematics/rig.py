"""The rig: joints, their parents, and a rest pose with constant bone lengths.

The rest pose is a T-pose in metres: y up, the face towards +z, the person's left side at +x, arms
horizontal, legs straight down, palms down, the pelvis at the origin. The joints have the names and
positions of Human3.6M's. Four kinds of joint are added:

    right_pelvis, left_pelvis, lower_back   at the pelvis: each rotates one of its three bones
    neck, right_collar, left_collar         at the thorax: each rotates one of its three bones

since an estimated body bends between these bones, which a single rotation cannot represent, and

    right_hand, left_hand                   ends, straight extensions of the forearm
    right_toes, left_toes                   ends, forwards of the shank and slightly down

since joints do not tell, unless toes and heels are among them: then toes are where
those are (`mbcli.kinematics.feet`). Their lengths and the direction of the toes are fractions of
the forearm and of the shank, from the segment lengths of Drillis and Contini (1966). "nose" is
Human3.6M's joint between thorax and head: it is in front of the neck, so the bone to it leans
forwards by 45 degrees, and the bone from it to the top of the head leans backwards.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from mbcli.geometry import unit
from mbcli.skeleton import H36M17
from mbcli.types import FloatArray

# In hundredths of the body's height: foot ahead of the ankle, ankle above the sole, shank; hand
# and forearm.
_FOOT_AHEAD, _FOOT_DOWN, _SHANK = 11.4, 3.9, 24.6
_HAND, _FOREARM = 10.8, 14.6


class _Bone(NamedTuple):
    parent: str | None
    direction: tuple[float, float, float] = (0.0, 0.0, 0.0)
    measured: str | None = None  # joint of H36M17 at the end of the bone that gives the length
    factor: float = 1.0


def _limbs(side: str, outwards: float) -> dict[str, _Bone]:
    """A leg and an arm; ``outwards`` is the sign of the side's x axis."""
    out = (outwards, 0.0, 0.0)
    down = (0.0, -1.0, 0.0)
    return {
        f"{side}_pelvis": _Bone("pelvis"),
        f"{side}_hip": _Bone(f"{side}_pelvis", out, f"{side}_hip"),
        f"{side}_knee": _Bone(f"{side}_hip", down, f"{side}_knee"),
        f"{side}_ankle": _Bone(f"{side}_knee", down, f"{side}_ankle"),
        f"{side}_toes": _Bone(
            f"{side}_ankle",
            (0.0, -_FOOT_DOWN, _FOOT_AHEAD),
            f"{side}_ankle",
            float(np.hypot(_FOOT_DOWN, _FOOT_AHEAD)) / _SHANK,
        ),
        f"{side}_collar": _Bone("thorax"),
        f"{side}_shoulder": _Bone(f"{side}_collar", out, f"{side}_shoulder"),
        f"{side}_elbow": _Bone(f"{side}_shoulder", out, f"{side}_elbow"),
        f"{side}_wrist": _Bone(f"{side}_elbow", out, f"{side}_wrist"),
        f"{side}_hand": _Bone(f"{side}_wrist", out, f"{side}_wrist", _HAND / _FOREARM),
    }


def _bones() -> dict[str, _Bone]:
    up = (0.0, 1.0, 0.0)
    right, left = _limbs("right", -1.0), _limbs("left", 1.0)
    legs, arms = slice(0, 5), slice(5, 10)
    return dict(
        [
            ("pelvis", _Bone(None)),
            *list(right.items())[legs],
            *list(left.items())[legs],
            ("lower_back", _Bone("pelvis")),
            ("spine", _Bone("lower_back", up, "spine")),
            ("thorax", _Bone("spine", up, "thorax")),
            ("neck", _Bone("thorax")),
            ("nose", _Bone("neck", (0.0, 1.0, 1.0), "nose")),
            ("head", _Bone("nose", (0.0, 1.0, -1.0), "head")),
            *list(left.items())[arms],
            *list(right.items())[arms],
        ]
    )


_BONES = _bones()

# Every parent comes before its children.
JOINTS: tuple[str, ...] = tuple(_BONES)
PARENTS: tuple[int, ...] = tuple(
    -1 if bone.parent is None else JOINTS.index(bone.parent) for bone in _BONES.values()
)

# Indices of the joints of H36M17 among JOINTS.
TRACKED: tuple[int, ...] = tuple(JOINTS.index(joint) for joint in H36M17.joints)


@dataclass(frozen=True, eq=False)
class Rig:
    """A body's bones in the rest pose.

    Attributes:
        offsets: (J, 3) float64: position of each of JOINTS relative to its parent, in the rest
            pose; 0 for the pelvis.
        metre: (3,) float64: one metre upwards in its axes and units.
    """

    offsets: FloatArray
    metre: FloatArray

    @cached_property
    def rest(self) -> FloatArray:
        """(J, 3) positions of the joints in the rest pose, the pelvis at 0."""
        places = np.zeros_like(self.offsets)
        for joint, parent in enumerate(PARENTS):
            places[joint] = self.offsets[joint] + (places[parent] if parent >= 0 else 0)
        return places

    @cached_property
    def standing(self) -> FloatArray:
        """(J, 3) the rest pose with its lowest joint on the ground."""
        up = unit(self.metre)
        return self.rest - (self.rest @ up).min() * up


def children(joint: int) -> tuple[int, ...]:
    """The children of a joint; empty for an end."""
    return tuple(child for child, parent in enumerate(PARENTS) if parent == joint)


def rig_of(lengths: npt.ArrayLike, toes: FloatArray | None = None) -> Rig:
    """The rig of a body.

    Args:
        lengths: (17,) of its bones, see `mbcli.kinematics.bones`.
        toes: (3,) from an ankle to the toes at rest, if it is known.
    """
    measured = dict(zip(H36M17.joints, np.asarray(lengths, dtype=np.float64), strict=True))
    offsets = [
        unit(bone.direction) * (measured[bone.measured] * bone.factor)
        if bone.measured is not None
        else np.zeros(3)
        for bone in _BONES.values()
    ]
    if toes is not None:
        for side in ("right", "left"):
            offsets[JOINTS.index(f"{side}_toes")] = toes
    return Rig(np.array(offsets), metre=np.array([0.0, 1.0, 0.0]))
