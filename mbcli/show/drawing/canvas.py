"""What is drawn on: a picture in RGB for stills, or in planes as video codecs keep them.

Videos are drawn on in planes because their pictures then need no conversion there and back, which
would take longer than all the drawing.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt

from mbcli.show.colours import Colour
from mbcli.video.planar import Matrix, Planar, yuv_of
from mbcli.video.presentation import RgbImage

# What a colour is on one plane, as OpenCV takes it.
Value = Sequence[float]


class Canvas:
    """A picture, or a part of one, that is drawn on in place.

    Attributes:
        planes: one (H, W, 3) array, or three of (H, W), (H / 2, W / 2) and (H / 2, W / 2).
        steps: how many pixels one of each plane covers along a side: 1 or 2.
        matrix: how colours become values of the planes; None for RGB.
    """

    def __init__(self, planes: tuple[RgbImage, ...], matrix: Matrix | None) -> None:
        self.planes = planes
        self.matrix: Matrix | None = matrix
        self.steps = (1,) if matrix is None else (1, 2, 2)

    @classmethod
    def on_rgb(cls, image: RgbImage) -> Canvas:
        """A canvas that draws on (H, W, 3) uint8 RGB."""
        return cls((image,), None)

    @classmethod
    def on_planar(cls, picture: Planar) -> Canvas:
        """A canvas that draws on a picture in planes."""
        return cls(picture.planes, picture.matrix)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        height, width = self.planes[0].shape[:2]
        return width, height

    def like(self) -> Canvas:
        """An empty canvas of the same size and kind."""
        return Canvas(tuple(np.empty_like(plane) for plane in self.planes), self.matrix)

    def part(self, left: int, top: int, width: int, height: int) -> Canvas:
        """A part that shares its pixels; all four numbers must be even."""
        if self.matrix is not None and (left % 2 or top % 2 or width % 2 or height % 2):
            raise ValueError(f"a part must be even, got {left}, {top}, {width}, {height}")
        planes = tuple(
            plane[top // step : (top + height) // step, left // step : (left + width) // step]
            for plane, step in zip(self.planes, self.steps, strict=True)
        )
        return Canvas(planes, self.matrix)

    def inks(self, colour: Colour, other: Colour) -> Iterator[tuple[RgbImage, int, Value, Value]]:
        """Each plane, its step, and what two colours are on it."""
        one, two = _values(colour, self.matrix), _values(other, self.matrix)
        return zip(self.planes, self.steps, one, two, strict=True)

    def fill(self, colour: Colour) -> None:
        """Paint all of it."""
        for plane, _, value, _ in self.inks(colour, colour):
            plane[:] = value

    def paste(self, other: Canvas) -> None:
        """Copy a canvas of the same size and kind."""
        for plane, source in zip(self.planes, other.planes, strict=True):
            plane[:] = source

    def paste_picture(self, picture: RgbImage | Planar) -> None:
        """Copy a picture of the same kind, scaled to this size if it is RGB of another one."""
        if isinstance(picture, Planar):
            self.paste(Canvas.on_planar(picture))
            return
        if (picture.shape[1], picture.shape[0]) != self.size:
            smaller = picture.shape[0] > self.size[1]
            method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
            picture = np.asarray(cv2.resize(picture, self.size, interpolation=method), np.uint8)
        self.paste(Canvas.on_rgb(picture))


@lru_cache(maxsize=256)
def _values(colour: Colour, matrix: Matrix | None) -> tuple[Value, ...]:
    if matrix is None:
        return (colour,)
    return tuple((value,) for value in yuv_of(colour, matrix))


def blend(part: npt.NDArray[np.uint8], layer: npt.NDArray[np.uint8], alpha: float) -> None:
    """Lay ``layer`` over ``part``, in place; alpha 1 covers it."""
    cv2.addWeighted(layer, alpha, part, 1 - alpha, 0, dst=part)
