"""The two MoveNet networks as functions of a picture: pixels in, pixels out.

Coordinates are continuous: the picture spans 0..width and 0..height, the centre of the first
pixel is (0.5, 0.5).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from mbcli.pose2d.onnx_session import OnnxModel
from mbcli.types import FloatArray

Image = npt.NDArray[np.uint8]

CROP_SIDE = 256  # pixels of a crop as the networks see it, fixed by Thunder
_MULTIPOSE_SIDE = (
    512  # pixels of the longer side: 384 loses half-hidden people, 256 misses small ones
)
_MULTIPOSE_STEP = 32  # pixels, height and width must be multiples

# Both networks predict slightly too far left: on mirrored pictures, coordinates differ from the
# mirrored ones by a mean of 0.30 (Thunder, 1600 keypoints) and 0.35 input pixels (MultiPose, 460).
# Convolutions treat rows and columns alike, so y is shifted by the same amount.
_OFFSET = 0.3  # input pixels


@dataclass(frozen=True)
class Square:
    """A square of the picture in whole pixels; it may extend beyond the border.

    With whole pixels the crop needs no interpolation, so that only the downscaling resamples.

    Attributes:
        left: its left edge before rotation.
        top: its upper edge before rotation.
        side: its side length.
        turn: radians by which it is rotated about its middle, clockwise on screen.
    """

    left: int
    top: int
    side: int
    turn: float = 0.0

    @property
    def middle(self) -> FloatArray:
        """(2,) x, y."""
        return np.array([self.left + self.side / 2, self.top + self.side / 2])

    def inside(self, points: FloatArray) -> FloatArray:
        """(..., 2) pixels of the picture to pixels of the networks' input."""
        turned: FloatArray = (points - self.middle) @ self.axes
        return turned * (CROP_SIDE / self.side) + CROP_SIDE / 2

    def outside(self, points: FloatArray) -> FloatArray:
        """(..., 2) pixels of the networks' input to pixels of the picture."""
        scaled = (points - CROP_SIDE / 2) * (self.side / CROP_SIDE)
        return scaled @ self.axes.T + self.middle

    @property
    def axes(self) -> FloatArray:
        """(2, 2) columns: the square's own x and y axes in the picture."""
        c, s = np.cos(self.turn), np.sin(self.turn)
        return np.array([[c, -s], [s, c]])


class _Network:
    """A model of the weights table, on the CPU."""

    def __init__(self, name: str, threads: int | None) -> None:
        """Load it.

        Raises:
            WeightsError: the file is missing or damaged.
        """
        self._model = OnnxModel(name, threads=threads)

    def _run(self, image: Image) -> FloatArray:
        """Run the network on one (H, W, 3) RGB picture of a supported size."""
        return self._model(image[None].astype(np.int32))[0]


class Thunder(_Network):
    """MoveNet SinglePose Thunder: the keypoints of the person in the middle of a square."""

    def __init__(self, threads: int | None) -> None:
        super().__init__("movenet-thunder", threads)

    def __call__(
        self, image: Image, square: Square, prepare: Callable[[Image], Image] | None = None
    ) -> FloatArray:
        """Keypoints of one person.

        Args:
            image: (H, W, 3) uint8 RGB.
            square: the region to search; outside the picture it is black.
            prepare: changes the crop before it is passed to the network.

        Returns:
            (17, 3) float32 COCO-17: x, y in pixels of ``image``, confidence 0..1.
        """
        crop = cut(image, square)
        output = self._run(crop if prepare is None else prepare(crop))[0, 0]  # (17, 3) y, x, score
        points = square.outside(output[:, 1::-1] * CROP_SIDE + _OFFSET)  # (17, 2) x, y
        score = np.clip(output[:, 2:], 0, 1)
        return np.concatenate([points, score], axis=1).astype(np.float32)  # (17, 3)


