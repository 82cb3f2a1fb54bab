"""Indices of the joints that refinement uses in a skeleton."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from mbcli.skeleton import Skeleton
from mbcli.types import BoolArray, FloatArray


@dataclass(frozen=True)
class StandingJoints:
    """Indices of the joints that show how a person stands; right before left.

    Attributes:
        legs: hip, knee and ankle of each side.
        feet: the joints below each ankle, such as toes and heel; none in many skeletons.
        pelvis: the root of the body.
        thorax: the upper end of the trunk.
    """

    legs: tuple[tuple[int, int, int], tuple[int, int, int]]
    feet: tuple[tuple[int, ...], tuple[int, ...]]
    pelvis: int
    thorax: int

    @property
    def ankles(self) -> list[int]:
        """The ankles of both legs."""
        return [ankle for _, _, ankle in self.legs]

    def seen(self, body: FloatArray) -> BoolArray:
        """(...) which poses (..., J, 3) have pelvis, thorax and legs; others may be NaN."""
        needed = body[..., [self.pelvis, self.thorax, *self.legs[0], *self.legs[1]], :]
        return np.asarray(np.isfinite(needed).all(axis=(-1, -2)))


@lru_cache(maxsize=16)
def standing_joints(skeleton: Skeleton) -> StandingJoints:
    """The joints of a skeleton that show how a person stands.

    Raises:
        ValueError: the skeleton lacks one of them.
    """
    at = skeleton.index
    right, left = (
        (at(f"{side}_hip"), at(f"{side}_knee"), at(f"{side}_ankle")) for side in ("right", "left")
    )
    return StandingJoints(
        legs=(right, left),
        feet=(skeleton.below("right_ankle"), skeleton.below("left_ankle")),
        pelvis=at("pelvis"),
        thorax=at("thorax"),
    )
