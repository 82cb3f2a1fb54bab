"""The published training losses (Zhu et al. 2023, section 3.3 and equations 5 to 8).

All take (B, T, J, 3) tensors in normalised image units and return a scalar.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from mbcli.skeleton import H36M17

_EPSILON = 1e-12  # keeps the scale finite for an all-zero prediction


def mpjpe(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean distance between joints and their targets."""
    distance: Tensor = torch.linalg.vector_norm(prediction - target, dim=-1)  # (B, T, J)
    return distance.mean()  # ()


def n_mpjpe(prediction: Tensor, target: Tensor) -> Tensor:
    """MPJPE after optimal scaling of each frame (Rhodin et al., CVPR 2018)."""
    cross = (prediction * target).sum(dim=(-2, -1), keepdim=True)  # (B, T, 1, 1)
    power = (prediction * prediction).sum(dim=(-2, -1), keepdim=True)  # (B, T, 1, 1)
    return mpjpe(prediction * (cross / power.clamp_min(_EPSILON)), target)  # ()


def velocity(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean distance between the joints' frame-to-frame steps; 0 for a single frame."""
    if prediction.shape[1] < 2:
        return prediction.new_zeros(())  # ()
    return mpjpe(prediction.diff(dim=1), target.diff(dim=1))  # ()


def reprojection(prediction: Tensor, target: Tensor, confidence: Tensor) -> Tensor:
    """Mean distance in x and y, weighted by the confidence of the 2D detection.

    Args:
        prediction: (B, T, J, 2 or 3).
        target: (B, T, J, 2 or 3).
        confidence: (B, T, J, 1), 0..1.
    """
    difference = (prediction[..., :2] - target[..., :2]) * confidence  # (B, T, J, 2)
    distance: Tensor = torch.linalg.vector_norm(difference, dim=-1)  # (B, T, J)
    return distance.mean()  # ()


def limb_length(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of the limbs' lengths."""
    return (_lengths(prediction) - _lengths(target)).abs().mean()  # ()


def limb_variance(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean over limbs of the variance of their length over time; 0 for a single frame."""
    if prediction.shape[1] < 2:
        return prediction.new_zeros(())  # ()
    return _lengths(prediction).var(dim=1).mean()  # ()


def angle(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of the angles between limbs, radians."""
    return (_angles(prediction) - _angles(target)).abs().mean()  # ()


def angle_velocity(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of the angles' frame-to-frame steps; 0 for a single frame."""
    if prediction.shape[1] < 2:
        return prediction.new_zeros(())  # ()
    return (_angles(prediction).diff(dim=1) - _angles(target).diff(dim=1)).abs().mean()  # ()


# Pairs of limbs, as (child joint, child joint), between which the published code measures angles:
# hips and legs, spine against hips and shoulders, and along each limb.
_ANGLE_PAIRS = tuple(
    (H36M17.index(first), H36M17.index(second))
    for first, second in (
        ("right_hip", "left_hip"),
        ("right_hip", "spine"),
        ("left_hip", "spine"),
        ("right_hip", "right_knee"),
        ("right_knee", "right_ankle"),
        ("left_hip", "left_knee"),
        ("left_knee", "left_ankle"),
        ("spine", "thorax"),
        ("thorax", "left_shoulder"),
        ("thorax", "right_shoulder"),
        ("nose", "right_shoulder"),
        ("left_shoulder", "right_shoulder"),
        ("thorax", "nose"),
        ("nose", "head"),
        ("left_shoulder", "left_elbow"),
        ("left_elbow", "left_wrist"),
        ("right_shoulder", "right_elbow"),
        ("right_elbow", "right_wrist"),
    )
)
_PARENTS = [parent for parent, _ in H36M17.bones]
_CHILDREN = [child for _, child in H36M17.bones]
_COSINE_LIMIT = 1 - 1e-7  # the arc cosine has no slope at 1


def _limbs(pose: Tensor) -> Tensor:
    return pose[:, :, _CHILDREN] - pose[:, :, _PARENTS]  # (B, T, 16, 3)


def _lengths(pose: Tensor) -> Tensor:
    return torch.linalg.vector_norm(_limbs(pose), dim=-1)  # (B, T, 16)


def _angles(pose: Tensor) -> Tensor:
    limbs = _limbs(pose)  # (B, T, 16, 3); the limb that ends at joint j has index j - 1
    first = limbs[:, :, [pair[0] - 1 for pair in _ANGLE_PAIRS]]  # (B, T, 18, 3)
    second = limbs[:, :, [pair[1] - 1 for pair in _ANGLE_PAIRS]]  # (B, T, 18, 3)
    cosine = torch.nn.functional.cosine_similarity(first, second, dim=-1)  # (B, T, 18)
    return torch.acos(cosine.clamp(-_COSINE_LIMIT, _COSINE_LIMIT))  # (B, T, 18)


_LOSSES_3D = {
    "mpjpe": mpjpe,
    "n_mpjpe": n_mpjpe,
    "velocity": velocity,
    "limb_length": limb_length,
    "limb_variance": limb_variance,
    "angle": angle,
    "angle_velocity": angle_velocity,
}


def loss_3d(
    prediction: Tensor, target: Tensor, weights: Mapping[str, float]
) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum of the losses on 3D data; a loss of weight 0 is not computed.

    Args:
        prediction: (B, T, J, 3).
        target: (B, T, J, 3).
        weights: weights by the names of `mbcli.train.config.LossConfig`.

    Returns:
        The sum, and each unweighted part by name, detached.
    """
    parts = {
        name: function(prediction, target)
        for name, function in _LOSSES_3D.items()
        if weights.get(name, 0) > 0
    }
    total = sum((weights[name] * part for name, part in parts.items()), prediction.new_zeros(()))
    return total, {name: part.detach() for name, part in parts.items()}
