"""Where the bones of a named rig lie in a person, and which joint of the person turns each.

- The hips lie in the middle between the hip joints and turn with the pelvis, their x axis along the
  line through both. The lower half of the spine's bones lies between pelvis
  and the middle of the spine, the upper half between there and the thorax; the last turns with the
  shoulders. The twist between hips and shoulders is shared as `mbcli.kinematics.solving` says.
- The neck begins at the thorax; the head lies on the line from there to the top of the head, and
  turns with the bone from nose to top.
- Clavicles begin near the thorax, limbs at their joints. Hands keep straight to the forearm.
- Feet turn at the ankle, as `mbcli.kinematics.feet` says; toes keep straight to the foot.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import NamedTuple

from mbcli.kinematics.rig_table import RigRow

_SKULL = 0.45  # where the head turns, between thorax and top of the head: level with the ears
_HIPS = 0.25  # where the spine begins, between pelvis and the middle of the spine
_CLAVICLE = 0.15  # where a clavicle begins, between thorax and shoulder
_BALL = 0.7  # where toes begin, between ankle and tip of the toes


class Point(NamedTuple):
    """A place in the T-pose, on the line between two joints."""

    joint: str
    other: str
    share: float = 0.0


class Slot(NamedTuple):
    """A bone of a row and its place in a person."""

    name: str
    parent: str
    follows: str  # joint of `mbcli.kinematics.rig` that it turns with; "" if it keeps still
    head: Point
    tip: Point
    points: str  # letter of its direction in the T-pose
    side: str = "middle"
    aims: str = ""  # the joint that carries the place where the tip should be
    end: bool = False


def slots(row: RigRow) -> Iterator[Slot]:
    """All bones of a row, every parent before its children."""
    hips, *spine = row.trunk
    chest = row.trunk[-1]
    if row.root:
        yield Slot(row.root, "", "", Point("pelvis", "pelvis"), Point("pelvis", "pelvis"), "U")
    below = len(spine) // 2
    heads = [Point("pelvis", "spine", _HIPS + (1 - _HIPS) * i / below) for i in range(below)]
    above = len(spine) - below
    heads += [Point("spine", "thorax", i / above) for i in range(above)]
    follows = ["lower_back"] * below + ["spine"] * (above - 1) + ["thorax"]
    yield Slot(hips, row.root, "pelvis", Point("pelvis", "pelvis"), heads[0], "U")
    for number, side in enumerate(("left", "right")):
        yield from _leg(row, side, row.sides[number])
    tips = [*heads[1:], Point("thorax", "thorax")]
    aims = [*follows[1:], "thorax"]
    for i, (parent, name) in enumerate(pairwise(row.trunk)):
        yield Slot(name, parent, follows[i], heads[i], tips[i], "U", aims=aims[i])
    places = [Point("thorax", "head", _SKULL * i / len(row.neck)) for i in range(len(row.neck) + 1)]
    joints = ["neck"] * (len(row.neck) - 1) + ["nose"]
    for i, (parent, name) in enumerate(pairwise((chest, *row.neck))):
        yield Slot(name, parent, "neck", places[i], places[i + 1], "U", aims=joints[i])
    top = Point("head", "head")
    yield Slot(row.head, row.neck[-1], "nose", places[-1], top, "U")
    if row.head_end:
        yield Slot(row.head_end, row.head, "nose", top, top, "U", end=True)
    for number, side in enumerate(("left", "right")):
        yield from _arm(row, side, row.sides[number])


def _leg(row: RigRow, side: str, word: str) -> Iterator[Slot]:
    thigh, shin, foot, toes = (name.format(side=word) for name in row.leg)
    hip, knee, ankle, tip = (
        Point(joint, joint) for joint in (f"{side}_{j}" for j in ("hip", "knee", "ankle", "toes"))
    )
    ball = Point(ankle.joint, tip.joint, _BALL)
    yield Slot(thigh, row.trunk[0], hip.joint, hip, knee, "D", side, aims=knee.joint)
    yield Slot(shin, thigh, knee.joint, knee, ankle, "D", side, aims=ankle.joint)
    yield Slot(foot, shin, ankle.joint, ankle, ball, "F", side)
    yield Slot(toes, foot, ankle.joint, ball, tip, "F", side)
    if row.toes_end:
        end = row.toes_end.format(side=word)
        yield Slot(end, toes, ankle.joint, tip, tip, "F", side, end=True)


def _arm(row: RigRow, side: str, word: str) -> Iterator[Slot]:
    names = [name.format(side=word) for name in row.arm]
    joints = [f"{side}_{joint}" for joint in ("collar", "shoulder", "elbow", "wrist", "hand")]
    points = [Point(joint, joint) for joint in joints]
    points[0] = Point("thorax", joints[1], _CLAVICLE)
    parents = [row.trunk[-1], *names]
    for i, name in enumerate(names):
        aims = joints[i + 1] if i < len(names) - 1 else ""
        letter = side[0].upper()
        yield Slot(name, parents[i], joints[i], points[i], points[i + 1], letter, side, aims)
