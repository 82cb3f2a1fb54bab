"""Armatures: the bones of exported files, each with axes of its own, and their motion.

A rig (`mbcli.kinematics.rig`) has joints whose axes are those of the world at rest. Programs that
animate want bones: a name, a place, and axes that follow the limb. What moves a bone here is the
rotation of its axes in the world; files get the rotations relative to the parents.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from mbcli.geometry import unit
from mbcli.kinematics.legs import reach
from mbcli.kinematics.rotations import swing
from mbcli.types import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class Armature:
    """Bones at rest, in any axes and unit.

    Attributes:
        names: one for each of the B bones; every parent comes before its children.
        parents: index of each bone's parent, -1 for the root.
        heads: (B, 3) where each bone begins.
        tips: (B, 3) where it ends.
        axes: (B, 3, 3) rotations; the columns are the bone's own axes x, y, z.
        sides: "right", "left" or "middle" of the body, for each bone.
        ends: bones that only mark the end of their parent, and never turn.
        mover: the bone whose place moves; all others only turn.
        metre: (3,) one metre upwards.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    heads: FloatArray
    tips: FloatArray
    axes: FloatArray
    sides: tuple[str, ...]
    ends: frozenset[int]
    mover: int
    metre: FloatArray

    def __len__(self) -> int:
        return len(self.names)

    @cached_property
    def children(self) -> tuple[tuple[int, ...], ...]:
        """The children of each bone."""
        found: list[list[int]] = [[] for _ in self.parents]
        for bone, parent in enumerate(self.parents):
            if parent >= 0:
                found[parent].append(bone)
        return tuple(map(tuple, found))

    @cached_property
    def offsets(self) -> FloatArray:
        """(B, 3) place of each bone in the axes of its parent; of the root in the world's."""
        parents = np.maximum(self.parents, 0)
        inside = np.einsum("bji,bj->bi", self.axes[parents], self.heads - self.heads[parents])
        return np.where(np.array(self.parents)[:, None] < 0, self.heads, inside)

    @cached_property
    def turns(self) -> FloatArray:
        """(B, 3, 3) rotation of each bone relative to its parent, at rest."""
        return _relative(self.axes, self.parents)


@dataclass(frozen=True, eq=False)
class ArmatureMotion:
    """An armature in motion.

    Attributes:
        armature: its bones.
        places: (T, 3) of the bone that moves.
        axes: (T, B, 3, 3) the axes of all bones in the world; never NaN.
    """

    armature: Armature
    places: FloatArray
    axes: FloatArray

    @cached_property
    def rotations(self) -> FloatArray:
        """(T, B, 3, 3) of each bone relative to its parent, of the root relative to the world."""
        return _relative(self.axes, self.armature.parents)

    @cached_property
    def since_rest(self) -> FloatArray:
        """(T, B, 3, 3) in the world, how each bone has turned from the rest pose."""
        return self.axes @ np.swapaxes(self.armature.axes, -1, -2)

    def at(self, frames: slice | IntArray) -> ArmatureMotion:
        """The motion in some of its frames."""
        return replace(self, places=self.places[frames], axes=self.axes[frames])

    def unturned(self) -> ArmatureMotion:
        """With the axes of all bones at rest those of the world."""
        bones = replace(self.armature, axes=np.tile(np.eye(3), (len(self.armature), 1, 1)))
        return ArmatureMotion(bones, self.places, self.since_rest)

    @cached_property
    def translation(self) -> FloatArray:
        """(T, 3) of the bone that moves, in the axes of its parent."""
        mover = self.armature.mover
        parent = self.armature.parents[mover]
        if parent < 0:
            return self.places
        away = self.places - self.forward()[:, parent]
        return np.einsum("tji,tj->ti", self.axes[:, parent], away)

    def forward(self) -> FloatArray:
        """(T, B, 3) where each bone begins."""
        bones = self.armature
        heads = np.empty(self.axes.shape[:3])
        for bone, parent in enumerate(bones.parents):
            if bone == bones.mover:
                heads[:, bone] = self.places
            elif parent < 0:
                heads[:, bone] = bones.heads[bone]
            else:
                away = self.since_rest[:, parent] @ (bones.heads[bone] - bones.heads[parent])
                heads[:, bone] = heads[:, parent] + away
        return heads

    def turned(self, turn: npt.ArrayLike, scale: float = 1.0) -> ArmatureMotion:
        """Convert motion and rest pose to other axes of the world and another unit.

        Args:
            turn: (3, 3) rotation from the present axes to the others.
            scale: number of the other units per present unit.
        """
        m = np.asarray(turn, dtype=np.float64)
        bones = replace(
            self.armature,
            heads=self.armature.heads @ m.T * scale,
            tips=self.armature.tips @ m.T * scale,
            axes=m @ self.armature.axes,
            metre=self.armature.metre @ m.T * scale,
        )
        return ArmatureMotion(bones, self.places @ m.T * scale, m @ self.axes)


