"""A person as a rig that other programs know: its bones in this person's size, and their motion.

`mbcli.kinematics.rig_table` has the names of the bones, `mbcli.kinematics.rig_slots` where they lie
and which joints they follow.

Bones turn as the person's do. Those whose far end is an estimated joint are then swung to it on the
shortest arc, since a rig's bones do not begin exactly where the person's do; knees bend so that
ankles are where the person's are. Lengths are constant.

At rest the person stands with arms as the row says, and looks straight ahead.
"""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from mbcli.geometry import unit
from mbcli.kinematics.armature import Armature, ArmatureMotion, moved, stepping
from mbcli.kinematics.pose import Pose
from mbcli.kinematics.rig import JOINTS, PARENTS, Rig, children
from mbcli.kinematics.rig_slots import Point, Slot, slots
from mbcli.kinematics.rig_table import ALONG_Y, RigRow
from mbcli.kinematics.rotations import swing
from mbcli.types import FloatArray

# The bone from nose to the top of the head leans back by 45 degrees in the T-pose; an adult's leans
# by 54 while the face looks straight ahead (`mbcli.kinematics.templates.FACE`).
FACE_DOWN = 9.0

_LETTERS = {
    letter: np.array(direction, dtype=np.float64)
    for letter, direction in {
        "L": (1, 0, 0),
        "R": (-1, 0, 0),
        "U": (0, 1, 0),
        "D": (0, -1, 0),
        "F": (0, 0, 1),
        "B": (0, 0, -1),
    }.items()
}


def named(pose: Pose, row: RigRow) -> ArmatureMotion:
    """A person in motion as the rig of a row, in this person's size.

    Args:
        pose: the person, y up.
        row: the rig.
    """
    bones = list(slots(row))
    rig, rest = pose.rig, _rest(pose.rig, row)
    axes = np.array([_axes(rig, slot, row) for slot in bones])  # in the T-pose
    rest_turns, rest_places = (array[0] for array in rest.chain)
    lowest = rest_places[:, 1].min()

    def at_rest(point: Point, joint: str) -> FloatArray:
        carried = _carried(rig, point, joint, rest_turns, rest_places)
        return np.asarray(carried - [0, lowest, 0])

    turned = np.array(
        [rest_turns[JOINTS.index(s.follows)] if s.follows else np.eye(3) for s in bones]
    )
    names = tuple(slot.name for slot in bones)
    armature = Armature(
        names=names,
        parents=tuple(names.index(slot.parent) if slot.parent else -1 for slot in bones),
        heads=np.array([at_rest(s.head, s.follows) if s.follows else np.zeros(3) for s in bones]),
        tips=np.array([at_rest(s.tip, s.aims or s.follows or "pelvis") for s in bones]),
        axes=turned @ axes,
        sides=tuple(slot.side for slot in bones),
        ends=frozenset(i for i, slot in enumerate(bones) if slot.end),
        mover=names.index(row.trunk[0]),
        metre=rig.metre,
    )
    turns, places = pose.chain
    wanted = {
        bone: turns[:, JOINTS.index(slot.follows)] @ axes[bone]
        for bone, slot in enumerate(bones)
        if slot.follows and not slot.end
    }
    right, left = (places[:, JOINTS.index(f"{side}_hip")] for side in ("right", "left"))
    hips = turns[:, JOINTS.index("pelvis")]
    level = swing(hips[..., 0], unit(left - right))
    wanted[armature.mover] = level @ wanted[armature.mover]
    middle = (left + right) / 2
    targets = {
        bone: _carried(rig, slot.tip, slot.aims, turns, places)
        for bone, slot in enumerate(bones)
        if slot.aims
    }
    first = moved(armature, middle, wanted, targets)
    legs = {}
    for number, side in enumerate(("left", "right")):
        thigh, shin = (names.index(name.format(side=row.sides[number])) for name in row.leg[:2])
        legs[thigh, shin] = places[:, JOINTS.index(f"{side}_ankle")]
    targets |= stepping(first, legs, hips[..., 2])
    return moved(armature, middle, wanted, targets)


