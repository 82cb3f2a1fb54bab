"""Conversion of keypoints between skeletons by joint name, including confidences."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from mbcli.skeleton import POSETRACK17, Skeleton

FloatArray = npt.NDArray[np.floating]
ConfidenceRule = Literal["minimum", "published"]

# Joints that a skeleton may lack, as means of other joints. The first alternative whose joints
# exist, or can themselves be derived, is used. The first four rules are those that MotionBERT
# applies to COCO, Halpe and PoseTrack detections. OpenPose defines its neck as the midpoint of the
# shoulders. Human3.6M's ninth joint is in the face below the eyes: in a skeleton without a nose,
# the midpoint of head top and neck is closest. BlazePose's foot index is the tip of the big toe.
_RULES: dict[str, tuple[tuple[str, ...], ...]] = {
    "pelvis": (("left_hip", "right_hip"),),
    "thorax": (("neck",), ("head_bottom",), ("left_shoulder", "right_shoulder")),
    "spine": (("pelvis", "thorax"),),
    "head": (("head_top",), ("left_eye", "right_eye")),
    "left_big_toe": (("left_foot_index",),),
    "right_big_toe": (("right_foot_index",),),
    "nose": (("upper_neck", "head_top"), ("neck", "head_top"), ("left_eye", "right_eye")),
}

_Share = dict[int, float]


def conversion_table(source: Skeleton, target: Skeleton) -> tuple[_Share, ...]:
    """For each target joint, the source joints that it is composed of, and the share of each.

    A joint of the same name is copied. A joint that cannot be derived has no shares.
    """
    return tuple(_shares(source, joint) for joint in target.joints)


def conversion_matrix(source: Skeleton, target: Skeleton) -> FloatArray:
    """(J_target, J_source) shares: what turns positions of one skeleton into those of the other.

    The row of a joint that cannot be derived is 0.
    """
    matrix = np.zeros((len(target), len(source)))
    for joint, share in enumerate(conversion_table(source, target)):
        matrix[joint, list(share)] = list(share.values())
    return matrix


def underivable(source: Skeleton, target: Skeleton) -> tuple[str, ...]:
    """Names of the joints of ``target`` that cannot be derived from ``source``."""
    table = conversion_table(source, target)
    return tuple(joint for joint, share in zip(target.joints, table, strict=True) if not share)


def convert(
    keypoints: npt.ArrayLike,
    source: Skeleton,
    target: Skeleton,
    *,
    confidence: ConfidenceRule = "minimum",
    partial: bool = False,
) -> FloatArray:
    """Convert 2D keypoints to another skeleton.

    A derived joint is the mean of its sources, with the minimum of their confidences: it is no more
    reliable than the worst of them. If any source is missing (NaN), so is the joint.

    Args:
        keypoints: (..., J_source, 3) = x, y, confidence; missing joints are (NaN, NaN, 0).
        source: skeleton of ``keypoints``.
        target: skeleton to produce.
        confidence: ``published`` averages confidences as MotionBERT does, except that it takes
            the minimum from PoseTrack.
        partial: joints that cannot be derived become missing instead of raising an error.

    Returns:
        (..., J_target, 3) array of the same float type.

    Raises:
        ValueError: wrong joint count, or a joint cannot be derived and ``partial`` is off.
    """
    data = np.asarray(keypoints)
    if data.shape[-2:] != (len(source), 3):
        raise ValueError(
            f"keypoints must be (..., {len(source)}, 3) for {source.name}, got {data.shape}"
        )
    if not np.issubdtype(data.dtype, np.floating):
        data = data.astype(np.float64)
    if not partial and (lacking := underivable(source, target)):
        raise ValueError(
            f"{source.name} cannot be converted to {target.name}: it gives no {', '.join(lacking)}"
        )
    averaged = confidence == "published" and source != POSETRACK17
    out = np.full((*data.shape[:-2], len(target), 3), np.nan, dtype=data.dtype)
    for j, share in enumerate(conversion_table(source, target)):
        if not share:
            continue
        picked = data[..., list(share), :]  # (..., S, 3)
        weights = np.array(list(share.values()), dtype=data.dtype)
        mean = (picked * weights[:, None]).sum(axis=-2)
        out[..., j, :2] = mean[..., :2]
        out[..., j, 2] = mean[..., 2] if averaged else picked[..., 2].min(axis=-1)
    missing = np.isnan(out[..., :2]).any(axis=-1)
    out[missing] = np.nan, np.nan, 0
    return out


def _shares(source: Skeleton, joint: str) -> _Share:
    """Source joints and their shares in ``joint``; empty if it cannot be derived."""
    if joint in source.joints:
        return {source.index(joint): 1.0}
    for names in _RULES.get(joint, ()):
        parts = [_shares(source, name) for name in names]
        if all(parts):
            total: _Share = {}
            for part in parts:
                for number, share in part.items():
                    total[number] = total.get(number, 0.0) + share / len(parts)
            return dict(sorted(total.items()))
    return {}
