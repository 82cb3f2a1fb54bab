"""A person's motion baked onto a character of another size and shape.

Bones turn as the person's do, from directions: the line from hips to neck, each bone of arms and
legs, and the line from neck to shoulder point where the person's do, whatever the character's rest
pose is. Bones of the spine share the bend between hips and shoulders, those of the neck lie midway
between shoulders and head. Feet and hands turn at the ankle and the wrist as the person's do;
whatever has no counterpart keeps its rest pose relative to its parent.

The character keeps its own proportions. Places are scaled by the lengths of the legs; ankles of
standing feet are as high above the floor, y = 0, as the character's at rest, and knees bend so that
ankles are where the scaled person's are: a planted foot stays planted. Toes do not go below their
own height at rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from mbcli.geometry import unit
from mbcli.kinematics.armature import Armature, ArmatureMotion, moved, stepping
from mbcli.kinematics.named_rigs import face_ahead
from mbcli.kinematics.pose import Pose
from mbcli.kinematics.rig import JOINTS
from mbcli.kinematics.rotations import from_vectors, swing, to_vectors, turn_about
from mbcli.kinematics.soles import lifts
from mbcli.types import FloatArray

SIDES = {"left": 1.0, "right": -1.0}  # and the sign of the side's x axis

# Directions in the T-pose.
_UP, _DOWN = np.array([0.0, 1.0, 0.0]), np.array([0.0, -1.0, 0.0])
_STANDING = 5.0  # percentile of the height of the lower ankle, at which a foot stands

# A character's floor is at 0 if its lowest bone is above that by no more than this share of its
# legs: an ankle or the ball of a foot. Else it is at that bone.
_SOLE = (-0.02, 0.2)


@dataclass(frozen=True, eq=False)
class Body:
    """A character at rest, y up, and which of its bones are which joints.

    Attributes:
        armature: its bones.
        joints: index of the bone that begins at each of our joints: hips, knees, ankles, shoulders,
            elbows, wrists of both sides and ``head``.
    """

    armature: Armature
    joints: Mapping[str, int]

    def head(self, joint: str) -> FloatArray:
        """(3,) place of a joint at rest."""
        return self.armature.heads[self.joints[joint]]

    def middle(self, part: str) -> FloatArray:
        """(3,) middle between the two sides of a joint at rest."""
        return (self.head(f"left_{part}") + self.head(f"right_{part}")) / 2

    def above(self, bone: int) -> list[int]:
        """A bone and all above it, from the root on."""
        chain = [bone]
        while self.armature.parents[chain[-1]] >= 0:
            chain.append(self.armature.parents[chain[-1]])
        return chain[::-1]

    def meeting(self, joints: Sequence[str]) -> int:
        """The lowest bone above all of some joints."""
        chains = [self.above(self.armature.parents[self.joints[joint]]) for joint in joints]
        shared = [bone for bone in chains[0] if all(bone in chain for chain in chains)]
        return shared[-1]

    def between(self, first: int, last: int) -> list[int]:
        """The bones below one and above another."""
        chain = self.above(last)
        return chain[chain.index(first) + 1 : -1]

    @cached_property
    def hips(self) -> int:
        """The bone from which legs and spine hang."""
        return self.meeting(("left_hip", "right_hip", "head"))

    @cached_property
    def chest(self) -> int:
        """The bone from which arms and neck hang."""
        return self.meeting(("left_shoulder", "right_shoulder", "head"))

    @cached_property
    def spine(self) -> list[int]:
        """The bones between hips and chest, and the chest."""
        return [] if self.chest == self.hips else [*self.between(self.hips, self.chest), self.chest]

    @cached_property
    def neck(self) -> list[int]:
        """The bones between chest and head."""
        return self.between(self.chest, self.joints["head"])

    @cached_property
    def facing(self) -> FloatArray:
        """(3, 3) turn about y that lets it face +z."""
        across = (self.head("left_hip") - self.head("right_hip")) * [1, 0, 1]
        return turn_about(_UP, np.array([1.0, 0.0, 0.0]), across).T

    @cached_property
    def leg(self) -> float:
        """Length of thigh and shin, mean of both sides."""
        return float(
            np.mean(
                [
                    np.linalg.norm(self.head(f"{side}_{a}") - self.head(f"{side}_{b}"))
                    for side in SIDES
                    for a, b in (("hip", "knee"), ("knee", "ankle"))
                ]
            )
            * 2
        )

    @cached_property
    def floor(self) -> float:
        """Height of the floor below it at rest."""
        feet = [self.tip(side)[1] for side in SIDES]
        lowest = min(*feet, *(self.head(f"{side}_ankle")[1] for side in SIDES))
        low, high = (share * self.leg for share in _SOLE)
        return 0.0 if low <= lowest <= high else float(lowest)

    def tip(self, side: str) -> FloatArray:
        """(3,) at rest, the lowest of the bones that begin below an ankle."""
        ankle = self.joints[f"{side}_ankle"]
        below = [b for b in range(len(self.armature)) if b != ankle and ankle in self.above(b)]
        places = self.armature.heads[below or [ankle]]
        return places[places[:, 1].argmin()]


def baked(pose: Pose, body: Body, fps: float) -> ArmatureMotion:
    """A person's motion on a character.

    Args:
        pose: the person in metres, y up.
        body: the character.
        fps: frames per second.

    Returns:
        The motion in the character's unit, y up, the floor at y = 0.
    """
    armature = body.armature
    turns, places = pose.chain
    ankles = {side: places[:, JOINTS.index(f"{side}_ankle")] for side in SIDES}
    low = float(np.percentile(np.minimum(*(a[:, 1] for a in ankles.values())), _STANDING))
    ratio = body.leg / _leg(pose)
    height = body.middle("ankle")[1] - body.floor

    def scaled(points: FloatArray) -> FloatArray:
        return (points - [0, low, 0]) * ratio + [0, height, 0]

    turned = _turned(turns, body)
    hips = (places[:, JOINTS.index("left_hip")] + places[:, JOINTS.index("right_hip")]) / 2
    away = armature.heads[body.hips] - body.middle("hip")
    root = scaled(hips) + turned[body.hips] @ away
    wanted = {bone: turn @ armature.axes[bone] for bone, turn in turned.items()}
    first = moved(armature, root, wanted)
    legs = {
        (body.joints[f"{side}_hip"], body.joints[f"{side}_knee"]): scaled(ankle)
        for side, ankle in ankles.items()
    }
    targets = stepping(first, legs, turns[:, JOINTS.index("pelvis"), :, 2])
    stepped = moved(armature, root, wanted, targets).forward()
    for side in SIDES:
        ankle = body.joints[f"{side}_ankle"]
        toes = body.tip(side)
        foot = turned[ankle] @ (toes - armature.heads[ankle])
        above = stepped[:, ankle, 1] - (toes[1] - body.floor)
        wanted[ankle] = lifts(foot, above, fps) @ wanted[ankle]
    return moved(armature, root, wanted, targets)


def _leg(pose: Pose) -> float:
    """Metres of thigh and shin of a person."""
    offsets = pose.rig.offsets
    return float(
        sum(np.linalg.norm(offsets[JOINTS.index(f"left_{joint}")]) for joint in ("knee", "ankle"))
    )


def _turned(turns: FloatArray, body: Body) -> dict[int, FloatArray]:
    """(T, 3, 3) how bones turn from the character's rest pose, in the world.

    Args:
        turns: (T, J, 3, 3) rotations of the person's joints from the T-pose, in the world.
        body: the character.
    """
    facing, joints = body.facing, body.joints
    of = {name: turns[:, JOINTS.index(name)] for name in JOINTS}
    base = body.armature.heads[body.neck[0] if body.neck else joints["head"]]
    upright = _pointed(facing, base - body.middle("hip"), _UP)
    found: dict[int, FloatArray] = {body.hips: of["pelvis"] @ upright}
    lower = len(body.spine) // 2
    for number, bone in enumerate(body.spine):
        follows = "lower_back" if number < lower else "spine"
        found[bone] = of["thorax" if bone == body.chest else follows] @ upright
    # In the T-pose the face looks down a little.
    head = of["nose"] @ face_ahead().T @ facing
    chest = found[body.chest]
    bend = to_vectors(np.swapaxes(chest, -1, -2) @ head)
    for number, bone in enumerate(body.neck, start=1):
        found[bone] = chest @ from_vectors(bend * number / (len(body.neck) + 1))
    found[joints["head"]] = head
    for side, outwards in SIDES.items():
        out = np.array([outwards, 0.0, 0.0])
        collar = body.between(body.chest, joints[f"{side}_shoulder"])
        if collar:
            across = body.head(f"{side}_shoulder") - base
            found[collar[0]] = of[f"{side}_collar"] @ _pointed(upright, across, out)
        for limb, along in (
            (("shoulder", "elbow", "wrist"), out),
            (("hip", "knee", "ankle"), _DOWN),
        ):
            turn = facing
            for joint, beyond in pairwise(f"{side}_{part}" for part in limb):
                turn = _pointed(turn, body.head(beyond) - body.head(joint), along)
                found[joints[joint]] = of[joint] @ turn
            if limb[-1] == "wrist":  # at rest, the hand is taken to continue the forearm
                found[joints[f"{side}_wrist"]] = of[f"{side}_wrist"] @ turn
        found[joints[f"{side}_ankle"]] = of[f"{side}_ankle"] @ facing
    return found


def _pointed(turn: FloatArray, bone: FloatArray, along: FloatArray) -> FloatArray:
    """(3, 3) a turn that is swung so that a bone then points along a direction."""
    return swing(turn @ unit(bone), along) @ turn
