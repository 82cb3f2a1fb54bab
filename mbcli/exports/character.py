"""The user's own character: its bones at rest, from a GLB, VRM or BVH file.

Which bone is which joint is found as imports of recordings find it: by names with any prefix or
suffix, then by the shape of the tree (`mbcli.data.recordings.topology`). A VRM says it itself, in
VRM 1.0 (``VRMC_vrm``) and 0.x (``VRM``).

A GLB's rest pose is the pose in which its skin was bound, whatever pose its nodes are saved in. Of
a BVH it is the pose without rotations if somebody stands in it, else the first frame.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from mbcli.data.recordings.bvh import read_bvh
from mbcli.data.recordings.names import NEEDED, SIDES, Tree, check_complete
from mbcli.data.recordings.topology import find_joints
from mbcli.errors import DataError, InputError
from mbcli.exports.axes import turn
from mbcli.exports.glb_file import GlbFile, read_glb
from mbcli.exports.options import Up
from mbcli.geometry import unit
from mbcli.kinematics.armature import Armature
from mbcli.kinematics.baking import Body
from mbcli.types import FloatArray

# Cosine between up and the lines from hips to head and from ankles to hips of somebody who stands.
_STANDS = 0.8

# VRM's names of the bones that are needed.
_VRM = {"head": "head"} | {
    f"{side}{bone}": f"{side}_{joint}"
    for side in SIDES
    for bone, joint in (
        ("UpperLeg", "hip"),
        ("LowerLeg", "knee"),
        ("Foot", "ankle"),
        ("UpperArm", "shoulder"),
        ("LowerArm", "elbow"),
        ("Hand", "wrist"),
    )
}


@dataclass(frozen=True, eq=False)
class Character:
    """A character to move.

    Attributes:
        body: its bones at rest, y up, in its own unit.
        up: the axis that is up in its file.
        glb: the document of a GLB or VRM.
        nodes: number of each bone's node there.
        scales: (B,) of those nodes in the world.
    """

    body: Body
    up: Up = "y"
    glb: GlbFile | None = None
    nodes: tuple[int, ...] = ()
    scales: FloatArray = field(default_factory=lambda: np.ones(0))


def read_character(path: Path) -> Character:
    """Read a character.

    Args:
        path: a .glb, .vrm or .bvh file.

    Raises:
        InputError: it cannot be read, or nobody stands in its rest pose.
        DataError: bones that are needed cannot be found, or a BVH violates its format.
    """
    return _from_bvh(path) if path.suffix.lower() == ".bvh" else _from_glb(path)


def _from_glb(path: Path) -> Character:
    file = read_glb(path)
    order, parents = file.tree()
    heads, axes, scales = file.rest(order, parents)
    names = tuple(file.name(node) for node in order)
    given = {
        _VRM[bone]: order.index(node)
        for bone, node in file.humanoid().items()
        if bone in _VRM and node in order
    }
    joints = _joints(path, names, parents, heads, given)
    if not _upright(heads, joints, "y"):
        raise InputError(f"{path}: a character must stand upright along y in its rest pose")
    body = Body(_armature(names, parents, heads, axes, joints), joints)
    return Character(body, "y", file, tuple(order), scales)


def _from_bvh(path: Path) -> Character:
    recording = read_bvh(path)
    names, parents = recording.hierarchy.names, recording.hierarchy.parents
    places, turns = recording.forward()
    rest = recording.hierarchy.rest_positions()
    still = np.tile(np.eye(3), (len(names), 1, 1))
    ups: tuple[Up, ...] = ("y", "z")
    for heads, axes in ((rest, still), (places[0], turns[0])):
        joints = _joints(path, names, parents, heads, {})
        for up in ups:
            if _upright(heads, joints, up):
                level = turn("y") @ turn(up).T
                body = _armature(names, parents, heads @ level.T, level @ axes, joints)
                return Character(Body(body, joints), up)
    raise InputError(
        f"{path}: a character must stand upright along y or z at rest or in the first frame"
    )


def _joints(
    path: Path,
    names: tuple[str, ...],
    parents: tuple[int, ...],
    heads: FloatArray,
    given: Mapping[str, int],
) -> dict[str, int]:
    """The bones of the joints that are needed.

    Raises:
        DataError: one cannot be found.
    """
    if set(NEEDED) <= set(given):
        return dict(given)
    try:
        found, _ = find_joints(names, Tree(parents), heads[None])
        check_complete(names, found, None)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
    return {joint: found[joint] for joint in NEEDED}


def _upright(heads: FloatArray, joints: Mapping[str, int], up: Up) -> bool:
    """Whether somebody stands with an axis up."""

    def middle(part: str) -> FloatArray:
        return (heads[joints[f"left_{part}"]] + heads[joints[f"right_{part}"]]) / 2

    hips = middle("hip")
    axis = np.eye(3)["xyz".index(up)]
    lines = unit(np.stack([heads[joints["head"]] - hips, hips - middle("ankle")]))
    return bool((lines @ axis > _STANDS).all())


def _armature(
    names: tuple[str, ...],
    parents: tuple[int, ...],
    heads: FloatArray,
    axes: FloatArray,
    joints: Mapping[str, int],
) -> Armature:
    """The bones; of limbs, each ends where the next one begins."""
    tips = heads.copy()
    for bone, parent in enumerate(parents):
        if parent >= 0:
            tips[parent] = heads[bone]
    for side in SIDES:
        for joint, beyond in (
            ("hip", "knee"),
            ("knee", "ankle"),
            ("shoulder", "elbow"),
            ("elbow", "wrist"),
        ):
            tips[joints[f"{side}_{joint}"]] = heads[joints[f"{side}_{beyond}"]]
    ends = frozenset(
        bone for bone, name in enumerate(names) if name.endswith("_end") and bone not in parents
    )
    plain = Armature(
        names=names,
        parents=parents,
        heads=heads,
        tips=tips,
        axes=axes,
        sides=("middle",) * len(names),
        ends=ends,
        mover=0,
        metre=np.array([0.0, 1.0, 0.0]),
    )
    return replace(plain, mover=Body(plain, joints).hips)
