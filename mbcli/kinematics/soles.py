"""Correction of feet with artificial toes, which are kept above a known floor."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.ndimage import gaussian_filter1d, maximum_filter1d

from mbcli.geometry import unit
from mbcli.kinematics.pose import Pose
from mbcli.kinematics.rig import JOINTS, PARENTS
from mbcli.kinematics.rotations import swing
from mbcli.types import FloatArray

# Seconds: a foot lands and leaves the floor in about a tenth. The rotation is held for twice the
# smoothing time, so that smoothing does not reduce it where it is needed.
_HOLD, _SMOOTHING = 0.1, 0.04


def above_floor(pose: Pose, fps: float) -> Pose:
    """Rotate feet at the ankle so that toes below the floor are raised to it.

    Args:
        pose: a rig in metres whose y axis points up from a floor at y = 0.
        fps: frames per second.

    Returns:
        The pose; only the rotations of the ankles differ. If an ankle is below the floor by more
        than a foot's length, the toes point straight up.
    """
    places, rotations = pose.forward(), pose.rotations.copy()
    for side in ("right", "left"):
        ankle, toes = JOINTS.index(f"{side}_ankle"), JOINTS.index(f"{side}_toes")
        foot = places[:, toes] - places[:, ankle]  # (T, 3)
        turned = lifts(foot, places[:, ankle, 1], fps)
        above = pose.chain[0][:, PARENTS[ankle]]
        world = turned @ above @ rotations[:, ankle]
        rotations[:, ankle] = np.swapaxes(above, -1, -2) @ world
    return replace(pose, rotations=rotations)


def lifts(foot: FloatArray, height: FloatArray, fps: float) -> FloatArray:
    """Rotations in the world that raise the tips of feet to the floor.

    Args:
        foot: (T, 3) from the ankle to the tip, y up.
        height: (T,) of the ankle above the floor.
        fps: frames per second.

    Returns:
        (T, 3, 3), smooth over time.
    """
    length = np.linalg.norm(foot, axis=-1)
    pitch = np.arcsin(np.clip(foot[:, 1] / length, -1, 1))
    flat = np.arcsin(np.clip(-height / length, -1, 1))
    lift = _smoothed(np.maximum(flat - pitch, 0.0), fps)
    ahead = unit(foot * (1, 0, 1))
    raised = np.minimum(pitch + lift, np.pi / 2)
    wanted = np.cos(raised)[:, None] * ahead + np.sin(raised)[:, None] * (0, 1, 0)
    return np.where(lift[:, None, None] > 0, swing(unit(foot), unit(wanted)), np.eye(3))


def _smoothed(lift: FloatArray, fps: float) -> FloatArray:
    """(T,) smooth curve that is at least ``lift`` wherever that lasts."""
    held = maximum_filter1d(lift, 2 * round(_HOLD * fps) + 1, mode="nearest")
    return np.asarray(gaussian_filter1d(held, _SMOOTHING * fps, mode="nearest", truncate=2.0))
