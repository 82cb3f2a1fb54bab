"""BVH (Biovision Hierarchy): a skeleton and its joint rotations, as text; one person per file.

``HIERARCHY`` nests the joints of `mbcli.kinematics.rig` with their offsets in the rest pose, a
T-pose facing +z (z up: -y); head, hands and toes are ``End Site``s. ``MOTION`` gives the number of
frames, the seconds between them, and a line for each. The root has the channels ``Xposition
Yposition Zposition Zrotation Xrotation Yrotation``, every other joint ``Zrotation Xrotation
Yrotation``: degrees about intrinsic axes, R = Rz Rx Ry. No angle jumps from one frame to the next,
so that some exceed 180 degrees. The root's offset is 0, since readers disagree on whether its
position replaces the offset or is added to it.

The format declares neither unit nor axes and has no comments: lengths are metres times
``--scale``, y is up unless ``--up z`` was given. `mbcli.kinematics.solving` describes how rotations
are solved, and what happens in frames without the person.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from mbcli.errors import InputError
from mbcli.exports.axes import turn
from mbcli.exports.options import ExportOptions
from mbcli.exports.posed import posed
from mbcli.kinematics.rig import JOINTS, children
from mbcli.kinematics.rotations import euler_zxy
from mbcli.kinematics.solving import Pose
from mbcli.motion import Motion3D
from mbcli.types import FloatArray

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
    standing = turn("y")
    ((pose, _),) = posed(motion)
    pose = pose.turned(turn(up) @ standing.T, scale)
    with path.open("x", encoding="ascii", newline="\n") as stream:
        stream.write("HIERARCHY\n")
        stream.writelines(_hierarchy(pose.rig.offsets, 0, 0))
        stream.write(f"MOTION\nFrames: {len(pose.root)}\nFrame Time: {1 / motion.fps:.10g}\n")
        np.savetxt(stream, _channels(pose), fmt=["%.8g"] * 3 + ["%.5f"] * (3 * len(_order(0))))


def _hierarchy(offsets: FloatArray, joint: int, depth: int) -> Iterator[str]:
    """The lines of a joint and its descendants."""
    tab = "\t" * depth
    hanging = children(joint)
    numbers = " ".join(f"{number:.8g}" for number in offsets[joint] + 0.0)
    if not hanging:
        yield f"{tab}End Site\n{tab}{{\n{tab}\tOFFSET {numbers}\n{tab}}}\n"
        return
    yield f"{tab}{'JOINT' if depth else 'ROOT'} {JOINTS[joint]}\n{tab}{{\n{tab}\tOFFSET {numbers}\n"
    if depth:
        yield f"{tab}\tCHANNELS 3 {_ROTATIONS}\n"
    else:
        yield f"{tab}\tCHANNELS 6 Xposition Yposition Zposition {_ROTATIONS}\n"
    for child in hanging:
        yield from _hierarchy(offsets, child, depth + 1)
    yield f"{tab}}}\n"


def _order(joint: int) -> list[int]:
    """The joints with channels, in the order of the hierarchy."""
    hanging = children(joint)
    return [joint, *(found for child in hanging for found in _order(child))] if hanging else []


def _channels(pose: Pose) -> FloatArray:
    """(T, C) values of all channels."""
    angles = euler_zxy(pose.rotations[:, _order(0)])  # (T, N, 3)
    return np.concatenate([pose.root, angles.reshape(len(angles), -1)], axis=1)
