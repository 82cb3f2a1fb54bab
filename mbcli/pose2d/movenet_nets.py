"""The two MoveNet networks as functions of a picture: pixels in, pixels out.

Coordinates are continuous: the picture spans 0..width and 0..height, the centre of the first
pixel is (0.5, 0.5).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from mbcli.pose2d.onnx_session import OnnxModel
from mbcli.types import FloatArray

Image = npt.NDArray[np.uint8]

CROP_SIDE = 256  # pixels of a crop as the networks see it, fixed by Thunder
_MULTIPOSE_SIDE = (
    512  # pixels of the longer side: at 384 half-hidden people are lost, 256 is blind to small ones
)
_MULTIPOSE_STEP = 32  # pixels, height and width must be multiples

# Both networks answer a little to the left: mirrored pictures give coordinates whose mean is off
# the mirrored middle by 0.30 (Thunder, 1600 keypoints) and 0.35 input pixels (MultiPose, 460). The
# convolutions treat rows as they treat columns, so y is shifted by the same.
_OFFSET = 0.3  # input pixels


@dataclass(frozen=True)
class Square:
    """A square of the picture, possibly reaching beyond its border, in whole pixels.

    Whole pixels let the crop be cut without interpolation, so that only the shrinking resamples.
    """

    left: int
    top: int
    side: int


class _Network:
    """A model of the weights table, on the CPU."""

    def __init__(self, name: str, threads: int | None) -> None:
        """Load it.

        Raises:
            WeightsError: the file is missing or damaged.
        """
        self._model = OnnxModel(name, threads=threads)

    def _run(self, image: Image) -> FloatArray:
        """Feed one (H, W, 3) RGB picture of admissible size."""
        return self._model(image[None].astype(np.int32))[0]


class Thunder(_Network):
    """MoveNet SinglePose Thunder: the keypoints of the person in the middle of a square."""

    def __init__(self, threads: int | None) -> None:
        super().__init__("movenet-thunder", threads)

    def __call__(self, image: Image, square: Square) -> FloatArray:
        """Keypoints of one person.

        Args:
            image: (H, W, 3) uint8 RGB.
            square: where to look; what lies outside the picture is black.

        Returns:
            (17, 3) float32 COCO-17: x, y in pixels of ``image``, confidence 0..1.
        """
        output = self._run(cut(image, square))[0, 0]  # (17, 3) y, x, score
        unit = (output[:, 1::-1] * CROP_SIDE + _OFFSET) / CROP_SIDE  # (17, 2) x, y
        points = unit * square.side + (square.left, square.top)
        score = np.clip(output[:, 2:], 0, 1)
        return np.concatenate([points, score], axis=1).astype(np.float32)  # (17, 3)


class MultiPose(_Network):
    """MoveNet MultiPose Lightning: up to six people in the whole picture."""

    def __init__(self, threads: int | None) -> None:
        super().__init__("movenet-multipose", threads)

    def __call__(self, image: Image) -> tuple[FloatArray, FloatArray]:
        """Everybody found, also with scores near 0.

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
        """Look at one part of the picture: sees people too small or too dim for the whole.

        Args:
            image: (H, W, 3) uint8 RGB.
            square: where to look; what lies outside the picture is black.

        Returns:
            As for the whole picture.
        """
        points, scores, found = self._people(cut(image, square))
        points = points * (square.side / CROP_SIDE) + (square.left, square.top)
        return np.concatenate([points, scores], axis=-1).astype(np.float32), found

    def _people(self, picture: Image) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Points (6, 17, 2) in pixels of the input, their scores (6, 17, 1), people's (6,)."""
        output = self._run(picture)[0]  # (6, 56)
        poses = output[:, :51].reshape(len(output), -1, 3)  # (6, 17, 3) y, x, score
        points = poses[..., 1::-1] * picture.shape[1::-1] + _OFFSET  # (6, 17, 2) x, y
        return points, np.clip(poses[..., 2:], 0, 1), np.clip(output[:, 55], 0, 1)


def _round_up(length: int) -> int:
    return -(-length // _MULTIPOSE_STEP) * _MULTIPOSE_STEP


def _interpolation(scale: float) -> int:
    """Area averaging shrinks without skipping pixels; it cannot enlarge."""
    return cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR


def cut(image: Image, square: Square) -> Image:
    """The square at Thunder's input size, black where it leaves the picture."""
    height, width = image.shape[:2]
    right, bottom = square.left + square.side, square.top + square.side
    inside = image[
        min(max(square.top, 0), height) : min(max(bottom, 0), height),
        min(max(square.left, 0), width) : min(max(right, 0), width),
    ]
    if not inside.size:
        return np.zeros((CROP_SIDE, CROP_SIDE, 3), np.uint8)
    whole = cv2.copyMakeBorder(
        inside,
        max(-square.top, 0),
        max(bottom - height, 0),
        max(-square.left, 0),
        max(right - width, 0),
        cv2.BORDER_CONSTANT,
    )
    size = (CROP_SIDE, CROP_SIDE)
    resized = cv2.resize(whole, size, interpolation=_interpolation(CROP_SIDE / square.side))
    return np.asarray(resized, np.uint8)
