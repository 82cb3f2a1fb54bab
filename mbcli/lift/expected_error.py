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
from mbcli.lift.error_features import FEATURES, STEP, WHILE, Lifted, features
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

_SECTION = 4096  # frames of a person at once: features take 14 kB a frame while they are computed

METADATA_KEY = "expected_error"  # of the model in the metadata of weights
KIND = "mean root-relative error at the given height, fraction of the height"


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


def person_error(
    model: ErrorModel | None,
    lifted: Lifted,
    keypoints: Keypoints2D,
    column: int,
    positions: FloatArray,
    height: float,
) -> FloatArray | None:
    """Expected error of each joint of one person; see :func:`expected_error`.

    Args:
        model: likewise.
        lifted: the lifter's output for this person alone, (t, 1, J, 3), of the frames of their
            span.
        keypoints: the keypoints of everybody.
        column: the person.
        positions: (t, J, 3) metres.
        height: likewise.

    Returns:
        (t, J) float32 metres.
    """
    if model is None or lifted.disagreement is None:
        return None
    frames = keypoints.spans.frames_of(column)
    reach = max(1, round(max(WHILE, STEP) * keypoints.fps))
    errors = np.empty(positions.shape[:2], np.float32)
    for start in range(0, len(positions), _SECTION):
        stop = min(start + _SECTION, len(positions))
        # Counted from the person's first frame. Frames before it and after the last one tell that
        # the person is absent there.
        first = max(start - reach, -frames.start)
        last = min(stop + reach, len(keypoints.timestamps) - frames.start)
        mine = slice(max(first, 0), min(last, len(positions)))
        pad = ((mine.start - first, last - mine.stop), (0, 0), (0, 0), (0, 0))

        def wider(values: FloatArray, mine: slice = mine, pad: Any = pad) -> FloatArray:
            return np.pad(values[mine], pad, constant_values=np.nan)

        found = expected_error(
            model,
            Lifted(wider(lifted.poses), wider(lifted.disagreement)),
            keypoints.part(slice(frames.start + first, frames.start + last), [column]),
            wider(positions[:, None]),
            height,
        )
        assert found is not None
        errors[start:stop] = found[start - first : stop - first, 0]
    return errors
