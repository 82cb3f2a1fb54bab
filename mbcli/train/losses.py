"""The published training losses (Zhu et al. 2023, section 3.3 and equations 5 to 8).

All take (B, T, J, 3) tensors in normalised image units and return a scalar.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

_EPSILON = 1e-12  # keeps the scale of an all-zero prediction finite


def mpjpe(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean distance between joints and their targets."""
    distance: Tensor = torch.linalg.vector_norm(prediction - target, dim=-1)  # (B, T, J)
    return distance.mean()  # ()


def n_mpjpe(prediction: Tensor, target: Tensor) -> Tensor:
    """MPJPE after the best scale of each frame (Rhodin et al., CVPR 2018)."""
    cross = (prediction * target).sum(dim=(-2, -1), keepdim=True)  # (B, T, 1, 1)
    power = (prediction * prediction).sum(dim=(-2, -1), keepdim=True)  # (B, T, 1, 1)
    return mpjpe(prediction * (cross / power.clamp_min(_EPSILON)), target)  # ()


def velocity(prediction: Tensor, target: Tensor) -> Tensor:
    """Mean distance between the joints' frame-to-frame steps; 0 for a single frame."""
    if prediction.shape[1] < 2:
        return prediction.new_zeros(())  # ()
    return mpjpe(prediction.diff(dim=1), target.diff(dim=1))  # ()


def reprojection(prediction: Tensor, target: Tensor, confidence: Tensor) -> Tensor:
    """Mean distance in x and y, each weighted by the 2D detection's confidence.

    Args:
        prediction: (B, T, J, 2 or 3).
        target: (B, T, J, 2 or 3).
        confidence: (B, T, J, 1), 0..1.
    """
    difference = (prediction[..., :2] - target[..., :2]) * confidence  # (B, T, J, 2)
    distance: Tensor = torch.linalg.vector_norm(difference, dim=-1)  # (B, T, J)
    return distance.mean()  # ()


_LOSSES_3D = {"mpjpe": mpjpe, "n_mpjpe": n_mpjpe, "velocity": velocity}


def loss_3d(
    prediction: Tensor, target: Tensor, weights: Mapping[str, float]
) -> tuple[Tensor, dict[str, Tensor]]:
    """The weighted sum on 3D data; a loss of weight 0 is not computed.

    Args:
        prediction: (B, T, J, 3).
        target: (B, T, J, 3).
        weights: by the names ``mpjpe``, ``n_mpjpe``, ``velocity``.

    Returns:
        The sum, and each unweighted part by name, detached.
    """
    parts = {
        name: function(prediction, target)
        for name, function in _LOSSES_3D.items()
        if weights[name] > 0
    }
    total = sum((weights[name] * part for name, part in parts.items()), prediction.new_zeros(()))
    return total, {name: part.detach() for name, part in parts.items()}
