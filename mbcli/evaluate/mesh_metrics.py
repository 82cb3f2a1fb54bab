"""Errors of recovered meshes in millimetres, as usual in the literature.

MPVE is the mean distance between vertices, with the pelvis of both bodies at 0; MPJPE is the mean
distance between joints; PA-MPJPE is MPJPE after each pose's best similarity transform. The
published protocol uses 14 joints of H36M-17 for both: all except pelvis, spine and nose.
"""

from __future__ import annotations

import numpy as np

from mbcli.evaluate.metrics import joint_errors
from mbcli.geometry import procrustes
from mbcli.skeleton import H36M17
from mbcli.types import FloatArray

_LEFT_OUT = ("pelvis", "spine", "nose")
JOINTS14 = tuple(n for n, joint in enumerate(H36M17.joints) if joint not in _LEFT_OUT)

_MILLIMETRES = 1000.0  # in a metre
_PELVIS = H36M17.index("pelvis")


class MeshErrors:
    """Means over many poses, accumulated in parts, so that no meshes have to be kept."""

    def __init__(self) -> None:
        self._poses = 0
        self._sums = {"mpve": 0.0, "mpjpe": 0.0, "pa_mpjpe": 0.0}

    def add(
        self,
        vertices: FloatArray,
        joints: FloatArray,
        true_vertices: FloatArray,
        true_joints: FloatArray,
    ) -> None:
        """Add poses.

        Args:
            vertices: (N, V, 3) metres.
            joints: (N, 17, 3) metres, in the same frame.
            true_vertices: (N, V, 3) metres.
            true_joints: (N, 17, 3) metres, in the same frame.
        """
        pelvis, true_pelvis = joints[:, [_PELVIS]], true_joints[:, [_PELVIS]]
        chosen = list(JOINTS14)
        pose, true_pose = (joints - pelvis)[:, chosen], (true_joints - true_pelvis)[:, chosen]
        errors = {
            "mpve": joint_errors(vertices - pelvis, true_vertices - true_pelvis),
            "mpjpe": joint_errors(pose, true_pose),
            "pa_mpjpe": joint_errors(procrustes(pose, true_pose), true_pose),
        }
        for name, error in errors.items():
            self._sums[name] += float(error.mean(axis=-1, dtype=np.float64).sum())
        self._poses += len(joints)

    def result(self) -> dict[str, float]:
        """``mpve``, ``mpjpe`` and ``pa_mpjpe`` in millimetres; empty if there are no poses."""
        if not self._poses:
            return {}
        return {name: _MILLIMETRES * value / self._poses for name, value in self._sums.items()}
