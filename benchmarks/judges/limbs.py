"""What an aligned mean error hides: bent knees that are straight, shrunken forearms, legs in depth.

Every figure is a mean over the frames that it applies to, of both sides where there are two; NaN
where there is none.

- straight knees: flexion in degrees where it is 15 at most in truth and the person is seen from
  the front or back: the line of the hips within 30 degrees of the picture.
- straight elbows: flexion in degrees where it is 15 at most in truth, from any side.
- trunk: degrees between the predicted and the true direction from the pelvis to the thorax.
- pitch: degrees, without sign, of the one turn about the picture's horizontal axis that brings a
  whole clip nearest to the truth; the mean over clips.
- forearm depth: slope of the predicted depth of the wrist against the elbow over the true one,
  about 0; 1 is right, and less is a forearm that is flattened into the picture.
- forearm length: predicted over true.
- nearer leg wrong: percentage of the frames in which the ankles, or in a second count the knees,
  are apart in depth by 0.1 m or more and the wrong one is nearer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mbcli.kinematics.angles import joint_angles
from mbcli.skeleton import H36M17
from mbcli.types import BoolArray, FloatArray

_SIDES = ("left", "right")
_STRAIGHT = 15.0  # degrees
_FACING = np.sin(np.radians(30))
_APART = 0.1  # metres

_ANGLES = ("knee_angle", "elbow_flex")

# Figure: heading, digits.
FIGURES = {
    "knees": ("straight knees, degrees", 1),
    "knees_true": ("the same in truth", 1),
    "elbows": ("straight elbows, degrees", 1),
    "elbows_true": ("the same in truth", 1),
    "trunk": ("trunk off by, degrees", 1),
    "pitch": ("pitch of a clip off by, degrees", 1),
    "forearm_depth": ("forearm depth, slope", 2),
    "forearm_length": ("forearm length, ratio", 2),
    "nearer_ankle_wrong": ("nearer ankle wrong %", 1),
    "nearer_knee_wrong": ("nearer knee wrong %", 1),
}


@dataclass(frozen=True)
class Limbs:
    """What the module's docstring defines."""

    knees: float
    knees_true: float
    elbows: float
    elbows_true: float
    trunk: float
    forearm_depth: float
    forearm_length: float
    nearer_ankle_wrong: float
    nearer_knee_wrong: float


def limbs(poses: FloatArray, target: FloatArray) -> Limbs:
    """Compare a motion with the truth.

    Args:
        poses: (T, 17, 3) metres in the camera's axes; NaN in frames without a prediction.
        target: (T, 17, 3) metres, likewise.
    """
    there = np.isfinite(poses).all(axis=(1, 2))
    poses, target = poses[there], target[there]
    (bent, arms), (true, true_arms) = (flexions(pose) for pose in (poses, target))
    straight = (true <= _STRAIGHT) & facing(target)[:, None]
    straight_arms = true_arms <= _STRAIGHT
    found, real = (_between(pose, "elbow", "wrist") for pose in (poses, target))
    power = float((real[..., 2] ** 2).sum())
    lengths = np.linalg.norm(real, axis=-1)
    return Limbs(
        knees=_mean(bent[straight]),
        knees_true=_mean(true[straight]),
        elbows=_mean(arms[straight_arms]),
        elbows_true=_mean(true_arms[straight_arms]),
        trunk=_mean(_degrees(_trunk(poses), _trunk(target))),
        forearm_depth=float((found[..., 2] * real[..., 2]).sum()) / power if power else np.nan,
        forearm_length=_mean(np.linalg.norm(found, axis=-1) / lengths),
        nearer_ankle_wrong=_wrong_side(poses, target, "ankle"),
        nearer_knee_wrong=_wrong_side(poses, target, "knee"),
    )


def pitch(poses: FloatArray, target: FloatArray) -> float:
    """The turn about the picture's horizontal axis that brings a clip nearest to the truth.

    Args:
        poses: (T, 17, 3) metres, the pelvis at 0, in the camera's axes; NaN in frames without a
            prediction.
        target: (T, 17, 3) metres, likewise.

    Returns:
        Radians from y towards z; NaN without any prediction.
    """
    there = np.isfinite(poses).all(axis=(1, 2))
    if not there.any():
        return float("nan")
    (y, z), (true_y, true_z) = (np.moveaxis(p[there, :, 1:], -1, 0) for p in (poses, target))
    return float(np.arctan2((y * true_z - z * true_y).sum(), (y * true_y + z * true_z).sum()))


def flexions(poses: FloatArray) -> FloatArray:
    """(2, T, 2) degrees of the knees and of the elbows, left and right."""
    angles = joint_angles(poses)
    sides = [[angles.of(f"{name}_{side[0]}") for side in _SIDES] for name in _ANGLES]
    return np.moveaxis(np.array(sides), 1, -1)


def facing(target: FloatArray) -> BoolArray:
    """(T,) whether somebody is seen from the front or back."""
    line = target[:, H36M17.index("left_hip")] - target[:, H36M17.index("right_hip")]
    limit = _FACING * np.linalg.norm(line, axis=-1)
    return np.asarray(np.abs(line[:, 2]) <= limit)


def _between(poses: FloatArray, upper: str, lower: str) -> FloatArray:
    """(T, 2, 3) from one joint to the next, left and right."""
    ends = [[H36M17.index(f"{side}_{joint}") for side in _SIDES] for joint in (upper, lower)]
    return poses[:, ends[1]] - poses[:, ends[0]]


def _trunk(poses: FloatArray) -> FloatArray:
    """(T, 3) from the pelvis to the thorax."""
    return poses[:, H36M17.index("thorax")] - poses[:, H36M17.index("pelvis")]


def _degrees(one: FloatArray, other: FloatArray) -> FloatArray:
    """(T,) between two directions (T, 3)."""
    cross = np.linalg.norm(np.cross(one, other), axis=-1)
    return np.asarray(np.degrees(np.arctan2(cross, (one * other).sum(axis=-1))))


def _wrong_side(poses: FloatArray, target: FloatArray, joint: str) -> float:
    left, right = (H36M17.index(f"{side}_{joint}") for side in _SIDES)
    apart = target[:, left, 2] - target[:, right, 2]
    there = np.abs(apart) >= _APART
    found = poses[there, left, 2] - poses[there, right, 2]
    return 100 * _mean(found * apart[there] < 0)


def _mean(values: FloatArray | BoolArray) -> float:
    return float(np.mean(values)) if values.size else float("nan")
