"""glTF documents as pygltflib reads them: their arrays, and kinematics written out here."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

KINDS = {5126: "<f4", 5123: "<u2", 5125: "<u4"}
WIDTHS = {"SCALAR": 1, "VEC3": 3, "VEC4": 4, "MAT4": 16}


def array(document: Any, number: int) -> np.ndarray:
    accessor = document.accessors[number]
    view = document.bufferViews[accessor.bufferView]
    kind = np.dtype(KINDS[accessor.componentType])
    size = accessor.count * WIDTHS[accessor.type]
    assert view.byteOffset % 4 == 0
    blob = document.binary_blob()
    return np.frombuffer(blob, kind, size, view.byteOffset).reshape(accessor.count, -1)


def animated(document: Any) -> tuple[np.ndarray, dict[int, np.ndarray]]:
    """Times, and (T, 4, 4) of every node in the world, by the document's own animation."""
    moved: dict[tuple[int, str], np.ndarray] = {}
    (animation,) = document.animations
    for channel in animation.channels:
        sampler = animation.samplers[channel.sampler]
        assert sampler.interpolation == "LINEAR"
        times = array(document, sampler.input)[:, 0]
        moved[channel.target.node, channel.target.path] = array(document, sampler.output)
    found: dict[int, np.ndarray] = {}

    def visit(number: int, above: np.ndarray) -> None:
        node = document.nodes[number]
        local = np.tile(np.eye(4), (len(times), 1, 1))
        turns = moved.get((number, "rotation"), node.rotation or [0, 0, 0, 1])
        local[:, :3, :3] = Rotation.from_quat(np.atleast_2d(turns)).as_matrix()
        local[:, :3, :3] *= np.array(node.scale or [1, 1, 1])
        local[:, :3, 3] = moved.get((number, "translation"), node.translation or [0, 0, 0])
        found[number] = above @ local
        for child in node.children:
            visit(child, found[number])

    for root in document.scenes[document.scene].nodes:
        visit(root, np.eye(4))
    return times, found


def at_rest(document: Any) -> dict[str, np.ndarray]:
    """(4, 4) in the world of every node of the first skin, by the nodes' own rest pose."""
    found: dict[int, np.ndarray] = {}

    def visit(number: int, above: np.ndarray) -> None:
        node = document.nodes[number]
        local = np.eye(4)
        local[:3, :3] = Rotation.from_quat(node.rotation or [0, 0, 0, 1]).as_matrix()
        local[:3, :3] *= np.array(node.scale or [1, 1, 1])
        local[:3, 3] = node.translation or [0, 0, 0]
        found[number] = above @ local
        for child in node.children:
            visit(child, found[number])

    for root in document.scenes[document.scene].nodes:
        visit(root, np.eye(4))
    return {document.nodes[joint].name: found[joint] for joint in document.skins[0].joints}
