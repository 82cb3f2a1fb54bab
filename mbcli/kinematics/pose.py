"""A rig in motion: rotations of its joints, and forward kinematics."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mbcli.kinematics.rig import PARENTS, TRACKED, Rig
from mbcli.types import FloatArray


@dataclass(frozen=True, eq=False)
class Pose:
    """A rig in motion.

    Attributes:
        rig: its bones.
        root: (T, 3) positions of the pelvis.
        rotations: (T, J, 3, 3) of each joint relative to its parent, of the pelvis relative to the
            world; never NaN.
    """

    rig: Rig
    root: FloatArray
    rotations: FloatArray

    @cached_property
    def chain(self) -> tuple[FloatArray, FloatArray]:
        """(T, J, 3, 3) rotations of all joints in the world, and their places (T, J, 3)."""
        turned = np.empty_like(self.rotations)
        places = np.empty((*self.rotations.shape[:2], 3))
        for joint, parent in enumerate(PARENTS):
            if parent < 0:
                turned[:, joint] = self.rotations[:, joint]
                places[:, joint] = self.root
                continue
            turned[:, joint] = turned[:, parent] @ self.rotations[:, joint]
            places[:, joint] = places[:, parent] + turned[:, parent] @ self.rig.offsets[joint]
        return turned, places

    def forward(self) -> FloatArray:
        """(T, J, 3) positions of all joints of the rig."""
        return self.chain[1]

    def tracked(self) -> FloatArray:
        """(T, 17, 3) positions of the joints of H36M17."""
        return self.forward()[:, list(TRACKED)]

    def turned(self, turn: npt.ArrayLike, scale: float = 1.0) -> Pose:
        """Convert the motion to other axes and another unit, including the rest pose.

        Args:
            turn: (3, 3) rotation from the present axes to the others.
            scale: number of the other units per present unit.
        """
        m = np.asarray(turn, dtype=np.float64)
        return Pose(
            rig=Rig(self.rig.offsets @ m.T * scale, self.rig.metre @ m.T * scale),
            root=self.root @ m.T * scale,
            rotations=m @ self.rotations @ m.T,
        )
