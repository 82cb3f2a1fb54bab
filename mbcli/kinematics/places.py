"""Positions of people when a motion is shown in space, and the floor below them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mbcli.camera import Camera
from mbcli.motion import Motion3D
from mbcli.types import FloatArray

FEET = ("right_ankle", "left_ankle")
"""Joints that stand on the floor, in the order of ``Refinement.foot_contacts``."""

_APART = 1.2  # metres between people whose positions are unknown
_FLOOR_PERCENTILE = 95.0  # of the lower ankle, which may be wrong in one frame of twenty
_STANDING = 1.0  # metres from the pelvis down to the floor, if there are no people


@dataclass(frozen=True, eq=False)
class Places:
    """Positions of the people of a motion: x right, y down, z away; metres.

    Attributes:
        offsets: (T, P, 3) float32, to be added to ``motion.positions``.
        known: whether these are positions in space; else people stand side by side, each with a
            stationary pelvis.
        camera: the camera; ``offsets`` are in its axes, the scene is shown in its world.
        floor: y of the floor in the world; 0 if it was estimated.
    """

    offsets: FloatArray
    known: bool
    camera: Camera
    floor: float

    @property
    def grounded(self) -> bool:
        """Whether the world is upright, with an estimated floor."""
        return self.camera.grounded


def places_of(motion: Motion3D, shown: npt.NDArray[np.bool_]) -> Places:
    """Determine the positions of people.

    Args:
        motion: the motion.
        shown: (T, P) mask of the people shown; positions in space are used only if all are known.
    """
    offsets, known = _offsets(motion, shown)
    frames = len(shown)
    # Without positions in space there is no transformation to the world either.
    camera = motion.camera if known else motion.camera.lasting(frames)
    if camera.grounded:
        return Places(offsets, known, camera, 0.0)
    return Places(offsets, known, camera, _floor_level(motion, offsets, camera, shown))


def _offsets(motion: Motion3D, shown: npt.NDArray[np.bool_]) -> tuple[FloatArray, bool]:
    if np.isfinite(motion.root[shown]).all():
        return motion.root, True
    frames, people = shown.shape
    beside = np.zeros((frames, people, 3), dtype=np.float32)
    beside[..., 0] = (np.arange(people) - (people - 1) / 2) * _APART
    return beside, False


def _floor_level(
    motion: Motion3D, offsets: FloatArray, camera: Camera, shown: npt.NDArray[np.bool_]
) -> float:
    """The y of the lower ankle, ignoring outlier frames."""
    ankles = [motion.skeleton.index(joint) for joint in FEET]
    points = camera.to_world(motion.positions[:, :, ankles] + offsets[:, :, None])
    lower = np.fmax.reduce(points[shown, :, 1].astype(np.float32), axis=-1)
    lower = lower[np.isfinite(lower)]
    return float(np.percentile(lower, _FLOOR_PERCENTILE)) if len(lower) else _STANDING
