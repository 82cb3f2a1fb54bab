"""Reading a character from a glTF binary, and adding a motion to it.

Mesh, skin, materials and whatever else the file holds are kept as they are; the nodes that move are
put into the pose in which the skin was bound, and the motion becomes the first animation.
"""

from __future__ import annotations

import json
import struct
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from mbcli.boundary import reading
from mbcli.errors import InputError
from mbcli.exports.gltf import BIN, FLOAT, JSON, MAGIC, Animation, GlbBuffer
from mbcli.geometry import nearest_rotation
from mbcli.kinematics.armature import ArmatureMotion
from mbcli.kinematics.rotations import quaternions
from mbcli.types import FloatArray

_STILL = 1e-6  # components of rotations by which a bone must turn to get a curve


@dataclass(frozen=True, eq=False)
class GlbFile:
    """A glTF binary.

    Attributes:
        document: its JSON.
        blob: its one buffer.
    """

    document: Mapping[str, Any]
    blob: bytes

    @property
    def _nodes(self) -> list[dict[str, Any]]:
        return list(self.document["nodes"])

    def name(self, node: int) -> str:
        """The name of a node."""
        return str(self._nodes[node].get("name", f"node_{node}"))

    def tree(self) -> tuple[list[int], tuple[int, ...]]:
        """The nodes of all skins and those above them, parents first; and their parents' places.

        Without a skin these are all nodes.
        """
        above = {c: n for n, node in enumerate(self._nodes) for c in node.get("children", ())}
        skins = self.document.get("skins", ())
        wanted = {joint for skin in skins for joint in skin["joints"]} or set(
            range(len(self._nodes))
        )
        chains = [_chain(node, above) for node in sorted(wanted)]
        order = list(dict.fromkeys(node for chain in chains for node in chain))
        places = {node: place for place, node in enumerate(order)}
        return order, tuple(places[above[n]] if n in above else -1 for n in order)

    def humanoid(self) -> dict[str, int]:
        """The node of each bone of a VRM, by VRM's names; empty of other files."""
        extensions = self.document.get("extensions", {})
        if "VRMC_vrm" in extensions:
            bones = extensions["VRMC_vrm"]["humanoid"]["humanBones"]
            return {name: int(bone["node"]) for name, bone in bones.items()}
        old = extensions.get("VRM", {}).get("humanoid", {}).get("humanBones", ())
        return {str(bone["bone"]): int(bone["node"]) for bone in old}

    def rest(
        self, order: Sequence[int], parents: Sequence[int]
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The pose in which the skins were bound: places, axes and scales of nodes in the world.

        Args:
            order: nodes, parents first.
            parents: place of the parent of each in ``order``, -1 for a root.

        Returns:
            (N, 3) places, (N, 3, 3) rotations, (N,) scales.
        """
        bound: dict[int, FloatArray] = {}
        for skin in self.document.get("skins", ()):
            if "inverseBindMatrices" in skin:
                inverse = self._matrices(skin["inverseBindMatrices"])
                for node, matrix in zip(skin["joints"], inverse, strict=True):
                    bound.setdefault(node, np.linalg.inv(matrix))
        saved: list[FloatArray] = []
        for node, parent in zip(order, parents, strict=True):
            local = _local(self._nodes[node])
            saved.append(saved[parent] @ local if parent >= 0 else local)
        skinned = [place for place, node in enumerate(order) if node in bound]
        skin_axes: FloatArray = np.eye(4)
        if skinned:
            skin_axes = _skin_axes(saved[skinned[0]], bound[order[skinned[0]]])
        worlds: list[FloatArray] = []
        for node, parent in zip(order, parents, strict=True):
            if node in bound:
                worlds.append(skin_axes @ bound[node])
            else:
                local = _local(self._nodes[node])
                worlds.append(worlds[parent] @ local if parent >= 0 else local)
        matrices = np.array(worlds)
        scales = np.cbrt(np.linalg.det(matrices[:, :3, :3]))
        return matrices[:, :3, 3], nearest_rotation(matrices[:, :3, :3]), scales

    def _matrices(self, number: int) -> FloatArray:
        """(N, 4, 4) of an accessor."""
        accessor = self.document["accessors"][number]
        if accessor["type"] != "MAT4" or accessor["componentType"] != FLOAT:
            raise ValueError("inverse bind matrices must be MAT4 of floats")
        view = self.document["bufferViews"][accessor["bufferView"]]
        start = view.get("byteOffset", 0) + accessor.get("byteOffset", 0)
        numbers = np.frombuffer(self.blob, "<f4", 16 * accessor["count"], start)
        # Column-major, as in glTF.
        return numbers.reshape(-1, 4, 4).swapaxes(1, 2).astype(np.float64)

    def write_moved(
        self,
        path: Path,
        nodes: Sequence[int],
        scales: FloatArray,
        moving: ArmatureMotion,
        seconds: FloatArray,
    ) -> None:
        """Create a file with a motion.

        Args:
            path: of the file.
            nodes: the node of each bone.
            scales: (B,) of the nodes in the world.
            moving: the motion.
            seconds: (T,) times.
        """
        bones = moving.armature
        turning = np.abs(moving.rotations - bones.turns).max(axis=(0, 2, 3)) > _STILL
        turning[bones.mover] = True
        above = np.where(np.array(bones.parents) < 0, 1.0, scales[list(bones.parents)])
        changed = self._nodes
        still, turns = quaternions(bones.turns[None])[0], quaternions(moving.rotations)
        for bone in _with_parents(np.flatnonzero(turning).tolist(), bones.parents):
            node = dict(changed[nodes[bone]])
            if "matrix" in node:
                scale = np.cbrt(np.linalg.det(_local(node)[:3, :3]))
                node["scale"] = [float(scale)] * 3
                del node["matrix"]
            node["translation"] = (bones.offsets[bone] / above[bone] + 0.0).tolist()
            node["rotation"] = still[bone].tolist()
            changed[nodes[bone]] = node
        with tempfile.TemporaryFile(dir=path.parent) as stream:
            stream.write(self.blob + b"\0" * (-len(self.blob) % 4))
            buffer = GlbBuffer(stream, self.document)
            animation = Animation(buffer, seconds)
            whole = slice(0, len(seconds))
            place = moving.translation / above[bones.mover]
            animation.move(nodes[bones.mover], "translation", place, whole)
            for bone in np.flatnonzero(turning).tolist():
                animation.move(nodes[bone], "rotation", turns[:, bone], whole)
            animations = [animation.entry, *self.document.get("animations", ())]
            document = {**self.document, "nodes": changed, "animations": animations}
            buffer.write(path, path, document, "write a shorter part")


def read_glb(path: Path) -> GlbFile:
    """Read a glTF binary.

    Raises:
        InputError: it is none, or its arrays lie in other files.
    """
    with reading(path, "a readable glTF binary (.glb, .vrm)"):
        content = path.read_bytes()
        magic, version, size = struct.unpack_from("<III", content)
        if (magic, version) != (MAGIC, 2):
            raise ValueError("it must begin with glTF, version 2")
        chunks: dict[int, bytes] = {}
        at = 12
        while at + 8 <= min(size, len(content)):
            length, kind = struct.unpack_from("<II", content, at)
            chunks.setdefault(kind, content[at + 8 : at + 8 + length])
            at += 8 + length
        document = json.loads(chunks[JSON])
        if len(document.get("buffers", ())) > 1 or "uri" in next(
            iter(document.get("buffers", ())), {}
        ):
            raise InputError(f"{path}: all arrays of a character must lie in the file itself")
        return GlbFile(document, chunks.get(BIN, b""))


def _chain(node: int, above: Mapping[int, int]) -> list[int]:
    """The nodes from the root down to one."""
    chain = [node]
    while chain[-1] in above:
        if len(chain) > len(above):
            raise ValueError("its nodes must form a tree")
        chain.append(above[chain[-1]])
    return chain[::-1]


def _local(node: Mapping[str, Any]) -> FloatArray:
    """(4, 4) of a node relative to its parent."""
    if "matrix" in node:
        return np.array(node["matrix"], dtype=np.float64).reshape(4, 4).T
    local = np.eye(4)
    turn = Rotation.from_quat(node.get("rotation", (0, 0, 0, 1))).as_matrix()
    local[:3, :3] = turn * np.array(node.get("scale", (1, 1, 1)), dtype=np.float64)
    local[:3, 3] = node.get("translation", (0, 0, 0))
    return local


def _skin_axes(saved: FloatArray, bound: FloatArray) -> FloatArray:
    """(4, 4) from the axes in which a skin was bound to the world, from its top joint.

    The joint may have been saved in another pose; so the turn is the nearest by quarters.
    """
    whole = saved[:3, :3] @ np.linalg.inv(bound[:3, :3])
    scale = np.cbrt(np.linalg.det(whole))
    quarters = Rotation.create_group("O").as_matrix()
    likeness = np.einsum("nij,ij->n", quarters, whole)
    axes = np.eye(4)
    axes[:3, :3] = scale * quarters[int(likeness.argmax())]
    return axes


def _with_parents(bones: Sequence[int], parents: Sequence[int]) -> list[int]:
    found = set()
    for bone in bones:
        while bone >= 0 and bone not in found:
            found.add(bone)
            bone = parents[bone]
    return sorted(found)
