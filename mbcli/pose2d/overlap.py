"""Measures of whether two detections in a picture are the same person.

Boxes are compared by intersection over union, keypoints by object keypoint similarity (OKS),
the measure of the COCO keypoint challenge.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mbcli.skeleton import COCO17
from mbcli.types import FloatArray, IntArray

# Standard deviation of human annotators per joint, over the square root of the person's area
# (cocodataset.org, keypoint evaluation); left and right share a value.
_SIGMA_BY_PART = {
    "nose": 0.026,
    "eye": 0.025,
    "ear": 0.035,
    "shoulder": 0.079,
    "elbow": 0.072,
    "wrist": 0.062,
    "hip": 0.107,
    "knee": 0.087,
    "ankle": 0.089,
}
_SIGMAS = np.array([_SIGMA_BY_PART[joint.rpartition("_")[2]] for joint in COCO17.joints])


def keypoint_box(keypoints: FloatArray, floor: float) -> FloatArray:
    """The box around the keypoints whose confidence is at least ``floor``.

    Args:
        keypoints: (J, 3) x, y in pixels and confidence.
        floor: minimum confidence; if no keypoint reaches it, all are used.

    Returns:
        (4,) x1 y1 x2 y2.
    """
    sure = keypoints[:, 2] >= floor
    points = keypoints[sure if sure.any() else slice(None), :2]
    return np.concatenate([points.min(axis=0), points.max(axis=0)])


def box_iou(first: FloatArray, second: FloatArray) -> float:
    """Intersection over union, 0..1, of two boxes x1 y1 x2 y2."""
    low = np.maximum(first[:2], second[:2])
    high = np.minimum(first[2:], second[2:])
    common = float(np.prod(np.clip(high - low, 0, None)))
    union = float(np.prod(first[2:] - first[:2]) + np.prod(second[2:] - second[:2])) - common
    return common / union if union > 0 else 0.0


def suppress(boxes: FloatArray, scores: FloatArray, limit: float, offset: int = 0) -> IntArray:
    """Non-maximum suppression: of overlapping boxes only the one with the best score is kept.

    Args:
        boxes: (N, 4) x1 y1 x2 y2.
        scores: (N,).
        limit: a box is dropped if its intersection over union with a better one exceeds this.
        offset: 1 if x2 and y2 are the last pixel inside, 0 if they are the border.

    Returns:
        (K,) int64 indices into ``boxes``, best first.
    """
    x1, y1, x2, y2 = np.asarray(boxes, dtype=np.float64).T
    area = (x2 - x1 + offset) * (y2 - y1 + offset)
    order = np.argsort(-scores, kind="stable")
    kept = []
    while order.size:
        best, rest = order[0], order[1:]
        kept.append(best)
        width = np.minimum(x2[best], x2[rest]) - np.maximum(x1[best], x1[rest]) + offset
        height = np.minimum(y2[best], y2[rest]) - np.maximum(y1[best], y1[rest]) + offset
        common = np.clip(width, 0, None) * np.clip(height, 0, None)
        # Multiplied out, so that two empty boxes do not divide by zero.
        order = rest[common <= limit * (area[best] + area[rest] - common)]
    return np.array(kept, np.int64)


def oks(first: FloatArray, second: FloatArray, floor: float) -> float:
    """Object keypoint similarity, 0..1, of two poses whose first joints are those of COCO-17.

    Only those with a confidence of at least ``floor`` in both poses count; without any, the
    similarity is 0. The area is the mean area of the two keypoint boxes.

    Args:
        first: (J, 3) x, y in pixels and confidence.
        second: (J, 3) likewise.
        floor: minimum confidence.
    """
    first, second = first[: len(COCO17)], second[: len(COCO17)]
    both = (first[:, 2] >= floor) & (second[:, 2] >= floor)
    if not both.any():
        return 0.0
    boxes = np.stack([keypoint_box(first, floor), keypoint_box(second, floor)])  # (2, 4)
    area = float(np.prod(boxes[:, 2:] - boxes[:, :2], axis=1).mean())
    squared = ((first[both, :2] - second[both, :2]) ** 2).sum(axis=1)
    # COCO's "k" is twice sigma, and its exponent d^2 / (2 area k^2).
    return float(np.exp(-squared / (8 * max(area, 1.0) * _SIGMAS[both] ** 2)).mean())


def distinct(
    poses: list[FloatArray], merit: npt.ArrayLike, limit: float, floor: float
) -> list[int]:
    """Indices of the poses that remain after removing duplicates of a person.

    Of two poses whose `oks` exceeds ``limit``, the one with lower merit is dropped.

    Args:
        poses: (J, 3) each, as in `oks`.
        merit: (P,) rank of each pose; higher is better.
        limit: OKS above which two poses are one person.
        floor: minimum confidence, as in `oks`.

    Returns:
        Ascending indices into ``poses``.
    """
    kept: list[int] = []
    for index in np.argsort(-np.asarray(merit), kind="stable"):
        if all(oks(poses[index], poses[other], floor) <= limit for other in kept):
            kept.append(int(index))
    return sorted(kept)
