"""Detectors, SimCC and RTMO on graphs with exactly known outputs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.errors import ConfigError, WeightsError
from mbcli.pose2d.crops import crop, region
from mbcli.pose2d.detectors import OVERLAP, PersonDetector
from mbcli.pose2d.joints import places_of
from mbcli.pose2d.letterbox import letterbox
from mbcli.pose2d.onnx_file import readers_of
from mbcli.pose2d.onnx_session import OnnxModel, PictureModel
from mbcli.pose2d.overlap import suppress
from mbcli.pose2d.rtmo import RTMO
from mbcli.pose2d.simcc import SimCC, decode
from mbcli.types import Frame

Scene = Callable[..., np.ndarray]
WHOLE = np.array([12.8, 6.4, 51.2, 57.6])  # a box whose crop of 48x64 is not resized


@pytest.mark.parametrize("yolox", [False, True])
@pytest.mark.parametrize(
    ("size", "picture"),
    [((64, 64), (128, 96)), ((64, 64), (96, 128)), ((128, 64), (128, 64)), ((64, 96), (32, 16))],
)
def test_a_box_comes_back_from_the_letterbox(
    graphs: Any, scene: Scene, yolox: bool, size: tuple[int, int], picture: tuple[int, int]
) -> None:
    detector = PersonDetector(PictureModel(graphs.red_box("d", size=size, yolox=yolox), threads=1))
    box = (8, 4, 20, 14)
    found = detector(scene(box, size=picture))
    grown = 2 if picture == (32, 16) else 0  # enlarging twice blurs the border, by a pixel of 64
    assert found.shape == (1, 5)  # the car is none
    assert np.allclose(found[0, :4], box, atol=grown)
    assert found[0, 4] == pytest.approx(1, abs=1e-5)


def test_half_precision_networks_run(graphs: Any, scene: Scene) -> None:
    detector = PersonDetector(
        PictureModel(graphs.red_box("d", size=(64, 64), half=True), threads=1)
    )
    assert np.allclose(detector(scene((8, 4, 20, 14))), [[8, 4, 20, 14, 1]], atol=2e-3)


def test_what_reads_the_picture_tells_rtmdet_from_yolox(graphs: Any) -> None:
    assert readers_of(graphs.red_box("r", size=(64, 64)), "input") == {"Conv"}
    assert readers_of(graphs.red_box("y", size=(64, 64), yolox=True), "input") == {"Slice"}


def test_open_sizes_take_the_default(graphs: Any) -> None:
    path = graphs.constant("d", {"dets": np.zeros((1, 1, 5))}, size=("width", "height"))
    assert PersonDetector(PictureModel(path, threads=1)).size == (640, 640)


def _cells(side: int, *people: tuple[int, float, float, float, float, float]) -> np.ndarray:
    """YOLOX's raw output [1, cells, 7]: number of the cell, offset, log size, score."""
    cells = sum((side // stride) ** 2 for stride in (8, 16, 32))
    output = np.zeros((1, cells, 7))
    for cell, x, y, width, height, score in people:
        output[0, cell] = x, y, np.log(width), np.log(height), score, 1, 0.2
    return output


def test_a_yolox_without_suppression_is_decoded(graphs: Any) -> None:
    # Of 64 pixels: 8x8 cells of 8 pixels, 4x4 of 16, 2x2 of 32.
    raw = _cells(
        64,
        (8 + 2, 0.5, 0.25, 2, 3, 0.9),  # column 2, row 1: centre (20, 10), 16x24 pixels
        (8 + 3, -0.5, 0.25, 2, 3, 0.8),  # the same one again, from the cell to the right
        (64 + 16 + 3, 0, 0, 0.5, 0.5, 0.7),  # the last: centre (32, 32), 16x16 pixels
        (64 + 1, 0, 0, 1, 1, 0.01),
    )
    path = graphs.constant("yolox", {"output": raw}, size=(64, 64))
    found = PersonDetector(PictureModel(path, threads=1))(np.zeros((32, 64, 3), np.uint8))
    assert np.allclose(found, [[12, -2, 28, 22, 0.9], [24, 24, 40, 40, 0.7]], atol=1e-5)
    found = PersonDetector(PictureModel(path, threads=1))(np.zeros((128, 64, 3), np.uint8))
    assert np.allclose(found[0], [24, -4, 56, 44, 0.9], atol=1e-5)


def test_suppression_keeps_the_surer_of_two() -> None:
    boxes = np.array([[0, 0, 10, 10], [1, 0, 11, 10], [5, 0, 15, 10]], float)
    assert suppress(boxes, np.array([0.4, 0.6, 0.5]), OVERLAP).tolist() == [1, 2]


def test_letterbox_keeps_proportions_and_pads_with_grey() -> None:
    padded, scale = letterbox(np.full((50, 100, 3), 7, np.uint8), (64, 48))
    assert padded.shape == (48, 64, 3)
    assert np.all(padded[:32] == 7)
    assert np.all(padded[32:] == 114)
    assert np.allclose(scale, 0.64)
    sliver, scale = letterbox(np.zeros((3, 4000, 3), np.uint8), (64, 64))
    assert sliver.shape == (64, 64, 3)
    assert np.allclose(scale, (64 / 4000, 1 / 3))


def _lights() -> np.ndarray:
    """A red, a green and a blue pixel on black."""
    image = np.zeros((64, 64, 3), np.uint8)
    for channel, (x, y) in enumerate(((20, 10), (30, 44), (41, 25))):
        image[y, x, channel] = (255, 204, 102)[channel]
    return image


@pytest.mark.parametrize(("joints", "kept"), [(17, 17), (26, 26), (133, 27)])
def test_simcc_keypoints_come_back_to_the_picture(graphs: Any, joints: int, kept: int) -> None:
    simcc = SimCC(PictureModel(graphs.brightest("p", joints=joints), threads=1))
    assert len(simcc.skeleton) == kept
    pose = simcc(_lights(), WHOLE[None])[0]
    assert pose.shape == (kept, 3)
    expected = [(20, 10, 1), (30, 44, 0.8), (41, 25, 0.4)]
    places = places_of(simcc.skeleton)
    assert np.allclose(pose, [expected[j % 3] for j in places], atol=1e-4)


def test_other_split_ratios_are_read_from_the_graph(graphs: Any) -> None:
    simcc = SimCC(PictureModel(graphs.brightest("p", joints=17, bins=3), threads=1))
    assert np.allclose(simcc(_lights(), WHOLE[None])[0, 1], (30, 44, 0.8), atol=1e-4)


@pytest.mark.parametrize(("batch", "asked"), [("batch", 2), (1, None), (3, None), ("batch", None)])
def test_any_number_of_people_through_any_batch(
    graphs: Any, batch: int | str, asked: int | None
) -> None:
    model = PictureModel(graphs.brightest("p", joints=17, batch=batch), threads=1)
    simcc = SimCC(model, batch_size=asked)
    boxes = np.stack([WHOLE + (i % 2) * np.array([2, 0, 2, 0]) for i in range(5)])
    poses = simcc(_lights(), boxes)
    assert poses.shape == (5, 17, 3)
    assert np.allclose(poses[:, 1], (30, 44, 0.8), atol=1e-4)


def test_the_flip_test_averages_both_sides(graphs: Any) -> None:
    # Left and right joints of this network look at other colours, so the mirrored crop says that
    # each lies where the other does; the brighter one wins, at half its height.
    model = PictureModel(graphs.brightest("p", joints=17), threads=1)
    straight = SimCC(model)(_lights(), WHOLE[None])[0]
    both = SimCC(model, flip_test=True)(_lights(), WHOLE[None])[0]
    nose, left_eye, right_eye = 0, 1, 2
    assert np.allclose(both[nose], straight[nose], atol=1e-4)
    assert np.allclose(straight[[left_eye, right_eye]], [(30, 44, 0.8), (41, 25, 0.4)], atol=1e-4)
    assert np.allclose(both[[left_eye, right_eye]], [(30, 44, 0.4)] * 2, atol=1e-4)


def test_decoding_takes_the_smaller_maximum_and_clips() -> None:
    x, y = np.zeros((1, 3, 8), np.float32), np.zeros((1, 3, 12), np.float32)
    x[0, :, 3] = (0.9, 4.0, -0.2)
    y[0, :, 10] = (0.6, 2.0, 0.5)
    x[0, 2] = -0.2
    assert np.allclose(decode(x, y, 2.0), [[(1.5, 5, 0.6), (1.5, 5, 1), (0, 5, 0)]])


@pytest.mark.parametrize(
    ("box", "expected"),
    [
        ((0, 0, 30, 80), (-22.5, -10, 75, 100)),  # too narrow: widened
        ((0, 0, 60, 20), (-7.5, -40, 75, 100)),  # too wide: heightened
        ((5, 5, 5, 5), (4.375, 5 - 1 / 1.2, 1.25, 1 / 0.6)),  # a point: a pixel, enlarged
    ],
)
def test_regions_are_enlarged_and_of_the_crops_shape(
    box: tuple[float, ...], expected: tuple[float, ...]
) -> None:
    assert np.allclose(region(np.array(box, float), (48, 64)), expected)


def test_crops_are_black_outside() -> None:
    image = np.full((64, 64, 3), 200, np.uint8)
    seen = crop(image, np.array([-24.0, -32.0, 48.0, 64.0]), (48, 64))
    assert seen.shape == (64, 48, 3)
    assert np.all(seen[32:, 24:] == 200)
    assert not seen[:32].any()
    assert not seen[:, :24].any()


def _rtmo(graphs: Any, threshold: float = 0.3) -> RTMO:
    dets = np.array([[[8, 4, 20, 28, 0.9], [9, 4, 20, 28, 0.5], [40, 8, 70, 40, 0.6], [0] * 5]])
    poses = np.zeros((1, 4, 17, 3))
    poses[0, :, :, 0] = dets[0, :, None, 0] + np.arange(17) / 4
    poses[0, :, :, 1] = dets[0, :, None, 1] + 2
    poses[..., 2] = np.linspace(0, 1.2, 17)
    path = graphs.constant("rtmo", {"dets": dets, "keypoints": poses}, size=(64, 64))
    return RTMO(PictureModel(path, threads=1), person_threshold=threshold)


def test_rtmo_comes_back_from_the_letterbox(graphs: Any) -> None:
    poses = _rtmo(graphs)(Frame(3, 0.1, np.zeros((96, 128, 3), np.uint8)))
    assert (poses.index, poses.time) == (3, 0.1)
    assert np.allclose(poses.boxes, [[16, 8, 40, 56], [80, 16, 128, 80]])  # once each, inside
    assert np.allclose(poses.keypoints[0, :, 0], 16 + np.arange(17) / 2)
    assert np.allclose(poses.keypoints[0, :, 1], 12)
    assert np.allclose(poses.keypoints[0, :, 2], np.clip(np.linspace(0, 1.2, 17), 0, 1))


def test_rtmo_thresholds_people(graphs: Any) -> None:
    frame = Frame(0, 0.0, np.zeros((96, 128, 3), np.uint8))
    assert len(_rtmo(graphs, 0.7)(frame)) == 1
    assert _rtmo(graphs, 0.95)(frame).keypoints.shape == (0, 17, 3)


@pytest.mark.parametrize(
    ("joints", "bins_y", "message"),
    [(5, 128, r"17 \(coco17\).* got 5"), (17, 100, "bins over x and y in proportion")],
)
def test_simcc_of_other_shapes(graphs: Any, joints: int, bins_y: int, message: str) -> None:
    arrays = {"simcc_x": np.ones((1, joints, 96)), "simcc_y": np.ones((1, joints, bins_y))}
    model = PictureModel(graphs.constant("p", arrays, size=(48, 64)), threads=1)
    assert SimCC.fits(model)
    with pytest.raises(WeightsError, match=message):
        SimCC(model)


def test_rtmo_of_an_unknown_skeleton(graphs: Any) -> None:
    arrays = {"dets": np.zeros((1, 2, 5)), "keypoints": np.zeros((1, 2, 14, 3))}
    with pytest.raises(WeightsError, match=r"got shape \(14, 3\)"):
        RTMO(
            PictureModel(graphs.constant("r", arrays, size=(64, 64)), threads=1),
            person_threshold=0.3,
        )


def test_a_network_that_fails_is_one_line(graphs: Any) -> None:
    path = graphs.write(
        "bad",
        [("Reshape", ["input", "shape"], ["simcc_x"], {}), ("Neg", ["simcc_x"], ["simcc_y"], {})],
        {"shape": np.array([1, 5, 7])},
        ["batch", 3, "height", "width"],
        {"simcc_x": 3, "simcc_y": 3},
    )
    with pytest.raises(WeightsError, match="failed on an input of shape") as error:
        SimCC(PictureModel(path, threads=1))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"no network", b"\x08\x07\x3a\xff\xff\x03abc"])
