"""Rotation vectors, an axis times an angle, and the matrices that they stand for."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mbcli.data.recordings.hierarchy import FloatArray


def rotations(vectors: npt.ArrayLike) -> FloatArray:
    """Rotation matrices (..., 3, 3) of rotation vectors (..., 3), axis times angle in radians.

    Rodrigues' formula: 1 + sin(a)/a K + (1 - cos(a))/a^2 K^2, K the cross product's matrix.
    """
    v = np.asarray(vectors, dtype=np.float64)
    angle = np.linalg.norm(v, axis=-1)[..., None, None]
    cross = np.zeros((*v.shape, 3))
    cross[..., 2, 1], cross[..., 0, 2], cross[..., 1, 0] = v[..., 0], v[..., 1], v[..., 2]
    cross -= cross.swapaxes(-1, -2)
    # np.sinc is sin(pi x) / (pi x), and whole at 0.
    first = np.sinc(angle / np.pi)
    second = np.sinc(angle / (2 * np.pi)) ** 2 / 2
    out: FloatArray = np.eye(3) + first * cross + second * (cross @ cross)
    return out


def rotation_vectors(matrices: npt.ArrayLike) -> FloatArray:
    """Rotation vectors (..., 3) of rotation matrices (..., 3, 3); angles are within 0..pi.

    By way of quaternions, of which the largest part is found first: stable at every angle.
    """
    m = np.asarray(matrices, dtype=np.float64)
    xx, yy, zz = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    squares = np.stack([xx + yy + zz, xx - yy - zz, yy - xx - zz, zz - xx - yy], axis=-1)
    wx, wy, wz = (m[..., b, a] - m[..., a, b] for a, b in ((1, 2), (2, 0), (0, 1)))
    xy, xz, yz = (m[..., a, b] + m[..., b, a] for a, b in ((0, 1), (0, 2), (1, 2)))
    w2, x2, y2, z2 = (1 + squares[..., i] for i in range(4))
    # Row i is the quaternion (w, x, y, z) times four times its part i.
    rows = np.stack(
        [
            np.stack(row, axis=-1)
            for row in ((w2, wx, wy, wz), (wx, x2, xy, xz), (wy, xy, y2, yz), (wz, xz, yz, z2))
        ],
        axis=-2,
    )
    best = squares.argmax(axis=-1)[..., None, None]
    q = np.take_along_axis(rows, best, axis=-2)[..., 0, :]
    q = q / np.linalg.norm(q, axis=-1, keepdims=True)
    q = np.where(q[..., :1] < 0, -q, q)
    sine = np.linalg.norm(q[..., 1:], axis=-1, keepdims=True)
    angle = 2 * np.arctan2(sine, q[..., :1])
    small = sine < 1e-12
    factor = np.where(small, 2.0, angle / np.where(small, 1.0, sine))
    out: FloatArray = factor * q[..., 1:]
    return out
