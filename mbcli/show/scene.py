"""Positions of people in a 3D view: axes, floor and camera."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from mbcli.camera import Camera
from mbcli.kinematics.places import places_of
from mbcli.motion import Motion3D

# The world of a refined motion has y down. Views have y up: a rotation by 180 degrees about x.
_UPWARD = np.diag([1.0, -1.0, -1.0, 1.0])


@dataclass(frozen=True, eq=False)
class WorldScene:
    """A motion in the axes of a view.

    Attributes:
        points: (T, P, J, 3) float32 metres; NaN where missing.
        upright: True for an estimated world: y points up against gravity and the floor is y = 0.
            False for the axes of the first frame's camera: x right, y down, z away, with the
            camera assumed to be level.
        floor: y of the floor in metres.
        camera: the camera, with poses in the axes of the scene.
        placed: whether people stand at their own positions; otherwise they stand in a row.
    """

    points: npt.NDArray[np.float32]
    upright: bool
    floor: float
    camera: Camera
    placed: bool


def scene_of(motion: Motion3D) -> WorldScene:
    """Place a motion in the estimated world, or else in the axes of the first frame's camera."""
    there = np.asarray(np.isfinite(motion.positions).any(axis=(-1, -2)))
    places = places_of(motion, there)
    points = motion.positions + places.offsets[:, :, None]
    camera = places.camera
    if camera.grounded:
        camera = replace(camera, world_from_camera=_UPWARD @ camera.world_from_camera)
    moved = camera.to_world(points).astype(np.float32)
    return WorldScene(moved, camera.grounded, places.floor, camera, places.known)
