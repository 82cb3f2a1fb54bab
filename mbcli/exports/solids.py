"""Surfaces of a skeleton: an octahedron for each bone."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mbcli.geometry import unit
from mbcli.kinematics.armature import Armature
from mbcli.kinematics.rotations import swing
from mbcli.show.colours import joint_colour, person_colour
from mbcli.types import FloatArray, IntArray

_WIDEST = 0.15  # position along the bone
_THICKNESS = 0.11  # of the bone's length
_THINNEST = 0.012  # metres
_SHORTEST = 1e-4  # metres; shorter bones are invisible

# The corners of an octahedron along y from 0 to 1, and its faces, counter-clockwise from outside.
_CORNERS = np.array(
    [[0, 0, 0], [1, _WIDEST, 0], [0, _WIDEST, 1], [-1, _WIDEST, 0], [0, _WIDEST, -1], [0, 1, 0]]
)
_FACES = np.array(
    [[0, 1, 2], [0, 2, 3], [0, 3, 4], [0, 4, 1], [5, 2, 1], [5, 3, 2], [5, 4, 3], [5, 1, 4]]
)

# The parts of a body, each with its own colour.
PARTS = ("middle", "right", "left")


@dataclass(frozen=True, eq=False)
class Solid:
    """Triangles without shared corners, in the standing rest pose.

    Attributes:
        points: (V, 3) in the unit of the armature; every three form a triangle, counter-clockwise
            from outside.
        normals: (V, 3) unit vectors.
        joints: (V,) the bone that each corner follows.
    """

    points: FloatArray
    normals: FloatArray
    joints: IntArray


def colour_of(part: str, person: int) -> tuple[float, float, float]:
    """Linear red, green and blue, 0..1, of one of `PARTS` of the person in a column."""
    coded = joint_colour(f"{part}_", person_colour(person))  # sRGB
    red, green, blue = (
        number / 12.92 if number <= 0.04045 else ((number + 0.055) / 1.055) ** 2.4
        for number in (value / 255 for value in coded)
    )
    return red, green, blue


def bones(armature: Armature) -> dict[str, Solid]:
    """The bones of an armature in its rest pose, for each of `PARTS` that has any."""
    metre = float(np.linalg.norm(armature.metre))
    parts: dict[str, list[tuple[FloatArray, int]]] = {name: [] for name in PARTS}
    for follows, part, start, end in _lines(armature):
        length = float(np.linalg.norm(end - start))
        if length < _SHORTEST * metre:
            continue
        thick = max(_THICKNESS * length, _THINNEST * metre)
        corners = _CORNERS * [thick, length, thick]
        turn = swing(np.array([0.0, 1.0, 0.0]), unit(end - start))
        parts[part].append(((corners @ turn.T + start)[_FACES].reshape(-1, 3), follows))
    return {name: _solid(found) for name, found in parts.items() if found}


def _lines(armature: Armature) -> Iterator[tuple[int, str, FloatArray, FloatArray]]:
    """Lines to draw: the bone that carries one, the part of the body, and its two ends."""
    heads = armature.heads
    for bone, parent in enumerate(armature.parents):
        if parent >= 0 and bone != armature.mover:
            yield parent, armature.sides[bone], heads[parent], heads[bone]
        if not armature.children[bone] and bone not in armature.ends:
            yield bone, armature.sides[bone], heads[bone], armature.tips[bone]


def _solid(found: list[tuple[FloatArray, int]]) -> Solid:
    points = np.concatenate([corners for corners, _ in found])
    first, second, third = np.moveaxis(points.reshape(-1, 3, 3), 1, 0)
    normals = np.repeat(unit(np.cross(second - first, third - first)), 3, axis=0)
    joints: npt.NDArray[np.int64] = np.repeat(
        [joint for _, joint in found], [len(corners) for corners, _ in found]
    )
    return Solid(points, normals, joints)