def test_a_file_that_is_no_onnx(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "pose.onnx"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match="cannot be loaded as an ONNX file") as error:
        PictureModel(path)
    assert "\n" not in str(error.value)
    with pytest.raises(WeightsError, match="not an ONNX file"):
        readers_of(path, "input")


def test_a_file_that_is_cut_off(graphs: Any) -> None:
    path = graphs.red_box("d", size=(64, 64))
    path.write_bytes(path.read_bytes()[:-40])
    with pytest.raises(WeightsError, match="cannot be loaded as an ONNX file"):
        PictureModel(path)


def test_a_network_that_takes_no_pictures() -> None:
    with pytest.raises(WeightsError, match=r"must take pictures .*tensor\(int32\) \[1, 256"):
        PictureModel("movenet-thunder")


@pytest.mark.parametrize("device", ["mps", "cuda:", "gpu", ""])
def test_an_unknown_device(device: str) -> None:
    with pytest.raises(ConfigError, match="--device must be auto, cpu, cuda or cuda:N"):
        OnnxModel("movenet-thunder", device=device)


def test_cuda_without_a_runtime_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import onnxruntime

    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: ["CPUExecutionProvider"])
    with pytest.raises(ConfigError, match="onnxruntime-gpu"):
        OnnxModel("movenet-thunder", device="cuda:1")
    assert OnnxModel("movenet-thunder", device="auto", threads=1).device == "cpu"
