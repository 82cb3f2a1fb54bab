"""Posing a body model by joint positions, such as those of a recording.

Joint positions determine the directions of the limbs and the frames of trunk and head, but not the
twist of a limb: it is set to that of its parent.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import normalize

from mbcli.lift.body.body_model import JOINTS, PARENTS
from mbcli.lift.body.rotations import matrices_from_vectors, swing, vectors_from_matrices
from mbcli.skeleton import H36M17

# The joint that rotates a limb, its parent in the trunk or limb, the limb's direction at rest, and
# the H36M-17 joints it lies between.
_LIMBS = (
    ("left_hip", "pelvis", (0.0, -1.0, 0.0), "left_hip", "left_knee"),
    ("right_hip", "pelvis", (0.0, -1.0, 0.0), "right_hip", "right_knee"),
    ("left_knee", "left_hip", (0.0, -1.0, 0.0), "left_knee", "left_ankle"),
    ("right_knee", "right_hip", (0.0, -1.0, 0.0), "right_knee", "right_ankle"),
    ("left_shoulder", "spine3", (1.0, 0.0, 0.0), "left_shoulder", "left_elbow"),
    ("right_shoulder", "spine3", (-1.0, 0.0, 0.0), "right_shoulder", "right_elbow"),
    ("left_elbow", "left_shoulder", (1.0, 0.0, 0.0), "left_elbow", "left_wrist"),
    ("right_elbow", "right_shoulder", (-1.0, 0.0, 0.0), "right_elbow", "right_wrist"),
)


def pose_from_joints(joints: Tensor) -> Tensor:
    """The pose whose limbs have the directions of a skeleton's.

    Args:
        joints: (N, 17, 3) H36M-17, in any unit, in a right-handed frame (camera axes are one).

    Returns:
        (N, 24, 3, 3) rotations of `mbcli.lift.body.body_model.JOINTS`; the root's leads into the
        frame of ``joints``.
    """

    def at(name: str) -> Tensor:
        return joints[:, H36M17.index(name)]  # (N, 3)

    world: dict[str, Tensor] = {}
    world["pelvis"] = _frame(at("left_hip") - at("right_hip"), at("spine") - at("pelvis"))
    world["spine3"] = _frame(at("left_shoulder") - at("right_shoulder"), at("thorax") - at("spine"))
    up = at("head") - at("thorax")
    level = torch.linalg.cross(up, at("nose") - at("thorax"))
    world["head"] = _frame(level, up)
    for part, lower, upper, share in (
        ("spine1", "pelvis", "spine3", 1 / 3),
        ("spine2", "pelvis", "spine3", 2 / 3),
        ("neck", "spine3", "head", 1 / 2),
    ):
        world[part] = _between(world[lower], world[upper], share)
    for joint, parent, rest, start, end in _LIMBS:
        before = world[parent]  # (N, 3, 3)
        pointed = (before @ torch.tensor(rest).to(joints)[:, None])[..., 0]  # (N, 3)
        world[joint] = swing(pointed, normalize(at(end) - at(start), dim=-1)) @ before
    out = []
    for number, joint in enumerate(JOINTS):
        parent = JOINTS[PARENTS[number]]
        # Collars, feet and hands follow their parents.
        world.setdefault(joint, world[parent] if number else world["pelvis"])
        out.append(world[parent].mT @ world[joint] if number else world[joint])
    return torch.stack(out, dim=1)  # (N, 24, 3, 3)


def _frame(left: Tensor, up: Tensor) -> Tensor:
    """Axes (N, 3, 3) as columns left, up, forward; ``left`` exactly, ``up`` approximately."""
    x = normalize(left, dim=-1)
    z = normalize(torch.linalg.cross(x, up), dim=-1)
    return torch.stack([x, torch.linalg.cross(z, x), z], dim=-1)


def _between(first: Tensor, second: Tensor, share: float) -> Tensor:
    """The rotation a given share of the way from one to another."""
    return first @ matrices_from_vectors(share * vectors_from_matrices(first.mT @ second))
