"""GLB: every person as an animated skin, in one glTF 2.0 binary.

glTF (Khronos, ISO/IEC 12113) uses metres with y up. Each person has a node ``person_<id>`` with the
bones of a rig below it and a mesh that follows them, in the colours of `mbcli.show.colours`. The
rig is `mbcli.kinematics.rig`, whose bones have y along the limb, or that of ``--rig``. The nodes
are in the rest pose, a T-pose or A-pose facing +z with its toes at y = 0, which the inverse bind
matrices refer to. One animation moves all people: rotations as quaternions, and the translation of
the hips, with linear interpolation between frames, whose times are those of the source, or from 0
in a loop.

``asset.extras`` holds units, axes and assumptions. `mbcli.kinematics.solving` describes how
rotations are solved, and what happens in frames without the person.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

import numpy as np

from mbcli.errors import NobodyFoundError
from mbcli.exports.axes import notes
from mbcli.exports.character import read_character
from mbcli.exports.gltf import UINT16, VERTICES, Animation, GlbBuffer, material
from mbcli.exports.options import ExportOptions
from mbcli.exports.posed import posed
from mbcli.exports.solids import bones, colour_of
from mbcli.kinematics.armature import Armature, ArmatureMotion
from mbcli.kinematics.rig_table import RIGS
from mbcli.kinematics.rotations import quaternions
from mbcli.motion import Motion3D
from mbcli.types import FloatArray

_ABOUT = "rest pose: {pose} facing +z; the turn of bones about themselves is by rule, not measured"


def write_glb(motion: Motion3D, path: Path, options: ExportOptions) -> None:
    """Create ``path`` from a motion; axes and unit are fixed by glTF.

    Raises:
        NobodyFoundError: there are no people, or one of them is in no frame.
        OutputError: the file would exceed the 4 GiB of the format.
    """
    if not len(motion.track_ids):
        raise NobodyFoundError("a GLB needs a person, got none")
    if options.character is not None:
        _write_character(motion, path, options, options.character)
        return
    with tempfile.TemporaryFile(dir=path.parent) as buffer:
        scene = GlbScene(motion.timestamps, buffer)
        people = zip(motion.track_ids.tolist(), posed(motion, options), strict=True)
        for column, (identity, (moving, frames)) in enumerate(people):
            scene.add(column, f"person_{identity}", moving, frames)
        scene.write(path, remarks(motion, options))


def _write_character(motion: Motion3D, path: Path, options: ExportOptions, character: Path) -> None:
    """Create ``path`` from a motion of one person and a character's own file."""
    known = read_character(character)
    assert known.glb is not None, "options hold that the formats are the same"
    ((moving, frames),) = posed(motion, options)
    times = motion.timestamps[frames]
    known.glb.write_moved(path, known.nodes, known.scales, moving, times)


def remarks(motion: Motion3D, options: ExportOptions) -> tuple[str, ...]:
    """Sentences for a file on units, axes, assumptions and the rest pose."""
    bent = options.rig is not None and RIGS[options.rig].arms_down
    about = _ABOUT.format(pose="A-pose" if bent else "T-pose")
    return (*notes(motion, up="y", per_metre=1.0), about)


class GlbScene:
    """The parts of a document.

    Args:
        times: (T,) seconds of the frames.
        buffer: file for the arrays.

    Attributes:
        nodes: of the document, so far.
    """

    def __init__(self, times: FloatArray, buffer: IO[bytes]) -> None:
        self._buffer = GlbBuffer(buffer)
        self._animation = Animation(self._buffer, times)
        self._roots: list[int] = []
        self.nodes: list[dict[str, Any]] = []
        self._meshes: list[dict[str, Any]] = []
        self._materials: list[dict[str, Any]] = []
        self._skins: list[dict[str, Any]] = []

    def add(self, column: int, name: str, moving: ArmatureMotion, frames: slice) -> None:
        """Add a person: bones, skin, mesh and motion in some of the frames."""
        armature = moving.armature
        first = self.add_bones(name, moving, frames)
        binds = np.tile(np.eye(4), (len(armature), 1, 1))
        binds[:, :3, :3] = np.swapaxes(armature.axes, 1, 2)
        binds[:, :3, 3] = -np.einsum("bji,bj->bi", armature.axes, armature.heads)
        # Column-major, as in glTF.
        inverse = self._buffer.array(binds.swapaxes(1, 2).astype("<f4"), "MAT4")
        numbers = list(range(first, first + len(armature)))
        self._skins.append(
            {"name": name, "inverseBindMatrices": inverse, "joints": numbers, "skeleton": first}
        )
        self._meshes.append(
            {"name": f"{name}_bones", "primitives": self._surfaces(name, column, armature)}
        )
        mesh = {"mesh": len(self._meshes) - 1, "skin": len(self._skins) - 1}
        self._roots.append(len(self.nodes))
        self.nodes.append({"name": f"{name}_mesh", **mesh})

    def add_bones(self, name: str, moving: ArmatureMotion, frames: slice) -> int:
        """Add the bones of a person and their motion, and return the node of the first bone."""
        armature = moving.armature
        self._roots.append(len(self.nodes))
        first = len(self.nodes) + 1
        self.nodes.append({"name": name, "children": [first]})
        turns = quaternions(armature.turns[None])[0]
        for bone, label in enumerate(armature.names):
            node: dict[str, Any] = {
                "name": label,
                "translation": (armature.offsets[bone] + 0.0).tolist(),
                "rotation": turns[bone].tolist(),
            }
            if armature.children[bone]:
                node["children"] = [first + child for child in armature.children[bone]]
            self.nodes.append(node)
        move = self._animation.move
        move(first + armature.mover, "translation", moving.translation, frames)
        moved = quaternions(moving.rotations)
        for bone in range(len(armature)):
            if bone >= armature.mover and bone not in armature.ends:
                move(first + bone, "rotation", moved[:, bone], frames)
        return first

    def _surfaces(self, name: str, column: int, armature: Armature) -> list[dict[str, Any]]:
        array = self._buffer.array
        surfaces = []
        for part, solid in bones(armature).items():
            self._materials.append({"name": f"{name}_{part}", **material(*colour_of(part, column))})
            joints = np.zeros((len(solid.joints), 4), dtype="<u2")
            joints[:, 0] = solid.joints
            weights = np.zeros((len(solid.joints), 4), dtype="<f4")
            weights[:, 0] = 1
            attributes = {
                "POSITION": array(solid.points.astype("<f4"), "VEC3", target=VERTICES),
                "NORMAL": array(solid.normals.astype("<f4"), "VEC3", target=VERTICES),
                "JOINTS_0": array(joints, "VEC4", UINT16, VERTICES),
                "WEIGHTS_0": array(weights, "VEC4", target=VERTICES),
            }
            surfaces.append({"attributes": attributes, "material": len(self._materials) - 1})
        return surfaces

    def write(
        self, path: Path, said: tuple[str, ...], more: Mapping[str, Any] | None = None
    ) -> None:
        """Create the file.

        Args:
            path: of the file.
            said: remarks to be stored in it.
            more: further entries of the document.
        """
        document: dict[str, Any] = {
            "asset": {"extras": {"notes": list(said)}},
            "scene": 0,
            "scenes": [{"nodes": self._roots}],
            "nodes": self.nodes,
            "animations": [self._animation.entry],
            **(more or {}),
        }
        if self._skins:
            document["meshes"], document["skins"] = self._meshes, self._skins
            document["materials"] = self._materials
        self._buffer.write(path, path, document, "write a shorter part")
