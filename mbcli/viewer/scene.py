"""Where everybody stands in a 3D view: axes, floor and camera."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mbcli.motion import Motion3D
from mbcli.types import FloatArray

_APART = 1.2  # metres between people whose places are not known
_FLOOR_PERCENTILE = 95.0
_STANDING = 0.9  # metres from the pelvis down to the floor, where nobody tells

# The world of a refined motion has y down. What is shown has y up, by half a turn about x.
_UPWARD = np.diag([1.0, -1.0, -1.0, 1.0])


@dataclass(frozen=True)
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
    places, placed = _places(motion)
    points = motion.positions + places[:, :, None]
    refinement = motion.refinement
    world = None if refinement is None else refinement.world_from_camera
    if world is None or not placed:
        kept = np.asarray(points, dtype=np.float32)
        return Scene(kept, False, _floor_level(motion, kept), np.eye(4), placed)
    transform = _UPWARD @ world
    moved = points.astype(np.float64) @ transform[:3, :3].T + transform[:3, 3]
    return Scene(moved.astype(np.float32), True, 0.0, transform, placed)


def _places(motion: Motion3D) -> tuple[FloatArray, bool]:
    """(T, P, 3) what to add to the positions, and whether those are places in space."""
    there = np.isfinite(motion.positions).any(axis=(-1, -2))
    if np.isfinite(motion.root[there]).all():
        return motion.root, True
    frames, people = there.shape
    row = np.zeros((frames, people, 3), dtype=np.float32)
    row[..., 0] = (np.arange(people) - (people - 1) / 2) * _APART
    return row, False


def _floor_level(motion: Motion3D, points: FloatArray) -> float:
    """The y, pointing down, of the lower ankle in all but the wildest frames."""
    ankles = [motion.skeleton.index(f"{side}_ankle") for side in ("left", "right")]
    levels = points[:, :, ankles, 1].ravel()
    levels = levels[np.isfinite(levels)]
    return float(np.percentile(levels, _FLOOR_PERCENTILE)) if len(levels) else _STANDING
