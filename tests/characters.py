"""A character with Mixamo's names and a skin, made by us and written by pygltflib."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

# Bones of somebody with long legs and short arms: parent, place relative to it in metres in a
# T-pose (x left, y up, z forwards), and half the thickness of the limb that begins there.
_MIDDLE = {
    "Hips": ("", (0.0, 1.06, 0.0), 0.13),
    "Spine": ("Hips", (0.0, 0.10, -0.01), 0.12),
    "Spine1": ("Spine", (0.0, 0.11, 0.0), 0.13),
    "Spine2": ("Spine1", (0.0, 0.12, 0.0), 0.14),
    "Neck": ("Spine2", (0.0, 0.16, 0.01), 0.05),
    "Head": ("Neck", (0.0, 0.10, 0.02), 0.09),
    "HeadTop_End": ("Head", (0.0, 0.22, 0.02), 0.0),
}
_SIDE = {
    "Shoulder": ("Spine2", (0.05, 0.11, 0.0), 0.05),
    "Arm": ("Shoulder", (0.13, 0.0, -0.02), 0.05),
    "ForeArm": ("Arm", (0.26, 0.0, 0.0), 0.04),
    "Hand": ("ForeArm", (0.24, 0.0, 0.0), 0.04),
    "HandMiddle1": ("Hand", (0.09, 0.0, 0.0), 0.03),
    "HandMiddle4": ("HandMiddle1", (0.09, 0.0, 0.0), 0.0),
    "UpLeg": ("Hips", (0.10, -0.06, 0.0), 0.08),
    "Leg": ("UpLeg", (0.0, -0.47, 0.0), 0.06),
    "Foot": ("Leg", (0.0, -0.44, 0.0), 0.05),
    "ToeBase": ("Foot", (0.0, -0.075, 0.12), 0.04),
    "Toe_End": ("ToeBase", (0.0, -0.005, 0.08), 0.0),
}
_SIDES = {"Left": 1.0, "Right": -1.0}
_RING = 8


def bones(arms_down: float = 0.0) -> dict[str, tuple[str, np.ndarray, float]]:
    """Parent, place in the world and thickness of each bone; arms hang by some degrees."""
    parts: dict[str, tuple[str, np.ndarray, float]] = {}
    for name, (parent, offset, thick) in _MIDDLE.items():
        place = np.array(offset) + (parts[parent][1] if parent else 0)
        parts[name] = parent, place, thick
    for side, sign in _SIDES.items():
        hanging = Rotation.from_euler("z", -sign * arms_down, degrees=True).as_matrix()
        for name, (parent, offset, thick) in _SIDE.items():
            above = parent if parent in parts else side + parent
            away = np.array(offset) * [sign, 1, 1]
            if "Arm" in parent or parent.startswith("Hand"):
                away = hanging @ away
            parts[side + name] = above, parts[above][1] + away, thick
    return parts


def write_character(
    path: Path,
    *,
    prefix: str = "mixamorig:",
    arms_down: float = 0.0,
    scale: float = 1.0,
    turn: float = 0.0,
    saved: float = 0.0,
) -> None:
    """Write the character as a GLB.

    Args:
        path: of the file.
        prefix: of the names of the bones.
        arms_down: degrees by which arms hang in the pose in which the skin is bound.
        scale: units of the skeleton per metre; a node above it scales it back.
        turn: degrees by which it is turned about y.
        saved: degrees by which knees are bent in the pose in which the nodes are saved.
    """
    import pygltflib as gltf

    parts, names = bones(arms_down), list(bones())
    around = Rotation.from_euler("y", turn, degrees=True).as_matrix()
    places = np.array([around @ parts[name][1] * scale for name in names])
    document, blob = gltf.GLTF2(), bytearray()

    def array(values: np.ndarray, kind: str, number: int, target: int | None = None) -> int:
        document.bufferViews.append(
            gltf.BufferView(buffer=0, byteOffset=len(blob), byteLength=values.nbytes, target=target)
        )
        rows = values.reshape(len(values), -1)
        document.accessors.append(
            gltf.Accessor(
                bufferView=len(document.bufferViews) - 1,
                componentType=number,
                count=len(values),
                type=kind,
                min=rows.min(axis=0).tolist(),
                max=rows.max(axis=0).tolist(),
            )
        )
        blob.extend(values.tobytes() + b"\0" * (-values.nbytes % 4))
        return len(document.accessors) - 1

    bend = Rotation.from_euler("x", saved, degrees=True).as_quat().tolist()
    document.nodes = [gltf.Node(name="Armature", children=[2], scale=[1 / scale] * 3)]
    document.nodes.append(gltf.Node(name="Body", mesh=0, skin=0))
    for number, name in enumerate(names):
        parent = parts[name][0]
        above = places[names.index(parent)] if parent else 0
        document.nodes.append(
            gltf.Node(
                name=prefix + name,
                translation=(places[number] - above).tolist(),
                rotation=bend if name.endswith("tLeg") else None,
                children=[2 + i for i, other in enumerate(names) if parts[other][0] == name],
            )
        )
    document.scenes, document.scene = [gltf.Scene(nodes=[0, 1])], 0
    binds = np.tile(np.eye(4, dtype="<f4"), (len(names), 1, 1))
    binds[:, 3, :3] = -places  # column-major
    document.skins = [
        gltf.Skin(
            inverseBindMatrices=array(binds.reshape(-1, 16), "MAT4", gltf.FLOAT),
            joints=list(range(2, 2 + len(names))),
        )
    ]
    surface = _surface(parts, names, places, scale)
    document.meshes = [
        gltf.Mesh(
            name="skin",
            primitives=[
                gltf.Primitive(
                    attributes=gltf.Attributes(
                        POSITION=array(surface["points"], "VEC3", gltf.FLOAT, gltf.ARRAY_BUFFER),
                        JOINTS_0=array(
                            surface["joints"], "VEC4", gltf.UNSIGNED_SHORT, gltf.ARRAY_BUFFER
                        ),
                        WEIGHTS_0=array(surface["weights"], "VEC4", gltf.FLOAT, gltf.ARRAY_BUFFER),
                    ),
                    indices=array(
                        surface["faces"], "SCALAR", gltf.UNSIGNED_INT, gltf.ELEMENT_ARRAY_BUFFER
                    ),
                )
            ],
        )
    ]
    document.buffers = [gltf.Buffer(byteLength=len(blob))]
    document.set_binary_blob(bytes(blob))
    document.save_binary(str(path))


def _surface(
    parts: dict[str, Any], names: list[str], places: np.ndarray, scale: float
) -> dict[str, np.ndarray]:
    """A tube around each bone; its ends are shared with the parent and the child."""
    points: list[np.ndarray] = []
    joints: list[np.ndarray] = []
    weights: list[np.ndarray] = []
    faces: list[list[int]] = []
    angles = 2 * np.pi * np.arange(_RING) / _RING
    for child, name in enumerate(names):
        parent = parts[name][0]
        if not parent:
            continue
        bone, thick = names.index(parent), parts[parent][2] * scale
        along = places[child] - places[bone]
        if np.linalg.norm(along) < 1e-6 or not thick:
            continue
        side = np.cross(along, [0.3, 0.2, 0.9])
        side /= np.linalg.norm(side)
        other = np.cross(along, side) / np.linalg.norm(along)
        circle = thick * (np.cos(angles)[:, None] * side + np.sin(angles)[:, None] * other)
        above = names.index(parts[parent][0]) if parts[parent][0] else bone
        first = len(points) * _RING
        for share, with_other, weight in (
            (0.0, above, 0.5),
            (0.3, bone, 1.0),
            (0.7, bone, 1.0),
            (1.0, child, 0.6),
        ):
            points.append(places[bone] + share * along + circle)
            joints.append(np.tile([bone, with_other, 0, 0], (_RING, 1)))
            weights.append(np.tile([weight, 1 - weight, 0, 0], (_RING, 1)))
        for ring in range(3):
            for i in range(_RING):
                a, b = first + ring * _RING + i, first + ring * _RING + (i + 1) % _RING
                faces += [[a, b, a + _RING], [b, b + _RING, a + _RING]]
    return {
        "points": np.concatenate(points).astype("<f4"),
        "joints": np.concatenate(joints).astype("<u2"),
        "weights": np.concatenate(weights).astype("<f4"),
        "faces": np.array(faces, dtype="<u4").ravel(),
    }
