"""GLB: every person as an animated skin, in one glTF 2.0 binary.

glTF (Khronos, ISO/IEC 12113) uses metres with y up. Each person has a node ``person_<id>`` with
the joints of `mbcli.kinematics.rig` below it and a mesh of bones that follows them, in the
colours of `mbcli.show.colours`. The nodes are in the rest pose, a T-pose facing +z with its toes
at y = 0, which the inverse bind matrices refer to. One animation moves all people: rotations as
quaternions, and the translation of the pelvis, with linear interpolation between frames, whose
times are those of the source.

``asset.extras`` holds units, axes and assumptions. `mbcli.kinematics.solving` describes how
rotations are solved, and what happens in frames without the person.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import IO, Any

import numpy as np

from mbcli.errors import NobodyFoundError
from mbcli.exports.axes import notes
from mbcli.exports.gltf import UINT16, VERTICES, GlbBuffer, material
from mbcli.exports.options import ExportOptions
from mbcli.exports.posed import posed
from mbcli.exports.solids import bones, colour_of
from mbcli.kinematics.rig import JOINTS, PARENTS, Rig, children
from mbcli.kinematics.rotations import quaternions
from mbcli.kinematics.solving import Pose
from mbcli.motion import Motion3D
from mbcli.types import FloatArray

_ABOUT = "rest pose: T-pose facing +z; the turn of bones about themselves is by rule, not measured"


def write_glb(motion: Motion3D, path: Path, options: ExportOptions) -> None:
    """Create ``path`` from a motion; ``options`` have no effect, since glTF is fixed.

    Raises:
        NobodyFoundError: there are no people, or one of them is in no frame.
        OutputError: the file would exceed the 4 GiB of the format.
    """
    if not len(motion.track_ids):
        raise NobodyFoundError("a GLB needs a person, got none")
    with tempfile.TemporaryFile(dir=path.parent) as buffer:
        scene = _Scene(motion.timestamps, buffer)
        people = zip(motion.track_ids.tolist(), posed(motion), strict=True)
        for column, (identity, (pose, frames)) in enumerate(people):
            scene.add(column, f"person_{identity}", pose, frames)
        scene.write(path, notes(motion, up="y", per_metre=1.0))


class _Scene:
    """The parts of a document.

    Args:
        times: (T,) seconds of the frames.
        buffer: file for the arrays.
    """

    def __init__(self, times: FloatArray, buffer: IO[bytes]) -> None:
        self._buffer = GlbBuffer(buffer)
        self._seconds = times.astype("<f4")
        # Accessors of the times of the frames from one to another; people may share them.
        self._times: dict[tuple[int, int], int] = {}
        self._roots: list[int] = []
        self._nodes: list[dict[str, Any]] = []
        self._meshes: list[dict[str, Any]] = []
        self._materials: list[dict[str, Any]] = []
        self._skins: list[dict[str, Any]] = []
        self._samplers: list[dict[str, int]] = []
        self._channels: list[dict[str, Any]] = []

    def add(self, column: int, name: str, pose: Pose, frames: slice) -> None:
        """Add a person: joints, skin, mesh and motion in some of the frames."""
        rest = pose.rig.standing
        person = len(self._nodes)
        first = person + 1
        self._nodes.append({"name": name, "children": [first]})
        for joint, label in enumerate(JOINTS):
            place = rest[joint] - (rest[PARENTS[joint]] if PARENTS[joint] >= 0 else 0)
            node: dict[str, Any] = {"name": label, "translation": (place + 0.0).tolist()}
            if children(joint):
                node["children"] = [first + child for child in children(joint)]
            self._nodes.append(node)
        binds = np.tile(np.eye(4), (len(JOINTS), 1, 1))
        binds[:, :3, 3] = -rest
        # Column-major, as in glTF.
        inverse = self._buffer.array(binds.swapaxes(1, 2).astype("<f4"), "MAT4")
        numbers = list(range(first, first + len(JOINTS)))
        self._skins.append(
            {"name": name, "inverseBindMatrices": inverse, "joints": numbers, "skeleton": first}
        )
        self._meshes.append(
            {"name": f"{name}_bones", "primitives": self._surfaces(name, column, pose.rig)}
        )
        mesh = {"mesh": len(self._meshes) - 1, "skin": len(self._skins) - 1}
        self._roots += [person, len(self._nodes)]
        self._nodes.append({"name": f"{name}_mesh", **mesh})
        self._frames = frames
        self._move(first, "translation", pose.root, "VEC3")
        turns = quaternions(pose.rotations)
        for joint in range(len(JOINTS)):
            if children(joint):
                self._move(first + joint, "rotation", turns[:, joint], "VEC4")

    def _surfaces(self, name: str, column: int, rig: Rig) -> list[dict[str, Any]]:
        array = self._buffer.array
        surfaces = []
        for part, solid in bones(rig).items():
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

    def _move(self, node: int, what: str, values: FloatArray, kind: str) -> None:
        output = self._buffer.array(values.astype("<f4"), kind)
        span = self._frames.start, self._frames.stop
        if span not in self._times:
            self._times[span] = self._buffer.array(self._seconds[self._frames], "SCALAR")
        self._samplers.append({"input": self._times[span], "output": output})
        target = {"node": node, "path": what}
        self._channels.append({"sampler": len(self._samplers) - 1, "target": target})

    def write(self, path: Path, remarks: tuple[str, ...]) -> None:
        """Create the file."""
        document = {
            "asset": {"extras": {"notes": [*remarks, _ABOUT]}},
            "scene": 0,
            "scenes": [{"nodes": self._roots}],
            "nodes": self._nodes,
            "meshes": self._meshes,
            "skins": self._skins,
            "materials": self._materials,
            "animations": [
                {"name": "motion", "channels": self._channels, "samplers": self._samplers}
            ],
        }
        self._buffer.write(path, path, document, "write a shorter part")
