"""The two MoveNet networks as functions of a picture: pixels in, pixels out.

Coordinates are continuous: the picture spans 0..width and 0..height, the centre of the first
pixel is (0.5, 0.5).
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from mbcli.pose2d.onnx_session import OnnxModel
from mbcli.pose2d.squares import CROP_SIDE, Image, Square, cut, interpolation
from mbcli.types import FloatArray

_MULTIPOSE_SIDE = (
    512  # pixels of the longer side: 384 loses half-hidden people, 256 misses small ones
)
_MULTIPOSE_STEP = 32  # pixels, height and width must be multiples

# Both networks predict slightly too far left: on mirrored pictures, coordinates differ from the
# mirrored ones by a mean of 0.30 (Thunder, 1600 keypoints) and 0.35 input pixels (MultiPose, 460).
# Convolutions treat rows and columns alike, so y is shifted by the same amount.
_OFFSET = 0.3  # input pixels


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
        shrunk = cv2.resize(image, inner, interpolation=interpolation(scale))
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
