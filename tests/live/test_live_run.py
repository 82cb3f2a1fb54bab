"""Live runs on the example, with the real 2D model and lifter."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.errors import InputError, NobodyFoundError
from mbcli.live.causal import LastFrames
from mbcli.live.feed import FileFeed
from mbcli.live.options import LiveOptions
from mbcli.live.run import LivePose, LiveRun
from mbcli.live.view import drawn
from mbcli.motion import Motion3D
from mbcli.options import InferOptions
from mbcli.pipeline import Pipeline
from mbcli.types import Frame, FramePoses

FRAMES = 24


class Patient(FileFeed):
    """The beginning of a file, which waits after each of its frames until its pose is there."""

    run: LiveRun
    until = "lifted"  # what has to be done with a frame before the next one comes

    def frames(self) -> Iterator[Frame]:
        for number, frame in enumerate(self._reader):
            if number == FRAMES:
                return
            yield frame
            while self.run._counts[self.until] <= number and not self.run._stopped.is_set():
                time.sleep(0.002)


def patient(walk: Path, options: LiveOptions, **more: Any) -> LiveRun:
    feed = Patient(walk)
    feed.run = LiveRun(feed, options, **more)
    return feed.run


@pytest.fixture(scope="module")
def ran(walk: Path) -> tuple[LiveRun, list[LivePose]]:
    run = patient(walk, LiveOptions(person="largest"), record=True)
    poses: list[LivePose] = []
    run.each = poses.append
    for _ in run.poses():
        pass
    return run, poses


def test_every_frame_has_its_pose_when_there_is_time(ran: tuple[LiveRun, list[LivePose]]) -> None:
    run, poses = ran
    report = run.report()
    assert (report.given, report.seen, report.lifted) == (FRAMES, FRAMES, FRAMES)
    assert [pose.frame.index for pose in poses] == list(range(FRAMES))
    assert report.latency > 0
    for pose in poses[2:]:  # people are known by their second frame
        assert pose.motion is not None
        assert pose.motion.timestamps[pose.row] == pose.frame.time
        assert pose.row == len(pose.motion.timestamps) - 1  # nothing after it is known


def test_a_recording_is_what_infer_makes(ran: tuple[LiveRun, list[LivePose]], walk: Path) -> None:
    recorded = ran[0].recorded()
    options = InferOptions(person="largest", flip=False, end=(FRAMES - 0.5) / recorded.fps)
    want, _ = Pipeline(options).run(walk)
    assert np.array_equal(recorded.timestamps, want.timestamps)
    assert np.array_equal(recorded.keypoints.data, want.keypoints.data, equal_nan=True)
    assert np.nanmax(np.abs(recorded.positions - want.positions)) < 1e-3
    assert recorded.meta["live"]["given"] == FRAMES
    assert recorded.meta["source"] == str(walk.resolve())
    assert [row["stage"] for row in recorded.meta["weights"]] == ["pose2d", "pose2d", "lift"]


def test_the_newest_pose_is_near_the_one_with_hindsight(
    ran: tuple[LiveRun, list[LivePose]],
) -> None:
    run, poses = ran
    want = run.recorded()
    apart = []
    for row, pose in enumerate(poses):
        if row >= FRAMES // 2:
            assert pose.motion is not None
            found = pose.motion.positions[pose.row, 0]
            apart.append(np.linalg.norm(found - want.positions[row, 0], axis=-1).mean())
    # Millimetres; the whole body is some 1700 high.
    assert 0 < 1000 * np.mean(apart) < 60


def test_a_pose_that_waits_is_of_an_earlier_frame(walk: Path) -> None:
    run = patient(walk, LiveOptions(latency=0.1))
    run._feed.until = "seen"  # type: ignore[attr-defined]
    poses: list[LivePose] = []
    run.each = poses.append
    for _ in run.poses():
        pass
    pose = poses[-1]
    assert pose.motion is not None
    behind = pose.motion.timestamps[-1] - pose.frame.time
    assert 0.1 <= behind + 1e-6 < 0.1 + 2 / run._feed.fps
    assert pose.motion.timestamps[pose.row] == pose.frame.time


def test_frames_for_which_there_is_no_time_are_counted_and_times_are_kept(walk: Path) -> None:
    feed = FileFeed(walk)
    run = LiveRun(feed, LiveOptions(), record=True)
    backend = run._backend

    class Slow:
        def __getattr__(self, name: str) -> Any:
            return getattr(backend, name)

        def __call__(self, frame: Frame) -> FramePoses:
            time.sleep(0.12)  # four frames
            return backend(frame)

    run._backend = Slow()
    for number, _ in enumerate(run.poses()):
        if number == 5:
            run.stop()
    report, recorded = run.report(), run.recorded()
    assert report.given > 2 * report.seen
    assert recorded.meta["live"] == {**recorded.meta["live"], "seen": len(recorded.timestamps)}
    # Times are those of the file, and gaps stay gaps.
    index = recorded.keypoints.frame_index
    assert np.allclose(recorded.timestamps, index / feed.fps, atol=0.002)
    assert np.diff(index).max() >= 3


@pytest.mark.parametrize("stage", ["feed", "2D", "lift", "each"])
def test_a_stage_that_fails_ends_the_run_with_its_error(
    walk: Path, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = LiveRun(FileFeed(walk), LiveOptions())

    def fail(*_: Any) -> Any:
        raise InputError(f"no more {stage}")

    place = {"feed": "_feed.frames", "2D": "_backend", "lift": "_lifter", "each": "each"}[stage]
    target: Any = run
    *way, last = place.split(".")
    for name in way:
        target = getattr(target, name)
    if last == "_backend":
        fail.close = lambda: None  # type: ignore[attr-defined]
    monkeypatch.setattr(target, last, fail)
    before = threading.active_count()
    with pytest.raises(InputError, match=f"no more {stage}"):
        for _ in run.poses():
            pass
    for thread in run._threads:
        thread.join(20)
    assert threading.active_count() <= before


def test_nothing_was_seen(walk: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = LiveRun(FileFeed(walk), LiveOptions(), record=True)
    run.stop()
    assert list(run.poses()) == []
    assert run.report().seen == 0
    with pytest.raises(NobodyFoundError, match="nobody was found in the 0 frames"):
        run.recorded()


def test_a_window_forgets_what_is_too_old() -> None:
    window = LastFrames(span=0.5, latency=0.1)
    picture, nobody = np.zeros((2, 2, 3), np.uint8), np.zeros(0, int)
    for number in range(40):
        frame = Frame(number, number / 20, picture)
        poses = FramePoses(number, frame.time, np.zeros((0, 4)), np.zeros((0, 17, 3)))
        window.add((frame, 100.0 + frame.time), poses, nobody)
        due = window.due()
        if number < 2:
            assert due is None
            continue
        assert due is not None
        frames, row, shown, since = due
        assert shown.index == number - 2 == frames[row][0].index
        assert since == 100.0 + shown.time
    assert [poses.index for poses, _ in window.frames] == list(range(29, 40))
    assert len(window.pictures) == 3


def test_frames_may_be_further_apart_than_a_window_lasts() -> None:
    window = LastFrames(span=0.5, latency=0.1)
    picture, nobody = np.zeros((2, 2, 3), np.uint8), np.zeros(0, int)
    for number in range(4):
        frame = Frame(number, float(number), picture)
        poses = FramePoses(number, frame.time, np.zeros((0, 4)), np.zeros((0, 17, 3)))
        window.add((frame, 0.0), poses, nobody)
        due = window.due()
        assert (due is None) == (number == 0)
        if due is not None:
            frames, row, shown, _ = due
            assert shown.index == number - 1 == frames[row][0].index


def test_pictures_have_one_size_with_and_without_people(
    ran: tuple[LiveRun, list[LivePose]],
) -> None:
    run, poses = ran
    with_people = drawn(poses[-1], run.report())
    nobody = LivePose(poses[-1].frame, None, 0, 0.01)
    without = drawn(nobody, run.report())
    assert with_people.shape == without.shape
    apart = np.abs(with_people.astype(int) - without).max(axis=-1) > 30
    half = with_people.shape[1] * 3 // 5
    assert apart[:, :half].any()  # the skeleton on the picture
    assert apart[:, half:].any()  # and in space


def test_motions_of_a_window_are_motions(ran: tuple[LiveRun, list[LivePose]]) -> None:
    _, poses = ran
    motion = poses[-1].motion
    assert isinstance(motion, Motion3D)
    assert motion.fps == pytest.approx(ran[0]._feed.fps)