def moved(
    armature: Armature,
    places: FloatArray,
    wanted: Mapping[int, FloatArray],
    targets: Mapping[int, FloatArray] | None = None,
) -> ArmatureMotion:
    """Move an armature.

    Args:
        armature: the bones.
        places: (T, 3) of the bone that moves.
        wanted: (T, 3, 3) axes in the world of some bones; the others keep still in their parent.
        targets: (T, 3) for some bones where their tips should be. Such a bone is swung on the
            shortest arc so that it points there; it keeps its length, and its turn about itself.
    """
    targets = targets or {}
    frames = len(places)
    axes = np.empty((frames, len(armature), 3, 3))
    heads = np.empty((frames, len(armature), 3))
    turned = np.empty_like(axes)
    for bone, parent in enumerate(armature.parents):
        rest = armature.axes[bone]
        above = turned[:, parent] if parent >= 0 else np.eye(3)
        axes[:, bone] = wanted[bone] if bone in wanted else above @ rest
        if bone == armature.mover:
            heads[:, bone] = places
        elif parent < 0:
            heads[:, bone] = armature.heads[bone]
        else:
            away = above @ (armature.heads[bone] - armature.heads[parent])
            heads[:, bone] = heads[:, parent] + away
        if bone in targets:
            now = axes[:, bone] @ (rest.T @ (armature.tips[bone] - armature.heads[bone]))
            turn = swing(unit(now), unit(targets[bone] - heads[:, bone]))
            axes[:, bone] = turn @ axes[:, bone]
        turned[:, bone] = axes[:, bone] @ rest.T
    return ArmatureMotion(armature, places, axes)


def stepping(
    motion: ArmatureMotion, legs: Mapping[tuple[int, int], FloatArray], forward: FloatArray
) -> dict[int, FloatArray]:
    """Targets for `moved` that put ankles where they should be, by bending the knees.

    Args:
        motion: the motion before.
        legs: (T, 3) place of the ankle for each pair of thigh and shin.
        forward: (T, 3) unit vectors of the facing direction, to which straight knees bend.
    """
    heads, turned, bones = motion.forward(), motion.since_rest, motion.armature
    found = {}
    for (thigh, shin), ankle in legs.items():
        hip = heads[:, thigh]
        knee = turned[:, thigh] @ (bones.tips[thigh] - bones.heads[thigh])
        before = knee + turned[:, shin] @ (bones.tips[shin] - bones.heads[shin])
        found[thigh], found[shin] = reach(hip, knee, before, ankle, forward)
    return found


def _relative(axes: FloatArray, parents: tuple[int, ...]) -> FloatArray:
    """(..., B, 3, 3) axes in the world -> relative to each bone's parent."""
    above = np.swapaxes(axes[..., np.maximum(parents, 0), :, :], -1, -2)
    none = np.array(parents)[:, None, None] < 0
    return np.where(none, axes, above @ axes)
