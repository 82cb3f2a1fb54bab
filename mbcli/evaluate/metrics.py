"""Pose metrics, written from their definitions.

Shapes are (..., T, J, 3) in one unit; results are in that unit, averaged over everything but
what a function says. Root-relative metrics subtract joint 0, the pelvis.
"""

from __future__ import annotations

import numpy as np

from mbcli.geometry import procrustes
from mbcli.types import FloatArray


def root_relative(positions: FloatArray) -> FloatArray:
    """Positions with the pelvis moved to the origin in every frame."""
    result: FloatArray = positions - positions[..., :1, :]
    return result


def joint_errors(prediction: FloatArray, target: FloatArray) -> FloatArray:
    """(..., T, J) distances between joints and their targets."""
    result: FloatArray = np.linalg.norm(prediction - target, axis=-1)
    return result


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
    """Mean per-joint velocity error a frame (Pavllo et al., CVPR 2019)."""
    return mpjpe(np.diff(prediction, axis=-3), np.diff(target, axis=-3))
