"""A recorded stretch taken apart, so that its parts can be put onto another posture.

All axes are those of a heading frame: x to the person's left, y up, z forward, metres. A rotation
matrix has as columns the left, the up and the forward of a part of the body.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mbcli.geometry import nearest_rotation, unit
from mbcli.skeleton import BODY21
from mbcli.types import FloatArray

FPS = 60.0
"""Frames a second of what is made."""

SIDES = ("left", "right")
HEAD = tuple(
    BODY21.index(name)
    for name in ("nose", "head", "left_eye", "right_eye", "left_ear", "right_ear")
)


def at(body: FloatArray, name: str) -> FloatArray:
    """(F, 3) of a joint."""
    return body[..., BODY21.index(name), :]


def axes(left: FloatArray, up: FloatArray) -> FloatArray:
    """(F, 3, 3) columns left, up and forward; up is kept, left is made square to it."""
    up = unit(up)
    forward = unit(np.cross(left, up))
    return np.stack([np.cross(up, forward), up, forward], axis=-1)


@dataclass(frozen=True, eq=False)
class Sizes:
    """Lengths of a person, metres: medians over a recording.

    Attributes:
        hip: from the pelvis to a hip.
        thigh: from hip to knee.
        shank: from knee to ankle.
        trunk: from pelvis to thorax.
        upper_arm: from shoulder to elbow.
        forearm: from elbow to wrist.
        shoulder: from the thorax to a shoulder.
    """

    hip: float
    thigh: float
    shank: float
    trunk: float
    upper_arm: float
    forearm: float
    shoulder: float

    @property
    def leg(self) -> float:
        """From hip to ankle."""
        return self.thigh + self.shank

    @property
    def arm(self) -> float:
        """From shoulder to wrist."""
        return self.upper_arm + self.forearm

    @classmethod
    def of(cls, body: FloatArray) -> Sizes:
        """Of a recording (F, 21, 3)."""

        def length(a: str, b: str) -> float:
            return float(
                np.mean(
                    [
                        np.median(
                            np.linalg.norm(
                                at(body, a.format(side)) - at(body, b.format(side)), axis=-1
                            )
                        )
                        for side in SIDES
                    ]
                )
            )

        return cls(
            length("pelvis", "{}_hip"),
            length("{}_hip", "{}_knee"),
            length("{}_knee", "{}_ankle"),
            length("pelvis", "thorax"),
            length("{}_shoulder", "{}_elbow"),
            length("{}_elbow", "{}_wrist"),
            length("thorax", "{}_shoulder"),
        )


@dataclass(frozen=True, eq=False)
class Stretch:
    """What of a recorded stretch goes into a synthesised one, over F frames.

    Attributes:
        sizes: of the person.
        shoulders: (F, 2, 3) from the thorax, in the chest's axes.
        arms: (F, 2, 2, 3) directions of upper arm and forearm in the chest's axes.
        head: (F, 6, 3) the joints of ``HEAD`` from the thorax, in the chest's axes.
        chest: (F, 3, 3) how the chest turns within a second or so, in its own axes.
    """

    sizes: Sizes
    shoulders: FloatArray
    arms: FloatArray
    head: FloatArray
    chest: FloatArray

    def __len__(self) -> int:
        return len(self.chest)

    @classmethod
    def of(cls, body: FloatArray, sizes: Sizes, calm: int) -> Stretch:
        """Take a recording apart.

        Args:
            body: (F, 21, 3), in any world with y up.
            sizes: of the person.
            calm: frames over which the chest's turns are averaged to find the slow part that
                is left out.
        """
        thorax = at(body, "thorax")
        chest = axes(
            at(body, "left_shoulder") - at(body, "right_shoulder"), thorax - at(body, "pelvis")
        )  # (F, 3, 3)

        def within(vectors: FloatArray) -> FloatArray:
            return np.einsum("fji,f...j->f...i", chest, vectors)

        shoulders, arms = [], []
        for side in SIDES:
            shoulder, elbow, wrist = (
                at(body, f"{side}_{joint}") for joint in ("shoulder", "elbow", "wrist")
            )
            shoulders.append(within(shoulder - thorax))
            arms.append(within(np.stack([unit(elbow - shoulder), unit(wrist - elbow)], axis=1)))
        slow = nearest_rotation(_averaged(chest, calm))
        return cls(
            sizes,
            np.stack(shoulders, axis=1),
            np.stack(arms, axis=1),
            within(body[:, HEAD] - thorax[:, None]),
            np.swapaxes(slow, -1, -2) @ chest,
        )


def _averaged(values: FloatArray, width: int) -> FloatArray:
    """Moving average over time (F, ...), with the ends repeated."""
    half = max(1, width // 2)
    padded = np.concatenate(
        [np.repeat(values[:1], half, 0), values, np.repeat(values[-1:], half, 0)]
    )
    summed = np.cumsum(np.concatenate([np.zeros_like(padded[:1]), padded]), axis=0)
    return (summed[2 * half + 1 :] - summed[: -2 * half - 1]) / (2 * half + 1)
