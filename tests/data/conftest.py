from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from mbcli.data.recordings.smpl import JOINTS as SMPL_JOINTS
from mbcli.skeleton import BODY21

# A person of centimetres under the names of CMU's BVH files: joint, parent, offset.
HUMAN = (
    ("Hips", None, (0, 0, 0)),
    ("LHipJoint", "Hips", (0, 0, 0)),
    ("LeftUpLeg", "LHipJoint", (9, -9, 4)),
    ("LeftLeg", "LeftUpLeg", (0, -40, 0)),
    ("LeftFoot", "LeftLeg", (0, -43, 0)),
    ("RHipJoint", "Hips", (0, 0, 0)),
    ("RightUpLeg", "RHipJoint", (-9, -9, 4)),
    ("RightLeg", "RightUpLeg", (0, -40, 0)),
    ("RightFoot", "RightLeg", (0, -43, 0)),
    ("Spine", "Hips", (0, 12, 0)),
    ("Spine1", "Spine", (0, 12, 0)),
    ("Neck", "Spine1", (0, 0, 0)),
    ("Head", "Neck", (0, 18, 0)),
    ("LeftShoulder", "Spine1", (0, 0, 0)),
    ("LeftArm", "LeftShoulder", (18, 5, 0)),
    ("LeftForeArm", "LeftArm", (29, 0, 0)),
    ("LeftHand", "LeftForeArm", (24, 0, 0)),
    ("RightShoulder", "Spine1", (0, 0, 0)),
    ("RightArm", "RightShoulder", (-18, 5, 0)),
    ("RightForeArm", "RightArm", (-29, 0, 0)),
    ("RightHand", "RightForeArm", (-24, 0, 0)),
)

Turns = Mapping[str, npt.ArrayLike]


def bvh_text(frames: int, turns: Turns, fps: float = 120.0, unit: float = 1.0) -> str:
    """A BVH of ``HUMAN``, each joint turned about x by the degrees (F,) given for it."""

    def block(name: str, offset: tuple[float, float, float], root: bool) -> str:
        kind = "ROOT" if root else "JOINT"
        moves = "6 Xposition Yposition Zposition" if root else "3"
        place = " ".join(f"{unit * v:.6f}" for v in offset)
        inner = "".join(block(n, o, False) for n, p, o in HUMAN if p == name)
        inner = inner or "End Site\n{\nOFFSET 0 0 0\n}\n"
        return (
            f"{kind} {name}\n{{\nOFFSET {place}\nCHANNELS {moves} Zrotation Yrotation Xrotation\n"
            f"{inner}}}\n"
        )

    def order(name: str) -> list[str]:
        return [name, *(n for c, p, _ in HUMAN if p == name for n in order(c))]

    values = np.zeros((frames, 3 + 3 * len(HUMAN)))
    values[:, 1] = 92 * unit
    for joint, degrees in turns.items():
        values[:, 3 + 3 * order("Hips").index(joint) + 2] = degrees
    rows = "\n".join(" ".join(f"{v:.6f}" for v in row) for row in values)
    return (
        f"HIERARCHY\n{block('Hips', (0, 0, 0), True)}MOTION\nFrames: {frames}\n"
        f"Frame Time: {1 / fps:.7f}\n{rows}\n"
    )


@pytest.fixture
def write_bvh(tmp_path: Path) -> Callable[..., Path]:
    """Writes a BVH of a person whose joints turn about x, below the test's folder."""

    def write(name: str, frames: int, turns: Turns, **options: float) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(bvh_text(frames, turns, **options))
        return path

    return write


@pytest.fixture
def standing() -> npt.NDArray[np.float32]:
    """(21, 3) a person of 1.75 m who stands and faces +z, in metres, y up."""
    places: dict[str, tuple[float, float, float]] = {
        "pelvis": (0, 0.92, 0),
        "spine": (0, 1.17, 0),
        "thorax": (0, 1.43, 0),
        "nose": (0, 1.58, 0.11),
        "head": (0, 1.66, 0),
    }
    sided = {
        "hip": (0.09, 0.92, 0),
        "knee": (0.09, 0.51, 0.01),
        "ankle": (0.09, 0.08, 0),
        "shoulder": (0.18, 1.43, 0),
        "elbow": (0.2, 1.14, -0.02),
        "wrist": (0.2, 0.9, 0.03),
        "eye": (0.03, 1.62, 0.085),
        "ear": (0.07, 1.6, 0),
    }
    for name, (x, y, z) in sided.items():
        places[f"left_{name}"] = (x, y, z)
        places[f"right_{name}"] = (-x, y, z)
    return np.array([places[name] for name in BODY21.joints], dtype=np.float32)


SMPL_REST = {
    "pelvis": (0, -0.2, 0),
    "hip": (0.06, -0.29, 0),
    "spine1": (0, -0.1, 0),
    "knee": (0.1, -0.67, 0),
    "spine2": (0, 0.03, 0),
    "ankle": (0.09, -1.07, -0.03),
    "spine3": (0, 0.09, 0),
    "foot": (0.11, -1.13, 0.09),
    "neck": (0, 0.3, -0.02),
    "collar": (0.08, 0.2, 0),
    "head": (0, 0.39, 0),
    "shoulder": (0.17, 0.23, 0),
    "elbow": (0.43, 0.22, 0),
    "wrist": (0.68, 0.22, 0),
}
SMPL_CROWN = (0.0, 0.6, 0.02)


def smpl_arrays(joints: int = 52, vertices: int | None = None) -> dict[str, npt.NDArray[Any]]:
    """A body model of the published layout whose vertex j sits on joint j, and a crown.

    Its first beta makes the person taller, metre by metre, and its second moves the wrists.
    """
    names = list(SMPL_JOINTS)
    rest = np.zeros((joints, 3))
    for number, name in enumerate(names):
        side, _, part = name.rpartition("_")
        rest[number] = SMPL_REST[part] * np.array([-1 if side == "right" else 1, 1, 1])
    parents = [-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19]
    for number in range(len(names), joints):
        wrist = 20 if number < 22 + (joints - 22) // 2 else 21
        parents.append(wrist)
        rest[number] = rest[wrist] * [1.1, 1, 1]
    count = vertices or joints + 1
    template = np.zeros((count, 3))
    template[:joints], template[joints] = rest, SMPL_CROWN
    shapedirs = np.zeros((count, 3, 16))
    shapedirs[:, 1, 0] = template[:, 1]
    shapedirs[names.index("left_wrist"), 0, 1] = 1.0
    weights = np.zeros((count, joints))
    weights[:joints] = np.eye(joints)
    weights[joints:, names.index("head")] = 1.0
    regressor = np.zeros((joints, count))
    regressor[:, :joints] = np.eye(joints)
    tree = np.array([parents, range(joints)], dtype=np.int64) % 2**32
    return {
        "v_template": template,
        "shapedirs": shapedirs,
        "posedirs": np.zeros((count, 3, 9 * (joints - 1)), dtype=np.float32),
        "J_regressor": regressor,
        "weights": weights,
        "kintree_table": tree,
        "f": np.zeros((1, 3), dtype=np.uint32),
    }


@pytest.fixture
def smpl_data() -> Callable[..., dict[str, npt.NDArray[Any]]]:
    """`smpl_arrays`, for tests that alter a body model."""
    return smpl_arrays
