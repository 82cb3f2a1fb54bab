"""Strokes, solid or dashed, and dots, which fade with uncertainty.

Everything is drawn in place on a canvas, anti-aliased.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from mbcli.show.colours import Colour
from mbcli.show.drawing.canvas import Canvas, Value, blend
from mbcli.types import FloatArray
from mbcli.video.presentation import RgbImage

Point = tuple[float, float]

_SURE = 0.5  # confidence from which a stroke is opaque
_FAINTEST = 0.25  # opacity at confidence 0
_UNCERTAIN = 0.25  # confidence below which a stroke is dashed
_DASH = 2.0  # length of a dash and of a gap, in widths of the stroke with its rim
_MOST_DASHES = 40  # per stroke: enough for the longest limb

_SHIFT = 4  # fractional bits of OpenCV's coordinates
_FARTHEST = 1e5  # pixels; beyond it OpenCV's integers would overflow


def opacity(confidence: FloatArray) -> FloatArray:
    """Convert confidence 0..1 to opacity: faint at 0, rising to opaque at 0.5."""
    return np.clip(confidence / _SURE, _FAINTEST, 1.0)


def line_width(size: tuple[int, int]) -> int:
    """Width in pixels of a bone's stroke on a picture of (width, height) pixels."""
    return max(1, round(min(size) / 160))


def near(point: Point) -> bool:
    """Whether a point is finite, and not too far outside to draw."""
    return max(abs(value) for value in point) < _FARTHEST


def limb(
    canvas: Canvas,
    start: Point,
    end: Point,
    colour: Colour,
    width: int,
    *,
    confidence: float,
    rim: Colour,
) -> None:
    """Draw a bone: faint where uncertain, and dashed where it is little more than a guess."""
    alpha = float(opacity(np.array(confidence)))
    if confidence >= _UNCERTAIN or not (near(start) and near(end)):
        stroke(canvas, start, end, colour, width, alpha=alpha, rim=rim)
        return
    length = math.dist(start, end)
    dashes = min(_MOST_DASHES, max(2, round(length / (2 * _DASH * (width + 2)))))
    for dash in range(dashes):
        begin, until = dash / (dashes - 0.5), (dash + 0.5) / (dashes - 0.5)
        a, b = _between(start, end, begin), _between(start, end, until)
        stroke(canvas, a, b, colour, width, alpha=alpha, rim=rim)


def stroke(
    canvas: Canvas,
    start: Point,
    end: Point,
    colour: Colour,
    width: int,
    *,
    alpha: float = 1.0,
    rim: Colour | None = None,
) -> None:
    """Draw a line between two points, clipped to the picture.

    Args:
        canvas: the canvas to draw on.
        start: x, y in pixels, possibly fractional.
        end: x, y in pixels.
        colour: colour of the line.
        width: pixels.
        alpha: 1 is opaque, 0 invisible.
        rim: colour of one pixel on either side, which separates the line from its background.
    """
    if not (near(start) and near(end)):
        return
    if alpha >= 1:
        for plane, step, value, edge in canvas.inks(colour, colour if rim is None else rim):
            a, b = _fixed(start, 0, 0, step), _fixed(end, 0, 0, step)
            _line(plane, a, b, value, width / step, None if rim is None else edge, step)
        return
    # The part of the picture that the stroke can touch: the cost of blending is per pixel.
    pad = width + 4
    box = (
        int(min(start[0], end[0])) - pad,
        int(min(start[1], end[1])) - pad,
        int(max(start[0], end[0])) + pad,
        int(max(start[1], end[1])) + pad,
    )
    for plane, step, value, edge in canvas.inks(colour, colour if rim is None else rim):
        left, top = max(0, box[0] // step), max(0, box[1] // step)
        part = plane[top : max(0, box[3] // step + 1), left : max(0, box[2] // step + 1)]
        if not part.size:
            continue
        layer = part.copy()
        a, b = _fixed(start, left, top, step), _fixed(end, left, top, step)
        _line(layer, a, b, value, width / step, None if rim is None else edge, step)
        blend(part, layer, alpha)


def _line(
    plane: RgbImage,
    start: tuple[int, int],
    end: tuple[int, int],
    value: Value,
    width: float,
    edge: Value | None,
    step: int,
) -> None:
    """Draw on one plane; points are in OpenCV's fixed-point coordinates."""
    if edge is not None:
        thick = max(2, round(width + 2 / step))
        cv2.line(plane, start, end, edge, thick, cv2.LINE_AA, _SHIFT)
    cv2.line(plane, start, end, value, max(1, round(width)), cv2.LINE_AA, _SHIFT)


def dot(
    canvas: Canvas,
    centre: Point,
    colour: Colour,
    radius: float,
    *,
    alpha: float = 1.0,
    ring: int = 0,
) -> None:
    """Draw a disc, or a ring of ``ring`` pixels; see :func:`stroke`."""
    if not near(centre):
        return
    pad = int(radius) + ring + 3
    for plane, step, value, _ in canvas.inks(colour, colour):
        left = max(0, (int(centre[0]) - pad) // step)
        top = max(0, (int(centre[1]) - pad) // step)
        right = max(0, (int(centre[0]) + pad) // step + 1)
        part = plane[top : max(0, (int(centre[1]) + pad) // step + 1), left:right]
        if not part.size:
            continue
        layer = part if alpha >= 1 else part.copy()
        size = round(radius / step * (1 << _SHIFT))
        thick = max(1, round(ring / step)) if ring else cv2.FILLED
        middle = _fixed(centre, left, top, step)
        cv2.circle(layer, middle, size, value, thick, cv2.LINE_AA, _SHIFT)
        if alpha < 1:
            blend(part, layer, alpha)


def _between(start: Point, end: Point, share: float) -> Point:
    return start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1])


def _fixed(point: Point, left: int, top: int, step: int) -> tuple[int, int]:
    """A point in OpenCV's fixed-point coordinates, relative to (left, top) of a plane."""
    factor = 1 << _SHIFT
    # Integers are the centres of pixels, on every plane.
    x, y = (point[0] + 0.5) / step - 0.5, (point[1] + 0.5) / step - 0.5
    return round((x - left) * factor), round((y - top) * factor)
