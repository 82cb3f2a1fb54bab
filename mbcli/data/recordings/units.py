"""The unit of a recording: by the file's word or the user's, else by the size of the person."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np

from mbcli.data.recordings.names import SIDES
from mbcli.data.stores.quality import HUMAN_HEIGHT
from mbcli.errors import DataError
from mbcli.types import FloatArray

# Metres per unit, for units that occur in recordings; CMU's are inches divided by 0.45.
UNITS = {"m": 1.0, "cm": 0.01, "mm": 0.001, "inch": 0.0254, "cmu": 0.0254 / 0.45}

_WORDS = {
    "m": ("m", "meter", "meters", "metre", "metres"),
    "cm": ("cm", "centimeter", "centimeters", "centimetre", "centimetres"),
    "mm": ("mm", "millimeter", "millimeters", "millimetre", "millimetres"),
    "inch": ("in", "inch", "inches"),
}

# Metres; with these no two units fit one adult. Children are looked for in metric units only: a
# child's height in inches is an adult's in no unit, but a stylised figure's in many.
_ADULT = (1.3, 2.0)
_METRIC = ("m", "cm", "mm")

# The skull joint is in the middle of the head and the ankle above the sole; about an eighth of the
# stature is beyond them.
_SHARE = 0.88
_STRAIGHTEST = 90.0  # percentile of the distance between hips and skull, which bending shortens


class Unit(NamedTuple):
    """A unit of length.

    Attributes:
        metres: its length.
        name: a key of ``UNITS``, or the number of metres.
        how: where it is known from.
    """

    metres: float
    name: str
    how: str


def height_of(joints: Mapping[str, FloatArray]) -> float:
    """Stature in the unit of the joints, (F, 3) each, from the lengths of legs and trunk.

    Args:
        joints: hips, knees and ankles, and ``skull``, the joint that turns with the head.
    """

    def span(a: FloatArray, b: FloatArray, share: float = 50.0) -> float:
        return float(np.percentile(np.linalg.norm(a - b, axis=-1), share))

    legs = [
        span(joints[f"{side}_{a}"], joints[f"{side}_{b}"])
        for side in SIDES
        for a, b in (("hip", "knee"), ("knee", "ankle"))
    ]
    hips = (joints["left_hip"] + joints["right_hip"]) / 2
    return (sum(legs) / 2 + span(hips, joints["skull"], _STRAIGHTEST)) / _SHARE


def find_unit(height: float, word: float | None = None) -> Unit:
    """Find the unit in which a person has a human height.

    Args:
        height: of the person in the unit.
        word: metres per unit by the file's own word; another unit is taken only if nobody is as
            tall as that.

    Raises:
        DataError: the person fits no unit.
    """
    if word is not None and HUMAN_HEIGHT[0] <= height * word <= HUMAN_HEIGHT[1]:
        return Unit(word, unit_name(word), "by the file")
    how = "found from the bones" if word is None else f"found from the bones, not {unit_name(word)}"
    for units, (low, high) in ((UNITS, _ADULT), (_METRIC, HUMAN_HEIGHT)):
        fitting = [name for name in units if low <= height * UNITS[name] <= high]
        if fitting:
            return Unit(UNITS[fitting[0]], fitting[0], how)
    raise DataError(
        f"a skeleton {height:.4g} units tall has human height in none of the units "
        f"{', '.join(UNITS)}; give the length of a unit with --scale"
    )


def unit_name(metres: float) -> str:
    """The name of a unit, or its length."""
    named = (name for name, length in UNITS.items() if np.isclose(length, metres, rtol=1e-4))
    return next(named, f"{metres:g} m")


def word_of(text: str) -> float | None:
    """Metres per unit of a unit as a file writes it, ``mm`` or ``Meters``; None if unknown."""
    word = text.strip().strip("[]()\0").lower()
    return next((UNITS[name] for name, words in _WORDS.items() if word in words), None)
