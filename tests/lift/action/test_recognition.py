from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from mbcli.errors import ConfigError, WeightsError
from mbcli.geometry import crop_scale
from mbcli.lift.action.checkpoint import ActionInfo
from mbcli.lift.action.heads import ActionNet, new_head
from mbcli.lift.action.network_input import ClipForm, normalised, published_gaps, without_wild
from mbcli.lift.action.recognition import ActionNetwork, ActionOptions, ActionRecogniser
from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.model import DSTformer
from mbcli.skeleton import COCO17, H36M17
from mbcli.storage.actions import ActionSpan, frame_labels, from_json, to_json
from mbcli.types import Keypoints2D

SMALL = DSTformerConfig(dim_feat=16, dim_rep=12, depth=1, num_heads=4, maxlen=16)
FPS = 20.0
SIZE = (640, 480)


def people(frames: int, *places: float) -> np.ndarray:
    """(F, P, 17, 3) swaying bodies at some x."""
    rng = np.random.default_rng(1)
    body = rng.uniform(-50, 50, (len(places), 17, 2))
    time = np.arange(frames)[:, None, None] / FPS
    xy = body + 5 * np.sin(time + body[..., 0])[..., None]
    xy = xy + np.array([(x, 240.0) for x in places])[:, None]
    return np.concatenate([xy, np.full((*xy.shape[:3], 1), 0.8)], axis=-1)


def clip_of(data: np.ndarray, skeleton=H36M17) -> Keypoints2D:
    frames, count = data.shape[:2]
    return Keypoints2D(
        data=data,
        skeleton=skeleton,
        fps=FPS,
        timestamps=10 + np.arange(frames) / FPS,
        size=SIZE,
        track_ids=np.arange(count) + 5,
        boxes=np.zeros((frames, count, 4)),
        frame_index=np.arange(frames),
    )


class Recorder(ActionNet):
    """Keeps what it is shown."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.shown = [*getattr(self, "shown", []), *x]
        return super().forward(x)


@pytest.fixture
def make_network() -> Callable[..., ActionNetwork]:
    def make(
        form: ClipForm, *, embeds: bool = False, exemplars: torch.Tensor | None = None
    ) -> ActionNetwork:
        torch.manual_seed(0)
        backbone = DSTformer(SMALL)
        classes = ("a", "b", "c")
        head = new_head(backbone, None if embeds else 3, hidden=8, dropout=0, seed=0)
        info = ActionInfo(Path("x"), "", "mbcli", classes, form, exemplars)
        return ActionNetwork(Recorder(backbone, head), info, "cpu")

    return make


FORM = ClipForm(frames=16, people=2, margin=2.0, seconds=2.0)


def test_windows_cover_each_run_evenly_and_pairs_are_seen_together(make_network) -> None:
    data = people(200, 100, 160, 600)
    data[60:, 2] = (np.nan, np.nan, 0)  # leaves after 3 s
    data[100:150, 0] = (np.nan, np.nan, 0)  # away for 2.5 s: two runs
    data[20:25, 1] = (np.nan, np.nan, 0)  # a short absence ends no run
    network = make_network(FORM)
    reports: list[tuple[int, int]] = []
    spans = ActionRecogniser(network).recognise(
        clip_of(data), lambda done, total: reports.append((done, total))
    )
    by_people: dict[tuple[int, ...], list[tuple[int, int]]] = {}
    for span in spans:
        by_people.setdefault(span.track_ids, []).append(span.frames)
    # 40 frames a window, 20 from one to the next.
    assert by_people[(5,)] == [(0, 40), (20, 60), (40, 80), (60, 100), (150, 190), (160, 200)]
    assert by_people[(6,)] == [(first, first + 40) for first in range(0, 161, 20)]
    assert by_people[(7,)] == [(0, 40), (20, 60)]
    # Everybody with who is nearest: 5 and 6, and 7 with 6; never 5 with 7.
    assert by_people[(5, 6)] == by_people[(5,)]
    assert by_people[(6, 7)] == [(0, 40), (20, 60)]
    assert set(by_people) == {(5,), (6,), (7,), (5, 6), (6, 7)}
    assert reports[-1] == (len(spans), len(spans))
    assert [span.start for span in spans] == sorted(span.start for span in spans)
    first = next(span for span in spans if span.track_ids == (6,))
    assert (first.start, first.end) == pytest.approx((10.0, 12.0))
    assert [name for name, _ in first.labels] != []
    assert sum(p for _, p in first.labels) == pytest.approx(1)
    assert all(a[1] >= b[1] for a, b in zip(first.labels, first.labels[1:], strict=False))

    alone = ActionRecogniser(network, ActionOptions(pairs=False)).recognise(clip_of(data))
    assert {span.track_ids for span in alone} == {(5,), (6,), (7,)}


def test_a_clip_is_what_the_training_made(make_network) -> None:
    """The reference path from pixels, with resampling, and with the absent partner missing."""
    data = people(40, 100, 500)
    network = make_network(FORM)
    ActionRecogniser(network, ActionOptions(window=2)).recognise(clip_of(data))
    alone, _, pair = network._model.shown
    rows = np.arange(16) * 40 // 16
    points = np.full((1, 16, 2, 17, 3), np.nan)
    points[..., 2] = 0
    points[0, :, 0] = data[rows, 0]
    wanted = normalised(torch.from_numpy(points), 2.0)[0]
    assert torch.allclose(alone, wanted.float(), atol=1e-5)
    assert (alone[1] == 0).all()
    assert pair[0, ..., 0].max() < 0 < pair[1, ..., 0].min()
    assert pair[..., :2].abs().max() == pytest.approx(0.5, abs=1e-3)


def test_a_short_run_is_one_short_window_and_a_shorter_one_none(make_network) -> None:
    recogniser = ActionRecogniser(make_network(FORM), ActionOptions(top=1))
    assert [s.frames for s in recogniser.recognise(clip_of(people(25, 100)))] == [(0, 25)]
    assert recogniser.recognise(clip_of(people(9, 100))) == []
    empty = np.full((30, 1, 17, 3), np.nan)
    empty[..., 2] = 0
    assert recogniser.recognise(clip_of(empty)) == []
    assert recogniser.recognise(clip_of(np.zeros((30, 0, 17, 3)))) == []


def test_what_cannot_be(make_network) -> None:
    with pytest.raises(ConfigError, match="must not exceed the window, got 3 s over 2 s"):
        ActionRecogniser(make_network(FORM), ActionOptions(stride=3))
    for options in ({"window": 0.0}, {"stride": -1.0}, {"top": 0}, {"batch_size": 0}):
        with pytest.raises(ConfigError, match="must be"):
            ActionOptions(**options)
    with pytest.raises(WeightsError, match="no exemplars"):
        ActionRecogniser(make_network(FORM, embeds=True))
    with pytest.raises(WeightsError, match="clips of 17 frames"):
        make_network(ClipForm(frames=17))
    with pytest.raises(ValueError, match="h36m17"):
        ActionRecogniser(make_network(FORM)).recognise(clip_of(people(30, 9), COCO17))


def test_an_embedding_is_named_by_the_nearest_exemplar(make_network) -> None:
    network = make_network(FORM, embeds=True, exemplars=torch.eye(3, 8))
    predictions = np.zeros((2, 8))
    predictions[0, 1], predictions[1, :3] = 1, (0.6, 0, 0.8)
    chances = network.probabilities(predictions)
    assert chances.argmax(axis=1).tolist() == [1, 2]
    wanted = np.exp(np.array([6.0, 0, 8])) / np.exp(np.array([6.0, 0, 8])).sum()
    assert chances[1] == pytest.approx(wanted)


def test_published_clips_are_made_as_published() -> None:
    """Missing joints lie in the picture's corner, an absent person at one point."""
    data = people(9, 200, 300)
    data[:, 1] = (np.nan, np.nan, 0)
    data[3, 0, 4] = (np.nan, np.nan, 0)
    filled = published_gaps(data, SIZE)
    got = normalised(torch.from_numpy(filled)[None], 2.0, published=True)[0].numpy()
    # The published way: -1..1 across the longer side, what is missing left where it is.
    half = max(SIZE) / 2
    camera = np.nan_to_num(data) / (half, half, 1) - (1, 1, 0)
    camera[:, 1] = 0
    wanted = crop_scale(camera.reshape(9, 34, 3), (2.0, 2.0)).reshape(9, 2, 17, 3)
    assert np.allclose(got, wanted.swapaxes(0, 1), atol=1e-5)
    assert (got[1] != 0).any()


