"""Skeletons, defined by joint names.

Bones, left/right swaps and conversions (`mbcli.conversion`) are all derived from the names here, so
each joint order is defined only once. A joint shared by several skeletons has one name in all.

    coco17       COCO keypoints (Lin et al. 2014)
    wholebody23  the body and feet of COCO-WholeBody (Jin et al. 2020)
    wholebody27  these and the knuckles of index and little finger
    halpe26      Halpe full body without face and hands (Fang et al. 2022)
    body25       OpenPose BODY_25 (Cao et al. 2019)
    openpose18   OpenPose COCO-18
    blazepose33  MediaPipe BlazePose (Bazarevsky et al. 2020)
    posetrack17  PoseTrack 2018 (Andriluka et al. 2018)
    mpii16       MPII Human Pose (Andriluka et al. 2014)
    crowdpose14  CrowdPose (Li et al. 2019)
    smpl24       SMPL (Loper et al. 2015)
    h36m17       Human3.6M in the order of MotionBERT (Zhu et al. 2023)
    body23       H36M-17, then big toe, small toe and heel of each foot
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Skeleton:
    """A named, ordered set of joints, each with a parent.

    Attributes:
        name: short identifier, such as ``"h36m17"``.
        joints: joint names in array order. Sides are prefixes: ``left_``, ``right_``.
        parents: index of each joint's parent, -1 for a root.
    """

    name: str
    joints: tuple[str, ...]
    parents: tuple[int, ...]

    def __post_init__(self) -> None:
        if len(self.joints) != len(self.parents):
            raise ValueError(
                f"skeleton {self.name}: one parent per joint is needed, got "
                f"{len(self.parents)} parents for {len(self.joints)} joints"
            )
        if len(set(self.joints)) != len(self.joints):
            raise ValueError(f"skeleton {self.name}: joint names must be unique")
        _ = self.bones  # checks that each joint is connected to a root

    def __len__(self) -> int:
        return len(self.joints)

    def index(self, joint: str) -> int:
        """Position of ``joint`` in the arrays of this skeleton.

        Raises:
            ValueError: there is no such joint.
        """
        if joint not in self.joints:
            raise ValueError(
                f"skeleton {self.name} has no joint {joint}, only {', '.join(self.joints)}"
            )
        return self.joints.index(joint)

    @property
    def root(self) -> int:
        """Index of the first joint without a parent."""
        return self.parents.index(-1)

    @cached_property
    def bones(self) -> tuple[tuple[int, int], ...]:
        """(parent, child) index pairs in joint order, except that no bone precedes its parent's."""
        placed = {joint for joint, parent in enumerate(self.parents) if parent == -1}
        left = [joint for joint in range(len(self)) if joint not in placed]
        found: list[tuple[int, int]] = []
        while left:
            later = []
            for joint in left:
                if self.parents[joint] in placed:
                    placed.add(joint)
                    found.append((self.parents[joint], joint))
                else:
                    later.append(joint)
            if len(later) == len(left):
                names = ", ".join(self.joints[joint] for joint in left)
                raise ValueError(
                    f"skeleton {self.name}: every joint must be connected to a root, got {names}"
                )
            left = later
        return tuple(found)

    def below(self, joint: str) -> tuple[int, ...]:
        """Indices of all descendants of ``joint``."""
        found = [self.index(joint)]
        for parent, child in self.bones:
            if parent in found:
                found.append(child)
        return tuple(found[1:])

    @cached_property
    def mirror(self) -> tuple[int, ...]:
        """For each joint, the index of its counterpart on the other side of the body."""

        def other(name: str) -> str:
            if name.startswith("left_"):
                return "right_" + name.removeprefix("left_")
            if name.startswith("right_"):
                return "left_" + name.removeprefix("right_")
            return name

        return tuple(self.joints.index(other(name)) for name in self.joints)


COCO17 = Skeleton(
    name="coco17",
    joints=(
        "nose",
        "left_eye",
        "right_eye",
        "left_ear",
        "right_ear",
        "left_shoulder",
        "right_shoulder",
        "left_elbow",
        "right_elbow",
        "left_wrist",
        "right_wrist",
        "left_hip",
        "right_hip",
        "left_knee",
        "right_knee",
        "left_ankle",
        "right_ankle",
    ),
    parents=(-1, 0, 0, 1, 2, 0, 0, 5, 6, 7, 8, 5, 6, 11, 12, 13, 14),
)

H36M17 = Skeleton(
    name="h36m17",
    joints=(
        "pelvis",
        "right_hip",
        "right_knee",
        "right_ankle",
        "left_hip",
        "left_knee",
        "left_ankle",
        "spine",
        "thorax",
        "nose",
        "head",
        "left_shoulder",
        "left_elbow",
        "left_wrist",
        "right_shoulder",
        "right_elbow",
        "right_wrist",
    ),
    parents=(-1, 0, 1, 2, 0, 4, 5, 0, 7, 8, 9, 8, 11, 12, 8, 14, 15),
)

