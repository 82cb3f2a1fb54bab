"""Colours of clothes, in a few numbers: enough to tell two people apart after they crossed."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from mbcli.skeleton import Skeleton
from mbcli.types import FloatArray, FramePoses

_SURE = 0.3  # minimum confidence of the keypoints between which clothes are sampled
_ACROSS = np.linspace(0.2, 0.8, 5)  # of the way from the right side of the trunk to the left
_ALONG = np.linspace(0.15, 0.85, 5)  # of the way from shoulder to hip, and from hip to knee

LOOKS = 6  # colour of the trunk and of the thighs, CIE L*a*b*


def looks_of(image: npt.NDArray[np.uint8], poses: FramePoses, skeleton: Skeleton) -> FloatArray:
    """The colours of each person's clothes.

    Args:
        image: (H, W, 3) RGB.
        poses: the people in it.
        skeleton: of their keypoints, with shoulders, hips and knees.

    Returns:
        (P, 6) mean CIE L*a*b* of points on the trunk, then on the thighs; NaN if not visible.
    """
    looks = np.full((len(poses), LOOKS), np.nan, dtype=np.float32)
    index = skeleton.index
    sides = [
        [index(f"{side}_{joint}") for joint in ("shoulder", "hip", "knee")]
        for side in ("right", "left")
    ]
    for row, keypoints in enumerate(poses.keypoints):
        right, left = keypoints[sides[0]], keypoints[sides[1]]  # (3, 3) each
        seen = np.minimum(right[:, 2], left[:, 2]) >= _SURE
        edges = [side[:, :2] for side in (right, left)]
        if seen[:2].all():
            trunk = [top + (low - top) * _ALONG[:, None] for top, low, _ in edges]  # (5, 2) each
            across = trunk[0] + (trunk[1] - trunk[0]) * _ACROSS[:, None, None]  # (5, 5, 2)
            looks[row, :3] = _colour(image, across.reshape(-1, 2))
        if seen[1:].all():
            thighs = [hip + (knee - hip) * _ALONG[:, None] for _, hip, knee in edges]
            looks[row, 3:] = _colour(image, np.concatenate(thighs))
    return looks


def _colour(image: npt.NDArray[np.uint8], points: FloatArray) -> FloatArray:
    """(3,) mean L*a*b* of the pixels at (N, 2) points; NaN if all are outside the picture."""
    x, y = np.rint(points).astype(int).T
    inside = (x >= 0) & (y >= 0) & (x < image.shape[1]) & (y < image.shape[0])
    if not inside.any():
        return np.full(3, np.nan)
    pixels = image[y[inside], x[inside]].astype(np.float32)[None] / 255
    return np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2LAB)[0].mean(axis=0))
