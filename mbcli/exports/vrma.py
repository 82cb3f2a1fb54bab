"""VRMA: the motion of one person for VRM 1.0 avatars, by the glTF extension VRMC_vrm_animation.

A file is a glTF binary without a mesh. Its nodes are the bones of the VRM humanoid in a T-pose
facing +z, with the axes of the world; the extension says which node is which bone. Players turn the
rotations to the avatar's own rest pose, and scale the place of the hips by its height. Only the
hips move; the other bones turn.
"""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from mbcli.errors import InputError
from mbcli.exports.glb import GlbScene, remarks
from mbcli.exports.options import ExportOptions
from mbcli.exports.posed import posed
from mbcli.motion import Motion3D

_EXTENSION, _VERSION = "VRMC_vrm_animation", "1.0"


def write_vrma(motion: Motion3D, path: Path, options: ExportOptions) -> None:
    """Create ``path`` from a motion of one person; the rig is VRM's.

    Raises:
        InputError: the motion does not have exactly one person, or no frame with the person.
    """
    people = len(motion.track_ids)
    if people != 1:
        raise InputError(f"a VRMA file holds one person, got {people}")
    ((moving, frames),) = posed(motion, replace(options, rig="vrm"))
    with tempfile.TemporaryFile(dir=path.parent) as buffer:
        scene = GlbScene(motion.timestamps, buffer)
        first = scene.add_bones(f"person_{motion.track_ids[0]}", moving, frames)
        bones = {name: {"node": first + i} for i, name in enumerate(moving.armature.names)}
        extension = {"specVersion": _VERSION, "humanoid": {"humanBones": bones}}
        scene.write(
            path,
            remarks(motion, options),
            {"extensionsUsed": [_EXTENSION], "extensions": {_EXTENSION: extension}},
        )
