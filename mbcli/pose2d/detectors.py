"""Person detectors in ONNX: RTMDet and YOLOX, as MMDeploy and YOLOX's own script export them.

    output                      written by
    dets [1, n, 5]              MMDeploy, including suppression: x1 y1 x2 y2 score in input pixels;
    (labels [1, n])             optionally the class, 0 = person
    [1, cells, 5 + classes]     tools/export_onnx.py of YOLOX: offset and logarithm of the size per
                                cell, objectness, classes; decoded and suppressed here

Both take BGR. RTMDet's input is normalised by ImageNet's mean and deviation (its configuration in
MMDetection 3.3), YOLOX's stays 0..255. The graph tells them apart: RTMDet convolves the picture
directly, YOLOX first folds 2 x 2 pixels into channels ("Focus"), by Slice or Reshape.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mbcli.errors import WeightsError
from mbcli.pose2d.letterbox import letterbox
from mbcli.pose2d.onnx_file import readers_of
from mbcli.pose2d.onnx_session import PictureModel
from mbcli.pose2d.overlap import suppress
from mbcli.types import FloatArray

_MEAN = np.array([103.53, 116.28, 123.675], np.float32)  # BGR
_DEVIATION = np.array([57.375, 57.12, 58.395], np.float32)
_PERSON = 0  # class, in COCO and in person-only models
_STRIDES = (8, 16, 32)  # input pixels per cell, YOLOX
OVERLAP = 0.65  # IoU from which the box with the lower score is dropped, as in YOLOX
_FLOOR = 0.05  # candidates with a lower score are dropped before suppression


class PersonDetector:
    """Detects people in a picture."""

    kind: str = "person detector"

    def __init__(self, model: PictureModel) -> None:
        """Wrap a network for which `fits` is true.

        Raises:
            WeightsError: it takes several pictures at a time, or the number of its cells is not
                that of a YOLOX.
        """
        if model.batch not in (None, 1):
            raise WeightsError(
                f"the person detector {model.path} must take one picture at a time, "
                f"got {model.batch}"
            )
        self._model = model
        self._boxes = next(i for i, port in enumerate(model.outputs) if len(port.shape) == 3)
        self._raw = len(model.outputs) == 1 and (model.outputs[0].shape[2] or 0) > 5
        self._normalised = "Conv" in readers_of(model.path, model.input.name)
        self._cells, self._strides = _grid(model.size)
        cells = model.outputs[0].shape[1]
        if self._raw and cells not in (None, len(self._cells)):
            raise WeightsError(
                f"the person detector {model.path} must have the {len(self._cells)} cells of a "
                f"YOLOX of {model.size[0]}x{model.size[1]} pixels, got {cells}"
            )

    @staticmethod
    def fits(model: PictureModel) -> bool:
        """Whether the outputs are those of a detector."""
        ranks = sorted(len(port.shape) for port in model.outputs)
        if ranks == [3]:
            last = model.outputs[0].shape[2]
            return last is None or last >= 5
        return ranks == [2, 3]

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
        padded, scale = letterbox(image, self.size)
        picture = padded[..., ::-1].astype(np.float32)
        if self._normalised:
            picture = (picture - _MEAN) / _DEVIATION
        outputs = self._model(picture.transpose(2, 0, 1)[None])
        found: FloatArray = outputs[self._boxes][0]
        if self._raw:
            found = self._decode(found)
        elif len(outputs) == 2:
            found = found[outputs[1 - self._boxes][0] == _PERSON]
        boxes = found[:, :4] / np.tile(scale, 2)
        scores = np.clip(found[:, 4:], 0, 1)
        return np.concatenate([boxes, scores], axis=1).astype(np.float32)

    def _decode(self, cells: FloatArray) -> FloatArray:
        """(N, 5) boxes in input pixels and scores, from (cells, 5 + classes)."""
        scores = cells[:, 4] * cells[:, 5 + _PERSON]
        promising = scores >= _FLOOR
        cells, scores = cells[promising], scores[promising]
        strides = self._strides[promising]
        centre = (cells[:, :2] + self._cells[promising]) * strides
        half = np.exp(cells[:, 2:4]) * strides / 2
        boxes = np.concatenate([centre - half, centre + half], axis=1)  # (N, 4)
        kept = suppress(boxes, scores, OVERLAP)
        return np.column_stack([boxes[kept], scores[kept]])


def _grid(size: tuple[int, int]) -> tuple[FloatArray, FloatArray]:
    """YOLOX's cells: column and row (cells, 2), and their strides (cells, 1)."""
    cells, strides = [], []
    for stride in _STRIDES:
        columns, rows = np.meshgrid(np.arange(size[0] // stride), np.arange(size[1] // stride))
        level = np.stack([columns.ravel(), rows.ravel()], axis=1)
        cells.append(level)
        strides.append(np.full((len(level), 1), stride))
    return np.concatenate(cells).astype(np.float32), np.concatenate(strides).astype(np.float32)