def own(pose: Pose) -> ArmatureMotion:
    """A person in motion as our own rig: a bone for each joint of `mbcli.kinematics.rig`.

    The y axis of a bone points to its child, along the limb; z forwards, of feet upwards.
    """
    rig = pose.rig
    tips = np.array([rig.standing[_beyond(rig, joint)] for joint in range(len(JOINTS))])
    ends = [joint for joint in range(len(JOINTS)) if not children(joint)]
    axes = np.empty((len(JOINTS), 3, 3))
    for joint, parent in enumerate(PARENTS):
        along = unit(tips[joint] - rig.standing[joint])
        axes[joint] = axes[parent] if joint in ends else _pointed(ALONG_Y, along)
    sides = tuple(
        side if side in ("right", "left") else "middle"
        for side in (name.partition("_")[0] for name in JOINTS)
    )
    armature = Armature(
        names=JOINTS,
        parents=PARENTS,
        heads=rig.standing,
        tips=tips,
        axes=axes,
        sides=sides,
        ends=frozenset(ends),
        mover=0,
        metre=rig.metre,
    )
    return ArmatureMotion(armature, pose.root, pose.chain[0] @ axes)


def _rest(rig: Rig, row: RigRow) -> Pose:
    """A pose of one frame: arms as far down as in the rest pose of a row, the face ahead."""
    rotations = np.tile(np.eye(3), (1, len(JOINTS), 1, 1))
    for side, sign in (("left", -1.0), ("right", 1.0)):
        down = Rotation.from_euler("z", sign * row.arms_down, degrees=True)
        rotations[0, JOINTS.index(f"{side}_shoulder")] = down.as_matrix()
    rotations[0, JOINTS.index("nose")] = face_ahead()
    return Pose(rig, np.zeros((1, 3)), rotations)


def face_ahead() -> FloatArray:
    """(3, 3) rotation that lets a head of the T-pose look straight ahead."""
    return np.asarray(Rotation.from_euler("x", -FACE_DOWN, degrees=True).as_matrix())


def _carried(
    rig: Rig, point: Point, joint: str, turns: FloatArray, places: FloatArray
) -> FloatArray:
    """(..., 3) where a point of the T-pose is that a joint carries along.

    Args:
        rig: the bones.
        point: the point.
        joint: the joint.
        turns: (..., J, 3, 3) rotations of all joints in the world.
        places: (..., J, 3) of all joints.
    """
    index = JOINTS.index(joint)
    first, second = (rig.rest[JOINTS.index(name)] for name in (point.joint, point.other))
    away = first + point.share * (second - first) - rig.rest[index]
    return places[..., index, :] + turns[..., index, :, :] @ away


def _axes(rig: Rig, slot: Slot, row: RigRow) -> FloatArray:
    """(3, 3) axes of a bone in the T-pose."""
    sided = f"{slot.side} {slot.points}"
    letters = row.axes[sided if sided in row.axes else slot.points]
    axes = np.stack([_LETTERS[letter] for letter in letters], axis=-1)
    if not row.straight or slot.head == slot.tip:
        return axes
    identity = np.tile(np.eye(3), (len(JOINTS), 1, 1))
    ends = [_carried(rig, p, "pelvis", identity, rig.rest) for p in (slot.head, slot.tip)]
    return swing(_LETTERS[slot.points], unit(ends[1] - ends[0])) @ axes


def _pointed(axes: dict[str, str], along: FloatArray) -> FloatArray:
    """(3, 3) axes of a bone that points in some direction, by a table of axes."""
    letter = max(axes, key=lambda name: float(_LETTERS[name] @ along))
    plain = np.stack([_LETTERS[name] for name in axes[letter]], axis=-1)
    return swing(_LETTERS[letter], along) @ plain


def _beyond(rig: Rig, joint: int) -> int:
    """The joint at which a bone ends: the first below it that lies elsewhere."""
    hanging = sorted(children(joint), key=lambda c: JOINTS[c].startswith(("left_", "right_")))
    # Of a pelvis or thorax, what is in the middle; of what lies there too, what follows.
    while hanging and not rig.offsets[hanging[0]].any():
        joint = hanging[0]
        hanging = list(children(joint))
    return hanging[0] if hanging else joint
