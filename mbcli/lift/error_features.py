"""What is known of each joint while lifting, as the input of the error model.

`mbcli.lift.expected_error` estimates the error from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from mbcli.skeleton import Skeleton
from mbcli.types import FloatArray, Keypoints2D
from mbcli.values import Dense, build, by_person, kept, kept_if_any

# The expected error grows with each of these. Lengths are fractions of the height. The names are
# part of the file format.
FEATURES = (
    "doubt_depth",  # log of the disagreement with the mirrored pass in depth
    "doubt_picture",  # ... in the picture
    "doubt_limb",  # ... in space, mean of the joint and its neighbours
    "doubt_body",  # ... in space, mean of all joints
    "unsure",  # 1 - confidence of the keypoint; 1 if there is none
    "unsure_limb",  # its mean over the joint and its neighbours
    "unsure_while",  # its mean over half a second
    "residual",  # log of the distance from the keypoint in the picture; the body's if none
    "residual_body",  # its mean over the joints
    "reach",  # distance from the pelvis
    "speed",  # log of the speed in heights per second
    "tilt",  # from 0 for a trunk upright in the picture to 1 for one upside down
)

_FINEST = 0.002  # added to a length before its logarithm: smaller lengths count as equal
_SLOWEST = 0.1  # heights per second, likewise
WHILE = 0.25  # seconds to either side
STEP = 0.1  # seconds to either side over which a speed is measured


@by_person(poses=Dense(4, np.nan), disagreement=Dense(4, np.nan))
@dataclass(frozen=True, eq=False)
class Lifted:
    """The output of a lifter.

    Attributes:
        poses: (T, P, J, 3) float32 image units, NaN where the person is absent.
        disagreement: (T, P, J, 3) float32 image units, 0 or more: half the distance per axis
            between the predictions for the picture and for its mirror image, once both have the
            same pelvis; None without the second prediction.
    """

    poses: FloatArray
    disagreement: FloatArray | None

    def alone(self, column: int) -> Lifted:
        """The output for the person in a column, of the frames of their span."""
        values = (kept(self, "poses"), kept_if_any(self, "disagreement"))
        frames = values[0].spans.frames_of(column)
        poses, apart = (v if v is None else v.part(frames, [column]) for v in values)
        return build(Lifted, poses=poses, disagreement=apart)


def features(
    lifted: Lifted, keypoints: Keypoints2D, positions: FloatArray, height: float
) -> FloatArray:
    """The input of the error model.

    Args:
        lifted: the lifter's output, with its disagreement.
        keypoints: the keypoints that were lifted, in the skeleton of the other arrays.
        positions: (T, P, J, 3) metres.
        height: in metres.

    Returns:
        (T, P, J, features) in the order of ``FEATURES``, NaN where the person is absent.
    """
    assert lifted.disagreement is not None
    skeleton = keypoints.skeleton
    pelvis, beside = skeleton.index("pelvis"), _beside(skeleton)
    poses = lifted.poses.astype(np.float64)
    body = (positions - positions[:, :, [pelvis]]).astype(np.float64) / height
    image = poses - poses[:, :, [pelvis]]
    extent = np.linalg.norm(image, axis=(-1, -2))
    # Length of an image unit at the person's depth, as a fraction of the height.
    unit = np.linalg.norm(body, axis=(-1, -2)) / np.maximum(extent, 1e-9)  # (T, P)
    disagreement = lifted.disagreement * unit[..., None, None]
    apart = np.linalg.norm(disagreement, axis=-1)  # (T, P, J)

    data = keypoints.data
    half = min(keypoints.size) / 2
    known = np.isfinite(data[..., :2]).all(axis=-1) & (data[..., 2] > 0)
    seen = (data[..., :2] - np.array(keypoints.size) / 2) / half
    residual = np.where(
        known, np.linalg.norm(poses[..., :2] - seen, axis=-1) * unit[..., None], np.nan
    )
    counted = known.sum(axis=-1, keepdims=True)
    mean = np.nansum(residual, axis=-1, keepdims=True) / np.maximum(counted, 1)
    unsure = 1.0 - np.where(known, data[..., 2], 0.0)
    there = np.isfinite(body).all(axis=(-1, -2))
    wide = np.ones(len(skeleton))
    found = np.stack(
        [
            _log(disagreement[..., 2]),
            _log(np.linalg.norm(disagreement[..., :2], axis=-1)),
            _log(apart @ beside.T),
            _log(apart.mean(axis=-1, keepdims=True) * wide),
            unsure,
            unsure @ beside.T,
            _mean_over(unsure, there, round(WHILE * keypoints.fps)),
            _log(np.where(known, residual, mean)),
            _log(mean * wide),
            np.linalg.norm(body, axis=-1),
            np.log(_speed(body, keypoints.timestamps, round(STEP * keypoints.fps)) + _SLOWEST),
            _tilt(body[:, :, skeleton.index("thorax")])[..., None] * wide,
        ],
        axis=-1,
    )
    found[~there] = np.nan
    return found


def _log(lengths: FloatArray) -> FloatArray:
    return np.log(lengths + _FINEST)


def _tilt(trunk: FloatArray) -> FloatArray:
    """(T, P) tilt of the trunk (T, P, 3) against the picture's vertical: half of 1 - cosine."""
    length = np.maximum(np.linalg.norm(trunk, axis=-1), 1e-9)
    return 0.5 + 0.5 * trunk[..., 1] / length


def _mean_over(values: FloatArray, there: Any, reach: int) -> FloatArray:
    """Mean of (T, P, J) over the frames within ``reach`` with the person ``there`` (T, P)."""

    def summed(array: FloatArray) -> FloatArray:
        total = np.concatenate([np.zeros((1, *array.shape[1:])), np.cumsum(array, axis=0)])
        rows = np.arange(len(array))
        first, stop = np.maximum(rows - reach, 0), np.minimum(rows + reach + 1, len(array))
        return total[stop] - total[first]

    weight = there[..., None].astype(np.float64)
    return summed(values * weight) / np.maximum(summed(weight), 1.0)


def _speed(body: FloatArray, timestamps: FloatArray, reach: int) -> FloatArray:
    """(T, P, J) speed of the joints relative to the pelvis; 0 next to a missing frame."""
    rows = np.arange(len(body))
    reach = max(reach, 1)
    before, after = np.maximum(rows - reach, 0), np.minimum(rows + reach, len(body) - 1)
    passed = np.maximum(timestamps[after] - timestamps[before], 1e-9)[:, None, None]
    way = np.linalg.norm(body[after] - body[before], axis=-1)
    return np.nan_to_num(way / passed)


def _beside(skeleton: Skeleton) -> FloatArray:
    """(J, J) weights that average a joint with its neighbours along the bones."""
    near, pelvis = np.eye(len(skeleton)), skeleton.index("pelvis")
    for a, b in skeleton.bones:
        near[a, b] = near[b, a] = 1.0
    near[:, pelvis] = 0.0
    near[pelvis, pelvis] = 1.0
    return near / near.sum(axis=1, keepdims=True)
