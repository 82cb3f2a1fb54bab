"""The size of the output, and the layout of its panels."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mbcli.show.drawing.options import Layout

Size = tuple[int, int]  # width and height in pixels

# The shorter side of the video's picture is scaled into this range of pixels, its longer side to at
# most the last number: letters stay readable, and the result plays on common hardware.
_SHORTER_SIDE = (480, 1080)
_LONGER_SIDE = 2560
_MOST_PIXELS = 1920 * 1088  # limit of the H.264 decoders of phones at 60 frames per second


@dataclass(frozen=True)
class Panel:
    """A part of the output.

    Attributes:
        name: ``picture``, ``view``, ``front``, ``side`` or ``top``.
        left: pixels from the left.
        top: pixels from the top.
        size: (width, height) in pixels.
    """

    name: str
    left: int
    top: int
    size: Size


def panels(layout: Layout, picture: Size, width: int | None) -> tuple[Size, tuple[Panel, ...]]:
    """The size of the output and its panels; all numbers are even, as video codecs require.

    Args:
        layout: the layout.
        picture: (width, height) of the video's picture.
        width: width of the output in pixels; None derives it from the picture.
    """
    columns, rows = _fitted(picture)
    beside = min(columns, rows) if layout == "side" else 0
    whole = columns + beside
    factor = math.sqrt(_MOST_PIXELS / (whole * rows))
    factor = factor if layout == "grid" else min(1.0, factor)
    if width is not None:
        factor = width / whole
    size = (_even(factor * whole), _even(factor * rows))
    if layout == "side":
        across = _even(factor * columns)
        view = Panel("view", across, 0, (size[0] - across, size[1]))
        return size, (Panel("picture", 0, 0, (across, size[1])), view)
    if layout == "grid":
        half = (_even(size[0] / 2), _even(size[1] / 2))
        size = (2 * half[0], 2 * half[1])
        names = (("front", "side"), ("top", "view"))
        return size, tuple(
            Panel(name, column * half[0], row * half[1], half)
            for row, line in enumerate(names)
            for column, name in enumerate(line)
        )
    return size, (Panel("picture" if layout == "overlay" else "view", 0, 0, size),)


def _fitted(size: Size) -> tuple[float, float]:
    """The size of the video's picture in the output."""
    shorter, longer = min(size), max(size)
    low, high = _SHORTER_SIDE
    factor = min(min(max(shorter, low), high) / shorter, _LONGER_SIDE / longer)
    return size[0] * factor, size[1] * factor


def _even(value: float) -> int:
    return max(2, 2 * round(value / 2))
