"""A person's joints over a whole clip at once: rays, bone lengths and time together.

Frames on their own leave gross errors where only two views see a joint and one of them is wrong.
Here all frames are solved in one: the rays of all views with weights that fade as a ray misses
(Cauchy), bones that keep their length, and an acceleration that is dear. Gauss-Newton; the scale
of what counts as a miss shrinks from round to round, so that a wrong start is let go.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import coo_array, csr_array, vstack
from scipy.sparse.linalg import spsolve

from benchmarks.accuracy.calibration import View
from mbcli.types import FloatArray, IntArray

_SCALES_M = (0.10, 0.06, 0.04, 0.03, 0.025, 0.025, 0.025, 0.025)  # of a miss, round by round
_BONE_M = 0.02  # what a bone may differ from its length: keypoints slide on the skin
_CUTOFF_HZ = 10.0  # where the dear acceleration alone would halve a movement that is measured well


def solve_clip(
    views: Sequence[View],
    rays: FloatArray,
    weights: FloatArray,
    start: FloatArray,
    bones: Sequence[tuple[int, int]],
    fps: float,
) -> FloatArray:
    """All joints of all frames.

    Args:
        views: V cameras.
        rays: (V, T, J, 2) x/z and y/z in each camera, NaN where missing.
        weights: (V, T, J) confidence, 0 where missing.
        start: (T, J, 3) metres in the world, without NaN.
        bones: pairs of joints that keep their distance.
        fps: frames per second.

    Returns:
        (T, J, 3) metres in the world.
    """
    joints = np.array(start)
    frames, count, _ = joints.shape
    smooth = _smoothness(frames, count, fps)
    target = np.zeros(smooth.shape[0])
    for scale in _SCALES_M:
        seen, seen_right = _rays(views, rays, weights, joints, scale)
        kept, kept_right = _bones(joints, bones)
        system = vstack([seen, kept, smooth]).tocsr()
        right = np.concatenate([seen_right, kept_right, target])
        joints = spsolve((system.T @ system).tocsc(), system.T @ right).reshape(joints.shape)
    return joints


def _rays(
    views: Sequence[View], rays: FloatArray, weights: FloatArray, joints: FloatArray, scale: float
) -> tuple[csr_array, FloatArray]:
    """Rows that bring each joint onto its rays, in units of a miss of 0.025 m."""
    number = np.arange(joints[..., 0].size).reshape(joints.shape[:2])
    parts, values = [], []
    for view, ray, weight in zip(views, rays, weights, strict=True):
        seen = view.to_camera(joints)
        miss = np.linalg.norm(seen[..., :2] - ray * seen[..., 2:], axis=-1)
        used = (weight > 0) & np.isfinite(miss) & (seen[..., 2] > 0)
        robust = 1 / (1 + (miss[used] / scale) ** 2)
        factor = np.sqrt(weight[used] * robust) / _SCALES_M[-1]
        for axis in (0, 1):
            row = view.rotation[axis] - ray[used][:, axis, None] * view.rotation[2]
            parts.append(
                _rows(row * factor[:, None], number[used][:, None] * 3 + np.arange(3), joints.size)
            )
            values.append(factor * (row @ view.centre))
    return vstack(parts), np.concatenate(values)


def _bones(joints: FloatArray, bones: Sequence[tuple[int, int]]) -> tuple[csr_array, FloatArray]:
    """Rows that bring each bone to its median length, made linear along its direction."""
    number = np.arange(joints[..., 0].size).reshape(joints.shape[:2])
    parts, values = [], []
    for a, b in bones:
        along = joints[:, b] - joints[:, a]
        length = np.linalg.norm(along, axis=-1)
        along = along / np.maximum(length, 1e-6)[:, None]
        columns = np.concatenate(
            [number[:, [a]] * 3 + np.arange(3), number[:, [b]] * 3 + np.arange(3)], axis=1
        )
        parts.append(_rows(np.concatenate([-along, along], axis=1) / _BONE_M, columns, joints.size))
        values.append(np.full(len(joints), np.median(length)) / _BONE_M)
    return vstack(parts), np.concatenate(values)


def _smoothness(frames: int, joints: int, fps: float) -> csr_array:
    """Rows of the acceleration of each coordinate."""
    size = frames * joints * 3
    first = np.arange((frames - 2) * joints * 3)
    columns = first[:, None] + np.arange(3) * joints * 3
    # A smoothing spline halves what moves at the frequency where (2 sin(w / 2))^4 times the
    # square of this weight is the weight of the data, two rays in each of two directions.
    bend = (2 * np.sin(np.pi * min(_CUTOFF_HZ / fps, 0.5))) ** 2
    weight = np.sqrt(2) / _SCALES_M[-1] / bend
    return _rows(np.tile([1.0, -2.0, 1.0], (len(first), 1)) * weight, columns, size)


def _rows(values: FloatArray, columns: IntArray, size: int) -> csr_array:
    """A sparse matrix of some entries a row."""
    rows = np.repeat(np.arange(len(values)), values.shape[1])
    return coo_array((values.ravel(), (rows, columns.ravel())), shape=(len(values), size)).tocsr()