FOOT = ("big_toe", "small_toe", "heel")
"""The joints of a foot besides the ankle, in the order of COCO-WholeBody and BODY_25."""

BODY23 = Skeleton(
    name="body23",
    joints=(*H36M17.joints, *[f"{side}_{part}" for side in ("left", "right") for part in FOOT]),
    parents=(
        *H36M17.parents,
        *[H36M17.index(f"{side}_ankle") for side in ("left", "right") for _ in FOOT],
    ),
)
"""H36M-17 in its order, then the feet."""

FEET = BODY23.joints[len(H36M17) :]
"""The joints of both feet, in the order of BODY23."""

ORIENTED = ("head", "left_hand", "right_hand")
"""Parts of a body that are turned in ways that their joints do not tell."""

BODY21 = Skeleton(
    name="body21",
    joints=(*H36M17.joints, "left_eye", "right_eye", "left_ear", "right_ear"),
    parents=(*H36M17.parents, *[H36M17.index("nose")] * 2, 17, 18),
)
"""H36M-17 in its order, then eyes and ears: with the shared nose it also contains COCO-17."""

COCO_OF_BODY21 = [BODY21.index(name) for name in COCO17.joints]
"""Where the joints of COCO-17 are in BODY21."""

BODY27 = Skeleton(
    name="body27",
    joints=(*BODY21.joints, *FEET),
    parents=(*BODY21.parents, *BODY23.parents[len(H36M17) :]),
)
"""BODY21 in its order, then the feet."""


def _skeleton(name: str, parents: dict[str, str | None]) -> Skeleton:
    """Create a skeleton from its joints in array order, each with the name of its parent."""
    joints = tuple(parents)
    numbers = (-1 if parent is None else joints.index(parent) for parent in parents.values())
    return Skeleton(name, joints, tuple(numbers))


_COCO_PARENTS: dict[str, str | None] = {
    joint: COCO17.joints[parent] if parent >= 0 else None
    for joint, parent in zip(COCO17.joints, COCO17.parents, strict=True)
}

WHOLEBODY23 = _skeleton(
    "wholebody23",
    _COCO_PARENTS
    | {f"{side}_{part}": f"{side}_ankle" for side in ("left", "right") for part in FOOT},
)

WHOLEBODY27 = Skeleton(
    name="wholebody27",
    joints=(*WHOLEBODY23.joints, "left_index", "left_pinky", "right_index", "right_pinky"),
    parents=(
        *WHOLEBODY23.parents,
        *[COCO17.index(f"{side}_wrist") for side in ("left", "right") for _ in range(2)],
    ),
)

WHOLEBODY_PLACES = (*range(len(WHOLEBODY23)), 96, 108, 117, 129)
"""Where the joints of WHOLEBODY27 are in COCO-WholeBody's list of 133 keypoints."""

HALPE26 = _skeleton(
    "halpe26",
    _COCO_PARENTS
    | {
        "nose": "neck",
        "left_shoulder": "neck",
        "right_shoulder": "neck",
        "left_hip": "pelvis",
        "right_hip": "pelvis",
        "head": "nose",
        "neck": "pelvis",
        "pelvis": None,
    }
    | {f"{side}_{part}": f"{side}_ankle" for part in FOOT for side in ("left", "right")},
)

_OPENPOSE_ARMS: dict[str, str | None] = {
    "nose": "neck",
    "neck": None,
    "right_shoulder": "neck",
    "right_elbow": "right_shoulder",
    "right_wrist": "right_elbow",
    "left_shoulder": "neck",
    "left_elbow": "left_shoulder",
    "left_wrist": "left_elbow",
}
_OPENPOSE_FACE: dict[str, str | None] = {
    "right_eye": "nose",
    "left_eye": "nose",
    "right_ear": "right_eye",
    "left_ear": "left_eye",
}

OPENPOSE18 = _skeleton(
    "openpose18",
    {
        **_OPENPOSE_ARMS,
        "right_hip": "neck",
        "right_knee": "right_hip",
        "right_ankle": "right_knee",
        "left_hip": "neck",
        "left_knee": "left_hip",
        "left_ankle": "left_knee",
        **_OPENPOSE_FACE,
    },
)

BODY25 = _skeleton(
    "body25",
    {
        **_OPENPOSE_ARMS,
        "pelvis": "neck",
        "right_hip": "pelvis",
        "right_knee": "right_hip",
        "right_ankle": "right_knee",
        "left_hip": "pelvis",
        "left_knee": "left_hip",
        "left_ankle": "left_knee",
        **_OPENPOSE_FACE,
        **{f"{side}_{part}": f"{side}_ankle" for side in ("left", "right") for part in FOOT},
    },
)

