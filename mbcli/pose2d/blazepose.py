"""Google's BlazePose on onnxruntime, CPU only: 33 keypoints, with heels, toes, thumbs and knuckles.

MultiPose finds people and BlazePose follows them, see `mbcli.pose2d.one_by_one`. The network is
MediaPipe's (Bazarevsky et al. 2020), "heavy" unless "full" is named. It gives every keypoint with a
visibility, and for the whole crop the probability that there is a person.

Its coordinates come from a regression. As in MediaPipe (``RefineLandmarksFromHeatmap``), each is
then moved to the centre of gravity of its heatmap nearby, where that has a peak.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.special import expit

from mbcli.errors import WeightsError
from mbcli.pose2d.one_by_one import OneByOne
from mbcli.pose2d.onnx_session import OnnxModel
from mbcli.pose2d.squares import CROP_SIDE, Image, Square, cut
from mbcli.skeleton import BLAZEPOSE33, COCO17, Skeleton
from mbcli.types import FloatArray

DEFAULT = "blazepose-heavy"
_POINTS = 39  # the 33 landmarks, four points that make MediaPipe's next crop, two of no use here
_NUMBERS = 5  # x, y, z, and logits of visibility and presence
_HEATMAP = 64  # cells of a heatmap, across and down
# MediaPipe's kernel and threshold of the refinement (pose_landmark_gpu.pbtxt).
_REACH = 3  # cells to each side
_PEAK = 0.5
_OUTPUTS = (
    (1, _POINTS * _NUMBERS),
    (1, 1),
    (1, CROP_SIDE, CROP_SIDE, 1),
    (1, _HEATMAP, _HEATMAP, _POINTS),
    (1, 3 * _POINTS),
)
_BODY_FIRST = [
    BLAZEPOSE33.index(joint)
    for joint in (*COCO17.joints, *(j for j in BLAZEPOSE33.joints if j not in COCO17.joints))
]


class BlazePoseNet:
    """BlazePose as a function of a picture: an `mbcli.pose2d.one_by_one.OnePerson`."""

    def __init__(self, name_or_path: str, threads: int | None) -> None:
        """Load it.

        Raises:
            WeightsError: the file is missing, damaged, or not BlazePose.
        """
        self._model = OnnxModel(name_or_path, threads=threads)
        shapes = tuple(port.shape for port in self._model.outputs)
        if (self._model.input.shape, shapes) != ((1, CROP_SIDE, CROP_SIDE, 3), _OUTPUTS):
            raise WeightsError(
                f"{self._model.path} must be MediaPipe's BlazePose, from pictures "
                f"{(1, CROP_SIDE, CROP_SIDE, 3)} to {_OUTPUTS}, got {self._model.input.shape} "
                f"to {shapes}"
            )

    def __call__(
        self, image: Image, square: Square, prepare: Callable[[Image], Image] | None = None
    ) -> FloatArray:
        """(33, 3) keypoints of one person; COCO-17 comes first, then the rest of BlazePose-33."""
        crop = cut(image, square)
        picture = crop if prepare is None else prepare(crop)
        numbers, person, _, heatmaps, _ = self._model(picture[None].astype(np.float32) / 255)
        landmarks = numbers.reshape(_POINTS, _NUMBERS)[_BODY_FIRST]  # (33, 5)
        points = refined(landmarks[:, :2], heatmaps[0][..., _BODY_FIRST])
        seen = expit(landmarks[:, 3]) * person[0, 0]
        return np.column_stack([square.outside(points), seen]).astype(np.float32)


def refined(points: FloatArray, heatmaps: FloatArray) -> FloatArray:
    """Points moved to the centre of gravity of their heatmaps nearby.

    Args:
        points: (J, 2) x, y in pixels of the crop.
        heatmaps: (64, 64, J) logits.

    Returns:
        (J, 2); those outside the crop, or without a peak nearby, stay where they are.
    """
    cell = CROP_SIDE / _HEATMAP
    moved = points.copy()
    for joint, (column, row) in enumerate(np.floor(points / cell).astype(int)):
        if not (0 <= column < _HEATMAP and 0 <= row < _HEATMAP):
            continue
        top, left = max(row - _REACH, 0), max(column - _REACH, 0)
        near = expit(heatmaps[top : row + _REACH + 1, left : column + _REACH + 1, joint])
        if near.max() >= _PEAK:
            rows, columns = np.indices(near.shape)
            moved[joint] = np.array([(near * columns).sum(), (near * rows).sum()]) / near.sum()
            moved[joint] = (moved[joint] + (left, top)) * cell
    return moved


class BlazePose(OneByOne):
    """Detects people with MultiPose and follows each with BlazePose; a `mbcli.pose2d.Pose2D`."""

    name: str = "blazepose"
    skeleton: Skeleton = BLAZEPOSE33
    # MediaPipe's crops hold the whole body, even if only a part of it is in the picture. Of people
    # down to the hips, OKS with Thunder was 0.77 to 0.88 in some frames without this, 0.91 to 0.97
    # with four trunks; without it, later frames lose the body.
    trunks: float = 4.2

    def __init__(
        self,
        checkpoint: str = DEFAULT,
        *,
        threads: int | None = None,
        search_every: float = 0.2,
        person_threshold: float = 0.2,
    ) -> None:
        """Load both networks.

        Args:
            checkpoint: name or path of BlazePose's weights.
            threads: as for `OneByOne`.
            search_every: as for `OneByOne`.
            person_threshold: as for `OneByOne`.

        Raises:
            ConfigError: ``search_every`` is negative.
            WeightsError: a weights file is missing or damaged.
        """
        super().__init__(
            BlazePoseNet(checkpoint, threads),
            "MultiPose and BlazePose",
            threads=threads,
            search_every=search_every,
            person_threshold=person_threshold,
        )
        self.weights: tuple[str, ...] = (checkpoint, "movenet-multipose")
