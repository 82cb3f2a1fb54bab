"""Where people stand when a motion is shown in space, and the floor below them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mbcli.camera import Camera
from mbcli.motion import Motion3D
from mbcli.types import FloatArray

FEET = ("right_ankle", "left_ankle")
"""Joints that stand on the floor, in the order of ``Refinement.foot_contacts``."""

_APART = 1.2  # metres between people whose places are not known
_FLOOR_PERCENTILE = 95.0  # of the lower ankle: in one frame of twenty it may be wrong
_STANDING = 1.0  # metres from the pelvis down to the floor, where nobody tells


@dataclass(frozen=True, eq=False)
class Places:
    """Where the people of a motion stand: x right, y down, z away; metres.

    Attributes:
        offsets: (T, P, 3) float32, what to add to ``motion.positions``.
        known: whether these are places in space; else people stand side by side, the pelvis of
            each standing still.
        camera: whose world they are shown in, whose axes ``offsets`` are in.
        floor: y of the floor in the world; 0 where it was estimated.
    """

    offsets: FloatArray
    known: bool
    camera: Camera
    floor: float

    @property
    def grounded(self) -> bool:
        """Whether the world stands upright on an estimated floor."""
        return self.camera.grounded


def places_of(motion: Motion3D, shown: npt.NDArray[np.bool_]) -> Places:
    """Find out where people stand.

    Args:
        motion: whose people they are.
        shown: (T, P) who is shown when; the places of all of them must be known.
    """
    offsets, known = _offsets(motion, shown)
    frames = len(shown)
    # Without places in space there is no way from where people stand to the world either.
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
    """The y of the lower ankle, in all but the wildest frames."""
    ankles = [motion.skeleton.index(joint) for joint in FEET]
    points = camera.to_world(motion.positions[:, :, ankles] + offsets[:, :, None])
    lower = np.fmax.reduce(points[shown, :, 1].astype(np.float32), axis=-1)
    lower = lower[np.isfinite(lower)]
    return float(np.percentile(lower, _FLOOR_PERCENTILE)) if len(lower) else _STANDING
