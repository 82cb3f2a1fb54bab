"""Rotations as used by networks and body models: six numbers, matrices, rotation vectors.

Six numbers are the first two columns of a matrix, neither normalised nor orthogonal (Zhou et al.,
"On the Continuity of Rotation Representations in Neural Networks", CVPR 2019), stored row by row:
x1 x2, y1 y2, z1 z2. A rotation vector is an axis times an angle in radians.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

_EPSILON = 1e-6  # a few rounding errors of float32


def matrices_from_six(six: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) of six numbers (..., 6), by Gram-Schmidt."""
    pair = six.reshape(*six.shape[:-1], 3, 2)  # (..., 3, 2)
    first = F.normalize(pair[..., 0], dim=-1, eps=_EPSILON)  # (..., 3)
    along = (first * pair[..., 1]).sum(dim=-1, keepdim=True)  # (..., 1)
    second = F.normalize(pair[..., 1] - along * first, dim=-1, eps=_EPSILON)  # (..., 3)
    third = torch.linalg.cross(first, second)  # (..., 3)
    return torch.stack([first, second, third], dim=-1)  # (..., 3, 3)


def six_from_matrices(matrices: Tensor) -> Tensor:
    """The six numbers (..., 6) of rotation matrices (..., 3, 3)."""
    return matrices[..., :2].flatten(-2)  # (..., 6)


def matrices_from_vectors(vectors: Tensor) -> Tensor:
    """Rotation matrices (..., 3, 3) of rotation vectors (..., 3); smooth at 0.

    Rodrigues' formula: 1 + sin(a)/a K + (1 - cos(a))/a^2 K^2, with the cross product matrix K.
    """
    square = (vectors * vectors).sum(dim=-1)[..., None, None]  # (..., 1, 1)
    small = square < _EPSILON
    # Where the angle is small, divide by 1, so that no gradient is NaN.
    angle = torch.where(small, 1.0, square).sqrt()
    first = torch.where(small, 1 - square / 6, angle.sin() / angle)
    second = torch.where(small, 0.5 - square / 24, (1 - angle.cos()) / angle**2)
    x, y, z = vectors.unbind(dim=-1)
    none = torch.zeros_like(x)
    cross = torch.stack([none, -z, y, z, none, -x, -y, x, none], dim=-1).view(*x.shape, 3, 3)
    one = torch.eye(3, dtype=vectors.dtype, device=vectors.device)
    return one + first * cross + second * (cross @ cross)  # (..., 3, 3)


def swing(start: Tensor, end: Tensor) -> Tensor:
    """The shortest rotations (..., 3, 3) between unit vectors (..., 3)."""
    axis = torch.linalg.cross(start, end)  # (..., 3)
    sine = axis.norm(dim=-1, keepdim=True)  # (..., 1)
    angle = torch.atan2(sine, (start * end).sum(dim=-1, keepdim=True))  # (..., 1)
    return matrices_from_vectors(axis * (angle / sine.clamp_min(1e-9)))  # (..., 3, 3)


def vectors_from_matrices(matrices: Tensor) -> Tensor:
    """Rotation vectors (..., 3) of rotation matrices (..., 3, 3), with angles within 0..pi.

    Computed through quaternions, largest component first: stable, with a finite gradient at every
    angle.
    """
    m = matrices
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    squares = torch.stack(
        [1 + xx + yy + zz, 1 + xx - yy - zz, 1 - xx + yy - zz, 1 - xx - yy + zz], dim=-1
    )
    wx, wy, wz = (m[..., b, a] - m[..., a, b] for a, b in ((1, 2), (2, 0), (0, 1)))
    xy, xz, yz = (m[..., a, b] + m[..., b, a] for a, b in ((0, 1), (0, 2), (1, 2)))
    # Row i is the quaternion (w, x, y, z) times four times its component i.
    rows = torch.stack(
        [
            torch.stack([squares[..., 0], wx, wy, wz], dim=-1),
            torch.stack([wx, squares[..., 1], xy, xz], dim=-1),
            torch.stack([wy, xy, squares[..., 2], yz], dim=-1),
            torch.stack([wz, xz, yz, squares[..., 3]], dim=-1),
        ],
        dim=-2,
    )  # (..., 4, 4)
    best = squares.argmax(dim=-1)[..., None, None].expand(*squares.shape[:-1], 1, 4)
    quaternion = F.normalize(rows.gather(-2, best)[..., 0, :], dim=-1)  # (..., 4)
    quaternion = torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    axis = quaternion[..., 1:]
    power = (axis * axis).sum(dim=-1, keepdim=True)  # (..., 1)
    small = power < _EPSILON**2
    sine = torch.where(small, 1.0, power).sqrt()
    factor = torch.where(small, 2.0, 2 * torch.atan2(sine, quaternion[..., :1]) / sine)
    return factor * axis  # (..., 3)


def nearest_rotations(matrices: Tensor) -> Tensor:
    """The rotations (..., 3, 3) nearest to matrices such as weighted means of rotations.

    Chordal mean: the orthogonal factor of the singular value decomposition, without reflections.
    """
    u, _, vt = torch.linalg.svd(matrices)
    sign = torch.linalg.det(u @ vt)  # (...)
    flip = torch.stack([torch.ones_like(sign), torch.ones_like(sign), sign], dim=-1)
    return (u * flip[..., None, :]) @ vt  # (..., 3, 3)
