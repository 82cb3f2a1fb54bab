"""Positions of people when a motion is shown in space, and the floor below them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mbcli.camera import Camera
from mbcli.motion import Motion3D
from mbcli.spans import PerPerson
from mbcli.values import kept

FEET = ("right_ankle", "left_ankle")
"""Joints that stand on the floor, in the order of ``Refinement.foot_contacts``."""

_APART = 1.2  # metres between people whose positions are unknown
_FLOOR_PERCENTILE = 95.0  # of the lower ankle, which may be wrong in one frame of twenty
_STANDING = 1.0  # metres from the pelvis down to the floor, if there are no people


@dataclass(frozen=True, eq=False)
class Places:
    """Positions of the people of a motion: x right, y down, z away; metres.

    Attributes:
        offsets: (T, P, 3) float32, kept by person, to be added to ``motion.positions``.
        known: whether these are positions in space; else people stand side by side, each with a
            stationary pelvis.
        camera: the camera; ``offsets`` are in its axes, the scene is shown in its world.
        floor: y of the floor in the world; 0 if it was estimated.
    """

    offsets: PerPerson
    known: bool
    camera: Camera
    floor: float

    @property
    def grounded(self) -> bool:
        """Whether the world is upright, with an estimated floor."""
        return self.camera.grounded


def places_of(motion: Motion3D, shown: PerPerson) -> Places:
    """Determine the positions of people.

    Args:
        motion: the motion.
        shown: (T, P) whether a person is shown; positions in space are used only if all are known.
    """
    offsets, known = _offsets(motion, shown)
    # Without positions in space there is no transformation to the world either.
    camera = motion.camera if known else motion.camera.lasting(motion.spans.frames)
    if camera.grounded:
        return Places(offsets, known, camera, 0.0)
    return Places(offsets, known, camera, _floor_level(motion, offsets, camera, shown))


def _offsets(motion: Motion3D, shown: PerPerson) -> tuple[PerPerson, bool]:
    root = kept(motion, "root")
    if np.isfinite(root.rows[shown.rows]).all():
        return root, True
    beside = np.zeros(root.rows.shape, dtype=np.float32)
    beside[:, 0] = (motion.spans.person - (len(motion.spans) - 1) / 2) * _APART
    return root.filled_with(beside), False


def _floor_level(motion: Motion3D, offsets: PerPerson, camera: Camera, shown: PerPerson) -> float:
    """The y of the lower ankle, ignoring outlier frames."""
    ankles = [motion.skeleton.index(joint) for joint in FEET]
    there = shown.rows
    feet = kept(motion, "positions").rows[there][:, ankles] + offsets.rows[there][:, None]
    points = camera.to_world(feet, motion.spans.frame[there])
    lower = np.fmax.reduce(points[..., 1].astype(np.float32), axis=-1)
    lower = lower[np.isfinite(lower)]
    return float(np.percentile(lower, _FLOOR_PERCENTILE)) if len(lower) else _STANDING
