"""The real MMPose and MMDetection on real frames, with small untrained networks.

The weights are random, from a seed, but alive: batch norms hold the statistics of a real frame,
so that what goes in shows in what comes out.
"""

from __future__ import annotations

import gc
import socket
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.modules.batchnorm import _BatchNorm

from mbcli.errors import ConfigError, WeightsError
from mbcli.pose2d import Pose2DOptions, openmmlab
from mbcli.pose2d.mmpose import MMPose
from mbcli.pose2d.models import KEYPOINT_MODELS
from mbcli.skeleton import COCO17, HALPE26, WHOLEBODY27
from mbcli.tracks.gather import Sightings
from mbcli.tracks.joining import build_keypoints
from mbcli.tracks.tracker import Tracker
from mbcli.types import FloatArray, Frame
from mbcli.video import VideoReader
from mbcli.weights import ENVIRONMENT_VARIABLE

if sys.version_info[:2] not in openmmlab.PYTHONS or find_spec("mmpose") is None:
    pytest.skip(
        "needs Python 3.10 or 3.11 and pip install 'mbcli[mmpose]'", allow_module_level=True
    )

BODY17 = "rtmpose-t_8xb256-420e_body8-256x192"
BODY26 = "rtmpose-t_8xb1024-700e_body8-halpe26-256x192"
PERSON = "rtmdet_nano_320-8xb32_coco-person"

BOXES = np.array(
    [
        [905, 330, 1180, 1010],
        [560, 90, 640, 330],
        [-40, 500, 300, 1200],
        [10, 10, 60, 70],
        [600, 300, 1279, 719],
    ],
    np.float32,
)


@pytest.fixture(scope="module", autouse=True)
def _one_thread() -> Iterator[None]:
    """Small networks gain nothing from more, and lose where others work too."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def frames(walk: Path) -> list[Frame]:
    """The first eight frames: the detector looks at two of them."""
    with VideoReader(walk) as reader:
        return [frame for frame, _ in zip(reader, range(8), strict=False)]


@dataclass(frozen=True)
class Files:
    """Checkpoints, and the score that a few boxes of the detector reach."""

    body17: Path
    body26: Path
    person: Path
    threshold: float


def _save(model: Any, path: Path, dataset_meta: Mapping[str, Any]) -> Path:
    """As MMEngine's runner saves a training."""
    from mmengine.logging import HistoryBuffer

    hub = {"log_scalars": {"train/loss": HistoryBuffer([0.5, 0.25], [1, 1])}}
    meta = {"epoch": 1, "seed": np.int64(0), "cfg": "", "dataset_meta": dict(dataset_meta)}
    state = {"data_preprocessor.mean": torch.zeros(3, 1, 1), **model.state_dict()}
    torch.save({"meta": meta, "state_dict": state, "message_hub": hub}, path)
    return path


def _enliven(model: Any, inputs: torch.Tensor) -> None:
    """Give all batch norms the statistics of what passes through them."""
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    for norm in norms:
        norm.momentum = 1.0
        norm.train()
    with torch.no_grad():
        model(inputs, None, mode="tensor")
    for norm in norms:
        norm.eval()


def _picture(frame: Frame, width: int, height: int) -> torch.Tensor:
    """(2, 3, height, width) two cut-outs of a frame, normalised roughly."""
    cuts = [frame.image[y : y + height, x : x + width] for y, x in ((300, 850), (60, 500))]
    return (torch.from_numpy(np.stack(cuts)).permute(0, 3, 1, 2).float() - 115) / 58


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory, frames: list[Frame]) -> Files:
    openmmlab.prepare()
    from mmdet.apis import inference_detector, init_detector
    from mmpose.apis import init_model

    folder = tmp_path_factory.mktemp("checkpoints")
    torch.manual_seed(0)
    paths = []
    for name in (BODY17, BODY26):
        with openmmlab.quiet("mmpose"):
            pose = init_model(str(_packaged("mmpose", name)), device="cpu")
            crops = _picture(frames[0], 192, 256)
            _enliven(pose, crops)
            with torch.no_grad():
                curves = pose(crops, None, mode="tensor")
            for layer, curve in zip((pose.head.cls_x, pose.head.cls_y), curves, strict=True):
                # As high as those of a trained network, about 0.8.
                layer.weight.data *= 0.8 / curve.amax(dim=-1).median()
        paths.append(_save(pose, folder / f"{name}.pth", pose.dataset_meta))
    with openmmlab.quiet("mmdet"):
        detector = init_detector(str(_packaged("mmpose", PERSON)), palette="coco", device="cpu")
        pictures = _picture(frames[0], 320, 320)
        _enliven(detector, pictures)
        head = detector.bbox_head
        # Only the coarsest level sees people, two or three cells wide and twice as high.
        for classes, reaches in zip(head.rtm_cls, head.rtm_reg, strict=True):
            classes.bias.data[:] = -20
            reaches.bias.data[:] = torch.tensor([1.2, 2.5, 1.2, 2.5])
        with torch.no_grad():
            spread = detector(pictures, None, mode="tensor")[0][-1].std()
        head.rtm_cls[-1].weight.data /= spread
        head.rtm_cls[-1].bias.data[:] = -2
        found = inference_detector(detector, frames[0].image)
    scores = found.pred_instances.scores
    person = _save(detector, folder / "person.pth", {"CLASSES": ("person",)})
    body17, body26 = paths
    return Files(body17, body26, person, float(scores[2:4].mean()))


