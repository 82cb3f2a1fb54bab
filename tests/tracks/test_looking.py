"""Decoding, looking and noting at the same time: what fails ends all, and nothing hangs."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.errors import InputError, OutputError, WeightsError
from mbcli.options import InferOptions
from mbcli.pipeline import Pipeline
from mbcli.pose2d import BACKENDS, Pose2DOptions
from mbcli.report import Stopwatch, unobserved
from mbcli.skeleton import COCO17
from mbcli.storage import journal as journals
from mbcli.storage.journal import Journal, journal
from mbcli.tracks.looking import looked_at
from mbcli.tracks.tracker import Tracker
from mbcli.types import FloatArray, Frame, FramePoses

FRAMES = 100
WAITS = 120.0  # seconds; what takes longer hangs, also on a machine that others use too


class Everywhere:
    """Finds one person who fills the picture."""

    name = "movenet"
    skeleton = COCO17
    weights: tuple[str, ...] = ()
    metadata: dict[str, Any]
    fails_at: int | None = None
    waits: Callable[[], object] = staticmethod(lambda: None)

    def __init__(self, options: Pose2DOptions | None = None) -> None:
        self.metadata = {"person_threshold": 0.3}
        self.seen: list[int] = []

    def __call__(self, frame: Frame) -> FramePoses:
        self.seen.append(frame.index)
        type(self).waits()
        if frame.index == self.fails_at:
            raise WeightsError("the network failed")
        keypoints = np.full((1, 17, 3), 0.9)
        keypoints[0, :, :2] = np.random.default_rng(1).uniform(10, 50, (17, 2))
        return FramePoses(frame.index, frame.time, np.array([[5.0, 5, 55, 55]]), keypoints)

    def state(self) -> dict[str, FloatArray]:
        return {}

    def resume(self, state: dict[str, FloatArray]) -> None:
        pass

    def close(self) -> None:
        pass


class Footage:
    """Stands for a `VideoReader` of pictures that are made on demand."""

    intact = True
    fps = 30.0

    def __init__(self, fails_at: int | None = None) -> None:
        self.decoded = 0
        self.fails_at = fails_at

    def __iter__(self) -> Iterator[Frame]:
        for index in range(FRAMES):
            if index == self.fails_at:
                raise InputError("the video is damaged")
            self.decoded += 1
            yield Frame(index=index, time=index / 30, image=np.zeros((60, 60, 3), np.uint8))


def looking(footage: Footage, backend: Everywhere, work: Journal | None = None) -> Any:
    return looked_at(footage, backend, Stopwatch(), work)  # type: ignore[arg-type]


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    """No thread outlives a run, and no run lasts for ever."""
    before, began = threading.active_count(), time.monotonic()
    yield
    assert threading.active_count() == before
    assert time.monotonic() - began < WAITS


def waiting(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + WAITS
    while not condition() and time.monotonic() < until:
        time.sleep(0.01)
    time.sleep(0.05)


def test_stages_run_ahead_of_each_other_but_not_too_far() -> None:
    footage, backend = Footage(), Everywhere()
    with closing(looking(footage, backend)) as seen:
        assert next(seen).poses.index == 0
        waiting(lambda: len(backend.seen) >= 6 and footage.decoded >= 13)
        # Taken; four wait, and one is about to. Of pictures also two by which cuts are told.
        assert len(backend.seen) == 6
        assert footage.decoded == 6 + 5 + 2


@pytest.mark.parametrize("frame", [0, 40, FRAMES - 1])
@pytest.mark.parametrize("stage", ["decode", "pose2d", "caller"])
def test_a_stage_that_fails_ends_all(stage: str, frame: int) -> None:
    footage = Footage(frame if stage == "decode" else None)
    backend = Everywhere()
    backend.fails_at = frame if stage == "pose2d" else None
    errors = {"decode": InputError, "pose2d": WeightsError, "caller": KeyboardInterrupt}

    def run() -> None:
        with closing(looking(footage, backend)) as seen:
            for one in seen:
                if stage == "caller" and one.poses.index == frame:
                    raise KeyboardInterrupt

    with pytest.raises(errors[stage]):
        run()
    assert footage.decoded <= frame + 13


def test_a_full_disk_ends_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journals, "_EVERY", 0.0)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("mbcli.storage.journal.np.savez", full)
    footage = Footage()

    def run() -> None:
        with journal(tmp_path / "work", lambda: "") as work:
            list(looking(footage, Everywhere(), work))

    with pytest.raises(OutputError, match="No space left"):
        run()
    assert footage.decoded < FRAMES


def test_a_slow_front_end_and_a_slow_caller_lose_nothing() -> None:
    class Slow(Everywhere):
        waits = staticmethod(lambda: time.sleep(0.002))

    backend = Slow()
    with closing(looking(Footage(), backend)) as seen:
        found = []
        for one in seen:
            found.append(one.poses.index)
            time.sleep(0.003)
    assert found == backend.seen == list(range(FRAMES))


def test_leaving_early_ends_all() -> None:
    footage = Footage()
    with closing(looking(footage, Everywhere())) as seen:
        next(seen)
    assert footage.decoded < FRAMES
    closing(looking(footage, Everywhere())).__exit__()  # before it has begun


@pytest.fixture
def pipeline(tiny_lifter: Path, monkeypatch: pytest.MonkeyPatch) -> Pipeline:
    monkeypatch.setitem(BACKENDS, "movenet", Everywhere)
    return Pipeline(InferOptions(weights=str(tiny_lifter), pose2d="movenet", end=1.0))


@pytest.mark.parametrize("moment", ["early", "late"])
def test_networks_that_cannot_be_loaded_end_the_2d_stage(
    pipeline: Pipeline, walk: Path, monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    """It is their error that is raised, while the video is looked at and after."""
    looked = threading.Event()

    def load(_: Pipeline) -> None:
        if moment == "late":
            looked.wait(WAITS)
        raise WeightsError("not a lifter")

    frames: list[int] = []

    def observer(stage: str, done: int, total: int | None) -> None:
        frames.append(done)
        if done == total:
            looked.set()
        if moment == "early":
            time.sleep(0.1)

    monkeypatch.setattr(Pipeline, "load", load)
    with pytest.raises(WeightsError, match="not a lifter"):
        pipeline.run(walk, observer)
    assert (len(frames) == 30) == (moment == "late")


def test_a_video_that_fails_does_not_wait_for_networks_for_ever(
    pipeline: Pipeline, walk: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(_: Tracker, poses: FramePoses) -> None:
        raise InputError("lost")

    monkeypatch.setattr(Tracker, "update", lost)
    with pytest.raises(InputError, match="lost"):
        pipeline.run(walk)


@pytest.mark.parametrize("stage", ["lift", "place", "observer"])
def test_what_fails_in_lifting_or_placing_ends_both(
    pipeline: Pipeline, walk: Path, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OverflowError(stage)

    def observer(name: str, done: int, total: int | None) -> None:
        if (stage, name) == ("observer", "lift"):
            broken()

    pipeline.load()
    if stage == "lift":
        monkeypatch.setattr(pipeline.lifter[0], "_windows", broken)
    if stage == "place":
        monkeypatch.setattr("mbcli.pipeline.Placer.__call__", broken)
    with pytest.raises(OverflowError, match=stage):
        pipeline.run(walk, observer if stage == "observer" else unobserved)
