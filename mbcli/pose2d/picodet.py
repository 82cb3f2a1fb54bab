"""PicoDet in ONNX (Yu et al. 2021, arXiv:2111.00902), as PaddleDetection exports it.

It takes RGB normalised by ImageNet's mean and deviation, resized without keeping its proportions,
and returns boxes [1, n, 4], x1 y1 x2 y2 in input pixels, and scores [1, classes, n]. Suppression is
done here. In models of people alone and of COCO's classes, the first class is a person.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from mbcli.errors import WeightsError
from mbcli.pose2d.crops import normalised
from mbcli.pose2d.onnx_session import PictureModel
from mbcli.pose2d.overlap import suppress
from mbcli.types import FloatArray

_PERSON = 0  # class, see above
_OVERLAP = 0.6  # IoU from which the box with the lower score is dropped: PaddleDetection's
_FLOOR = 0.05  # candidates with a lower score are dropped before suppression


class PicoDet:
    """Detects people in a picture."""

    kind: str = "PicoDet"

    def __init__(self, model: PictureModel) -> None:
        """Wrap a network for which `fits` is true.

        Raises:
            WeightsError: its boxes and scores differ in number.
        """
        self._model = model
        self._boxes = next(i for i, port in enumerate(model.outputs) if port.shape[2] == 4)
        shapes = model.trial()
        boxes, scores = shapes[self._boxes], shapes[1 - self._boxes]
        if boxes[1] != scores[2]:
            raise WeightsError(
                f"the person detector {model.path} must give a score for each box, "
                f"got {scores[2]} for {boxes[1]}"
            )

    @staticmethod
    def fits(model: PictureModel) -> bool:
        """Whether the outputs are boxes and their scores."""
        shapes = [port.shape for port in model.outputs]
        return list(map(len, shapes)) == [3, 3] and any(shape[2] == 4 for shape in shapes)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of its input in pixels."""
        return self._model.size

    def __call__(self, image: npt.NDArray[np.uint8]) -> FloatArray:
        """Find people.

        Args:
            image: (H, W, 3) uint8 RGB.

        Returns:
            (N, 5) float32 x1 y1 x2 y2 in pixels of ``image``, and score 0..1, including low ones.
        """
        resized = cv2.resize(image, self.size, interpolation=cv2.INTER_CUBIC)
        outputs = self._model(normalised(np.asarray(resized, np.uint8))[None])
        boxes, scores = outputs[self._boxes][0], outputs[1 - self._boxes][0, _PERSON]
        promising = scores >= _FLOOR
        boxes, scores = boxes[promising], scores[promising]
        kept = suppress(boxes, scores, _OVERLAP)
        scale = np.array(self.size) / (image.shape[1], image.shape[0])
        found = np.column_stack([boxes[kept] / np.tile(scale, 2), scores[kept]])
        return found.astype(np.float32)