def _packaged(package: str, name: str) -> Path:
    spec = find_spec(package)
    assert spec is not None
    return next(Path(str(spec.origin)).parent.rglob(f".mim/**/{name}.py"))


def _options(files: Files, **changes: Any) -> Pose2DOptions:
    values = {
        "pose2d_config": BODY17,
        "pose2d_checkpoint": str(files.body17),
        "det_config": PERSON,
        "det_checkpoint": str(files.person),
        "min_score": files.threshold,
        "device": "cpu",
    }
    return Pose2DOptions(**{**values, **changes})


@pytest.fixture(scope="module")
def mmpose(files: Files) -> Iterator[MMPose]:
    model = MMPose(_options(files))
    yield model
    model.close()


def _their_model(files: Files) -> Any:
    """As MMPose loads it; its configuration turns the flip test on."""
    from mmpose.apis import init_model

    with openmmlab.quiet("mmpose"):
        model = init_model(str(_packaged("mmpose", BODY17)), device="cpu")
    state = torch.load(files.body17, weights_only=False)["state_dict"]
    model.load_state_dict(state, strict=False)
    assert model.test_cfg.flip_test
    return model


def _theirs(model: Any, frame: Frame, boxes: FloatArray) -> FloatArray:
    """(P, J, 3) by MMPose's own function, from the picture as OpenCV would read it."""
    from mmpose.apis import inference_topdown

    with openmmlab.quiet("mmpose"):
        found = inference_topdown(model, np.ascontiguousarray(frame.image[..., ::-1]), boxes)
    instances = [sample.pred_instances for sample in found]
    keypoints = np.concatenate([each.keypoints for each in instances])
    scores = np.concatenate([each.keypoint_scores for each in instances])
    return np.concatenate([keypoints, scores[..., None]], axis=-1)


def test_from_a_video_to_tracks(files: Files, frames: list[Frame], walk: Path) -> None:
    mmpose = MMPose(_options(files, threads=1))
    tracker = Tracker(30.0)
    poses = [mmpose(frame) for frame in frames]
    ids = [tracker.update(each) for each in poses]
    mmpose.close()
    assert [each.index for each in poses] == list(range(8))
    for frame, each in zip(frames, poses, strict=True):
        assert 1 <= len(each) <= 3
        assert each.keypoints.shape == (len(each), 17, 3)
        assert np.isfinite(each.keypoints).all()
        assert np.all(each.boxes >= 0)
        assert np.all(each.boxes <= np.tile(frame.size, 2))
    people = Sightings.of(poses, ids)
    tracks = build_keypoints(people, skeleton=mmpose.skeleton, fps=30.0, size=frames[0].size)
    assert tracks.skeleton is COCO17
    assert tracks.data.shape[0] == 8
    assert len(tracks.track_ids) >= 1
    assert np.isfinite(tracks.data[..., :2]).mean() > 0.3


def test_keypoints_are_those_of_mmposes_own_function(
    mmpose: MMPose, files: Files, frames: list[Frame]
) -> None:
    theirs = _their_model(files)
    theirs.test_cfg.flip_test = False
    ours = mmpose._locate(frames[0].image, BOXES)
    expected = _theirs(theirs, frames[0], BOXES)
    np.testing.assert_allclose(ours[..., :2], expected[..., :2], atol=1e-3)
    np.testing.assert_allclose(ours[..., 2], expected[..., 2].clip(0, 1), atol=1e-5)
    assert 0.3 < np.median(ours[..., 2]) < 1  # alive, and not all of it cut off
    assert np.ptp(ours[..., 0], axis=1).min() > 3


