"""Joints from the views that agree, frame by frame.

All pairs of views are tried for every joint of every frame; the one with most agreement gives the
inliers, and those are solved together, weighted by confidence (linear least squares in the picture
plane: Hartley and Zisserman 2003, 12.2). A view that reports left for right is an outlier of its
joints and drops out.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence

import numpy as np

from benchmarks.accuracy.calibration import View
from mbcli.types import FloatArray

INLIER_M = 0.06  # what a keypoint may miss its ray by, at the joint's distance
_MIN_CONFIDENCE = 0.2


def rays_of(views: Sequence[View], pixels: FloatArray) -> tuple[FloatArray, FloatArray]:
    """(V, T, J, 3) pixels and confidence to rays (V, T, J, 2) and weights (V, T, J).

    A keypoint that is missing or hardly believed has the weight 0.
    """
    rays = np.stack([view.rays(seen[..., :2]) for view, seen in zip(views, pixels, strict=True)])
    weights = np.where(np.isfinite(rays).all(axis=-1), pixels[..., 2], 0.0)
    return rays, np.where(weights >= _MIN_CONFIDENCE, weights, 0.0)


def triangulate(views: Sequence[View], pixels: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Joints from views that agree.

    Args:
        views: V cameras.
        pixels: (V, T, J, 3) pixels and confidence.

    Returns:
        (T, J, 3) metres, NaN where no two views agree; (T, J) how many views were used.
    """
    rays, weights = rays_of(views, pixels)
    best = np.zeros(weights.shape[1:])
    inliers = np.zeros(weights.shape, dtype=bool)
    for pair in itertools.combinations(range(len(views)), 2):
        chosen = np.zeros_like(weights)
        chosen[list(pair)] = weights[list(pair)]
        usable = (chosen[list(pair)] > 0).all(axis=0)
        points = solve(views, rays, np.where(usable, chosen, 0.0))
        miss = misses(views, rays, points)
        agrees = (miss < INLIER_M) & (weights > 0)
        # More views first, then more confidence, then less to miss.
        score = agrees.sum(axis=0) * 10 + np.where(agrees, weights - miss, 0.0).sum(axis=0)
        better = usable & (agrees.sum(axis=0) >= 2) & (score > best)
        best = np.where(better, score, best)
        inliers = np.where(better, agrees, inliers)
    points = solve(views, rays, np.where(inliers, weights, 0.0))
    return points, inliers.sum(axis=0)


def solve(views: Sequence[View], rays: FloatArray, weights: FloatArray) -> FloatArray:
    """(T, J, 3) weighted least squares, twice, so that pixels rather than metres count.

    Args:
        views: V cameras.
        rays: (V, T, J, 2) x/z and y/z.
        weights: (V, T, J), 0 where a ray is not to be used.
    """
    count = (weights > 0).sum(axis=0)
    points = np.full((*count.shape, 3), np.nan)
    depth = np.ones_like(weights)
    known = count >= 2
    for _ in range(2):
        normal = np.zeros((*count.shape, 3, 3))
        moment = np.zeros((*count.shape, 3))
        for view, ray, weight, away in zip(views, rays, weights, depth, strict=True):
            for axis in (0, 1):
                row = view.rotation[axis] - ray[..., axis, None] * view.rotation[2]
                row = np.where(weight[..., None] > 0, row, 0.0)
                scaled = (weight / away) ** 2
                normal += scaled[..., None, None] * row[..., :, None] * row[..., None, :]
                moment += (scaled * (row @ view.centre))[..., None] * row
        points[known] = np.linalg.solve(normal[known], moment[known][..., None])[..., 0]
        depth = np.stack([np.maximum(view.to_camera(points)[..., 2], 0.1) for view in views])
        depth = np.where(np.isfinite(depth), depth, 1.0)
    return points


def misses(views: Sequence[View], rays: FloatArray, points: FloatArray) -> FloatArray:
    """(V, T, J) metres between the points and the rays, across the line of sight."""
    away = []
    for view, ray in zip(views, rays, strict=True):
        seen = view.to_camera(points)
        miss = np.linalg.norm(seen[..., :2] - ray * seen[..., 2:], axis=-1)
        away.append(np.where(np.isfinite(miss) & (seen[..., 2] > 0), miss, np.inf))
    return np.stack(away)
