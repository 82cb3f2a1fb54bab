"""Rotation matrices for many frames at once: from directions, and conversions to other forms.

A rotation matrix (..., 3, 3) rotates column vectors: ``matrix @ vector``. Axes are right-handed.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation, Slerp

from mbcli.geometry import nearest_rotation
from mbcli.types import FloatArray

_SMALL = 1e-9  # a shorter vector has no direction, only rounding errors

# If the cosine of the middle angle is smaller, the outer two rotations share an axis.
_LOCKED = 1e-6


def swing(start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
    """The shortest rotations (..., 3, 3) from one direction to another.

    Args:
        start: (..., 3) directions of length 1.
        end: (..., 3) directions of length 1; 0 means no rotation.

    Returns:
        Rotations by at most half a turn. For opposite directions the axis is a fixed one
        perpendicular to ``start``.
    """
    a, b = np.broadcast_arrays(
        np.asarray(start, dtype=np.float64), np.asarray(end, dtype=np.float64)
    )
    none = np.linalg.norm(b, axis=-1) < _SMALL
    b = np.where(none[..., None], a, b)
    # By half-angle formulas: (a x b, 1 + a.b), which vanishes only for opposite directions.
    quaternion = np.concatenate(
        [np.cross(a, b), 1 + (a * b).sum(axis=-1, keepdims=True)], axis=-1
    )  # (..., 4) x y z w
    opposite = np.linalg.norm(quaternion, axis=-1) < 1e-6
    across = np.cross(a, np.eye(3)[np.abs(a).argmin(axis=-1)])
    half_turn = np.concatenate([across, np.zeros((*a.shape[:-1], 1))], axis=-1)
    return from_quaternions(np.where(opposite[..., None], half_turn, quaternion))


def turn_about(axis: npt.ArrayLike, start: npt.ArrayLike, end: npt.ArrayLike) -> FloatArray:
    """Rotations (..., 3, 3) about an axis that bring one direction as close as possible to another.

    Args:
        axis: (3,) of length 1.
        start: (3,) of length 1, perpendicular to the axis.
        end: (..., 3) directions.
    """
    a, r = np.asarray(axis, dtype=np.float64), np.asarray(start, dtype=np.float64)
    d = np.asarray(end, dtype=np.float64)
    half = np.arctan2(d @ np.cross(a, r), d @ r) / 2
    quaternion = np.concatenate(
        [np.sin(half)[..., None] * a, np.cos(half)[..., None]], axis=-1
    )  # (..., 4)
    return from_quaternions(quaternion)


def best_fit(rest: npt.ArrayLike, found: npt.ArrayLike) -> FloatArray:
    """Rotations that map vectors to others in the least-squares sense.

    The results are rotations, never reflections. Longer vectors have more weight.

    Args:
        rest: (N, 3) vectors.
        found: (..., N, 3) the rotated vectors.

    Returns:
        (..., 3, 3) with ``rotation @ rest[i]`` close to ``found[..., i, :]``.
    """
    return nearest_rotation(np.swapaxes(np.asarray(found), -1, -2) @ np.asarray(rest))


def from_vectors(vectors: npt.ArrayLike) -> FloatArray:
    """Rotations (..., 3, 3) of rotation vectors (..., 3), an axis times an angle in radians."""
    v = np.asarray(vectors, dtype=np.float64)
    return Rotation.from_rotvec(v.reshape(-1, 3)).as_matrix().reshape(*v.shape, 3)


def to_vectors(matrices: npt.ArrayLike) -> FloatArray:
    """Rotation vectors (..., 3) of rotations (..., 3, 3); their angles are within 0..pi."""
    m = np.asarray(matrices, dtype=np.float64)
    return Rotation.from_matrix(m.reshape(-1, 3, 3)).as_rotvec().reshape(m.shape[:-1])


def from_quaternions(quaternions: npt.ArrayLike) -> FloatArray:
    """Rotations (..., 3, 3) of quaternions (..., 4) x y z w, of any length except 0."""
    q = np.asarray(quaternions, dtype=np.float64)
    matrices: FloatArray = Rotation.from_quat(q.reshape(-1, 4)).as_matrix()
    return matrices.reshape(*q.shape[:-1], 3, 3)


def quaternions(matrices: npt.ArrayLike) -> FloatArray:
    """Quaternions (T, ..., 4) x y z w of rotations (T, ..., 3, 3).

    Of the two quaternions of a rotation, the one closer to that of the previous frame is chosen, so
    that linear interpolation between frames takes the shorter path.
    """
    m = np.asarray(matrices, dtype=np.float64)
    q = Rotation.from_matrix(m.reshape(-1, 3, 3)).as_quat().reshape(*m.shape[:-2], 4)
    q[:1] *= np.where(q[:1, ..., 3:] < 0, -1.0, 1.0)
    turned = np.where((q[1:] * q[:-1]).sum(axis=-1, keepdims=True) < 0, -1.0, 1.0)
    q[1:] *= np.cumprod(turned, axis=0)
    return q


def euler_zxy(matrices: npt.ArrayLike) -> FloatArray:
    """Intrinsic angles in degrees (T, ..., 3) about z, x, y, with R = Rz Rx Ry.

    Angles do not jump between frames: of all triples for a rotation, the one closest to the
    previous frame is chosen, possibly beyond 180 degrees. Where x is a quarter turn, so that z and
    y rotate about the same axis, y keeps its previous value.
    """
    m = np.asarray(matrices, dtype=np.float64)
    x = np.arcsin(np.clip(m[..., 2, 1], -1, 1))
    z = np.arctan2(-m[..., 0, 1], m[..., 1, 1])
    y = np.arctan2(-m[..., 2, 0], m[..., 2, 2])
    locked = np.hypot(m[..., 0, 1], m[..., 1, 1]) < _LOCKED
    both = np.arctan2(m[..., 1, 0], m[..., 0, 0])  # z + y or z - y, where they are locked
    side = np.where(m[..., 2, 1] < 0, -1.0, 1.0)
    out = np.empty((*m.shape[:-2], 3))
    before = np.zeros(out.shape[1:])
    for frame in range(len(m)):
        held_z = both[frame] - side[frame] * before[..., 2]
        here = np.stack(
            [
                np.where(locked[frame], held_z, z[frame]),
                x[frame],
                np.where(locked[frame], before[..., 2], y[frame]),
            ],
            axis=-1,
        )
        other = here * [1, -1, 1] + np.pi  # the rotation with x beyond a quarter turn
        near, far = (
            angles + 2 * np.pi * np.round((before - angles) / (2 * np.pi))
            for angles in (here, other)
        )
        nearer = np.abs(near - before).sum(axis=-1) <= np.abs(far - before).sum(axis=-1)
        before = np.where(nearer[..., None], near, far)
        out[frame] = before
    return np.degrees(out)


def between(
    times: npt.ArrayLike, known_times: npt.ArrayLike, matrices: npt.ArrayLike
) -> FloatArray:
    """Interpolate rotations on the shortest arcs between known ones; constant beyond the ends.

    Args:
        times: (T,) any unit.
        known_times: (K,) increasing, K at least 1.
        matrices: (K, N, 3, 3) rotations at the known times.

    Returns:
        (T, N, 3, 3).
    """
    known, m = np.asarray(known_times, dtype=np.float64), np.asarray(matrices, dtype=np.float64)
    wanted = np.clip(np.asarray(times, dtype=np.float64), known[0], known[-1])
    if len(known) == 1:
        return np.repeat(m, len(wanted), axis=0)
    columns = (Slerp(known, Rotation.from_matrix(m[:, i]))(wanted) for i in range(m.shape[1]))
    return np.stack([column.as_matrix() for column in columns], axis=1)
