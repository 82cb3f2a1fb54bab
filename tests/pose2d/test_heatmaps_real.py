"""The heatmap front end on real networks, which the package lacks: PP-TinyPose with PicoDet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mbcli.pose2d import BACKENDS, Pose2DOptions
from mbcli.pose2d.heatmaps import Heatmaps
from mbcli.pose2d.onnx_session import PictureModel
from mbcli.pose2d.overlap import box_iou
from mbcli.skeleton import COCO17
from mbcli.types import Frame
from mbcli.video import VideoReader

FOLDER = Path(__file__).parents[3] / "shared" / "weights"
TINYPOSE = FOLDER / "tinypose_enhance_256x192.onnx"
PICODET = FOLDER / "picodet_s_pedestrian_320x320.onnx"
WALKER = np.array([1003.0, 387, 1100, 679])  # in the first frame, by eye


@pytest.fixture(scope="module", autouse=True)
def _there() -> None:
    if not (TINYPOSE.exists() and PICODET.exists()):
        pytest.skip(f"needs {TINYPOSE} and {PICODET}")


@pytest.fixture(scope="module")
def frame(walk: Path) -> Frame:
    with VideoReader(walk) as reader:
        return next(iter(reader))


def test_the_walker_of_the_example_is_found(frame: Frame) -> None:
    stage = BACKENDS["rtmpose"](
        Pose2DOptions(threads=1, pose2d_checkpoint=str(TINYPOSE), det_checkpoint=str(PICODET))
    )
    movenet = BACKENDS["movenet"](Pose2DOptions(threads=1))
    ours, theirs = stage(frame), movenet(frame)
    which = int(np.argmax([box_iou(box, WALKER) for box in ours.boxes]))
    assert box_iou(ours.boxes[which], WALKER) > 0.6
    other = int(np.argmax([box_iou(box, WALKER) for box in theirs.boxes]))
    apart = ours.keypoints[which, 5:, :2] - theirs.keypoints[other, 5:, :2]
    height = WALKER[3] - WALKER[1]
    assert np.median(np.linalg.norm(apart, axis=-1)) < 0.03 * height
    assert np.mean(ours.keypoints[which, :, 2]) > 0.5


def test_a_mirrored_picture_gives_mirrored_keypoints(frame: Frame) -> None:
    model = PictureModel(TINYPOSE, threads=1)
    width = frame.image.shape[1]
    straight = Heatmaps(model)(frame.image, WALKER[None])[0]
    there = np.array([width - 1 - WALKER[2], WALKER[1], width - 1 - WALKER[0], WALKER[3]])
    mirrored = Heatmaps(model)(np.ascontiguousarray(frame.image[:, ::-1]), there[None])[0]
    mirrored = mirrored[list(COCO17.mirror)]
    mirrored[:, 0] = width - 1 - mirrored[:, 0]
    both = Heatmaps(model, flip_test=True)(frame.image, WALKER[None])[0]
    apart = (mirrored - straight)[:, 0]
    pixel = 1.25 * (WALKER[3] - WALKER[1]) / 256  # of the crop
    assert abs(np.median(apart)) < pixel  # a quarter of a cell
    assert abs(np.median(both[:, 0] - (straight + mirrored)[:, 0] / 2)) < pixel
