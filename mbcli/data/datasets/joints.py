"""3D joints and 2D detections of other skeletons, converted to ``H36M17`` by joint name."""

from __future__ import annotations

import numpy as np

from mbcli.conversion import conversion_table, convert
from mbcli.skeleton import H36M17, Skeleton
from mbcli.types import FloatArray


def positions_in_h36m(points: FloatArray, source: Skeleton) -> FloatArray:
    """(..., J, 3) positions -> (..., 17, 3) float64; NaN where a joint cannot be derived."""
    out = np.full((*points.shape[:-2], len(H36M17), 3), np.nan)
    for joint, share in enumerate(conversion_table(source, H36M17)):
        if share:
            weights = np.array(list(share.values()))[:, None]
            out[..., joint, :] = (points[..., list(share), :] * weights).sum(axis=-2)
    return out


def keypoints_in_h36m(points: FloatArray, source: Skeleton) -> FloatArray:
    """(..., J, 2 or 3) pixels, and confidence if known -> (..., 17, 3) float64.

    A keypoint without finite coordinates is missing; confidence is 1 where none is given.
    """
    keypoints = np.asarray(points, np.float64)
    if keypoints.shape[-1] == 2:
        keypoints = np.concatenate([keypoints, np.ones((*keypoints.shape[:-1], 1))], axis=-1)
    missing = ~np.isfinite(keypoints[..., :2]).all(axis=-1) | (keypoints[..., 2] == 0)
    keypoints = np.where(missing[..., None], np.array([np.nan, np.nan, 0.0]), keypoints)
    return convert(keypoints, source, H36M17, partial=True)
