"""RTMPose in ONNX: keypoints of people in boxes, by SimCC (Li et al. 2022, arXiv:2107.03332).

The network takes crops of a fixed size and returns, for each joint, one vector over x and one over
y, with more bins than the crop has pixels (the split ratio, 2 for RTMPose). The bin with the
largest value is the coordinate, its value the score.
"""

from __future__ import annotations

import numpy as np

from mbcli.errors import WeightsError
from mbcli.pose2d.crops import CropModel
from mbcli.pose2d.onnx_session import PictureModel
from mbcli.types import FloatArray


class SimCC(CropModel):
    """Finds keypoints by a vector over x and one over y.

    The confidence is the smaller of the two maxima. The network was trained on Gaussians of height
    1, but its output is not bounded: values outside 0..1 are clipped.
    """

    kind = "RTMPose (SimCC)"

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
        super().__init__(model, across[1], flip_test=flip_test, batch_size=batch_size)

    @staticmethod
    def fits(model: PictureModel) -> bool:
        """Whether the outputs are a vector over x and one over y for each joint."""
        return [len(port.shape) for port in model.outputs] == [3, 3]

    def _locate(self, batch: FloatArray) -> FloatArray:
        x, y = self._vectors(batch)
        if self._flip_test:
            mirror = list(self.skeleton.mirror)
            x_mirrored, y_mirrored = self._vectors(batch[..., ::-1])
            x = (x + x_mirrored[:, mirror, ::-1]) / 2
            y = (y + y_mirrored[:, mirror]) / 2
        return decode(x, y, self._split)

    def _vectors(self, batch: FloatArray) -> tuple[FloatArray, FloatArray]:
        """(B, J, bins) over x and over y."""
        outputs = self._run(batch)
        return outputs[self._x], outputs[1 - self._x]


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
