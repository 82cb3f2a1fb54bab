"""A moving figure of any format, and the training skeleton made of it: H36M-17 and a face.

Recordings have hips, knees, shoulders and a skull, but mostly no nose, eyes or ears. Those are
placed relative to the head's orientation, with the dimensions of an adult head (bitragion breadth
0.145 m, interpupillary distance 0.063 m, vertex to tragion 0.13 m, vertex to pupil 0.115 m: Gordon
et al., 1988 Anthropometric Survey of U.S. Army Personnel), scaled by the length of the legs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from mbcli.data.recordings.feet import Toes, feet_of
from mbcli.data.recordings.heads import (
    Head,
    face_from_motion,
    head_of_neck,
    put_head,
)
from mbcli.data.recordings.names import SIDES
from mbcli.data.recordings.proportions import with_human_lengths
from mbcli.data.recordings.units import Unit, find_unit, height_of, unit_name
from mbcli.data.recordings.upright import find_up, turn_up
from mbcli.data.stores.quality import face_turned_away
from mbcli.skeleton import BODY21
from mbcli.types import FloatArray


@dataclass(frozen=True, eq=False)
class Figure:
    """A motion by our joints, in the axes and the unit of its file.

    Attributes:
        joints: (F, 3) each: the limbs, ``skull`` (the joint that turns with the head), and of
            ``pelvis``, ``spine``, ``thorax`` and ``nose`` what the file has; NaN where missing.
        head: how the head is turned, as far as the file says.
        toes: what the file says of the feet, by side; empty without toes.
        fps: frames per second.
        usual_up: the axis that is up in most files of the format, see `upright.AXES`.
        unit: metres per unit by the file's own word, or None.
        note: what was guessed while reading, or "".
    """

    joints: Mapping[str, FloatArray]
    head: Head
    fps: float
    usual_up: str = "y"
    unit: float | None = None
    note: str = ""
    toes: Mapping[str, Toes] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class PlacedFigure:
    """A motion in our joints and axes.

    Attributes:
        body: (F, 21, 3) float64 metres, y up; NaN where a joint is missing.
        read_as: which axis was up and what the unit was, and how that is known.
        note: what was guessed, or "".
        feet: (F, 6, 3) float64 metres, y up, joints ``FEET``; None if the file has no toes.
    """

    body: FloatArray
    read_as: str
    note: str
    feet: FloatArray | None = None


def placed(
    figure: Figure,
    *,
    up: str | None = None,
    scale: float | None = None,
    human_lengths: bool = False,
) -> PlacedFigure:
    """Turn a figure upright, give it its size, and place its head and face.

    Args:
        figure: the motion.
        up: the axis that is up, see `upright.AXES`; None finds it from the motion.
        scale: metres per unit; None finds the unit, see `units.find_unit`.
        human_lengths: keep the directions of the bones and give them the lengths of people.

    Raises:
        DataError: the person has human height in no unit.
    """
    notes = [figure.note] if figure.note else []
    whole = np.logical_and.reduce([np.isfinite(p).all(axis=-1) for p in figure.joints.values()])
    seen = {name: p[whole] if whole.any() else p for name, p in figure.joints.items()}
    height = height_of(seen)
    axis = up or find_up(seen, height, figure.usual_up)
    said = "given" if up else "found from the motion"
    unit = Unit(scale, unit_name(scale), "given") if scale else find_unit(height, figure.unit)
    turn = turn_up(axis)
    joints: dict[str, FloatArray] = {
        name: unit.metres * place @ turn.T for name, place in figure.joints.items()
    }
    skull = joints.pop("skull")
    body = with_trunk(joints)
    if human_lengths:
        body, skull = with_human_lengths(body, skull)
    head = figure.head.turned(turn, unit.metres)
    if head.turn is None:
        leaning = head_of_neck(body, skull, head.level, whole)
        head = replace(head, turn=leaning, face=np.eye(3))
    elif head.face is None:
        head = replace(head, face=face_from_motion(body, head.turn, whole), pitch=0.0)
    put_head(body, skull, head)
    if head.turn is not None and face_turned_away(body[whole]) and not head.keep_nose:
        notes.append("the face looked away from where the trunk does; it was turned to it")
        face = face_from_motion(body, head.turn, whole)
        put_head(body, skull, replace(head, face=face, pitch=0.0))
    read_as = f"{axis} up ({said}), {unit.name} ({unit.how})"
    toes = {side: one.turned(turn) for side, one in figure.toes.items()}
    feet = feet_of(body, toes, figure.fps) if len(toes) == len(SIDES) else None
    return PlacedFigure(body, read_as, "; ".join(notes), feet)


def with_trunk(given: Mapping[str, FloatArray]) -> FloatArray:
    """(F, 21, 3) the given joints, each (F, 3), with missing trunk joints derived from them.

    The head and the face are not placed yet.
    """
    out = np.full((len(given["left_hip"]), len(BODY21), 3), np.nan)

    def middle(a: str, b: str) -> FloatArray:
        return (out[:, BODY21.index(a)] + out[:, BODY21.index(b)]) / 2

    for name, place in given.items():
        out[:, BODY21.index(name)] = place
    for name, ends in (
        ("pelvis", ("left_hip", "right_hip")),
        ("thorax", ("left_shoulder", "right_shoulder")),
        ("spine", ("pelvis", "thorax")),
    ):
        if name not in given:
            out[:, BODY21.index(name)] = middle(*ends)
    return out
