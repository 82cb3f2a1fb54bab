"""Rigs that other programs know by name: one table of names, rest poses and axes of bones.

A row names the bones of a body; where they lie in a person, and what turns them, is the same for
all (`mbcli.kinematics.named_rigs`). The names are those that each program publishes: Mixamo's
characters, Unreal's mannequins Manny and Quinn, VRM 1.0's humanoid, the human metarig of Blender's
Rigify, the LAFAN1 recordings (which GMR reads for robots), SMPL-H, and Unity's ``HumanBodyBones``.
Fingers are left out, since nothing is known of them: hands are one bone.

Axes of bones are given in a T-pose by letters: L and R are the person's left and right, U up, D
down, F forwards, B backwards. ``UFL`` has x upwards, y forwards and z to the left.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

RigName = Literal["mixamo", "ue5", "vrm", "rigify", "lafan1", "smplh", "unity"]

# The axes of a bone by the direction in which it points in a T-pose. Limbs may have other axes on
# either side of the body.
WORLD = dict.fromkeys("UDLRF", "LUF")  # those of the world: x left, y up, z forwards
ALONG_Y = {"U": "LUF", "D": "RDF", "L": "BLD", "R": "FRD", "F": "RFU"}  # y to the child
ALONG_X = {"U": "UFL", "D": "DBL", "L": "LFD", "R": "RFU", "F": "FDL"}  # x to the child
# Unreal: x to the child, of left legs and right arms away from it; z is the axis of the hinge.
UNREAL = {
    "U": "UBR",
    "left D": "UBR",
    "right D": "DFR",
    "left F": "DFR",
    "right F": "UBR",
    "L": "LFD",
    "R": "LBU",
}


@dataclass(frozen=True)
class RigRow:
    """The bones of one rig, each list from the hips outwards.

    Attributes:
        trunk: hips, then the bones of the spine; clavicles and neck hang from the last.
        neck: bones of the neck.
        head: the head.
        arm: clavicle, upper arm, forearm, hand; ``{side}`` stands for the side.
        leg: thigh, shin, foot, toes.
        sides: what ``{side}`` is on the left and on the right.
        axes: of the bones.
        root: a bone on the floor above the hips, which stays at the origin; "" without one.
        head_end: an end of the head that the rig has as a bone; "" without one.
        toes_end: an end of the toes, likewise.
        arms_down: degrees by which arms hang in the rest pose: 0 is a T-pose.
        straight: whether axes follow the bone exactly where it deviates from the six directions.
        posed: whether the format BVH, whose bones have no axes at rest, keeps those of the bones;
            all bones are then turned to them, also in its pose without rotations. Else that is the
            rest pose.
        scale: units per metre in a format that does not declare its unit.
        up: the axis that is up in a format that declares none.
    """

    trunk: tuple[str, ...]
    neck: tuple[str, ...]
    head: str
    arm: tuple[str, str, str, str]
    leg: tuple[str, str, str, str]
    sides: tuple[str, str]
    axes: Mapping[str, str]
    root: str = ""
    head_end: str = ""
    toes_end: str = ""
    arms_down: float = 0.0
    straight: bool = True
    posed: bool = False
    scale: float = 1.0
    up: Literal["y", "z"] = "y"


RIGS: dict[RigName, RigRow] = {
    "mixamo": RigRow(
        trunk=("mixamorig:Hips", "mixamorig:Spine", "mixamorig:Spine1", "mixamorig:Spine2"),
        neck=("mixamorig:Neck",),
        head="mixamorig:Head",
        arm=(
            "mixamorig:{side}Shoulder",
            "mixamorig:{side}Arm",
            "mixamorig:{side}ForeArm",
            "mixamorig:{side}Hand",
        ),
        leg=(
            "mixamorig:{side}UpLeg",
            "mixamorig:{side}Leg",
            "mixamorig:{side}Foot",
            "mixamorig:{side}ToeBase",
        ),
        sides=("Left", "Right"),
        axes=ALONG_Y,
        head_end="mixamorig:HeadTop_End",
        toes_end="mixamorig:{side}Toe_End",
        scale=100.0,
    ),
    "ue5": RigRow(
        root="root",
        trunk=("pelvis", "spine_01", "spine_02", "spine_03", "spine_04", "spine_05"),
        neck=("neck_01", "neck_02"),
        head="head",
        arm=("clavicle_{side}", "upperarm_{side}", "lowerarm_{side}", "hand_{side}"),
        leg=("thigh_{side}", "calf_{side}", "foot_{side}", "ball_{side}"),
        sides=("l", "r"),
        arms_down=45.0,
        axes=UNREAL,
        straight=False,
        scale=100.0,
        up="z",
    ),
    "vrm": RigRow(
        trunk=("hips", "spine", "chest", "upperChest"),
        neck=("neck",),
        head="head",
        arm=("{side}Shoulder", "{side}UpperArm", "{side}LowerArm", "{side}Hand"),
        leg=("{side}UpperLeg", "{side}LowerLeg", "{side}Foot", "{side}Toes"),
        sides=("left", "right"),
        axes=WORLD,
        straight=False,
    ),
    "rigify": RigRow(
        trunk=("spine", "spine.001", "spine.002", "spine.003"),
        neck=("spine.004", "spine.005"),
        head="spine.006",
        arm=("shoulder.{side}", "upper_arm.{side}", "forearm.{side}", "hand.{side}"),
        leg=("thigh.{side}", "shin.{side}", "foot.{side}", "toe.{side}"),
        sides=("L", "R"),
        axes=ALONG_Y,
    ),
    "lafan1": RigRow(
        trunk=("Hips", "Spine", "Spine1", "Spine2"),
        neck=("Neck",),
        head="Head",
        arm=("{side}Shoulder", "{side}Arm", "{side}ForeArm", "{side}Hand"),
        leg=("{side}UpLeg", "{side}Leg", "{side}Foot", "{side}Toe"),
        sides=("Left", "Right"),
        axes=ALONG_X,
        posed=True,
        scale=100.0,
    ),
    "smplh": RigRow(
        trunk=("pelvis", "spine1", "spine2", "spine3"),
        neck=("neck",),
        head="head",
        arm=("{side}_collar", "{side}_shoulder", "{side}_elbow", "{side}_wrist"),
        leg=("{side}_hip", "{side}_knee", "{side}_ankle", "{side}_foot"),
        sides=("left", "right"),
        axes=WORLD,
        straight=False,
    ),
    "unity": RigRow(
        trunk=("Hips", "Spine", "Chest", "UpperChest"),
        neck=("Neck",),
        head="Head",
        arm=("{side}Shoulder", "{side}UpperArm", "{side}LowerArm", "{side}Hand"),
        leg=("{side}UpperLeg", "{side}LowerLeg", "{side}Foot", "{side}Toes"),
        sides=("Left", "Right"),
        axes=WORLD,
        straight=False,
    ),
}
