"""Motions as strips of stick figures over time, one below the other, to preview a store."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mbcli.show.colours import LEFT, RIGHT, Colour, bone_colours, person_colour
from mbcli.show.drawing.canvas import Canvas
from mbcli.show.drawing.ink import dot, limb, opacity
from mbcli.show.drawing.lettering import legend, text_width, write
from mbcli.show.drawing.styles import STYLES
from mbcli.show.drawing.viewpoint import look_from
from mbcli.skeleton import Skeleton
from mbcli.types import FloatArray
from mbcli.video.presentation import RgbImage

# Greys of the dark style: background, titles, secondary text.
_BACKGROUND = 30
_BAND: Colour = (40, 43, 49)
_DIM: Colour = (150, 154, 164)
_CELL = (150, 170)  # width and height of a figure's cell in pixels
_SIDE = 190  # pixels on the left, for text
_TITLE = 26  # pixels of the line above a strip
_GAP = 10  # pixels between strips
_MARGIN = 0.86  # share of a cell taken by the largest figure of a row
_LETTER = 10.0  # height of a capital letter in pixels
_STROKE = 3  # width of a limb in pixels
_STYLE = STYLES["dark"]


@dataclass(frozen=True, eq=False)
class Row:
    """The moments of a motion in one view.

    Attributes:
        name: the view, in a word or two.
        points: (K, M, J, 2) positions, x right and y down, in any unit; NaN where missing.
        confidence: (K, M, J) 0..1.
    """

    name: str
    points: FloatArray
    confidence: FloatArray


@dataclass(frozen=True, eq=False)
class Strip:
    """One motion.

    Attributes:
        title: its name and description.
        times: (K,) times of the moments in seconds.
        rows: its views.
        skeleton: skeleton of the J joints.
    """

    title: str
    times: FloatArray
    rows: tuple[Row, ...]
    skeleton: Skeleton


def space_row(name: str, bodies: FloatArray, azimuth: float, elevation: float) -> Row:
    """Bodies in space, seen from far away.

    Args:
        name: name of the row.
        bodies: (K, M, J, 3), x right, y down, z away, in any unit; NaN where missing.
        azimuth: degrees, see `mbcli.show.drawing.viewpoint.look_from`.
        elevation: degrees, likewise.
    """
    points = (bodies @ look_from(azimuth, elevation).T)[..., :2]
    return Row(name, points, np.ones(points.shape[:-1]))


def draw_strips(strips: Sequence[Strip]) -> RgbImage:
    """Draw strips below each other.

    All figures of a row have one scale, and each is centred in its cell.

    Returns:
        (H, W, 3) uint8 RGB.
    """
    columns = max(len(strip.times) for strip in strips)
    heights = [_TITLE + len(strip.rows) * _CELL[1] + _GAP for strip in strips]
    width = _SIDE + columns * _CELL[0]
    image = np.full((_TITLE + sum(heights), width, 3), _BACKGROUND, dtype=np.uint8)
    canvas = Canvas.on_rgb(image)
    sides: list[tuple[str, Colour | None]] = [("left", LEFT), ("right", RIGHT)]
    legend(canvas, sides, (_GAP, 0.7 * _TITLE), _LETTER, _STYLE, plate=False)
    top = _TITLE
    for strip, height in zip(strips, heights, strict=True):
        image[top : top + _TITLE] = _BAND
        title = strip.title.encode("ascii", "replace").decode()
        while text_width(title, _LETTER) > width - 2 * _GAP and len(title) > 1:
            title = title[:-1]
        write(canvas, title, (_GAP, top + 0.7 * _TITLE), _LETTER, _STYLE.text)
        for number, row in enumerate(strip.rows):
            _draw_row(canvas, strip, row, top + _TITLE + number * _CELL[1])
        top += height
    return image


def _draw_row(canvas: Canvas, strip: Strip, row: Row, top: int) -> None:
    write(canvas, row.name, (_GAP, top + _CELL[1] / 2), _LETTER, _DIM)
    low = np.fmin.reduce(row.points, axis=(1, 2))  # (K, 2)
    high = np.fmax.reduce(row.points, axis=(1, 2))
    largest = np.nanmax((high - low) / np.array(_CELL), initial=0)
    scale = _MARGIN / largest if largest > 0 else 1.0
    for moment, time in enumerate(strip.times.tolist()):
        left = _SIDE + moment * _CELL[0]
        middle = np.array([left + _CELL[0] / 2, top + _CELL[1] / 2])
        places = (row.points[moment] - (low[moment] + high[moment]) / 2) * scale + middle
        _draw_figures(canvas, places, row.confidence[moment], strip.skeleton)
        corner = (left + 4.0, top + _CELL[1] - 4.0)
        write(canvas, f"{time:.1f} s", corner, 0.8 * _LETTER, _DIM)


def _draw_figures(
    canvas: Canvas, places: FloatArray, confidence: FloatArray, skeleton: Skeleton
) -> None:
    """Draw the (M, J, 2) figures of one cell."""
    there = np.isfinite(places).all(axis=-1) & (confidence > 0)
    alphas = opacity(confidence)
    for person, seen in enumerate(there):
        colour = person_colour(person + 4)
        points, sure = places[person].tolist(), confidence[person].tolist()
        for (a, b), bone in zip(skeleton.bones, bone_colours(skeleton, colour), strict=True):
            if seen[a] and seen[b]:
                weaker = min(sure[a], sure[b])
                limb(
                    canvas,
                    points[a],
                    points[b],
                    bone,
                    _STROKE,
                    confidence=weaker,
                    rim=_STYLE.plate,
                )
        for joint in np.flatnonzero(seen).tolist():
            alpha = float(alphas[person, joint])
            dot(canvas, points[joint], colour, 0.7 * _STROKE, alpha=alpha)
