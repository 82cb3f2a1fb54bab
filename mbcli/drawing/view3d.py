"""People in space as seen by a virtual camera that stands still over the whole clip."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from mbcli.drawing.camera import Camera, frame_all, look_from
from mbcli.drawing.ink import (
    LEFT,
    RIGHT,
    Colour,
    Point,
    RgbImage,
    bone_colours,
    dot,
    label_point,
    legend,
    line_width,
    opacity,
    person_colour,
    stroke,
    text_height,
    write_label,
)
from mbcli.motion import Motion3D
from mbcli.types import FloatArray

_BACKGROUND: Colour = (30, 32, 37)
_GRID: Colour = (70, 74, 84)
_SHADOW: Colour = (14, 15, 18)

_FLOOR_PERCENTILE = 95.0
_APART = 1.2  # metres between people whose places are not known
_AROUND = 0.75  # metres of floor around the people
_FINEST_CELL = 0.5  # metres
_MOST_CELLS = 16
_CHUNK = 1024  # frames looked at together
_NEAR = 0.1  # of the nearest person's depth: floor nearer to the camera than this is left out


class View3D:
    """Draws the frames of a motion in 3D.

    People stand upright at their places in front of the video's camera, or, if any place is not
    known, side by side with the pelvis of each standing still. The camera is framed such that
    every joint of every frame is inside the picture.

    Args:
        motion: what to draw; kept, not copied.
        size: (width, height) of the pictures in pixels.
        azimuth: degrees, see :func:`mbcli.drawing.camera.look_from`.
        elevation: degrees, likewise.
    """

    def __init__(
        self, motion: Motion3D, size: tuple[int, int], *, azimuth: float, elevation: float
    ) -> None:
        self._motion = motion
        self._size = size
        self._present = motion.present
        self._places, self.placed = _places(motion, self._present)
        self._floor = _floor_level(motion, self._places, self._present)
        margin = 2.5 * text_height(size)
        window = (margin, 2 * margin, size[0] - margin, size[1] - 1.5 * margin)
        self._camera = frame_all(self._all_points(), look_from(azimuth, elevation), window)
        self._background = self._empty_floor()

    def draw(self, image: RgbImage, row: int) -> None:
        """Draw one frame of the motion.

        Args:
            image: (height, width, 3) uint8 RGB of the view's size, drawn over.
            row: which of the T frames.
        """
        image[:] = self._background
        motion, skeleton = self._motion, self._motion.skeleton
        columns = np.flatnonzero(self._present[row])
        if not len(columns):
            return
        bodies = motion.positions[row, columns] + self._places[row, columns, None]
        alphas = opacity(motion.confidence[row, columns])
        seen = self._camera.seen(bodies)
        points = self._camera.picture(seen)
        ends = np.array(skeleton.bones)
        width = line_width(self._size)
        for shadow in self._camera.project(self._on_floor(bodies))[:, ends].tolist():
            for start, end in shadow:
                stroke(image, start, end, _SHADOW, width)
        # What is further away is drawn first, bone by bone: limbs pass behind each other.
        order = np.argsort(-seen[..., 2][:, ends].mean(axis=-1), axis=None)
        lines, faint = points[:, ends].tolist(), alphas[:, ends].min(axis=-1).tolist()
        colours = [bone_colours(skeleton, person_colour(c)) for c in columns.tolist()]
        for nth in order.tolist():
            who, bone = divmod(nth, len(ends))
            start, end = lines[who][bone]
            colour = colours[who][bone]
            stroke(image, start, end, colour, width, alpha=faint[who][bone], outline=1)
        for who, column in enumerate(columns.tolist()):
            colour = person_colour(column)
            for place, alpha in zip(points[who].tolist(), alphas[who].tolist(), strict=True):
                dot(image, place, colour, 0.9 * width, alpha=alpha)
            over = label_point(points[who], np.ones(len(skeleton), dtype=np.bool_), skeleton)
            label, letters = str(motion.track_ids[column]), text_height(self._size)
            write_label(image, label, over, letters, colour, plate=False)

    def _on_floor(self, points: FloatArray) -> FloatArray:
        """(..., 3) the points of the floor straight below."""
        below = points.copy()
        below[..., 1] = self._floor
        return below

    def _all_points(self) -> Iterator[FloatArray]:
        """Every joint of the clip, and the floor below it, as arrays (N, 3)."""
        if not self._present.any():
            # Nobody to be seen: room for a person, so that there is a floor to look at.
            yield np.array([[x, y, 3 + z] for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)])
        for begin in range(0, len(self._present), _CHUNK):
            part = slice(begin, begin + _CHUNK)
            bodies = self._motion.positions[part] + self._places[part, :, None]
            joints = bodies[self._present[part]].reshape(-1, 3).astype(np.float64)
            yield joints
            yield self._on_floor(joints)

    def _empty_floor(self) -> RgbImage:
        """What does not change over the clip: background, grid and legend."""
        width, height = self._size
        image = np.full((height, width, 3), _BACKGROUND, dtype=np.uint8)
        low, high, depth = np.full(3, np.inf), np.full(3, -np.inf), np.inf
        for points in filter(len, self._all_points()):
            low, high = np.minimum(low, points.min(axis=0)), np.maximum(high, points.max(axis=0))
            depth = min(depth, float(self._camera.seen(points)[:, 2].min()))
        low, high = low[[0, 2]] - _AROUND, high[[0, 2]] + _AROUND
        cell = _cell_size(float((high - low).max()))
        low, high = np.floor(low / cell) * cell, np.ceil(high / cell) * cell
        for start, end in _grid(low, high, cell, self._floor):
            ends = _clipped(self._camera, start, end, _NEAR * depth)
            if ends is not None:
                stroke(image, ends[0], ends[1], _GRID, max(1, line_width(self._size) // 3))
        letters = text_height(self._size)
        items: list[tuple[str, Colour | None]] = [
            ("left", LEFT),
            ("right", RIGHT),
            ("faint: unsure", None),
            (f"grid {cell:g} m", None),
        ]
        if not self.placed:
            items.append(("places unknown", None))
        legend(image, items, letters, height - letters, plate=False)
        return image


def _places(motion: Motion3D, present: npt.NDArray[np.bool_]) -> tuple[FloatArray, bool]:
    """(T, P, 3) what to add to the positions, and whether those are places in space."""
    if np.isfinite(motion.root[present]).all():
        return motion.root, True
    frames, people = present.shape
    beside = np.zeros((frames, people, 3), dtype=np.float32)
    beside[..., 0] = (np.arange(people) - (people - 1) / 2) * _APART
    return beside, False


def _floor_level(motion: Motion3D, places: FloatArray, present: npt.NDArray[np.bool_]) -> float:
    """The y of the floor: that of the lower ankle, in all but the wildest frames."""
    ankles = [motion.skeleton.index(f"{side}_ankle") for side in ("left", "right")]
    levels = (motion.positions[:, :, ankles, 1] + places[:, :, None, 1])[present]
    if not len(levels):
        return 1.0
    return float(np.percentile(levels.max(axis=-1), _FLOOR_PERCENTILE))


def _cell_size(span: float) -> float:
    """Metres of a grid cell: half a metre, doubled until the floor has few enough of them."""
    doublings = math.ceil(math.log2(max(1.0, span / (_MOST_CELLS * _FINEST_CELL))))
    return float(_FINEST_CELL * 2**doublings)


def _grid(
    low: FloatArray, high: FloatArray, cell: float, level: float
) -> list[tuple[FloatArray, FloatArray]]:
    """The lines of a floor from ``low`` to ``high``, each x and z, as pairs of points."""
    (x0, z0), (x1, z1) = low.tolist(), high.tolist()
    across = [
        (np.array([x, level, z0]), np.array([x, level, z1]))
        for x in np.arange(x0, x1 + cell / 2, cell)
    ]
    along = [
        (np.array([x0, level, z]), np.array([x1, level, z]))
        for z in np.arange(z0, z1 + cell / 2, cell)
    ]
    return across + along


def _clipped(
    camera: Camera, start: FloatArray, end: FloatArray, near: float
) -> tuple[Point, Point] | None:
    """A line's ends in pixels, without its part nearer than ``near``; None if nothing is left."""
    a, b = camera.seen(start), camera.seen(end)
    if a[2] < b[2]:
        a, b = b, a
    if a[2] <= near:
        return None
    if b[2] < near:
        b = a + (b - a) * ((a[2] - near) / (a[2] - b[2]))
    (ax, ay), (bx, by) = camera.picture(np.stack([a, b])).tolist()
    return (ax, ay), (bx, by)
