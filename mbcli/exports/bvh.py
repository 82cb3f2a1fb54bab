"""BVH (Biovision Hierarchy): a skeleton and its joint rotations, as text; one person per file.

``HIERARCHY`` nests the joints of `mbcli.kinematics.rig`, or the bones of ``--rig``, with their
offsets in the rest pose, a T-pose or A-pose facing +z (z up: -y); head, hands and toes of our own
are ``End Site``s. ``MOTION`` gives the number of frames, the seconds between them, and a line for
each. The bone that moves (and the root above it) has the channels ``Xposition Yposition Zposition
Zrotation Xrotation Yrotation``, every other one ``Zrotation Xrotation Yrotation``: degrees about
intrinsic axes, R = Rz Rx Ry. No angle jumps from one frame to the next, so that some exceed 180
degrees. The offset of a bone that moves is 0, since readers disagree on whether its position
replaces the offset or is added to it. Bones have no axes of their own: without rotations they are
in the rest pose, except for a rig whose recordings have them (``posed`` in
`mbcli.kinematics.rig_table`).

The format declares neither unit nor axes and has no comments: lengths are metres times ``--scale``,
y is up unless ``--up z`` was given; a rig has its own unit and axis. `mbcli.kinematics.solving`
describes how rotations are solved, and what happens in frames without the person.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mbcli.errors import InputError
from mbcli.exports.axes import turn
from mbcli.exports.character import read_character
from mbcli.exports.options import ExportOptions
from mbcli.exports.posed import posed
from mbcli.kinematics.armature import Armature, ArmatureMotion
from mbcli.kinematics.rig_table import RIGS
from mbcli.kinematics.rotations import euler_zxy
from mbcli.motion import Motion3D
from mbcli.types import FloatArray

_PLACE = "Xposition Yposition Zposition"
_ROTATIONS = "Zrotation Xrotation Yrotation"


def write_bvh(motion: Motion3D, path: Path, options: ExportOptions) -> None:
    """Create ``path`` from a motion of one person at a constant rate.

    Raises:
        InputError: the motion does not have exactly one person, or no frame with the person.
    """
    people = len(motion.track_ids)
    if people != 1:
        raise InputError(f"a BVH file holds one person, got {people}")
    up, scale = options.up or "y", 1.0 if options.scale is None else options.scale
    if options.character is not None:
        up = read_character(options.character).up
    standing = turn("y")
    ((moving, _),) = posed(motion, options)
    if options.loop:
        moving = moving.at(slice(-1))
    moving = moving.turned(turn(up) @ standing.T, scale)
    if options.character is None and (options.rig is None or not RIGS[options.rig].posed):
        moving = moving.unturned()
    bones = moving.armature
    order = _order(bones, 0)
    with path.open("x", encoding="ascii", newline="\n") as stream:
        stream.write("HIERARCHY\n")
        stream.writelines(_hierarchy(bones, 0, 0))
        stream.write(f"MOTION\nFrames: {len(moving.places)}\nFrame Time: {1 / motion.fps:.10g}\n")
        channels, formats = _channels(moving, order)
        np.savetxt(stream, channels, fmt=formats)


def _hierarchy(bones: Armature, bone: int, depth: int) -> Iterator[str]:
    """The lines of a bone and its descendants."""
    tab = "\t" * depth
    if bone in bones.ends:
        yield from _end(tab, bones.offsets[bone])
        return
    moves = bone in (0, bones.mover)
    offset = np.zeros(3) if moves else bones.offsets[bone]
    yield f"{tab}{'JOINT' if depth else 'ROOT'} {bones.names[bone]}\n{tab}{{\n"
    yield f"{tab}\tOFFSET {_numbers(offset)}\n"
    yield f"{tab}\tCHANNELS {f'6 {_PLACE}' if moves else 3} {_ROTATIONS}\n"
    for child in bones.children[bone]:
        yield from _hierarchy(bones, child, depth + 1)
    if not bones.children[bone]:
        yield from _end(f"{tab}\t", bones.axes[bone].T @ (bones.tips[bone] - bones.heads[bone]))
    yield f"{tab}}}\n"


def _end(tab: str, offset: FloatArray) -> Iterator[str]:
    yield f"{tab}End Site\n{tab}{{\n{tab}\tOFFSET {_numbers(offset)}\n{tab}}}\n"


def _numbers(offset: FloatArray) -> str:
    return " ".join(f"{number:.8g}" for number in offset + 0.0)


def _order(bones: Armature, bone: int) -> list[int]:
    """The bones with channels, in the order of the hierarchy."""
    found = [] if bone in bones.ends else [bone]
    return [*found, *(one for child in bones.children[bone] for one in _order(bones, child))]


def _channels(moving: ArmatureMotion, order: list[int]) -> tuple[FloatArray, list[str]]:
    """(T, C) values of all channels, and how each is written."""
    bones = moving.armature
    angles = euler_zxy(moving.rotations[:, order])  # (T, N, 3)
    columns, formats = [], []
    for number, bone in enumerate(order):
        if bone in (0, bones.mover):
            columns.append(moving.translation if bone == bones.mover else 0 * moving.places)
            formats += ["%.8g"] * 3
        columns.append(angles[:, number])
        formats += ["%.5f"] * 3
    return np.concatenate(columns, axis=1), formats
