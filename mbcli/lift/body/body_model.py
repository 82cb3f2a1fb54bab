"""The interface of parametric body models: rotations and a shape in, a mesh and joints out.

A pose is a rotation for each of SMPL's 24 joints, relative to the joint's parent; at rest the
person stands with arms stretched out to the sides, y up, facing +z, left at +x, and every frame
is aligned with those axes. The root's rotation leads to camera axes (x right, y down, z away), so
that somebody standing upright in a picture is rotated by 180 degrees about x. All lengths are
in metres.
"""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from mbcli.skeleton import SMPL24

JOINTS = SMPL24.joints
"""The joints that a pose rotates, in SMPL's order."""

PARENTS = SMPL24.parents

BODY_MODELS = ("anny", "smpl")

_OTHER_SIDE = {"left": "right", "right": "left"}


def _mirror_of(joint: str) -> int:
    side, _, rest = joint.partition("_")
    return JOINTS.index(f"{_OTHER_SIDE[side]}_{rest}" if side in _OTHER_SIDE else joint)


MIRROR = tuple(_mirror_of(joint) for joint in JOINTS)
"""For each joint, the index of its counterpart in the mirror image."""


class BodyModel(Protocol):
    """A parametric body.

    Attributes:
        name: as given by users and stored in weights.
        shapes: number S of shape parameters; all 0 = the mean person.
        faces: (F, 3) int64, vertices of each triangle, counter-clockwise from outside.
        template: (V, 3) metres, the mean person at rest.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def shapes(self) -> int: ...  # noqa: D102
    @property
    def faces(self) -> Tensor: ...  # noqa: D102
    @property
    def template(self) -> Tensor: ...  # noqa: D102

    def to(self, device: torch.device) -> BodyModel:
        """Move to a device."""
        ...

    def mesh(self, rotations: Tensor, shape: Tensor) -> tuple[Tensor, Tensor]:
        """Vertices and joints.

        Args:
            rotations: (N, 24, 3, 3) of ``JOINTS``.
            shape: (N, S).

        Returns:
            (N, V, 3) vertices and (N, 17, 3) joints of H36M-17, metres in camera axes, both in
            one frame whose origin is near the pelvis.
        """
        ...

    def joints(self, rotations: Tensor, shape: Tensor) -> Tensor:
        """The joints of :meth:`mesh` alone, (N, 17, 3), at a fraction of the cost."""
        ...


def upright() -> Tensor:
    """(24, 3, 3) somebody at rest, upright in front of the camera and facing it."""
    pose = torch.eye(3).repeat(len(JOINTS), 1, 1)
    pose[0] = torch.diag(torch.tensor([1.0, -1.0, -1.0]))
    return pose


def mirrored_pose(rotations: Tensor) -> Tensor:
    """The mirror image (left and right exchanged) of a pose (..., 24, 3, 3)."""
    sign = torch.tensor([-1.0, 1.0, 1.0], dtype=rotations.dtype, device=rotations.device)
    return rotations[..., list(MIRROR), :, :] * sign[:, None] * sign  # (..., 24, 3, 3)


def world_rotations(rotations: Tensor) -> Tensor:
    """Rotations (..., 24, 3, 3) of each joint relative to the camera instead of its parent."""
    done = [rotations[..., 0, :, :]]
    for joint in range(1, len(JOINTS)):
        done.append(done[PARENTS[joint]] @ rotations[..., joint, :, :])
    return torch.stack(done, dim=-3)  # (..., 24, 3, 3)
