"""Heatmap models and PicoDet on graphs and maps with exactly known outputs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from mbcli.errors import ConfigError, WeightsError
from mbcli.pose2d import Pose2DOptions
from mbcli.pose2d.heatmaps import Heatmaps, decode
from mbcli.pose2d.onnx_session import PictureModel
from mbcli.pose2d.picodet import PicoDet
from mbcli.pose2d.rtmpose import RTMPose
from mbcli.pose2d.simcc import SimCC
from mbcli.types import Frame

SIZE = (48, 64)  # of the crops
CELLS = (12, 16)
WHOLE = np.array([12.8, 6.4, 51.2, 57.6])  # a box whose crop of 48x64 is not resized
PLACES = np.column_stack([np.linspace(1.3, 9.6, 17), np.linspace(13.9, 2.2, 17)])  # cells


def _gaussians(places: np.ndarray, sigma: float = 2.0, height: float = 0.8) -> np.ndarray:
    """(1, J, 16, 12) maps."""
    x, y = np.arange(CELLS[0]), np.arange(CELLS[1])[:, None]
    away = (x - places[:, 0, None, None]) ** 2 + (y - places[:, 1, None, None]) ** 2
    return (height * np.exp(-away / (2 * sigma**2))).astype(np.float32)[None]


def _model(graphs: Any, maps: np.ndarray) -> PictureModel:
    return PictureModel(graphs.constant("maps", {"heatmaps": maps}, size=SIZE), threads=1)


def test_places_between_the_cells_are_found() -> None:
    found = decode(_gaussians(PLACES), np.array([4.0, 4.0]))[0]
    inner = np.all(np.abs(PLACES - np.array(CELLS) / 2) < np.array(CELLS) / 2 - 2.5, axis=1)
    assert inner.sum() > 10
    assert np.allclose(found[inner, :2], 4 * PLACES[inner], atol=0.05)
    assert np.allclose(found[:, :2], 4 * PLACES, atol=2)
    nearest = np.abs(PLACES - PLACES.round())
    assert np.allclose(found[:, 2], 0.8 * np.exp(-(nearest**2).sum(axis=1) / 8), atol=1e-4)


def test_tilted_spots_are_found_between_the_cells() -> None:
    x, y = np.arange(CELLS[0]) - 5.4, np.arange(CELLS[1])[:, None] - 7.7
    tilted = np.exp(-(x**2 + y**2 - 1.2 * x * y) / 6).astype(np.float32)
    assert np.allclose(decode(tilted[None, None], np.ones(2))[0, 0, :2], (5.4, 7.7), atol=0.05)


def test_flat_maps_and_edges_give_places_within_reach() -> None:
    maps = np.zeros((1, 3, *CELLS[::-1]), np.float32)
    maps[0, 1, 0, 0] = 2.0
    maps[0, 2] = -0.5
    found = decode(maps, np.ones(2))[0]
    assert np.isfinite(found).all()
    assert np.all(np.abs(found[:, :2]) <= 1)
    assert found[:, 2].tolist() == [0, 1, 0]  # clipped


@pytest.mark.parametrize(("udp", "stride"), [(False, (4, 4)), (True, (47 / 11, 63 / 15))])
def test_keypoints_come_back_to_the_picture(
    graphs: Any, udp: bool, stride: tuple[float, float]
) -> None:
    places = PLACES.clip(3, 8)
    network = Heatmaps(_model(graphs, _gaussians(places)), udp=udp)
    assert (network.size, len(network.skeleton), network.batch_size) == (SIZE, 17, 8)
    found = network(np.zeros((64, 64, 3), np.uint8), WHOLE[None])[0]
    assert np.allclose(found[:, :2], places * stride + (8, 0), atol=0.1)


@pytest.mark.parametrize(("udp", "moved"), [(False, 1), (True, 0)])
def test_the_flip_test_shifts_maps_whose_first_cell_is_at_the_edge(
    graphs: Any, udp: bool, moved: int
) -> None:
    # This network gives the same whatever it sees: of the mirrored crop, what is in the cell c from
    # the left is in the cell 11 - c, or one more.
    model = _model(graphs, _gaussians(np.tile((5.0, 7.0), (17, 1)), sigma=1.0))
    network = Heatmaps(model, udp=udp, flip_test=True)
    stride = 47 / 11 if udp else 4
    x = network(np.zeros((64, 64, 3), np.uint8), WHOLE[None])[0, 0, 0]
    assert x == pytest.approx(8 + stride * (5 + 6 + moved) / 2, abs=0.3)


@pytest.mark.parametrize(
    ("shape", "message"),
    [((1, 5, 16, 12), r"17 \(coco17\).* got 5"), ((1, 17, 2, 12), "at least 3x3 cells, got 12x2")],
)
def test_other_maps_are_refused(graphs: Any, shape: tuple[int, ...], message: str) -> None:
    model = _model(graphs, np.zeros(shape))
    assert Heatmaps.fits(model)
    with pytest.raises(WeightsError, match=message):
        Heatmaps(model)


BOXES = np.array([[[10, 20, 30, 60], [11, 20, 30, 60], [40, 0, 60, 50], [0, 0, 9, 9]]])
SCORES = np.array([[[0.6, 0.9, 0.4, 0.01], [0.1, 0.2, 0.9, 0.9]]])  # people, bicycles


def _picodet(graphs: Any, **arrays: np.ndarray) -> str:
    given = {"boxes": BOXES, "scores": SCORES} | arrays
    return str(graphs.constant("picodet", given, size=(64, 64)))


def test_picodets_people_come_back_from_the_stretched_picture(graphs: Any) -> None:
    model = PictureModel(_picodet(graphs), threads=1)
    assert PicoDet.fits(model)
    found = PicoDet(model)(np.zeros((32, 128, 3), np.uint8))
    assert np.allclose(found, [[22, 10, 60, 30, 0.9], [80, 0, 120, 25, 0.4]])


def test_a_picodet_is_shown_normalised_rgb_of_its_size(graphs: Any) -> None:
    nodes = [
        ("ReduceMean", ["input"], ["channels"], {"axes": [2, 3], "keepdims": 0}),  # (1, 3)
        ("Mul", ["channels", "scale"], ["scaled"], {}),
        ("Add", ["scaled", "shift"], ["colour"], {}),  # 0..1 again
        ("Unsqueeze", ["colour", "first"], ["scores"], {}),  # (1, 1, 3): one box for each channel
        ("Identity", ["given"], ["boxes"], {}),
    ]
    constants = {
        "scale": np.array([0.229, 0.224, 0.225], np.float32),
        "shift": np.array([0.485, 0.456, 0.406], np.float32),
        "first": np.array([1]),
        "given": np.array([[[0, 0, 1, 1], [10, 0, 11, 1], [20, 0, 21, 1]]], np.float32),
    }
    ranks = {"boxes": 3, "scores": 3}
    path = graphs.write("colours", nodes, constants, ["N", 3, 64, 64], ranks)
    model = PictureModel(path, threads=1)
    model.outputs = tuple(
        port if port.name == "scores" else type(port)(port.name, port.type, (1, 3, 4))
        for port in model.outputs
    )
    found = PicoDet(model)(np.full((64, 64, 3), (255, 51, 102), np.uint8))
    scores = {round(box[0]): box[4] for box in found}
    assert scores == pytest.approx({0: 1.0, 10: 0.2, 20: 0.4}, abs=1e-3)


def test_a_picodet_with_other_numbers_of_boxes_and_scores(graphs: Any) -> None:
    model = PictureModel(_picodet(graphs, scores=SCORES[..., :3]), threads=1)
    with pytest.raises(WeightsError, match="a score for each box, got 3 for 4"):
        PicoDet(model)


def test_both_run_as_one_front_end(graphs: Any) -> None:
    maps = graphs.constant("maps", {"heatmaps": _gaussians(PLACES.clip(3, 8))}, size=SIZE)
    options = Pose2DOptions(
        threads=1,
        pose2d_checkpoint=str(maps),
        det_checkpoint=_picodet(graphs),
        pose2d_udp=True,
        pose2d_batch=1,  # the graph gives one map
    )
    stage = RTMPose(options)
    poses = stage(Frame(0, 0.0, np.zeros((64, 64, 3), np.uint8)))
    assert poses.keypoints.shape == (2, 17, 3)
    assert stage.metadata["detector"] == {"kind": "PicoDet", "input_size": [64, 64]}
    assert stage.metadata["keypoint_model"]["kind"] == "heatmap model"
    assert stage.metadata["udp"] is True


def test_udp_is_for_heatmaps(graphs: Any) -> None:
    options = Pose2DOptions(
        threads=1,
        pose2d_checkpoint=str(graphs.brightest("p", joints=17)),
        det_checkpoint=_picodet(graphs),
        pose2d_udp=True,
    )
    with pytest.raises(ConfigError, match=r"--pose2d-udp has no meaning with an RTMPose \(SimCC\)"):
        RTMPose(options)


def test_heatmaps_find_nobody(graphs: Any) -> None:
    maps = str(graphs.constant("maps", {"heatmaps": _gaussians(PLACES)}, size=SIZE))
    with pytest.raises(WeightsError, match=r"must be a person detector .* the heatmap model"):
        RTMPose(Pose2DOptions(pose2d_checkpoint=maps, det_checkpoint=maps))


def test_simcc_is_not_taken_for_a_picodet(graphs: Any) -> None:
    model = PictureModel(graphs.brightest("p", joints=17), threads=1)
    assert SimCC.fits(model)
    assert not PicoDet.fits(model)
