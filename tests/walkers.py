"""A person who walks, as recordings of many kinds: names, rest poses, axes, units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from mbcli.data.recordings.hierarchy import Hierarchy, Recording
from mbcli.types import FloatArray

# Joint, parent, offset in metres: a person of 1.7 m who faces z, with the arms spread.
_BODY: tuple[tuple[str, str, tuple[float, float, float]], ...] = (
    ("hips", "", (0, 0.93, 0)),
    ("spine", "hips", (0, 0.1, 0)),
    ("chest", "spine", (0, 0.2, 0)),
    ("neck", "chest", (0, 0.22, 0)),
    ("head", "neck", (0, 0.1, 0.01)),
    ("head_end", "head", (0, 0.18, 0)),
    *(
        (f"{side}_{name}", f"{side}_{above}" if sided else above, (s * x, y, z))
        for side, s in (("left", 1), ("right", -1))
        for name, above, sided, (x, y, z) in (
            ("clavicle", "chest", False, (0.04, 0.17, 0)),
            ("shoulder", "clavicle", True, (0.14, 0.01, 0)),
            ("elbow", "shoulder", True, (0.28, 0, 0)),
            ("wrist", "elbow", True, (0.25, 0, 0)),
            ("wrist_end", "wrist", True, (0.15, 0, 0)),
            ("hip", "hips", False, (0.09, -0.02, 0)),
            ("knee", "hip", True, (0, -0.42, 0)),
            ("ankle", "knee", True, (0, -0.41, 0)),
            ("toe", "ankle", True, (0, -0.06, 0.14)),
            ("toe_end", "toe", True, (0, 0, 0.06)),
        )
    ),
)
LIMBS = [
    f"{side}_{part}"
    for side in ("left", "right")
    for part in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
]


def walker(frames: int = 90, fps: float = 30.0) -> Recording:
    """Walks in an arc, with bent elbows and the head turning about where the trunk looks."""
    names = tuple(name for name, _, _ in _BODY)
    parents = tuple(names.index(above) if above else -1 for _, above, _ in _BODY)
    hierarchy = Hierarchy(names, parents, np.array([offset for _, _, offset in _BODY]))
    time = np.arange(frames) / fps
    phase = 2 * np.pi * time
    turns: dict[str, FloatArray] = {
        "hips": np.stack([0 * time, 0.4 * time, 0 * time], 1),
        "head": np.stack([0.1 * np.sin(phase), 0.3 * np.sin(0.7 * phase), 0 * time], 1),
    }
    for side, s in (("left", 1), ("right", -1)):
        swing = s * np.sin(phase)
        turns[f"{side}_hip"] = np.stack([-0.4 * swing, 0 * time, 0 * time], 1)
        turns[f"{side}_knee"] = np.stack([0.4 + 0.3 * swing, 0 * time, 0 * time], 1)
        turns[f"{side}_shoulder"] = np.stack([0.3 * swing, 0 * time, np.full(frames, -1.3 * s)], 1)
        turns[f"{side}_elbow"] = np.stack([0 * time, -s * (0.5 + 0.2 * swing), 0 * time], 1)
    rotations = np.tile(np.eye(3), (frames, len(names), 1, 1))
    for name, vectors in turns.items():
        rotations[:, names.index(name)] = Rotation.from_rotvec(vectors).as_matrix()
    heading = 0.4 * time
    place = np.stack([np.cos(heading), 0 * time, -np.sin(heading)], 1) * -2.0 + (2.5, 0.9, 1.3)
    return Recording(hierarchy, rotations, {0: place}, fps, Path("walk.bvh"))


def renamed(recording: Recording, names: Mapping[str, str]) -> Recording:
    """With other names of joints."""
    tree = recording.hierarchy
    return replace(
        recording, hierarchy=replace(tree, names=tuple(names.get(n, n) for n in tree.names))
    )


def rebound(recording: Recording, axis: FloatArray) -> Recording:
    """The motion with a rest pose in which every bone lies along ``axis``."""
    tree = recording.hierarchy
    bind = np.tile(np.eye(3), (len(tree), 1, 1))
    for joint in range(len(tree)):
        children = [c for c, p in enumerate(tree.parents) if p == joint]
        if children:
            bone = tree.offsets[children[0]][None]
            bind[joint] = Rotation.align_vectors(axis[None], bone)[0].as_matrix()
    offsets = np.array(tree.offsets)
    rotations = np.empty_like(recording.rotations)
    for joint, parent in enumerate(tree.parents):
        before = bind[parent] if parent >= 0 else np.eye(3)
        offsets[joint] = before @ tree.offsets[joint]
        rotations[:, joint] = before @ recording.rotations[:, joint] @ bind[joint].T
    return replace(recording, hierarchy=replace(tree, offsets=offsets), rotations=rotations)


def turned(recording: Recording, turn: FloatArray, scale: float = 1.0) -> Recording:
    """The motion in other axes of the world and another unit; the rest pose stays."""
    rotations = np.array(recording.rotations)
    rotations[:, 0] = turn @ rotations[:, 0]
    tree = recording.hierarchy
    return replace(
        recording,
        hierarchy=replace(tree, offsets=scale * tree.offsets),
        rotations=rotations,
        translations={0: scale * recording.translations[0] @ turn.T},
    )


def bvh_of(recording: Recording) -> str:
    """The text of a BVH file; joints without children become end sites."""
    tree = recording.hierarchy
    order: list[int] = []

    def block(joint: int) -> str:
        children = [c for c, p in enumerate(tree.parents) if p == joint]
        place = "OFFSET " + " ".join(f"{v:.7f}" for v in tree.offsets[joint])
        if not children:
            return f"End Site\n{{\n{place}\n}}\n"
        order.append(joint)
        root = tree.parents[joint] < 0
        channels = "6 Xposition Yposition Zposition" if root else "3"
        inner = "".join(map(block, children))
        return (
            f"{'ROOT' if root else 'JOINT'} {tree.names[joint]}\n{{\n{place}\n"
            f"CHANNELS {channels} Xrotation Yrotation Zrotation\n{inner}}}\n"
        )

    text = "HIERARCHY\n" + block(0)
    angles = [
        Rotation.from_matrix(recording.rotations[:, joint]).as_euler("XYZ", degrees=True)
        for joint in order
    ]
    rows = np.concatenate([recording.translations[0], *angles], axis=1)
    lines = "\n".join(" ".join(f"{v:.7f}" for v in row) for row in rows)
    return f"{text}MOTION\nFrames: {len(rows)}\nFrame Time: {1 / recording.fps:.7f}\n{lines}\n"
