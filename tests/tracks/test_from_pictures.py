"""What every picture shows becomes tracks, in one run or in two, with a front end that is quick."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from mbcli.errors import NobodyFoundError
from mbcli.options import InferOptions
from mbcli.pose2d import BACKENDS, Pose2DOptions
from mbcli.skeleton import COCO17
from mbcli.storage import journal as journals
from mbcli.storage.journal import Journal, journal
from mbcli.tracks.detection import Detection
from mbcli.tracks.from_pictures import detect_in_pictures
from mbcli.types import FloatArray, Frame, FramePoses
from mbcli.video import VideoReader

FRAMES, CUT = 30, 14
AHEAD = 5  # frames: those that wait, and the one that is about to
OPTIONS = InferOptions(pose2d="movenet")
looked_at: list[int] = []


class Blocks:
    """Finds one person in whatever differs from the picture's corner, surer with every frame."""

    name = "movenet"
    skeleton = COCO17
    weights: tuple[str, ...] = ()
    metadata: dict[str, Any]

    def __init__(self, _: Pose2DOptions) -> None:
        self.metadata = {"person_threshold": 0.3}
        self._count = 0

    def __call__(self, frame: Frame) -> FramePoses:
        looked_at.append(frame.index)
        self._count += 1
        y, x = np.nonzero((frame.image != frame.image[0, 0]).any(axis=-1))
        if not len(x):
            return FramePoses(frame.index, frame.time, np.zeros((0, 4)), np.zeros((0, 17, 3)))
        box = np.array([[x.min(), y.min(), x.max() + 1, y.max() + 1]], np.float32)
        keypoints = np.full((1, 17, 3), 0.4 + self._count / 100)
        keypoints[0, :, 0] = np.linspace(x.min(), x.max(), 17)
        keypoints[0, :, 1] = np.linspace(y.min(), y.max(), 17)
        if frame.index == 7:
            keypoints[0, 0] = np.nan, np.nan, 0
        return FramePoses(frame.index, frame.time, box, keypoints)

    def state(self) -> dict[str, FloatArray]:
        return {"count": np.array([self._count])}

    def resume(self, state: dict[str, FloatArray]) -> None:
        self._count = int(state["count"][0])

    def close(self) -> None:
        pass


@pytest.fixture(autouse=True)
def blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every frame makes a chunk."""
    monkeypatch.setitem(BACKENDS, "movenet", Blocks)
    monkeypatch.setattr(journals, "_EVERY", 0.0)
    looked_at.clear()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A block that moves to the right; from `CUT` on, darker than what is behind it."""
    folder = tmp_path_factory.mktemp("pictures")
    for number in range(FRAMES):
        image = np.full((48, 64, 3), 60 if number < CUT else 200, np.uint8)
        image[6:42, 5 + number : 20 + number] = 160 if number < CUT else 100
        Image.fromarray(image).save(folder / f"{number:03d}.png")
    return folder


@contextmanager
def kept(folder: Path) -> Iterator[Journal]:
    with journal(folder / "work", lambda: "the same") as work:
        yield work


def detected(
    pictures: Path,
    options: InferOptions = OPTIONS,
    work: Journal | None = None,
    ends_after: int | None = None,
    fps: float = 30.0,
) -> Detection:
    done: list[tuple[str, int, int | None]] = []

    def observer(stage: str, count: int, total: int | None) -> None:
        done.append((stage, count, total))
        if count == ends_after:
            raise KeyboardInterrupt

    with VideoReader(pictures, image_fps=fps) as reader:
        found = detect_in_pictures(reader, options, observer, journal=work)
    assert done == [("pose2d", n, FRAMES) for n in range(1, FRAMES + 1)]
    return found


def test_tracks_end_at_a_cut_unless_that_is_switched_off(pictures: Path) -> None:
    found = detected(pictures).keypoints
    assert found.cuts.tolist() == [CUT]
    assert found.track_ids.tolist() == [1, 2]
    assert found.present.sum(axis=0).tolist() == [CUT, FRAMES - CUT]
    assert found.present[:CUT, 0].all()
    np.testing.assert_array_equal(found.boxes[CUT, 1], [5 + CUT, 6, 20 + CUT, 42])
    assert looked_at == list(range(FRAMES))
    found = detected(pictures, InferOptions(pose2d="movenet", cuts="off")).keypoints
    assert (found.cuts.tolist(), found.track_ids.tolist()) == ([], [1])
    assert found.present.all()


@pytest.mark.parametrize("cuts", ["auto", "off"])
@pytest.mark.parametrize("ends_after", [2, 3, CUT, CUT + 1, CUT + 2, FRAMES])
def test_a_run_that_was_ended_goes_on(
    pictures: Path, tmp_path: Path, ends_after: int, cuts: str
) -> None:
    options = InferOptions(pose2d="movenet", cuts=cuts)
    whole = detected(pictures, options)
    looked_at.clear()
    with pytest.raises(KeyboardInterrupt), kept(tmp_path) as work:
        detected(pictures, options, work, ends_after)
    # The front end is a few frames ahead.
    assert looked_at == list(range(len(looked_at)))
    assert ends_after <= len(looked_at) <= ends_after + AHEAD
    looked_at.clear()
    with kept(tmp_path) as work:
        # What the last frame shows had not been written.
        assert len(work.kept) == ends_after - 1
        again = detected(pictures, options, work)
        assert (
            work.went_on == f"resumed after frame {ends_after - 2}, where an earlier run had ended"
        )
    assert again == whole
    assert looked_at == list(range(ends_after - 1, FRAMES))


