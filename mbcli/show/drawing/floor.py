"""The surroundings of people in a 3D view: the grid of the floor, and the axes."""

from __future__ import annotations

import math

import numpy as np

from mbcli.show.drawing.canvas import Canvas
from mbcli.show.drawing.ink import Point, line_width, stroke
from mbcli.show.drawing.lettering import text_height, write
from mbcli.show.drawing.scene import Scene
from mbcli.show.drawing.styles import Style
from mbcli.show.drawing.viewpoint import Viewpoint
from mbcli.types import FloatArray

_AROUND = 0.75  # metres of floor around the people
_FINEST_CELL = 0.5  # metres
_MOST_CELLS = 16  # per side; more look like a grey area
_AXES_ROOM = 6.5  # width and height of the axes, in heights of a letter
_BELOW = 1.8  # room for the legend below the axes, in heights of a letter
_NEAR = 0.3  # metres: floor closer to the camera is left out

Line = tuple[FloatArray, FloatArray]


class Floor:
    """A grid below everywhere people go.

    Attributes:
        cell: metres from line to line.
    """

    def __init__(self, scene: Scene) -> None:
        low, high = np.full(3, np.inf), np.full(3, -np.inf)
        for points in filter(len, scene.points()):
            low, high = np.minimum(low, points.min(axis=0)), np.maximum(high, points.max(axis=0))
        flat_low, flat_high = low[[0, 2]] - _AROUND, high[[0, 2]] + _AROUND
        self.cell = _cell_size(float((flat_high - flat_low).max()))
        flat_low = np.floor(flat_low / self.cell) * self.cell
        flat_high = np.ceil(flat_high / self.cell) * self.cell
        self._lines = _grid(flat_low, flat_high, self.cell, scene.floor)

    def draw(self, canvas: Canvas, camera: Viewpoint, style: Style) -> None:
        """Draw the grid."""
        width = line_width(canvas.size)
        for start, end in self._lines:
            ends = _clipped(camera, start, end)
            if ends is not None:
                stroke(canvas, *ends, style.grid, max(1, width // 3))


def draw_axes(canvas: Canvas, camera: Viewpoint, style: Style) -> None:
    """Draw the directions of x, y and z at the lower right, above the legend."""
    letters = text_height(canvas.size)
    length = _AXES_ROOM / 2 - 1.5
    x = canvas.size[0] - _AXES_ROOM / 2 * letters
    y = canvas.size[1] - (_BELOW + _AXES_ROOM / 2) * letters
    ends = camera.axes[:2].T * length * letters  # (3, 2), foreshortened
    for nth in np.argsort(-camera.axes[2]).tolist():
        across, down = ends[nth].tolist()
        colour = style.axes[nth]
        stroke(canvas, (x, y), (x + across, y + down), colour, max(2, round(letters / 7)))
        reach = math.hypot(across, down)
        if reach > 0.4 * length * letters:  # else it points towards the viewer, or away
            out = 1 + 0.55 * letters / reach
            at = (x + out * across - 0.35 * letters, y + out * down + 0.4 * letters)
            write(canvas, "xyz"[nth], at, 0.8 * letters, colour)


def _cell_size(span: float) -> float:
    """Size of a grid cell in metres: half a metre, doubled until there are few enough cells."""
    doublings = math.ceil(math.log2(max(1.0, span / (_MOST_CELLS * _FINEST_CELL))))
    return float(_FINEST_CELL * 2**doublings)


def _grid(low: FloatArray, high: FloatArray, cell: float, level: float) -> list[Line]:
    """The lines of a floor from ``low`` to ``high``, x and z each, as pairs of points."""
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


def _clipped(camera: Viewpoint, start: FloatArray, end: FloatArray) -> tuple[Point, Point] | None:
    """The ends of a line in pixels, clipped where too near; None if nothing is left."""
    a, b = camera.seen(start), camera.seen(end)
    if camera.projection == "perspective":
        if max(a[2], b[2]) <= _NEAR:
            return None
        if a[2] < _NEAR:
            a = b + (a - b) * ((b[2] - _NEAR) / (b[2] - a[2]))
        elif b[2] < _NEAR:
            b = a + (b - a) * ((a[2] - _NEAR) / (a[2] - b[2]))
    (ax, ay), (bx, by) = camera.picture(np.stack([a, b])).tolist()
    return (ax, ay), (bx, by)
