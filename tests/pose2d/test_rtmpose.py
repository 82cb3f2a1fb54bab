"""The front end on graphs with exactly known outputs; real networks: test_rtmpose_real.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli import weights
from mbcli.errors import ConfigError, WeightsError
from mbcli.pose2d import BACKENDS, MODES, Pose2DOptions
from mbcli.pose2d.models import WEIGHTS_OF_MODE
from mbcli.pose2d.rtmpose import RTMPose
from mbcli.skeleton import COCO17, HALPE26, WHOLEBODY27
from mbcli.types import Frame

# Red all over, with a green and a blue corner: what the detector boxes and the joints look for.
BODY = (20, 30)  # width, height


def _frame(index: int, *corners: tuple[int, int]) -> Frame:
    """Bodies with their upper left corners at ``corners``, in a picture of 192x128."""
    image = np.zeros((128, 192, 3), np.uint8)
    width, height = BODY
    for x, y in corners:
        image[y : y + height, x : x + width, 0] = 255
        image[y + height - 2 : y + height, x + width - 2 : x + width, 1] = 255
        image[y + height - 2 : y + height, x : x + 2, 2] = 255
    return Frame(index, index / 30, image)


def _options(graphs: Any, joints: int = 17, **more: Any) -> Pose2DOptions:
    return Pose2DOptions(
        threads=1,
        pose2d_checkpoint=str(graphs.brightest("pose", joints=joints)),
        det_checkpoint=str(graphs.red_box("detector", size=(192, 128))),
        **more,
    )


@pytest.mark.parametrize(("joints", "skeleton"), [(17, COCO17), (26, HALPE26), (133, WHOLEBODY27)])
def test_a_moving_body_is_found_and_followed(graphs: Any, joints: int, skeleton: Any) -> None:
    rtmpose = BACKENDS["rtmpose"](_options(graphs, joints))
    assert rtmpose.name == "rtmpose"
    assert rtmpose.skeleton is skeleton
    for index in range(9):
        x, y = 60 + index, 40
        poses = rtmpose(_frame(index, (x, y)))
        assert len(poses) == 1
        box = np.array([x, y, x + BODY[0], y + BODY[1]])
        assert np.allclose(poses.boxes[0], box, atol=5)
        red, green, blue = poses.keypoints[0, :3]
        assert np.allclose(red[:2], box[:2], atol=1)
        assert np.allclose(green[:2], box[2:] - 2, atol=1)
        assert np.allclose(blue[:2], (box[0], box[3] - 2), atol=1)
        assert np.all(poses.keypoints[..., 2] > 0.9)
    rtmpose.close()


def test_nobody_in_an_empty_picture(graphs: Any) -> None:
    assert RTMPose(_options(graphs))(_frame(0)).keypoints.shape == (0, 17, 3)


def test_the_threshold_is_the_users(graphs: Any) -> None:
    dim = _frame(0, (60, 40))
    frame = Frame(0, 0.0, (dim.image * 0.95).astype(np.uint8))
    assert len(RTMPose(_options(graphs, min_score=0.9))(frame)) == 1
    assert len(RTMPose(_options(graphs, min_score=0.97))(frame)) == 0


def test_its_metadata_is_json(graphs: Any) -> None:
    options = _options(graphs, pose2d_flip=True, pose2d_batch=3)
    rtmpose = RTMPose(options)
    assert rtmpose.weights == (options.det_checkpoint, options.pose2d_checkpoint)
    metadata = json.loads(json.dumps(rtmpose.metadata))
    assert metadata["runtime"].startswith("onnxruntime ")
    assert metadata | {"runtime": ""} == {
        "runtime": "",
        "device": "cpu",
        "detector": {"kind": "person detector", "input_size": [192, 128]},
        "keypoint_model": {"kind": "RTMPose (SimCC)", "input_size": [48, 64]},
        "flip_test": True,
        "batch_size": 3,
        "person_threshold": 0.3,
    }


def _rtmo(graphs: Any) -> str:
    dets = np.array([[[8, 4, 20, 28, 0.9], [40, 8, 70, 40, 0.25]]])
    poses = np.full((1, 2, 17, 3), 0.5)
    return str(graphs.constant("rtmo", {"dets": dets, "keypoints": poses}, size=(96, 64)))


def test_an_rtmo_needs_no_detector(graphs: Any) -> None:
    rtmpose = RTMPose(Pose2DOptions(threads=1, pose2d_checkpoint=_rtmo(graphs)))
    poses = rtmpose(_frame(0))
    assert np.allclose(poses.boxes, [[16, 8, 40, 56]])
    assert np.allclose(poses.keypoints[0], (1, 1, 0.5))
    assert rtmpose.skeleton is COCO17
    assert len(rtmpose.weights) == 1
    assert rtmpose.metadata["keypoint_model"] == {"kind": "RTMO", "input_size": [96, 64]}


@pytest.mark.parametrize(
    ("option", "value", "name"),
    [
        ("det_checkpoint", "rtmdet-nano-onnx", "--det-checkpoint"),
        ("pose2d_mode", "light", "--pose2d-mode"),
        ("pose2d_flip", True, "--pose2d-flip"),
        ("pose2d_batch", 4, "--pose2d-batch"),
    ],
)
def test_an_rtmo_refuses_what_it_could_only_ignore(
    graphs: Any, option: str, value: Any, name: str
) -> None:
    options = Pose2DOptions(pose2d_checkpoint=_rtmo(graphs), **{option: value})
    with pytest.raises(ConfigError, match=f"{name} has no meaning with an RTMO"):
        RTMPose(options)


@pytest.mark.parametrize("option", ["pose2d_config", "det_config"])
def test_configurations_are_for_mmpose(option: str) -> None:
    with pytest.raises(ConfigError, match="has no meaning with --pose2d rtmpose"):
        RTMPose(Pose2DOptions(**{option: "some.py"}))  # type: ignore[arg-type]


def test_a_mode_beside_both_checkpoints(graphs: Any) -> None:
    with pytest.raises(ConfigError, match="--pose2d-mode has no meaning where both"):
        RTMPose(_options(graphs, pose2d_mode="light"))


@pytest.fixture
def nothing_on_disk(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """An empty cache, whatever the user of this machine has fetched."""
    for variable in ("XDG_CACHE_HOME", "LOCALAPPDATA", "HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.delenv(weights.ENVIRONMENT_VARIABLE, raising=False)


@pytest.mark.usefixtures("nothing_on_disk")
@pytest.mark.parametrize("mode", [None, *MODES])
def test_missing_weights_say_what_to_fetch(mode: str | None) -> None:
    names = " ".join(WEIGHTS_OF_MODE[mode or "balanced"])
    with pytest.raises(WeightsError, match=f"mbcli weights fetch {names}$"):
        RTMPose(Pose2DOptions(pose2d_mode=mode))


@pytest.mark.usefixtures("nothing_on_disk")
def test_only_what_is_missing_is_named(graphs: Any) -> None:
    pose = str(graphs.brightest("pose", joints=17))
    with pytest.raises(WeightsError, match=r"fetch yolox-x-onnx$"):
        RTMPose(Pose2DOptions(pose2d_checkpoint=pose, pose2d_mode="accurate"))
    detector = str(graphs.red_box("detector", size=(64, 64)))
    with pytest.raises(WeightsError, match=r"fetch rtmpose-m-onnx$"):
        RTMPose(Pose2DOptions(det_checkpoint=detector))


def test_modes_name_weights_of_the_table() -> None:
    assert tuple(WEIGHTS_OF_MODE) == MODES
    for names in WEIGHTS_OF_MODE.values():
        for name in names:
            assert weights.TABLE[name].file.endswith(".onnx")


def test_networks_in_each_others_place(graphs: Any) -> None:
    pose, detector = (
        str(graphs.brightest("pose", joints=17)),
        str(graphs.red_box("detector", size=(64, 64))),
    )
    with pytest.raises(WeightsError, match=r"--pose2d-checkpoint must .* the person detector"):
        RTMPose(Pose2DOptions(pose2d_checkpoint=detector, det_checkpoint=detector))
    with pytest.raises(WeightsError, match=r"--det-checkpoint must .* got the RTMPose"):
        RTMPose(Pose2DOptions(pose2d_checkpoint=pose, det_checkpoint=pose))


def test_networks_of_other_kinds(graphs: Any) -> None:
    vector = str(graphs.constant("v", {"vector": np.zeros((1, 8))}, size=(32, 32)))
    with pytest.raises(WeightsError, match=r"must be one of .*, got outputs vector of 2 axes"):
        RTMPose(Pose2DOptions(pose2d_checkpoint=vector))
    with pytest.raises(WeightsError, match="needs ONNX weights, which rtmpose-m-pth is not"):
        RTMPose(Pose2DOptions(pose2d_checkpoint="rtmpose-m-pth"))
