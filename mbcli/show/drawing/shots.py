"""Moves of the virtual camera: standing still, orbiting around the people, or following them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace

import numpy as np

from mbcli.show.drawing.options import CameraMove, Projection
from mbcli.show.drawing.scene import Scene
from mbcli.show.drawing.viewpoint import Viewpoint, Window, frame_all, look_from
from mbcli.types import FloatArray

_AROUND = 24  # directions from which an orbiting camera must see everybody
_LEVELS = 128  # heights at which people's maximum distance from the centre is measured


class Shot(ABC):
    """A camera for each frame. All joints shown in all frames are inside its picture."""

    still = False

    @abstractmethod
    def camera(self, row: int) -> Viewpoint:
        """The camera of a row of the motion."""


class Fixed(Shot):
    """A camera that stands where it sees the whole clip."""

    still = True

    def __init__(
        self, scene: Scene, axes: FloatArray, window: Window, projection: Projection
    ) -> None:
        self._camera = frame_all(scene.points(), axes, window, projection)

    def camera(self, row: int) -> Viewpoint:
        """The only camera."""
        return self._camera


class Follow(Shot):
    """A camera that keeps its distance and direction to the people."""

    def __init__(
        self, scene: Scene, axes: FloatArray, window: Window, projection: Projection
    ) -> None:
        self._camera = frame_all(scene.points(centred=True), axes, window, projection)
        self._centres = scene.centres

    def camera(self, row: int) -> Viewpoint:
        """The camera relative to the row's centre."""
        camera = self._camera
        return replace(camera, place=camera.place + camera.axes @ self._centres[row])


class Orbit(Shot):
    """A camera that circles around the centre of the clip, at constant height and distance."""

    def __init__(
        self,
        scene: Scene,
        angles: tuple[float, float],
        window: Window,
        projection: Projection,
        turn: float,
    ) -> None:
        self._azimuth, self._elevation = angles
        motion = scene.motion
        begin = motion.timestamps[0] if len(motion.timestamps) else 0.0
        self._degrees = 360.0 * (motion.timestamps - begin) / turn
        low, high = np.full(3, np.inf), np.full(3, -np.inf)
        for points in scene.points():
            if len(points):
                low = np.minimum(low, points.min(axis=0))
                high = np.maximum(high, points.max(axis=0))
        self._pivot = (low + high) / 2
        reach = _reach(scene, self._pivot, float(low[1]), float(high[1]))
        # A camera that sees every circle on which somebody could be sees everybody from all sides.
        around = np.linspace(0, 2 * np.pi, _AROUND, endpoint=False)
        circles = np.stack(
            [
                np.outer(reach[:, 0], np.cos(around)),
                np.repeat(reach[:, 1:], _AROUND, axis=1),
                np.outer(reach[:, 0], np.sin(around)),
            ],
            axis=-1,
        ).reshape(-1, 3) / [np.cos(np.pi / _AROUND), 1.0, np.cos(np.pi / _AROUND)]
        self._camera = frame_all([circles], look_from(0.0, self._elevation), window, projection)

    def camera(self, row: int) -> Viewpoint:
        """The camera at the row's time."""
        axes = look_from(self._azimuth + float(self._degrees[row]), self._elevation)
        return replace(self._camera, axes=axes, place=self._camera.place + axes @ self._pivot)


def _reach(scene: Scene, pivot: FloatArray, low: float, high: float) -> FloatArray:
    """(N, 2) distances of the outermost points from the vertical through the pivot, and heights."""
    step = max((high - low) / _LEVELS, 1e-3)
    farthest = np.zeros(_LEVELS + 2)
    for points in scene.points():
        away = points - pivot
        level = ((points[:, 1] - low) / step).astype(np.intp).clip(0, _LEVELS)
        np.maximum.at(farthest, level, np.hypot(away[:, 0], away[:, 2]))
    used = np.flatnonzero(farthest)
    used = used if len(used) else np.arange(2)
    levels = low - pivot[1] + step * np.concatenate([used, used + 1])
    return np.stack([np.tile(farthest[used], 2), levels], axis=-1)


def shot_of(
    scene: Scene,
    move: CameraMove,
    angles: tuple[float, float],
    window: Window,
    projection: Projection,
    turn: float,
) -> Shot:
    """The requested shot.

    Args:
        scene: the scene to show.
        move: the move of the camera.
        angles: azimuth and elevation in degrees, see `mbcli.show.drawing.viewpoint.look_from`;
            the start of an orbit.
        window: left, top, right and bottom in pixels of the area that contains everybody.
        projection: with or without perspective.
        turn: seconds per revolution of an orbit.
    """
    if move == "orbit":
        return Orbit(scene, angles, window, projection, turn)
    kind = Follow if move == "follow" else Fixed
    return kind(scene, look_from(*angles), window, projection)
