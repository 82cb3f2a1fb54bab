"""Pose metrics, implemented from their definitions.

Shapes are (..., T, J, 3) in one unit; results are in that unit, averaged over all axes unless
stated otherwise.
"""

from __future__ import annotations

import numpy as np

from mbcli.geometry import procrustes
from mbcli.types import FloatArray

PCK_THRESHOLD = 150.0  # millimetres: half a head, Mehta et al. 2017
AUC_THRESHOLDS = tuple(range(0, 151, 5))  # millimetres, Mehta et al. 2017


def root_relative(positions: FloatArray, root: int = 0) -> FloatArray:
    """Positions with the joint ``root``, the pelvis, moved to the origin in every frame."""
    return positions - positions[..., [root], :]


def joint_errors(prediction: FloatArray, target: FloatArray) -> FloatArray:
    """(..., T, J) distances between joints and their targets."""
    return np.linalg.norm(prediction - target, axis=-1)


def mpjpe(prediction: FloatArray, target: FloatArray) -> float:
    """Protocol 1 of Human3.6M: mean per-joint position error."""
    return float(joint_errors(prediction, target).mean())


def p_mpjpe(prediction: FloatArray, target: FloatArray) -> float:
    """Protocol 2: MPJPE after each frame's best similarity transform."""
    return float(joint_errors(procrustes(prediction, target), target).mean())


def n_mpjpe(prediction: FloatArray, target: FloatArray) -> float:
    """MPJPE after each frame's best scale (Rhodin et al., CVPR 2018)."""
    cross = (prediction * target).sum(axis=(-2, -1), keepdims=True)
    power = (prediction * prediction).sum(axis=(-2, -1), keepdims=True)
    return mpjpe(prediction * (cross / np.maximum(power, 1e-12)), target)


def mpjve(prediction: FloatArray, target: FloatArray) -> float:
    """Mean per-joint velocity error per frame (Pavllo et al., CVPR 2019)."""
    return mpjpe(np.diff(prediction, axis=-3), np.diff(target, axis=-3))


def acceleration_error(prediction: FloatArray, target: FloatArray) -> float:
    """Mean per-joint acceleration error per frame squared (Kanazawa et al., CVPR 2019)."""
    return mpjpe(np.diff(prediction, 2, axis=-3), np.diff(target, 2, axis=-3))


def pck(prediction: FloatArray, target: FloatArray, threshold: float = PCK_THRESHOLD) -> float:
    """Percentage of joints closer to their targets than a threshold (Mehta et al., 3DV 2017)."""
    return 100 * float((joint_errors(prediction, target) < threshold).mean())


def auc(prediction: FloatArray, target: FloatArray) -> float:
    """Mean PCK over thresholds of 0 to 150 in steps of 5, as published by MPI-INF-3DHP."""
    errors = joint_errors(prediction, target)
    return 100 * float(np.mean([(errors < threshold).mean() for threshold in AUC_THRESHOLDS]))
