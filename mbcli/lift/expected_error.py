"""Expected error of each joint, estimated from what is known while lifting.

The expected error is the mean distance in metres between a joint's estimated and true position,
both relative to the pelvis, in camera axes, for a person of the given height. It is 0 at the
pelvis, the reference of all others, and includes neither the error of the root nor that of an
assumed height.

The model is linear in the logarithm, with one offset per joint and one slope per feature and
group of joints:

    error / height = exp(offset[joint] + sum over features of slope[group, feature] * feature)

Its parameters are fitted for each lifter on people it was not trained on, and are stored in the
lifter's weights file (`mbcli.train.error_fit`, `research.calibrate`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from mbcli.errors import WeightsError
from mbcli.skeleton import FOOT, H36M17, Skeleton
from mbcli.types import FloatArray, Keypoints2D, frozen_array

# Joints that share slopes; the pelvis has no error. A skeleton uses the groups of its own joints.
GROUPS: Mapping[str, tuple[str, ...]] = {
    "trunk": ("right_hip", "left_hip", "spine", "thorax"),
    "head": ("nose", "head"),
    "shoulders": ("left_shoulder", "right_shoulder"),
    "elbows": ("left_elbow", "right_elbow"),
    "wrists": ("left_wrist", "right_wrist"),
    "knees": ("right_knee", "left_knee"),
    "ankles": ("right_ankle", "left_ankle"),
    "feet": tuple(f"{side}_{part}" for side in ("right", "left") for part in FOOT),
}

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

METADATA_KEY = "expected_error"  # of the model in the metadata of weights
KIND = "mean root-relative error at the given height, fraction of the height"

_FINEST = 0.002  # added to a length before its logarithm: smaller lengths count as equal
_SLOWEST = 0.1  # heights per second, likewise
_WHILE = 0.25  # seconds to either side
_STEP = 0.1  # seconds to either side over which a speed is measured


def groups_of(skeleton: Skeleton) -> dict[str, tuple[int, ...]]:
    """The groups with joints in a skeleton, and the indices of these joints.

    Raises:
        ValueError: a joint other than the pelvis is in no group.
    """
    grouped = {joint for joints in GROUPS.values() for joint in joints}
    if alone := [joint for joint in skeleton.joints if joint not in {*grouped, "pelvis"}]:
        raise ValueError(f"expected errors are not known for {', '.join(alone)}")
    found = {
        group: tuple(n for n, joint in enumerate(skeleton.joints) if joint in joints)
        for group, joints in GROUPS.items()
    }
    return {group: numbers for group, numbers in found.items() if numbers}


def _beside(skeleton: Skeleton) -> FloatArray:
    """(J, J) weights that average a joint with its neighbours along the bones."""
    near, pelvis = np.eye(len(skeleton)), skeleton.index("pelvis")
    for a, b in skeleton.bones:
        near[a, b] = near[b, a] = 1.0
    near[:, pelvis] = 0.0
    near[pelvis, pelvis] = 1.0
    return near / near.sum(axis=1, keepdims=True)


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


@dataclass(frozen=True, eq=False)
class ErrorModel:
    """The fitted error model of one lifter.

    Attributes:
        offsets: (J,) one for each joint; the pelvis's is not used.
        slopes: (groups, features), 0 or more, in the order of :func:`groups_of` and ``FEATURES``.
        low: (features,) smallest value seen by the fit; lower values are raised to it.
        high: (features,) largest value seen by the fit; higher values are lowered to it.
        about: JSON-ready: the people, the input and the figures of the validation.
        skeleton: skeleton of the J joints.
    """

    offsets: FloatArray
    slopes: FloatArray
    low: FloatArray
    high: FloatArray
    about: Mapping[str, Any] = field(default_factory=dict)
    skeleton: Skeleton = H36M17

    def __post_init__(self) -> None:
        count = len(FEATURES)
        shapes = {
            "offsets": (len(self.skeleton),),
            "slopes": (len(groups_of(self.skeleton)), count),
            "low": (count,),
            "high": (count,),
        }
        for name, shape in shapes.items():
            value = frozen_array(getattr(self, name), np.float64)
            if value.shape != shape or not np.isfinite(value).all():
                raise ValueError(f"{name} must be {shape} finite numbers, got {value.shape}")
            object.__setattr__(self, name, value)
        if (self.slopes < 0).any():
            raise ValueError(f"slopes must be 0 or more, got {self.slopes.min():g}")

    @classmethod
    def from_metadata(
        cls, metadata: Mapping[str, Any], skeleton: Skeleton = H36M17
    ) -> ErrorModel | None:
        """The error model in the metadata of weights; None without one.

        Args:
            metadata: metadata of the weights.
            skeleton: skeleton of the weights.

        Raises:
            WeightsError: the stored model is not valid.
        """
        stored = metadata.get(METADATA_KEY)
        if stored is None:
            return None
        try:
            groups = tuple(groups_of(skeleton))
            if tuple(stored["features"]) != FEATURES or tuple(stored["slopes"]) != groups:
                raise ValueError(
                    f"its features must be {', '.join(FEATURES)}, its groups {', '.join(groups)}"
                )
            return cls(
                offsets=np.array([stored["offsets"].get(j, 0.0) for j in skeleton.joints]),
                slopes=np.array(list(stored["slopes"].values())),
                low=np.array(stored["low"]),
                high=np.array(stored["high"]),
                about=stored["about"],
                skeleton=skeleton,
            )
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise WeightsError(f"the weights' error calibration cannot be read: {error}") from error

    def to_metadata(self) -> dict[str, Any]:
        """JSON-ready, to be stored in the metadata of weights under ``METADATA_KEY``."""

        def short(values: FloatArray) -> list[float]:
            return [round(float(value), 5) for value in values]

        named = zip(self.skeleton.joints, short(self.offsets), strict=True)
        slopes = zip(groups_of(self.skeleton), self.slopes, strict=True)
        return {
            "kind": KIND,
            "features": list(FEATURES),
            "offsets": {joint: v for joint, v in named if joint != "pelvis"},
            "slopes": {group: short(row) for group, row in slopes},
            "low": short(self.low),
            "high": short(self.high),
            "about": dict(self.about),
        }

    def __call__(self, features: FloatArray) -> FloatArray:
        """Map (..., J, features) to (..., J) expected errors as fractions of the height."""
        within = np.clip(features, self.low, self.high)
        slopes, pelvis = (
            np.zeros((len(self.skeleton), len(FEATURES))),
            self.skeleton.index("pelvis"),
        )
        for joints, row in zip(groups_of(self.skeleton).values(), self.slopes, strict=True):
            slopes[list(joints)] = row
        result = np.exp(self.offsets + (within * slopes).sum(axis=-1))
        result[..., pelvis] = np.where(np.isfinite(features[..., pelvis, :]).all(-1), 0.0, np.nan)
        return np.asarray(result)


def expected_error(
    model: ErrorModel | None,
    lifted: Lifted,
    keypoints: Keypoints2D,
    positions: FloatArray,
    height: float,
) -> FloatArray | None:
    """Expected error of each joint.

    Args:
        model: the lifter's error model.
        lifted: the lifter's output.
        keypoints: the keypoints that were lifted.
        positions: (T, P, J, 3) metres, the output once placed.
        height: height of everybody in metres.

    Returns:
        (T, P, J) float32 metres, NaN where the person is absent; None without a model or without
        a mirrored pass.
    """
    if model is None or lifted.disagreement is None:
        return None
    found = model(features(lifted, keypoints, positions, height)) * height
    return found.astype(np.float32)


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
            _mean_over(unsure, there, round(_WHILE * keypoints.fps)),
            _log(np.where(known, residual, mean)),
            _log(mean * wide),
            np.linalg.norm(body, axis=-1),
            np.log(_speed(body, keypoints.timestamps, round(_STEP * keypoints.fps)) + _SLOWEST),
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
