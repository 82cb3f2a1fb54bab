"""Scene cuts: found, told apart from flashes and fast pans, and the end of every track."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest

from mbcli.options import InferOptions
from mbcli.pipeline import Pipeline
from mbcli.report import Stopwatch, unobserved
from mbcli.tracks.cuts import with_cuts
from mbcli.tracks.source import opened
from mbcli.types import Frame
from mbcli.video import VideoReader, write_video

WALK = Path(__file__).parents[2] / "examples" / "walk.mp4"
Image = npt.NDArray[np.uint8]


@pytest.fixture(scope="module")
def walk() -> list[Image]:
    with VideoReader(WALK, end=1.4) as reader:
        return [frame.image for frame in reader]


def cuts_of(images: Sequence[Image]) -> list[int]:
    frames = [Frame(k, k / 30, image) for k, image in enumerate(images)]
    given = list(with_cuts(iter(frames)))
    assert [frame.index for frame in given] == list(range(len(frames)))
    return [frame.index for frame in given if frame.cut]


def elsewhere(images: Sequence[Image]) -> list[Image]:
    """Another camera's view: mirrored, and of other brightness."""
    return [np.ascontiguousarray(255 - image[:, ::-1]) for image in images]


def test_a_cut_begins_a_shot(walk: list[Image]) -> None:
    assert cuts_of([*walk[:10], *elsewhere(walk[10:20]), *walk[20:30]]) == [10, 20]


@pytest.mark.parametrize("after", [1, 2])
def test_cuts_at_the_ends(walk: list[Image], after: int) -> None:
    assert cuts_of([*walk[:1], *elsewhere(walk[1:4])]) == [1]
    assert cuts_of([*walk[:5], *elsewhere(walk[5 : 5 + after])]) == [5]


def test_a_flash_is_no_cut(walk: list[Image]) -> None:
    for lasts in (1, 2):
        images = list(walk[:20])
        images[10 : 10 + lasts] = [np.full_like(walk[0], 250)] * lasts
        assert cuts_of(images) == []


def test_a_whip_pan_is_no_cut(walk: list[Image]) -> None:
    wide = np.concatenate([walk[0], walk[0][:, ::-1]], axis=1)
    pan = [np.ascontiguousarray(wide[:, x : x + 640]) for x in range(0, 1900, 200)]
    assert cuts_of(pan) == []


def test_each_shot_is_as_if_alone(tmp_path: Path, walk: list[Image]) -> None:
    first, second = walk[:20], [np.ascontiguousarray(image[:, ::-1]) for image in walk[20:40]]
    darker = [(image * 0.5).astype(np.uint8) for image in second]
    path = tmp_path / "cut.mp4"
    write_video(path, [*first, *darker], fps=30, overwrite=True)
    both = Pipeline().run(path)[0]
    assert both.meta["cuts"] == both.keypoints.cuts.tolist() == [20]
    pipeline = Pipeline(InferOptions(end=20 / 30))
    pipeline.lifter = Pipeline().lifter
    alone = pipeline.run(path)[0]
    there = np.isfinite(both.positions[:20]).any(axis=(0, 2, 3))
    assert np.allclose(both.positions[:20, there], alone.positions, atol=1e-6, equal_nan=True)
    assert np.allclose(both.root[:20, there], alone.root, atol=1e-5, equal_nan=True)
    # Nobody is in both.
    assert not (there & np.isfinite(both.positions[20:]).any(axis=(0, 2, 3))).any()


@pytest.mark.parametrize(("cuts", "found"), [("auto", [3]), ("off", [])])
def test_cuts_on_demand(tmp_path: Path, walk: list[Image], cuts: str, found: list[int]) -> None:
    path = tmp_path / "cut.mp4"
    darker = [(image[:, ::-1] * 0.5).astype(np.uint8) for image in walk[3:6]]
    write_video(path, [*walk[:3], *darker], fps=30, overwrite=True)
    with opened(path, InferOptions(cuts=cuts)) as detect:
        assert detect(unobserved, Stopwatch()).keypoints.cuts.tolist() == found
