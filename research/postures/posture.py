"""Postures that no recording at hand holds, each with what a person may vary in it.

Lengths are metres of the person at hand: a posture is made for given `Sizes`. Angles are degrees.
Heights of joints above what they rest on, such as an ankle's 0.08 m above the sole, are those of
adults; seats, tables and shelves are as high as those in homes and offices.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from mbcli.types import FloatArray

SOLE = 0.08  # ankle above the sole
FLOOR = {"knee": 0.05, "ankle": 0.05, "wrist": 0.03, "elbow": 0.03, "hip": 0.08, "head": 0.08}
"""Metres of a joint's centre above the floor that it lies or kneels on, at least."""


@dataclass(frozen=True, eq=False)
class Posture:
    """One posture, in the heading frame: x to the left, y up, z forward, floor at 0.

    Attributes:
        pelvis: (3,) its place.
        hips: (4,) turn of the pelvis: yaw to the left, pitch forward, roll to the left, spin
            about its own up. Applied in the order spin, roll, pitch, yaw.
        chest: (4,) the same of the chest, against the heading, not against the pelvis.
        ankles: (2, 3) left and right.
        knees: (2, 3) axes about which the knees bend, in the pelvis' axes; see `hinges`.
        hands: (2, 3) wrists, NaN where an arm moves as recorded.
        elbows: (2, 3) axes about which the elbows bend where the wrists are given, in the
            chest's axes; see `elbows`.
        level: how far the head stays level when the chest leans, 0..1.
        hold: seconds.
        via: whether the motion goes through it without a stop.
    """

    pelvis: FloatArray
    hips: FloatArray
    chest: FloatArray
    ankles: FloatArray
    knees: FloatArray
    hands: FloatArray = field(default_factory=lambda: np.full((2, 3), np.nan))
    elbows: FloatArray = field(default_factory=lambda: elbows(0.3))
    level: float = 0.6
    hold: float = 1.0
    via: bool = False

    def moved(self, by: FloatArray) -> Posture:
        """The posture in another place."""
        return replace(
            self, pelvis=self.pelvis + by, ankles=self.ankles + by, hands=self.hands + by
        )

    def mirrored(self) -> Posture:
        """Left and right exchanged."""
        flip = np.array([-1.0, 1.0, 1.0])
        turn = np.array([-1.0, 1.0, -1.0, -1.0])
        return replace(
            self,
            pelvis=self.pelvis * flip,
            hips=self.hips * turn,
            chest=self.chest * turn,
            **{name: (getattr(self, name) * flip)[::-1] for name in ("ankles", "hands")},
            # Axes of turning, not directions.
            **{name: -(getattr(self, name) * flip)[::-1] for name in ("knees", "elbows")},
        )


def pair(x: float, y: float, z: float) -> FloatArray:
    """(2, 3) the same on both sides, x outwards."""
    return np.array([[x, y, z], [-x, y, z]])


def hinges(left: float, right: float | None = None, *, ahead: float = 0.0) -> FloatArray:
    """(2, 3) axes of both knees in the pelvis' axes.

    Args:
        left: degrees by which the left knee is turned outwards from pointing forward.
        right: of the right one; as the left one if None.
        ahead: where the legs go, from 0, down along the trunk, to 1, straight ahead.
    """
    angles = np.radians([left, left if right is None else right])
    away = np.sin(angles) * np.array([1.0, -1.0])
    down, front = np.cos(ahead * np.pi / 2), np.sin(ahead * np.pi / 2)
    return np.stack([np.cos(angles), -front * away, -down * away], axis=-1)


def elbows(spread: float) -> FloatArray:
    """(2, 3) axes of both elbows in the chest's axes.

    Args:
        spread: 0 for elbows that stay at the trunk, 1 for elbows that point outwards.
    """
    return np.array([[0.8, spread, 0.5], [0.8, -spread, -0.5]])


class Draw:
    """Random numbers of one clip.

    Args:
        rng: where they come from.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng

    def __call__(self, low: float, high: float) -> float:
        """Uniform within low..high."""
        return float(self.rng.uniform(low, high))

    def near(self, sd: float) -> float:
        """Normal, at most two standard deviations off."""
        return float(np.clip(self.rng.normal(), -2, 2) * sd)

    def wobble(self, sd: float) -> FloatArray:
        """(4,) small angles."""
        return np.array([self.near(sd) for _ in range(4)])

    def one_of(self, *choices: str) -> str:
        """A choice."""
        return str(self.rng.choice(choices))
