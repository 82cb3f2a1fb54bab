"""Canvases to draw on: an RGB picture for stills, or planes as in video codecs.

Drawing on the planes of videos avoids converting their pictures back and forth, which would take
longer than all the drawing.
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

# The value of a colour on one plane, as OpenCV expects it.
Value = Sequence[float]


class Canvas:
    """A picture, or a part of one, to draw on in place.

    Attributes:
        planes: one (H, W, 3) array, or three of (H, W), (H / 2, W / 2) and (H / 2, W / 2).
        steps: for each plane, the picture's pixels per pixel along a side: 1 or 2.
        matrix: conversion of colours to values of the planes; None for RGB.
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
        """A canvas that draws on a planar picture."""
        return cls(picture.planes, picture.matrix)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        height, width = self.planes[0].shape[:2]
        return width, height

    def like(self) -> Canvas:
        """An empty canvas of equal size and kind."""
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
        """Each plane, its step, and the values of two colours on it."""
        one, two = _values(colour, self.matrix), _values(other, self.matrix)
        return zip(self.planes, self.steps, one, two, strict=True)

    def fill(self, colour: Colour) -> None:
        """Paint the whole canvas."""
        for plane, _, value, _ in self.inks(colour, colour):
            plane[:] = value

    def paste(self, other: Canvas) -> None:
        """Copy a canvas of equal size and kind."""
        for plane, source in zip(self.planes, other.planes, strict=True):
            plane[:] = source

    def paste_picture(self, picture: RgbImage | Planar) -> None:
        """Copy a picture of equal kind; an RGB picture is scaled to the canvas's size."""
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
    """Blend ``layer`` over ``part`` in place; alpha 1 covers it."""
    cv2.addWeighted(layer, alpha, part, 1 - alpha, 0, dst=part)