class MultiPose(_Network):
    """MoveNet MultiPose Lightning: up to six people in the whole picture."""

    def __init__(self, threads: int | None) -> None:
        super().__init__("movenet-multipose", threads)

    def __call__(self, image: Image) -> tuple[FloatArray, FloatArray]:
        """All detections, including those with scores near 0.

        Args:
            image: (H, W, 3) uint8 RGB.

        Returns:
            Keypoints (6, 17, 3) float32 COCO-17: x, y in pixels of ``image``, confidence 0..1;
            and the people's scores (6,) float32, 0..1.
        """
        height, width = image.shape[:2]
        scale = _MULTIPOSE_SIDE / max(height, width)
        inner = max(1, round(width * scale)), max(1, round(height * scale))
        shrunk = cv2.resize(image, inner, interpolation=_interpolation(scale))
        padded = np.zeros((*(_round_up(n) for n in reversed(inner)), 3), np.uint8)
        padded[: inner[1], : inner[0]] = shrunk
        points, scores, found = self._people(padded)
        points *= np.array([width, height]) / inner
        return np.concatenate([points, scores], axis=-1).astype(np.float32), found

    def closer(self, image: Image, square: Square) -> tuple[FloatArray, FloatArray]:
        """Search one part of the picture: finds people too small or faint in the whole picture.

        Args:
            image: (H, W, 3) uint8 RGB.
            square: the region to search; outside the picture it is black.

        Returns:
            As for the whole picture.
        """
        points, scores, found = self._people(cut(image, square))
        seen = np.concatenate([square.outside(points), scores], axis=-1)
        return seen.astype(np.float32), found

    def _people(self, picture: Image) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Points (6, 17, 2) in pixels of the input, their scores (6, 17, 1), people's (6,)."""
        output = self._run(picture)[0]  # (6, 56)
        poses = output[:, :51].reshape(len(output), -1, 3)  # (6, 17, 3) y, x, score
        points = poses[..., 1::-1] * picture.shape[1::-1] + _OFFSET  # (6, 17, 2) x, y
        return points, np.clip(poses[..., 2:], 0, 1), np.clip(output[:, 55], 0, 1)


def _round_up(length: int) -> int:
    return -(-length // _MULTIPOSE_STEP) * _MULTIPOSE_STEP


def _interpolation(scale: float) -> int:
    """Area averaging for downscaling, since it skips no pixels; linear for enlarging."""
    return cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR


def cut(image: Image, square: Square) -> Image:
    """The square, resized to Thunder's input; black outside the picture."""
    if square.turn == 0:
        return _cut_level(image, square, CROP_SIDE)
    # An unrotated square around the rotated one, scaled first, then rotated.
    side = math.ceil(square.side * math.sqrt(2) / 2) * 2 + square.side % 2
    spare = (side - square.side) // 2
    around = Square(square.left - spare, square.top - spare, side)
    wide = round(CROP_SIDE * side / square.side)
    level = _cut_level(image, around, wide)
    scale = wide / side * square.side / CROP_SIDE
    own = square.axes * scale
    # In OpenCV the origin is the centre of the first pixel.
    shift = np.full(2, (wide - 1) / 2) - own @ np.full(2, (CROP_SIDE - 1) / 2)
    turned = cv2.warpAffine(
        level,
        np.concatenate([own, shift[:, None]], axis=1),
        (CROP_SIDE, CROP_SIDE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
    )
    return np.asarray(turned, np.uint8)


def _cut_level(image: Image, square: Square, side: int) -> Image:
    """An unrotated square, as (side, side, 3)."""
    height, width = image.shape[:2]
    right, bottom = square.left + square.side, square.top + square.side
    inside = image[
        min(max(square.top, 0), height) : min(max(bottom, 0), height),
        min(max(square.left, 0), width) : min(max(right, 0), width),
    ]
    if not inside.size:
        return np.zeros((side, side, 3), np.uint8)
    whole = cv2.copyMakeBorder(
        inside,
        max(-square.top, 0),
        max(bottom - height, 0),
        max(-square.left, 0),
        max(right - width, 0),
        cv2.BORDER_CONSTANT,
    )
    resized = cv2.resize(whole, (side, side), interpolation=_interpolation(side / square.side))
    return np.asarray(resized, np.uint8)