# Frame 13 ends the first shot.
LOOKED_AT_60 = [0, 2, 4, 6, 8, 10, 12, 13, CUT, 16, 18, 20, 22, 24, 26, 28, 29]


def test_of_a_fast_video_every_second_frame_is_looked_at(pictures: Path) -> None:
    found = detected(pictures, fps=60.0)
    assert looked_at == LOOKED_AT_60
    between = [number for number in range(FRAMES) if number not in LOOKED_AT_60]
    assert found.meta(OPTIONS, None)["interpolated_frames"] == between
    tracks = found.keypoints
    assert tracks.fps == 60.0
    assert tracks.frame_index.tolist() == list(range(FRAMES))
    assert tracks.cuts.tolist() == [CUT]
    assert tracks.present.sum(axis=0).tolist() == [CUT, FRAMES - CUT]
    looked_at.clear()
    every = detected(pictures, InferOptions(pose2d="movenet", pose2d_rate=0), fps=60.0)
    assert looked_at == list(range(FRAMES))
    assert every.interpolated == ()
    # The block moves evenly, so that it is in between where it was found.
    np.testing.assert_allclose(tracks.boxes, every.keypoints.boxes, atol=1e-4)
    np.testing.assert_allclose(
        tracks.data[..., 1:, :2], every.keypoints.data[..., 1:, :2], atol=1e-4
    )


def test_every_frame_is_looked_at_for_the_published_inference(pictures: Path) -> None:
    detected(pictures, InferOptions(pose2d="movenet", compat="motionbert"), fps=60.0)
    assert looked_at == list(range(FRAMES))


@pytest.mark.parametrize("ends_after", [3, 4, 13, CUT, CUT + 1, CUT + 2, FRAMES])
def test_a_run_over_a_fast_video_goes_on(pictures: Path, tmp_path: Path, ends_after: int) -> None:
    whole = detected(pictures, fps=60.0)
    looked_at.clear()
    with pytest.raises(KeyboardInterrupt), kept(tmp_path) as work:
        detected(pictures, OPTIONS, work, ends_after, fps=60.0)
    looked_at.clear()
    with kept(tmp_path) as work:
        assert detected(pictures, OPTIONS, work, fps=60.0) == whole
    assert looked_at == [number for number in LOOKED_AT_60 if number >= ends_after - 1]


def test_what_was_seen_after_the_last_chunk_is_kept_too(
    pictures: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For another lifter, if a chunk has been written at all; a short run writes none."""
    for due, chunks in ((lambda _: len(looked_at) == 10, 2), (lambda _: False, 0)):
        monkeypatch.setattr(Journal, "due", due)
        looked_at.clear()
        whole: list[Detection] = []

        def interrupted(folder: Path, found: list[Detection] = whole) -> None:
            with kept(folder) as work:
                found.append(detected(pictures, OPTIONS, work))
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            interrupted(tmp_path / str(chunks))
        with kept(tmp_path / str(chunks)) as work:
            assert [len(chunk["index"]) for chunk in work.kept] == ([10, 20] if chunks else [])
            looked_at.clear()
            with VideoReader(pictures, image_fps=30.0) as reader:
                assert detect_in_pictures(reader, OPTIONS, journal=work) == whole[0]
        assert len(looked_at) == (0 if chunks else FRAMES)


def test_what_is_wrong_with_the_pictures_is_passed_on(
    pictures: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(VideoReader, "warnings", ["the folder lacks a picture"])
    monkeypatch.setattr(VideoReader, "damaged", frozenset({3}))
    found = detected(pictures)
    assert found.warnings == ("the folder lacks a picture",)
    assert found.damaged == (3,)
    sure = found.keypoints.data[:, 0, 1, 2]
    np.testing.assert_allclose(sure[[2, 3, 4]], [0.43, 0.22, 0.45])  # half of it in frame 3
    assert found.source == str(pictures.resolve())
    assert (found.backend, found.weights) == ("movenet", ())
    assert found.pose2d["person_threshold"] == 0.3
    assert found.pose2d["reason"]


def test_what_is_repaired_is_in_the_result(pictures: Path) -> None:
    """The nose is missing in frame 7."""
    found = detected(pictures)
    assert found.mended["bridged"] == 1
    assert found.mended["people"][0]["bridged"] == [{"frames": [7, 7], "joints": ["nose"]}]
    found = detected(pictures, InferOptions(pose2d="movenet", bridge=False))
    assert found.mended == {}


def test_where_nobody_is_a_lower_score_is_advised(tmp_path: Path) -> None:
    Image.new("RGB", (64, 48)).save(tmp_path / "empty.png")
    with (
        VideoReader(tmp_path / "empty.png") as reader,
        pytest.raises(NobodyFoundError, match=r"--min-score 0.3: try --min-score 0.15"),
    ):
        detect_in_pictures(reader, OPTIONS)