BLAZEPOSE33 = _skeleton(
    "blazepose33",
    {
        "nose": None,
        **{
            f"{side}_{part}": "nose" if part == "eye_inner" else f"{side}_{before}"
            for side in ("left", "right")
            for part, before in (
                ("eye_inner", ""),
                ("eye", "eye_inner"),
                ("eye_outer", "eye"),
            )
        },
        "left_ear": "left_eye_outer",
        "right_ear": "right_eye_outer",
        "left_mouth": "nose",
        "right_mouth": "nose",
        **{
            f"{side}_{part}": f"{side}_{before}" if before else "nose"
            for part, before in (
                ("shoulder", ""),
                ("elbow", "shoulder"),
                ("wrist", "elbow"),
                ("pinky", "wrist"),
                ("index", "wrist"),
                ("thumb", "wrist"),
                ("hip", "shoulder"),
                ("knee", "hip"),
                ("ankle", "knee"),
                ("heel", "ankle"),
                ("foot_index", "heel"),
            )
            for side in ("left", "right")
        },
    },
)

POSETRACK17 = _skeleton(
    "posetrack17",
    {
        "nose": None,
        "head_bottom": "nose",
        "head_top": "nose",
        "left_ear": "nose",
        "right_ear": "nose",
        "left_shoulder": "head_bottom",
        "right_shoulder": "head_bottom",
        **dict(list(_COCO_PARENTS.items())[7:]),
    },
)

MPII16 = _skeleton(
    "mpii16",
    {
        "right_ankle": "right_knee",
        "right_knee": "right_hip",
        "right_hip": "pelvis",
        "left_hip": "pelvis",
        "left_knee": "left_hip",
        "left_ankle": "left_knee",
        "pelvis": None,
        "thorax": "pelvis",
        "upper_neck": "thorax",
        "head_top": "upper_neck",
        "right_wrist": "right_elbow",
        "right_elbow": "right_shoulder",
        "right_shoulder": "thorax",
        "left_shoulder": "thorax",
        "left_elbow": "left_shoulder",
        "left_wrist": "left_elbow",
    },
)

CROWDPOSE14 = _skeleton(
    "crowdpose14",
    {
        "left_shoulder": "neck",
        "right_shoulder": "neck",
        **dict(list(_COCO_PARENTS.items())[7:]),
        "head_top": "neck",
        "neck": None,
    },
)

# The joints of a body model, not of a keypoint detector: there is no conversion from or to them.
SMPL24 = Skeleton(
    name="smpl24",
    joints=(
        "pelvis",
        "left_hip",
        "right_hip",
        "spine1",
        "left_knee",
        "right_knee",
        "spine2",
        "left_ankle",
        "right_ankle",
        "spine3",
        "left_foot",
        "right_foot",
        "neck",
        "left_collar",
        "right_collar",
        "head",
        "left_shoulder",
        "right_shoulder",
        "left_elbow",
        "right_elbow",
        "left_wrist",
        "right_wrist",
        "left_hand",
        "right_hand",
    ),
    parents=(-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21),
)

SKELETONS: dict[str, Skeleton] = {
    skeleton.name: skeleton
    for skeleton in (
        COCO17,
        WHOLEBODY23,
        WHOLEBODY27,
        HALPE26,
        BODY25,
        OPENPOSE18,
        BLAZEPOSE33,
        POSETRACK17,
        MPII16,
        CROWDPOSE14,
        H36M17,
        BODY23,
    )
}


def skeleton_of(name: str, joints: Sequence[str], parents: Sequence[int]) -> Skeleton:
    """The skeleton that a file describes.

    Args:
        name: of the skeleton.
        joints: its joints in the order of the file's arrays.
        parents: index of each joint's parent, -1 for a root.

    Raises:
        ValueError: they are not a tree, or differ from a known skeleton of this name.
    """
    found = Skeleton(name, tuple(joints), tuple(parents))
    if found != SKELETONS.get(name, found):
        raise ValueError(f"the joints are not those of {name}: {', '.join(found.joints)}")
    return found


def check_body(skeleton: Skeleton) -> Skeleton:
    """Check that a skeleton has the joints needed for 3D bodies, and return it.

    Raises:
        ValueError: a joint of H36M-17 is missing, or the pelvis is not the root.
    """
    if lacking := [joint for joint in H36M17.joints if joint not in skeleton.joints]:
        raise ValueError(
            f"the skeleton of a body must have the joints of {H36M17.name}, got {skeleton.name} "
            f"without {', '.join(lacking)}"
        )
    if skeleton.parents.count(-1) != 1 or skeleton.joints[skeleton.root] != "pelvis":
        raise ValueError(
            "the skeleton of a body must have the pelvis as its one root, "
            f"got {skeleton.name} with {skeleton.joints[skeleton.root]}"
        )
    return skeleton
