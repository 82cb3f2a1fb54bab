"""Where everybody stands in a 3D view: axes, floor and camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mbcli.kinematics.places import places_of
from mbcli.motion import Motion3D
from mbcli.types import FloatArray

# The world of a refined motion has y down. What is shown has y up, by half a turn about x.
_UPWARD = np.diag([1.0, -1.0, -1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Scene:
    """A motion in the axes in which it is shown.

    Attributes:
        points: (T, P, 17, 3) float32 metres; NaN where missing.
        upright: True for an estimated world: y points up against gravity and the floor is y = 0.
            False for the camera's frame: x right, y down, z away, and the camera taken as level.
        floor: y of the floor in metres.
        scene_from_camera: (4, 4) float64 rigid transform, the identity in the camera's frame.
        placed: whether people stand at their own places; else they stand in a row.
    """

    points: npt.NDArray[np.float32]
    upright: bool
    floor: float
    scene_from_camera: FloatArray
    placed: bool


def scene_of(motion: Motion3D) -> Scene:
    """Place a motion: in the world that refinement has estimated, else in the camera's frame."""
    there = np.asarray(np.isfinite(motion.positions).any(axis=(-1, -2)))
    places = places_of(motion, there)
    points = motion.positions + places.offsets[:, :, None]
    if places.world_from_camera is None:
        kept = np.asarray(points, dtype=np.float32)
        return Scene(kept, False, places.floor, np.eye(4), places.known)
    transform = _UPWARD @ places.world_from_camera
    moved = points.astype(np.float64) @ transform[:3, :3].T + transform[:3, 3]
    return Scene(moved.astype(np.float32), True, places.floor, transform, places.known)
