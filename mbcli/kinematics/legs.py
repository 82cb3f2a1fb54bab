"""Legs of constant bone lengths: how far they are bent, and inverse kinematics."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from mbcli.geometry import unit
from mbcli.kinematics.rotations import swing
from mbcli.types import FloatArray

# A fully stretched leg has no plane of bending; close to that, the knee jumps about.
_LONGEST = 0.9995
_HINT = 0.05  # of the leg's length


@dataclass(frozen=True, eq=False)
class Legs:
    """Legs over time, and how far their knees are to be bent.

    Attributes:
        hip: (N, F, 3) metres.
        knee: (N, F, 3) metres.
        ankle: (N, F, 3) metres.
        flexion: (N, F) radians wanted, 0 straight.
    """

    hip: FloatArray
    knee: FloatArray
    ankle: FloatArray
    flexion: FloatArray

    @cached_property
    def thigh(self) -> FloatArray:
        """(N, F) metres."""
        return np.linalg.norm(self.knee - self.hip, axis=-1)

    @cached_property
    def shank(self) -> FloatArray:
        """(N, F) metres."""
        return np.linalg.norm(self.ankle - self.knee, axis=-1)

    @cached_property
    def length(self) -> FloatArray:
        """(N, F) metres from hip to ankle with knees bent as wanted."""
        return self.length_at(self.flexion)

    def length_at(self, flexion: FloatArray) -> FloatArray:
        """(N, F) metres from hip to ankle with knees bent by (N, F) radians."""
        a, b = self.thigh, self.shank
        return np.sqrt(a**2 + b**2 + 2 * a * b * np.cos(flexion))

    def flexion_at(self, length: FloatArray) -> FloatArray:
        """(N, F) radians at (N, F) metres from hip to ankle; 0 for a leg that is too short."""
        a, b = self.thigh, self.shank
        cosine = (length**2 - a**2 - b**2) / np.maximum(2 * a * b, 1e-12)
        return np.arccos(np.clip(cosine, -1.0, 1.0))


def bent(hip: FloatArray, knee: FloatArray, ankle: FloatArray) -> FloatArray:
    """How far knees are bent, 0 straight: (..., 3) metres each to (...) radians."""
    cosine = (unit(knee - hip) * unit(ankle - knee)).sum(axis=-1)
    return np.asarray(np.arccos(np.clip(cosine, -1.0, 1.0)))


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
    return (longest * np.maximum(1 - part / _HINT, 0.0))[:, None]
