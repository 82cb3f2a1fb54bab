"""Inverse kinematics: legs that reach a target at constant bone lengths."""

from __future__ import annotations

import numpy as np

from mbcli.geometry import unit
from mbcli.kinematics.rotations import swing
from mbcli.types import FloatArray

# A fully stretched leg has no plane of bending; close to that, the knee jumps about.
_LONGEST = 0.9995
_HINT = 0.05  # of the leg's length


def reach(
    hip: FloatArray, knee: FloatArray, ankle: FloatArray, target: FloatArray, forward: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Two-bone analytic inverse kinematics: rotate hip and knee so that the ankle hits a target.

    The whole leg is first rotated, by the smallest rotation, until it points at the target; then
    the knee is bent or stretched in its previous plane of bending. A straight leg has no such
    plane and bends forward. A target out of reach is approached with a stretched leg.

    Args:
        hip: (T, 3) metres, new position of the hip.
        knee: (T, 3) metres relative to the hip, before.
        ankle: (T, 3) metres relative to the hip, before.
        target: (T, 3) metres, wanted position of the ankle.
        forward: (T, 3) unit vectors of the facing direction.

    Returns:
        knee and ankle, (T, 3) float64 each, with their previous bone lengths in every frame; NaN
        where an input is.
    """
    thigh = np.linalg.norm(knee, axis=-1)
    shank = np.linalg.norm(ankle - knee, axis=-1)
    before = unit(ankle)
    wanted = target - hip
    after = unit(wanted)
    after = np.where(after.any(axis=-1, keepdims=True), after, before)
    shortest, longest = np.abs(thigh - shank), thigh + shank
    # A leg that was straighter than this before may stay so.
    limit = np.maximum(_LONGEST * longest, np.minimum(np.linalg.norm(ankle, axis=-1), longest))
    length = np.clip(np.linalg.norm(wanted, axis=-1), shortest + 1e-6, limit)

    bend = knee - (knee * before).sum(-1, keepdims=True) * before
    ahead = forward - (forward * before).sum(-1, keepdims=True) * before
    bend = bend + _HINT * _straightness(bend, longest) * ahead
    bend = (swing(before, after) @ bend[..., None])[..., 0]
    side = unit(bend - (bend * after).sum(-1, keepdims=True) * after)
    along = (length**2 + thigh**2 - shank**2) / (2 * np.maximum(length, 1e-9))
    out = np.sqrt(np.maximum(thigh**2 - along**2, 0.0))
    new_knee = hip + along[:, None] * after + out[:, None] * side
    return new_knee, hip + length[:, None] * after


def _straightness(bend: FloatArray, longest: FloatArray) -> FloatArray:
    """(T, 1) metres: the length of the leg where it is straight, 0 where it is clearly bent."""
    part = np.linalg.norm(bend, axis=-1) / np.maximum(longest, 1e-9)
    return (longest * np.clip(1 - part / _HINT, 0.0, 1.0))[:, None]
