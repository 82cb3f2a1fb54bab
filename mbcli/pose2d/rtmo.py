"""RTMO in ONNX: everybody's keypoints in one stage (Lu et al. 2023, arXiv:2312.07526).

MMDeploy's export takes (1, 3, 640, 640) BGR 0..255 and returns ``dets`` [1, n, 5], boxes and scores
of people, and ``keypoints`` [1, n, J, 3], x, y and visibility 0..1, in pixels of the input.
"""

from __future__ import annotations

import numpy as np

from mbcli.errors import WeightsError
from mbcli.pose2d.detectors import OVERLAP
from mbcli.pose2d.joints import known_numbers, places_of, skeleton_of
from mbcli.pose2d.letterbox import letterbox
from mbcli.pose2d.onnx_session import PictureModel
from mbcli.pose2d.overlap import suppress
from mbcli.types import FloatArray, Frame, FramePoses


class RTMO:
    """Finds the people in a frame; each frame is processed independently."""

    kind: str = "RTMO"

    def __init__(self, model: PictureModel, *, person_threshold: float) -> None:
        """Wrap a network for which `fits` is true.

        Args:
            model: the network.
            person_threshold: 0..1, minimum score of a person.

        Raises:
            WeightsError: its keypoints are not those of a known skeleton.
        """
        self._model = model
        self._threshold = person_threshold
        self._boxes = [len(port.shape) for port in model.outputs].index(3)
        shape = model.trial()[1 - self._boxes]
        skeleton = skeleton_of(shape[2])
        if skeleton is None or shape[3] != 3:
            raise WeightsError(
                f"the keypoint model {model.path} must give {known_numbers()} keypoints of "
                f"x, y and visibility, got shape {shape[2:]}"
            )
        self.skeleton = skeleton

    @staticmethod
    def fits(model: PictureModel) -> bool:
        """Whether the outputs are people and their keypoints."""
        return sorted(len(port.shape) for port in model.outputs) == [3, 4]

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of its input in pixels."""
        return self._model.size

    def __call__(self, frame: Frame) -> FramePoses:
        """The people in one frame, in no particular order.

        Returns:
            The network's boxes, clipped to the picture; its keypoints, with visibility as the
            confidence.
        """
        padded, scale = letterbox(frame.image, self.size)
        outputs = self._model(padded[..., ::-1].transpose(2, 0, 1)[None])
        people: FloatArray = outputs[self._boxes][0]  # (N, 5)
        poses: FloatArray = outputs[1 - self._boxes][0][:, places_of(self.skeleton)]  # (N, J, 3)
        sure = people[:, 4] >= self._threshold
        people, poses = people[sure], poses[sure]
        # The published exports include suppression, others may not.
        kept = suppress(people[:, :4], people[:, 4], OVERLAP)
        boxes = np.clip(people[kept, :4] / np.tile(scale, 2), 0, np.tile(frame.size, 2))
        keypoints = poses[kept]
        keypoints[..., :2] /= scale
        keypoints[..., 2] = np.clip(keypoints[..., 2], 0, 1)
        return FramePoses(frame.index, frame.time, boxes, keypoints)
