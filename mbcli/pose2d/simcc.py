"""RTMPose in ONNX: keypoints of people in boxes, by SimCC (Li et al. 2022, arXiv:2107.03332).

The network takes crops of a fixed size and returns, for each joint, one vector over x and one over
y, with more bins than the crop has pixels (the split ratio, 2 for RTMPose). The bin with the
largest value is the coordinate, its value the score. Constants and conventions are those of
RTMPose's configurations in MMPose 1.3: boxes enlarged by 1.25 and extended to the proportions of
the crop, black outside the picture, RGB normalised by ImageNet's mean and deviation, pixel centres
at integers.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from mbcli.errors import WeightsError
from mbcli.pose2d.joints import known_numbers, skeleton_of
from mbcli.pose2d.onnx_session import PictureModel
from mbcli.types import FloatArray

_MEAN = np.array([123.675, 116.28, 103.53], np.float32)  # RGB
_DEVIATION = np.array([58.395, 57.12, 57.375], np.float32)
_ENLARGE = 1.25  # of boxes, see above
_BATCH = 8  # crops per run, unless set


class SimCC:
    """Finds the keypoints of the people in given boxes of a picture."""

    kind: str = "RTMPose (SimCC)"

    def __init__(
        self, model: PictureModel, *, flip_test: bool = False, batch_size: int | None = None
    ) -> None:
        """Wrap a network for which `fits` is true.

        Args:
            model: the network.
            flip_test: average its vectors with those of the mirrored crop.
            batch_size: crops per run, if the graph leaves their number open.

        Raises:
            WeightsError: the outputs are not SimCC vectors of a known skeleton.
        """
        self._model = model
        self._flip_test = flip_test
        self.batch_size = model.batch or batch_size or _BATCH
        names = [port.name for port in model.outputs]
        self._x = names.index("simcc_x") if "simcc_x" in names else 0
        across, down = (model.trial()[i] for i in (self._x, 1 - self._x))
        width, height = model.size
        self._split = across[2] / width
        if across[1] != down[1] or across[2] * height != down[2] * width:
            raise WeightsError(
                f"the keypoint model {model.path} must give bins over x and y in proportion to its "
                f"{width}x{height} pixels, got {across[1:]} and {down[1:]}"
            )
        skeleton = skeleton_of(across[1])
        if skeleton is None:
            raise WeightsError(
                f"the keypoint model {model.path} must give {known_numbers()} keypoints, "
                f"got {across[1]}"
            )
        self.skeleton = skeleton

    @staticmethod
    def fits(model: PictureModel) -> bool:
        """Whether the outputs are a vector over x and one over y for each joint."""
        return [len(port.shape) for port in model.outputs] == [3, 3]

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
            (P, J, 3) float32: x, y in pixels of ``image``, and the smaller of the two maxima as
            confidence. The network was trained on Gaussians of height 1, but its output is not
            bounded: values outside 0..1 are clipped.
        """
        regions = np.array([region(box, self.size) for box in boxes])  # (P, 4)
        crops = [normalised(crop(image, r, self.size)) for r in regions]
        poses = [np.empty((0, len(self.skeleton), 3), np.float32)]
        for start in range(0, len(crops), self.batch_size):
            batch = np.stack(crops[start : start + self.batch_size])  # (B, 3, H, W)
            x, y = self._vectors(batch)
            poses.append(decode(x, y, self._split))
        found = np.concatenate(poses)
        scale = (regions[:, 2:] / self.size)[:, None]  # (P, 1, 2)
        found[..., :2] = found[..., :2] * scale + regions[:, None, :2]
        return found

    def _vectors(self, batch: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(B, J, bins) over x and over y, for the joints of the skeleton only."""
        x, y = self._run(batch)
        if self._flip_test:
            mirror = list(self.skeleton.mirror)
            x_mirrored, y_mirrored = self._run(batch[..., ::-1])
            x = (x + x_mirrored[:, mirror, ::-1]) / 2
            y = (y + y_mirrored[:, mirror]) / 2
        return x, y

    def _run(self, batch: FloatArray) -> tuple[FloatArray, FloatArray]:
        count = len(batch)
        if self._model.batch is not None:
            missing = self._model.batch - count
            batch = np.pad(batch, ((0, missing), (0, 0), (0, 0), (0, 0)))
        outputs = self._model(batch)
        joints = len(self.skeleton)
        return outputs[self._x][:count, :joints], outputs[1 - self._x][:count, :joints]


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


def decode(x: FloatArray, y: FloatArray, split: float) -> FloatArray:
    """Coordinates from SimCC vectors.

    Args:
        x: (B, J, bins) over x.
        y: (B, J, bins) over y.
        split: bins per pixel.

    Returns:
        (B, J, 3) float32: x, y in pixels of the crop, and the smaller maximum clipped to 0..1.
    """
    places = np.stack([x.argmax(axis=2), y.argmax(axis=2)], axis=-1) / split  # (B, J, 2)
    score = np.clip(np.minimum(x.max(axis=2), y.max(axis=2)), 0, 1)  # (B, J)
    return np.concatenate([places, score[..., None]], axis=-1).astype(np.float32)