def test_missing_is_zero_and_wild_is_missing() -> None:
    data = people(20, 200, 300)
    data[5, 0, 3, :2] = (5000, -5000)
    data[:, 1, 2] = (np.nan, np.nan, 0)
    clean = without_wild(data)
    assert np.isnan(clean[5, 0, 3, :2]).all()
    assert np.count_nonzero(clean[..., 2] != data[..., 2]) == 1
    x = normalised(torch.from_numpy(clean)[None], torch.tensor([1.0]))[0]
    assert (x[1, :, 2] == 0).all()
    assert (x[0, 5, 3] == 0).all()
    assert x[..., :2].abs().max() == pytest.approx(1)
    assert (normalised(torch.full((1, 4, 2, 17, 3), torch.nan), 1.0) == 0).all()


def test_labels_of_frames_are_those_of_the_nearest_window() -> None:
    def span(first: int, stop: int, who: tuple[int, ...], name: str, p: float) -> ActionSpan:
        return ActionSpan(first / 10, stop / 10, (first, stop), who, ((name, p), ("other", 1 - p)))

    spans = [
        span(0, 20, (3,), "walk", 0.9),
        span(10, 30, (3,), "run", 0.6),
        span(10, 30, (3, 8), "hug somebody", 0.7),
        span(10, 30, (8,), "sit", 0.8),
    ]
    names, chances = frame_labels(spans, np.array([8, 3, 4]), 35)
    assert names.shape == chances.shape == (35, 3)
    assert set(names[:15, 1]) == {"walk"}  # surer than the pair
    assert set(names[15:30, 1]) == {"hug somebody"}
    assert set(names[10:30, 0]) == {"sit"}
    assert set(names[30:].ravel()) | set(names[:, 2]) == {""}
    assert chances[0, 1] == pytest.approx(0.9)
    assert frame_labels([], np.array([1]), 4)[0].tolist() == [[""]] * 4

    document = json.loads(json.dumps(to_json(spans)))
    assert document[1] == {
        "start": 1.0,
        "end": 3.0,
        "frames": [10, 30],
        "track_ids": [3],
        "labels": [{"name": "run", "probability": 0.6}, {"name": "other", "probability": 0.4}],
    }
    assert [s.labels[0] for s in from_json(document)] == [s.labels[0] for s in spans]
    assert from_json(document)[2].track_ids == (3, 8)
