"""The front end on real networks: OpenMMLab's RTMDet-nano, and RTMPose-m exported from MMPose.

The RTMDet-nano file is that of ``mbcli weights fetch rtmdet-nano-onnx``; the environment variable
MBCLI_TEST_RTMDET may name another place. RTMPose-m has seeded random weights: whether keypoints
agree does not depend on their being good.
"""

from __future__ import annotations

import os
import sys
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.pose2d import BACKENDS, Pose2DOptions
from mbcli.pose2d.detectors import PersonDetector
from mbcli.pose2d.onnx_session import PictureModel
from mbcli.pose2d.overlap import box_iou
from mbcli.pose2d.simcc import SimCC
from mbcli.types import Frame
from mbcli.video import VideoReader
from mbcli.weights import on_disk

CONFIG = "body_2d_keypoint/rtmpose/body8/rtmpose-m_8xb256-420e_body8-256x192.py"
WALKER = np.array([1003, 387, 1100, 679])  # in the first frame, by eye
ROOF = np.array([374, 2, 538, 323])
BESIDE = np.array([-60, 300, 180, 1100])  # nobody, half outside


@pytest.fixture(scope="module")
def rtmdet() -> Path:
    given = os.environ.get("MBCLI_TEST_RTMDET")
    path = Path(given) if given else on_disk("rtmdet-nano-onnx")
    if path is None:
        pytest.skip("no RTMDet: mbcli weights fetch rtmdet-nano-onnx, or set MBCLI_TEST_RTMDET")
    return path


@pytest.fixture(scope="module")
def frames(walk: Path) -> list[Frame]:
    with VideoReader(walk) as reader:
        return [frame for frame, _ in zip(reader, range(8), strict=False)]


@pytest.fixture(scope="module")
def estimator() -> Any:
    """MMPose's RTMPose-m, random, its vectors scaled so that maxima lie within 0..1."""
    if sys.version_info >= (3, 12):
        pytest.skip("MMPose runs on Python 3.10 and 3.11")
    if find_spec("mmpose") is None:
        pytest.skip("needs the extra mmpose")
    import torch

    from mbcli.pose2d.openmmlab import prepare, quiet

    prepare()
    import mmpose
    from mmpose.apis import init_model

    torch.manual_seed(0)
    config = Path(mmpose.__file__).parent / ".mim" / "configs" / CONFIG
    with quiet("mmpose"):
        model = init_model(str(config), None, device="cpu")
    with torch.no_grad():
        model.head.cls_x.weight /= 14
        model.head.cls_y.weight /= 14
    return model


@pytest.fixture(scope="module")
def exported(estimator: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The network as ONNX, in the shape of MMDeploy's export."""
    pytest.importorskip("onnx", reason="exporting from torch needs the onnx package")
    import torch

    class Network(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.estimator = estimator

        def forward(self, picture: torch.Tensor) -> Any:
            return self.estimator.head(self.estimator.extract_feat(picture))

    path = tmp_path_factory.mktemp("onnx") / "rtmpose-m.onnx"
    names = ["input", "simcc_x", "simcc_y"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the tracing exporter is the older one
        torch.onnx.export(
            Network().eval(),
            (torch.zeros(1, 3, 256, 192),),
            str(path),
            input_names=names[:1],
            output_names=names[1:],
            dynamic_axes={name: {0: "batch"} for name in names},
            dynamo=False,
        )
    return path


@pytest.mark.parametrize("flip_test", [False, True])
def test_keypoints_are_those_of_mmpose(
    estimator: Any, exported: Path, frames: list[Frame], flip_test: bool
) -> None:
    from mmpose.apis import inference_topdown

    from mbcli.pose2d.openmmlab import quiet

    boxes = np.array([WALKER, ROOF, BESIDE, WALKER + 30], np.float32)
    estimator.test_cfg["flip_test"] = flip_test
    bgr = np.ascontiguousarray(frames[0].image[..., ::-1])
    with quiet("mmpose"):
        samples = inference_topdown(estimator, bgr, boxes, bbox_format="xyxy")
    theirs = np.array([s.pred_instances.keypoints[0] for s in samples])
    scores = np.array([s.pred_instances.keypoint_scores[0] for s in samples])
    simcc = SimCC(PictureModel(exported, threads=1), flip_test=flip_test, batch_size=3)
    ours = simcc(frames[0].image, boxes)
    # They depend on the picture: another one moves most of them.
    relative = (theirs - boxes[:, None, :2]) / (boxes[:, None, 2:] - boxes[:, None, :2])
    assert np.mean(np.abs(relative[0] - relative[1]).max(axis=-1) > 0.05) > 0.5
    assert 0 < scores.min() < scores.max() < 1
    assert np.abs(ours[..., :2] - theirs).max() < 0.5  # pixels of the picture
    assert np.abs(ours[..., 2] - scores).max() < 1e-3


def _best(found: np.ndarray, box: np.ndarray) -> float:
    """Overlap of a box with the best of the sure detections."""
    return max((box_iou(person[:4], box) for person in found if person[4] > 0.3), default=0)


def test_rtmdet_finds_both_people(rtmdet: Path, frames: list[Frame]) -> None:
    detector = PersonDetector(PictureModel(rtmdet, threads=1))
    found = detector(frames[0].image)
    assert _best(found, WALKER) > 0.85
    assert _best(found, ROOF) > 0.85
    for frame in frames[3::3]:
        assert _best(detector(frame.image), WALKER) > 0.4  # walks on


def test_rtmdet_wants_what_it_gets(rtmdet: Path, frames: list[Frame]) -> None:
    """Red and blue swapped, or a picture upside down, are less of a person to it."""
    detector = PersonDetector(PictureModel(rtmdet, threads=1))

    def score(image: np.ndarray) -> float:
        return float(detector(np.ascontiguousarray(image))[:, 4].max())

    natural = score(frames[0].image)
    assert natural > score(frames[0].image[..., ::-1])
    assert natural > score(frames[0].image[::-1]) + 0.2


def test_boxes_move_with_the_picture(rtmdet: Path, frames: list[Frame]) -> None:
    detector = PersonDetector(PictureModel(rtmdet, threads=1))
    image = frames[0].image
    lower = np.pad(image, ((160, 0), (0, 0), (0, 0)), constant_values=114)
    mirrored = np.ascontiguousarray(image[:, ::-1])
    x1, y1, x2, y2 = WALKER
    width = image.shape[1]
    assert _best(detector(lower), np.array([x1, y1 + 160, x2, y2 + 160])) > 0.8
    assert _best(detector(mirrored), np.array([width - x2, y1, width - x1, y2])) > 0.8


def test_both_networks_from_video_to_poses(
    rtmdet: Path, exported: Path, frames: list[Frame]
) -> None:
    options = Pose2DOptions(threads=1, pose2d_checkpoint=str(exported), det_checkpoint=str(rtmdet))
    backend = BACKENDS["rtmpose"](options)
    found = [backend(frame) for frame in frames]
    backend.close()
    assert all(poses.keypoints.shape[1:] == (17, 3) for poses in found)
    first = found[0]
    assert sorted(round(box_iou(box, WALKER)) for box in first.boxes) == [0, 1]
    # The crop is the box enlarged by 1.25 and widened to 3:4: no keypoint lies outside it.
    for box, pose in zip(first.boxes, first.keypoints, strict=True):
        centre, reach = (box[:2] + box[2:]) / 2, 0.625 * max((box[2:] - box[:2]) * (4 / 3, 1))
        assert np.all(np.abs(pose[:, :2] - centre) <= reach * np.array([3 / 4, 1]) + 1e-3)