def test_people_are_those_of_mmdetections_own_function(
    mmpose: MMPose, files: Files, frames: list[Frame]
) -> None:
    from mmdet.apis import inference_detector, init_detector

    with openmmlab.quiet("mmdet"):
        theirs = init_detector(str(_packaged("mmpose", PERSON)), palette="coco", device="cpu")
        state = torch.load(files.person, weights_only=False)["state_dict"]
        theirs.load_state_dict(state, strict=False)
        bgr = np.ascontiguousarray(frames[0].image[..., ::-1])
        expected = inference_detector(theirs, bgr).pred_instances
    ours = mmpose._detect(frames[0].image)
    assert len(ours) > 2
    np.testing.assert_allclose(ours[:, :4], expected.bboxes.numpy(), atol=1e-3)
    np.testing.assert_allclose(ours[:, 4], expected.scores.numpy(), atol=1e-6)
    swapped = mmpose._detect(np.ascontiguousarray(frames[0].image[..., ::-1]))
    assert len(swapped) != len(ours) or not np.allclose(swapped, ours, atol=1e-3)


def test_batches_change_nothing(files: Files, frames: list[Frame], mmpose: MMPose) -> None:
    pairs = MMPose(_options(files, pose2d_batch=2))
    alone = np.concatenate([mmpose._locate(frames[0].image, box[None]) for box in BOXES])
    for together in (pairs._locate(frames[0].image, BOXES), mmpose._locate(frames[0].image, BOXES)):
        np.testing.assert_allclose(together[..., 2], alone[..., 2], atol=1e-4)
        np.testing.assert_allclose(together[..., :2], alone[..., :2], atol=1e-2)
    pairs.close()


def test_flip_test_is_mmposes(files: Files, frames: list[Frame], mmpose: MMPose) -> None:
    flipped = MMPose(_options(files, pose2d_flip=True))
    assert flipped.metadata["flip_test"] is True
    assert mmpose.metadata["flip_test"] is False
    ours = flipped._locate(frames[0].image, BOXES)
    expected = _theirs(_their_model(files), frames[0], BOXES)
    np.testing.assert_allclose(ours[..., :2], expected[..., :2], atol=1e-3)
    assert not np.allclose(ours, mmpose._locate(frames[0].image, BOXES), atol=0.01)
    flipped.close()


def test_halpe26(files: Files, frames: list[Frame]) -> None:
    mmpose = MMPose(_options(files, pose2d_config=BODY26, pose2d_checkpoint=str(files.body26)))
    assert mmpose.skeleton is HALPE26
    assert mmpose._locate(frames[0].image, BOXES).shape == (5, 26, 3)
    assert mmpose(frames[0]).keypoints.shape[1:] == (26, 3)
    mmpose.close()


@pytest.mark.parametrize(
    ("joint_list", "skeleton"),
    [
        ("coco.py", COCO17),
        ("halpe26.py", HALPE26),
        ("coco_wholebody.py", WHOLEBODY27),
        ("halpe.py", HALPE26),
        ("mpii.py", None),
        ("crowdpose.py", None),
    ],
)
def test_skeletons_by_joint_names(joint_list: str, skeleton: object) -> None:
    openmmlab.prepare()
    from mmpose.datasets.datasets.utils import parse_pose_metainfo

    from mbcli.pose2d.mmpose import _skeleton

    path = _packaged("mmpose", joint_list.removesuffix(".py"))
    meta = parse_pose_metainfo({"from_file": str(path)})
    if skeleton is not None:
        assert _skeleton("some", meta) is skeleton
    else:
        with pytest.raises(ConfigError, match="begin with those of halpe26, wholebody27, coco17"):
            _skeleton("some", meta)


def test_metadata_and_threads(files: Files) -> None:
    before = torch.get_num_threads()
    mmpose = MMPose(_options(files, threads=before + 1, pose2d_batch=3))
    assert torch.get_num_threads() == before + 1
    metadata = mmpose.metadata
    assert metadata["input_size"] == [192, 256]
    assert metadata["batch_size"] == 3
    assert metadata["device"] == "cpu"
    assert metadata["versions"]["mmpose"] == "1.3.2"
    assert (metadata["config"], metadata["det_config"]) == (BODY17, PERSON)
    assert mmpose.weights == (str(files.person), str(files.body17))
    mmpose.close()
    assert torch.get_num_threads() == before


