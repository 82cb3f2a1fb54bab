"""Positions of people in a 3D view: axes, floor and camera."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mbcli.camera import Camera
from mbcli.kinematics.places import places_of
from mbcli.motion import Motion3D
from mbcli.types import FloatArray
from mbcli.values import Dense, build, by_person, kept

# The world of a refined motion has y down. Views have y up: a rotation by 180 degrees about x.
_UPWARD = np.diag([1.0, -1.0, -1.0, 1.0])


@by_person(points=Dense(4, np.nan))
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

    points: FloatArray
    upright: bool
    floor: float
    camera: Camera
    placed: bool


def scene_of(motion: Motion3D) -> WorldScene:
    """Place a motion in the estimated world, or else in the axes of the first frame's camera."""
    places = places_of(motion, motion.glimpsed)
    camera, spans = places.camera, motion.spans
    if camera.grounded:
        camera = replace(camera, world_from_camera=_UPWARD @ camera.world_from_camera)
    positions, moved = kept(motion, "positions"), np.empty_like(kept(motion, "positions").rows)
    for person in range(len(spans)):
        points = positions[person] + places.offsets[person][:, None]
        moved[spans.rows_of(person)] = camera.to_world(points, spans.frames_of(person))
    return build(
        WorldScene,
        points=positions.filled_with(moved),
        upright=camera.grounded,
        floor=places.floor,
        camera=camera,
        placed=places.known,
    )
