"""Keypoint networks that look at one person at a time: from boxes to crops and back.

Constants and conventions are those of RTMPose's configurations in MMPose 1.3: boxes enlarged by
1.25 and extended to the proportions of the crop, black outside the picture, RGB normalised by
ImageNet's mean and deviation, pixel centres at integers.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import cv2
import numpy as np
import numpy.typing as npt

from mbcli.errors import WeightsError
from mbcli.pose2d.joints import known_numbers, places_of, skeleton_of
from mbcli.pose2d.onnx_session import PictureModel
from mbcli.skeleton import Skeleton
from mbcli.types import FloatArray

_MEAN = np.array([123.675, 116.28, 103.53], np.float32)  # RGB
_DEVIATION = np.array([58.395, 57.12, 57.375], np.float32)
_ENLARGE = 1.25  # of boxes, see above
_BATCH = 8  # crops per run, unless set


class CropModel(ABC):
    """Finds the keypoints of the people in given boxes of a picture.

    Attributes:
        kind: of the network, for messages.
        skeleton: the keypoints' joints.
        batch_size: crops per run.
    """

    kind: ClassVar[str]

    def __init__(
        self, model: PictureModel, joints: int, *, flip_test: bool, batch_size: int | None
    ) -> None:
        """Wrap a network.

        Args:
            model: the network.
            joints: number of keypoints that it returns.
            flip_test: average its output with that of the mirrored crop.
            batch_size: crops per run, if the graph leaves their number open.

        Raises:
            WeightsError: no known skeleton has that many keypoints.
        """
        skeleton = skeleton_of(joints)
        if skeleton is None:
            raise WeightsError(
                f"the keypoint model {model.path} must give {known_numbers()} keypoints, "
                f"got {joints}"
            )
        self.skeleton: Skeleton = skeleton
        self._model = model
        self._flip_test = flip_test
        self.batch_size = model.batch or batch_size or _BATCH

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of its crops in pixels."""
        return self._model.size

    def __call__(self, image: npt.NDArray[np.uint8], boxes: FloatArray) -> FloatArray:
        """Find the keypoints of one person per box.

        Args:
            image: (H, W, 3) uint8 RGB.
            boxes: (P, 4) x1 y1 x2 y2 in pixels.

        Returns:
            (P, J, 3) float32: x, y in pixels of ``image``, and confidence 0..1.
        """
        regions = np.array([region(box, self.size) for box in boxes])  # (P, 4)
        crops = [normalised(crop(image, r, self.size)) for r in regions]
        poses = [np.empty((0, len(self.skeleton), 3), np.float32)]
        for start in range(0, len(crops), self.batch_size):
            batch = np.stack(crops[start : start + self.batch_size])  # (B, 3, H, W)
            poses.append(self._locate(batch))
        found = np.concatenate(poses)
        scale = (regions[:, 2:] / self.size)[:, None]  # (P, 1, 2)
        found[..., :2] = found[..., :2] * scale + regions[:, None, :2]
        return found

    @abstractmethod
    def _locate(self, batch: FloatArray) -> FloatArray:
        """(B, 3, H, W) crops to (B, J, 3) x, y in pixels of the crop, and confidence 0..1."""

    def _run(self, batch: FloatArray) -> list[FloatArray]:
        """The outputs for (B, 3, H, W) crops, of the skeleton's joints only."""
        count = len(batch)
        if self._model.batch is not None:
            missing = self._model.batch - count
            batch = np.pad(batch, ((0, missing), (0, 0), (0, 0), (0, 0)))
        return [output[:count, places_of(self.skeleton)] for output in self._model(batch)]


def region(box: FloatArray, size: tuple[int, int]) -> FloatArray:
    """The region of the picture that a crop shows.

    Args:
        box: (4,) x1 y1 x2 y2 in pixels.
        size: (width, height) of the crop.

    Returns:
        (4,) left, top, width, height in pixels, with the crop's proportions.
    """
    centre = (box[:2] + box[2:]) / 2
    width, height = np.maximum(box[2:] - box[:2], 1.0) * _ENLARGE
    aspect = size[0] / size[1]
    extent = np.array([max(width, height * aspect), max(height, width / aspect)])
    return np.concatenate([centre - extent / 2, extent])


def crop(
    image: npt.NDArray[np.uint8], part: FloatArray, size: tuple[int, int]
) -> npt.NDArray[np.uint8]:
    """Cut a region and resize it to the network's input; black outside the picture.

    Args:
        image: (H, W, 3) uint8.
        part: (4,) left, top, width, height in pixels.
        size: (width, height) of the crop.

    Returns:
        (height, width, 3) uint8.
    """
    scale = size[0] / part[2]
    matrix = np.array([[scale, 0, -part[0] * scale], [0, scale, -part[1] * scale]])
    return np.asarray(cv2.warpAffine(image, matrix, size, flags=cv2.INTER_LINEAR), np.uint8)


def normalised(picture: npt.NDArray[np.uint8]) -> FloatArray:
    """(H, W, 3) uint8 RGB -> (3, H, W) float32, normalised by ImageNet's mean and deviation."""
    return ((picture.astype(np.float32) - _MEAN) / _DEVIATION).transpose(2, 0, 1)
