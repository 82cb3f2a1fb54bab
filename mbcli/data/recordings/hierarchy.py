"""A joint tree, its motion, and the resulting joint positions: forward kinematics.

Importers convert each foreign format into these types, so that a format's conventions (order of
channels, axes of bones, fixed or moving axes) stay inside its own module.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation

from mbcli.types import FloatArray


@dataclass(frozen=True, eq=False)
class Hierarchy:
    """A joint tree in its rest pose, where every rotation is the identity.

    Attributes:
        names: joint names, parents before their children. The far end of a bone without children
            is also a joint, named ``<joint>_end``.
        parents: index of each joint's parent, -1 for the root.
        offsets: (J, 3) float64, metres, each joint's position relative to its parent at rest.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: FloatArray

    def __post_init__(self) -> None:
        count = len(self.names)
        if len(self.parents) != count or self.offsets.shape != (count, 3):
            raise ValueError(
                f"Hierarchy: {count} names need {count} parents and ({count}, 3) offsets, got "
                f"{len(self.parents)} and {self.offsets.shape}"
            )
        if any(parent >= joint for joint, parent in enumerate(self.parents)):
            raise ValueError("Hierarchy: a parent must come before its children")

    def __len__(self) -> int:
        return len(self.names)

    def index(self, name: str) -> int:
        """Position of joint ``name`` in the arrays."""
        return self.names.index(name)

    def rest_positions(self) -> FloatArray:
        """(J, 3) float64, metres: joint positions of the rest pose, the root at its own offset."""
        positions = np.array(self.offsets)
        for joint, parent in enumerate(self.parents):
            if parent >= 0:
                positions[joint] += positions[parent]
        return positions


@dataclass(frozen=True, eq=False)
class Recording:
    """A motion of one joint tree.

    Attributes:
        hierarchy: the joint tree.
        rotations: (F, J, 3, 3) float64, each joint's rotation relative to its parent; columns are
            the images of the axes, so ``R @ v`` rotates a vector of the joint.
        translations: joint index to (F, 3) float64 metres, the position of the joint in its
            parent's axes. A joint that is not listed keeps its offset.
        fps: frames per second.
        source: the file it was read from.
        note: what was repaired while reading, or "".
    """

    hierarchy: Hierarchy
    rotations: FloatArray
    translations: Mapping[int, FloatArray]
    fps: float
    source: Path
    note: str = ""

    def __post_init__(self) -> None:
        frames, joints = self.rotations.shape[0], len(self.hierarchy)
        if self.rotations.shape != (frames, joints, 3, 3):
            raise ValueError(
                f"Recording.rotations must be (F, {joints}, 3, 3), got {self.rotations.shape}"
            )
        if any(t.shape != (frames, 3) for t in self.translations.values()):
            raise ValueError(f"Recording.translations must each be ({frames}, 3)")

    def __len__(self) -> int:
        return len(self.rotations)

    def forward(self) -> tuple[FloatArray, FloatArray]:
        """Compute the world position of every joint.

        Returns:
            positions (F, J, 3) float64 in metres and rotations (F, J, 3, 3) relative to the rest
            pose, both in the recording's world axes.
        """
        positions = np.empty(self.rotations.shape[:3])
        rotations = np.empty_like(self.rotations)
        for joint, parent in enumerate(self.hierarchy.parents):
            local = self.translations.get(joint, self.hierarchy.offsets[joint])
            if parent < 0:
                positions[:, joint] = local
                rotations[:, joint] = self.rotations[:, joint]
                continue
            turned = np.einsum(
                "fij,fj->fi", rotations[:, parent], np.broadcast_to(local, (len(self), 3))
            )
            positions[:, joint] = positions[:, parent] + turned
            rotations[:, joint] = rotations[:, parent] @ self.rotations[:, joint]
        return positions, rotations


def moving_axes_rotation(axes: str, radians: npt.ArrayLike) -> FloatArray:
    """Rotations about intrinsic (moving) axes: the first one listed is the outermost factor.

    Rotating about fixed axes in the order ``xyz`` equals rotating about moving axes in the order
    ``zyx``; a caller with fixed axes reverses both arguments.

    Args:
        axes: up to three letters of ``xyz``, such as ``"zxy"``; an empty string is the identity.
        radians: (F, len(axes)) angles in that order.

    Returns:
        (F, 3, 3) float64.
    """
    angles = np.asarray(radians, dtype=np.float64)
    if not axes:
        return np.tile(np.eye(3), (len(angles), 1, 1))
    return Rotation.from_euler(axes.upper(), angles).as_matrix()
