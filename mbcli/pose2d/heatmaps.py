"""Keypoints of people in boxes by heatmaps, in ONNX: HRNet, ViTPose, PP-TinyPose and their like.

The network returns a small picture for each joint, bright where the joint is. From the brightest
cell, one Newton step on the logarithm of the blurred map gives the place between the cells, which
is exact for a Gaussian (DARK: Zhang et al., CVPR 2020). The score is the brightest value.

Which pixel of the crop a cell belongs to is a matter of how the network was trained, and cannot be
read from the graph: cell i of n lies at pixel i N/n of N, or at i (N-1)/(n-1) where it was trained
with unbiased data processing (UDP: Huang et al., CVPR 2020), as ViTPose was.
"""

from __future__ import annotations

import cv2
import numpy as np

from mbcli.errors import WeightsError
from mbcli.pose2d.crops import CropModel
from mbcli.pose2d.onnx_session import PictureModel
from mbcli.types import FloatArray, IntArray

_BLUR = (3, 3)  # cells, as PaddleDetection decodes PP-TinyPose
_LEAST = 1e-10  # of a map's value, as there: its logarithm is taken


class Heatmaps(CropModel):
    """Finds keypoints by a heatmap each; values outside 0..1 are clipped to make the confidence."""

    kind = "heatmap model"

    def __init__(
        self,
        model: PictureModel,
        *,
        udp: bool = False,
        flip_test: bool = False,
        batch_size: int | None = None,
    ) -> None:
        """Wrap a network for which `fits` is true.

        Args:
            model: the network.
            udp: whether it was trained with unbiased data processing.
            flip_test: average its maps with those of the mirrored crop.
            batch_size: crops per run, if the graph leaves their number open.

        Raises:
            WeightsError: the outputs are not heatmaps of a known skeleton.
        """
        _, joints, rows, columns = model.trial()[0]
        if min(rows, columns) < 3:
            raise WeightsError(
                f"the keypoint model {model.path} must give heatmaps of at least 3x3 cells, "
                f"got {columns}x{rows}"
            )
        super().__init__(model, joints, flip_test=flip_test, batch_size=batch_size)
        pixels, cells = np.array(model.size), np.array([columns, rows])
        self._stride = (pixels - 1) / (cells - 1) if udp else pixels / cells
        self._shifted = not udp

    @staticmethod
    def fits(model: PictureModel) -> bool:
        """Whether the only output is a map for each joint."""
        return [len(port.shape) for port in model.outputs] == [4]

    def _locate(self, batch: FloatArray) -> FloatArray:
        (maps,) = self._run(batch)
        if self._flip_test:
            (mirrored,) = self._run(batch[..., ::-1])
            mirrored = mirrored[:, list(self.skeleton.mirror), :, ::-1]
            if self._shifted:
                # The first cell lies at the crop's edge, the last a stride away from the other: as
                # in MMPose, a cell makes up for it.
                mirrored = np.concatenate([mirrored[..., :1], mirrored[..., :-1]], axis=-1)
            maps = (maps + mirrored) / 2
        return decode(maps, self._stride)


def decode(maps: FloatArray, stride: FloatArray) -> FloatArray:
    """Coordinates from heatmaps.

    Args:
        maps: (B, J, rows, columns).
        stride: (2,) pixels of the crop from one cell to the next, over x and y.

    Returns:
        (B, J, 3) float32: x, y in pixels of the crop, and the largest value clipped to 0..1.
    """
    rows, columns = maps.shape[2:]
    flat = maps.reshape(-1, rows, columns)  # (N, rows, columns)
    peak = flat.reshape(len(flat), -1).argmax(axis=1)
    x, y = peak % columns, peak // columns  # 2 x (N,)
    score = np.clip(flat[np.arange(len(flat)), y, x], 0, 1)
    blurred = np.array(
        [cv2.GaussianBlur(np.ascontiguousarray(m), _BLUR, 0) for m in flat], np.float32
    )
    around = np.log(np.maximum(_around(blurred, x, y), _LEAST))  # (N, 3, 3)
    places = np.stack([x, y], axis=-1) + _newton(around.astype(np.float64))  # (N, 2)
    found = np.concatenate([places * stride, score[:, None]], axis=-1)
    return found.reshape(*maps.shape[:2], 3).astype(np.float32)


def _around(maps: FloatArray, x: IntArray, y: IntArray) -> FloatArray:
    """(N, 3, 3) cells about a place, rows first; beyond the edge they repeat."""
    padded = np.pad(maps, ((0, 0), (1, 1), (1, 1)), mode="edge")
    steps = np.arange(3)
    return padded[
        np.arange(len(maps))[:, None, None],
        y[:, None, None] + steps[:, None],
        x[:, None, None] + steps,
    ]


def _newton(values: FloatArray) -> FloatArray:
    """(N, 2) x, y of the step to the top of (N, 3, 3) values; none where they have no top."""
    left, right = values[:, 1, 0], values[:, 1, 2]
    above, below = values[:, 0, 1], values[:, 2, 1]
    slope_x, slope_y = (right - left) / 2, (below - above) / 2
    bend_x, bend_y = left + right - 2 * values[:, 1, 1], above + below - 2 * values[:, 1, 1]
    twist = (values[:, 2, 2] + values[:, 0, 0] - values[:, 0, 2] - values[:, 2, 0]) / 4
    determinant = bend_x * bend_y - twist**2
    top = (bend_x < 0) & (determinant > 0)
    below_zero = np.where(top, -determinant, -1.0)
    step_x = (bend_y * slope_x - twist * slope_y) / below_zero
    step_y = (bend_x * slope_y - twist * slope_x) / below_zero
    step = np.where(top[:, None], np.stack([step_x, step_y], axis=-1), 0.0)
    return np.clip(step, -1, 1)  # (N, 2)