def test_nothing_is_fetched_printed_or_read_from_here(
    files: Files,
    frames: list[Frame],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def refuse(*_: object) -> None:
        raise AssertionError("the network was asked")

    here = tmp_path / "configs/_base_/datasets"
    here.mkdir(parents=True)
    (here / "coco.py").write_text("raise AssertionError('a file from here was run')")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    mmpose = MMPose(_options(files))
    mmpose(frames[0])
    mmpose.close()
    assert capfd.readouterr() == ("", "")


def test_a_configuration_by_path(files: Files, frames: list[Frame], tmp_path: Path) -> None:
    mine = tmp_path / "mine.py"
    mine.write_text(f"_base_ = {str(_packaged('mmpose', BODY17))!r}\n")
    mmpose = MMPose(_options(files, pose2d_config=str(mine)))
    assert mmpose.metadata["config"] == str(mine)
    assert mmpose._locate(frames[0].image, BOXES[:1]).shape == (1, 17, 3)
    mmpose.close()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"pose2d_mode": "light"}, "--pose2d-mode has no meaning with --pose2d mmpose"),
        ({"device": "tpu"}, "--device must be auto, cpu, cuda, cuda:N or mps, got 'tpu'"),
        ({"device": "cuda:77"}, "--device must be one of auto, cpu.* on this machine, got cuda:77"),
        ({"pose2d_config": "rtmpose-t_body8"}, "such as rtmpose-.*; got 'rtmpose-t_body8'"),
        ({"pose2d_config": "absent/a.py"}, "--pose2d-config absent/a.py does not exist"),
        ({"det_config": "rtmdet"}, "a configuration of mmpose or mmdet, such as .*'rtmdet'"),
        ({"pose2d_checkpoint": None}, f"--pose2d-config {BODY17} needs --pose2d-checkpoint"),
        (
            {"pose2d_config": "dekr_hrnet-w32_8xb10-140e_coco-512x512"},
            "must describe a TopdownPoseEstimator, dekr_.* describes a BottomupPoseEstimator",
        ),
    ],
)
def test_bad_options(files: Files, changes: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as caught:
        MMPose(_options(files, **changes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("model = dict(", "cannot be read: SyntaxError"),
        ("x = 1", "describes no model"),
        ("model = dict(type='TopdownPoseEstimator')", "builds no model"),
        ("model = dict(type='Nothing', backbone=dict())", "builds no model"),
        ("_base_ = 'absent.py'", "cannot be read: "),
    ],
)
def test_broken_configurations(files: Files, tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "broken.py"
    path.write_text(text)
    with pytest.raises(ConfigError, match=rf"--pose2d-config .*broken\.py {message}") as caught:
        MMPose(_options(files, pose2d_config=str(path)))
    assert "\n" not in str(caught.value)
    del caught
    with warnings.catch_warnings():
        # MMEngine leaves its copy of the file open when it cannot run it.
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


def test_checkpoints_of_something_else(files: Files, tmp_path: Path) -> None:
    few, more = tmp_path / "few.pth", tmp_path / "more.pth"
    content = torch.load(files.body17, weights_only=False)
    torch.save({"state_dict": {**content["state_dict"], "other": torch.zeros(1)}}, more)
    content["state_dict"] = dict(list(content["state_dict"].items())[:-2])
    torch.save(content, few)
    damaged = tmp_path / "damaged.pth"
    damaged.write_bytes(files.body17.read_bytes()[:100_000])
    numbers = tmp_path / "numbers.pth"
    torch.save({"state_dict": {"a": 1}}, numbers)
    for checkpoint, message in (
        (files.body26, f"does not fit configuration {BODY17}: size mismatch for head"),
        (files.person, f"does not fit configuration {BODY17}: size mismatch for backbone"),
        (more, r"of its tensors are 1 unexpected \(other\)"),
        (few, r"of its tensors are 2 missing \(head\.\S+, head\.\S+\)"),
        (numbers, "does not fit configuration"),
        (damaged, "is damaged or not a checkpoint"),
        (tmp_path / "absent.pth", "does not exist"),
    ):
        with pytest.raises(WeightsError, match=message) as caught:
            MMPose(_options(files, pose2d_checkpoint=str(checkpoint)))
        assert "\n" not in str(caught.value)
    with pytest.raises(WeightsError, match=f"does not fit configuration {PERSON}"):
        MMPose(_options(files, det_checkpoint=str(files.body17)))


def test_weights_that_are_not_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ENVIRONMENT_VARIABLE, str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    with pytest.raises(WeightsError, match=r"weights fetch rtmdet-m-pth rtmpose-m-pth$"):
        MMPose(Pose2DOptions())
    with pytest.raises(WeightsError, match=r"fetch rtmdet-m-pth rtmpose-m-halpe26-pth$"):
        MMPose(Pose2DOptions(pose2d_config=KEYPOINT_MODELS["rtmpose-m-halpe26-pth"]))


def test_a_detector_without_people(files: Files, tmp_path: Path) -> None:
    cats = tmp_path / "cats.pth"
    content = torch.load(files.person, weights_only=False)
    content["meta"]["dataset_meta"] = {"classes": ("cat",)}
    torch.save(content, cats)
    with pytest.raises(ConfigError, match=r"detector with a class 'person', .* has cat"):
        MMPose(_options(files, det_checkpoint=str(cats)))
