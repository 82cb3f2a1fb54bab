"""Two bones that reach a point, and what joints allow."""

from __future__ import annotations

import numpy as np

from mbcli.geometry import unit
from mbcli.types import FloatArray

LONGEST = 0.999
"""Share of both bones' length up to which a limb stretches."""
FLEXED = {"knee": 152.0, "elbow": 148.0}
"""Degrees by which a joint bends at most: knee and elbow of healthy adults, passive ends left out
(Norkin and White, Measurement of Joint Motion: 150 and 150)."""


def reach(
    start: FloatArray,
    target: FloatArray,
    pole: FloatArray,
    upper: float,
    lower: float,
    flexed: float,
) -> tuple[FloatArray, FloatArray]:
    """The joint between two bones and the end, as near to the target as they come.

    Args:
        start: (F, 3) where the upper bone begins.
        target: (F, 3) where the lower bone is to end.
        pole: (F, 3) direction to which the joint points.
        upper: length of the upper bone.
        lower: length of the lower bone.
        flexed: degrees by which the joint bends at most.

    Returns:
        (F, 3) the joint and (F, 3) the end.
    """
    along = target - start
    distance = np.linalg.norm(along, axis=-1, keepdims=True)
    nearest = np.sqrt(
        upper**2 + lower**2 + 2 * upper * lower * np.cos(np.radians(flexed))
    )  # law of cosines, with the angle between the bones 180 degrees less the flexion
    held = np.clip(distance, nearest, LONGEST * (upper + lower))
    towards = unit(along)
    across = unit(pole - (pole * towards).sum(-1, keepdims=True) * towards)
    cosine = (upper**2 + held**2 - lower**2) / (2 * upper * held)
    sine = np.sqrt(np.clip(1 - cosine**2, 0, 1))
    joint = start + upper * (cosine * towards + sine * across)
    return joint, start + held * towards


def flexion(upper: FloatArray, lower: FloatArray) -> FloatArray:
    """Degrees between the directions (..., 3) of two bones, 0 where they are in line."""
    cosine = (unit(upper) * unit(lower)).sum(-1)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))
