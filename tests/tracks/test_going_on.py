"""A 2D stage that was ended in the middle goes on, with the result of one that was not."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.errors import InputError, OutputError
from mbcli.options import InferOptions
from mbcli.pose2d import BACKENDS, Pose2DOptions
from mbcli.pose2d.movenet import MoveNet
from mbcli.report import Stopwatch, unobserved
from mbcli.storage import journal as journals
from mbcli.storage.journal import journal_folder
from mbcli.tracks.detection import Detection
from mbcli.tracks.source import kept_beside, opened
from mbcli.types import Frame, FramePoses
from mbcli.video import VideoReader, write_video

OPTIONS = InferOptions(end=0.9)


class _Ended(BaseException):
    """Stands for a kill."""


@pytest.fixture(autouse=True)
def looked_at(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Numbers of the frames that the front end sees; every frame makes a chunk."""
    seen: list[int] = []

    class Watched(MoveNet):
        def __call__(self, frame: Frame) -> FramePoses:
            seen.append(frame.index)
            return super().__call__(frame)

    def watched(options: Pose2DOptions) -> MoveNet:
        return Watched(threads=1)

    monkeypatch.setitem(BACKENDS, "movenet", watched)
    monkeypatch.setattr(journals, "_EVERY", 0.0)
    return seen


def detected(
    source: Path,
    target: Path,
    ends_after: int | None = None,
    options: InferOptions = OPTIONS,
    *,
    restart: bool = False,
    error: Callable[[], BaseException] = _Ended,
) -> tuple[Detection, str]:
    def observer(stage: str, done: int, total: int | None) -> None:
        # Before the chunk of this frame is written.
        if done == ends_after:
            raise error()

    with (
        kept_beside(target, source, options, restart=restart) as work,
        opened(source, options, work=work) as detect,
    ):
        return detect(unobserved if ends_after is None else observer, Stopwatch()), work.went_on


@pytest.fixture(scope="module")
def cut_clip(walk: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two shots: the walk clip, mirrored from frame 12 on."""
    path = tmp_path_factory.mktemp("clip") / "cut.mp4"
    with VideoReader(walk, end=0.9) as reader:
        frames = [frame.image for frame in reader]
    frames[12:] = [255 - np.ascontiguousarray(image[:, ::-1]) for image in frames[12:]]
    write_video(path, frames, fps=reader.fps)
    return path


@pytest.fixture(scope="module")
def whole(cut_clip: Path) -> Detection:
    """The result of an unbroken run."""
    with opened(cut_clip, OPTIONS) as detect:
        return detect(unobserved, Stopwatch())


@pytest.mark.parametrize("ends_after", [2, 13, 25])
def test_the_result_is_that_of_an_unbroken_run(
    cut_clip: Path, whole: Detection, tmp_path: Path, looked_at: list[int], ends_after: int
) -> None:
    target = tmp_path / "pose.npz"
    assert whole.keypoints.cuts.tolist() == [12]
    frames = len(whole.keypoints.timestamps)
    looked_at.clear()
    with pytest.raises(_Ended):
        detected(cut_clip, target, ends_after)
    assert journal_folder(target).exists()
    again, said = detected(cut_clip, target)
    assert said == f"resumed after frame {ends_after - 2}, where an earlier run had ended"
    # Before it ended, the front end was a few frames ahead.
    before = looked_at.index(ends_after - 1, ends_after)
    assert looked_at == [*range(before), *range(ends_after - 1, frames)]
    assert again == whole
    assert list(tmp_path.iterdir()) == []


def test_another_lifter_looks_at_no_picture_again(
    cut_clip: Path, whole: Detection, tmp_path: Path, looked_at: list[int]
) -> None:
    target = tmp_path / "pose.npz"

    def lifted() -> None:
        with (
            kept_beside(target, cut_clip, OPTIONS) as work,
            opened(cut_clip, OPTIONS, work=work) as detect,
        ):
            detect(unobserved, Stopwatch())
            raise _Ended

    with pytest.raises(_Ended):
        lifted()
    looked_at.clear()
    again, _ = detected(cut_clip, target, options=replace(OPTIONS, height=1.9, flip=False))
    assert looked_at == []
    assert again == whole


@pytest.mark.parametrize("change", ["options", "content", "restart", "damage"])
def test_what_does_not_fit_is_done_again(
    cut_clip: Path, tmp_path: Path, looked_at: list[int], change: str
) -> None:
    source, target = tmp_path / "clip.mp4", tmp_path / "pose.npz"
    source.write_bytes(cut_clip.read_bytes())
    with pytest.raises(_Ended):
        detected(source, target, 10)
    looked_at.clear()
    options = OPTIONS
    if change == "options":
        options = replace(OPTIONS, every=2)
    if change == "content":
        with source.open("ab") as stream:
            stream.write(b"x")
    if change == "damage":
        chunk = journal_folder(target) / "000004.npz"
        chunk.write_bytes(chunk.read_bytes()[:-40])
    detected(source, target, options=options, restart=change == "restart")
    assert looked_at[0] == (4 if change == "damage" else 0)
    assert [path.name for path in tmp_path.iterdir()] == ["clip.mp4"]


@pytest.mark.parametrize("read", ["pose2d_checkpoint", "calibration"])
def test_a_file_with_another_content_makes_another_result(
    read: str, walk: Path, tmp_path: Path
) -> None:
    file, target = tmp_path / "file.onnx", tmp_path / "pose.npz"
    named: dict[str, Any] = {"pose2d_checkpoint": __file__, read: str(file)}
    options = InferOptions(pose2d="rtmpose", **named)

    def kept() -> int:
        found = 0
        with suppress(_Ended), kept_beside(target, walk, options) as work:
            found = len(work.kept)
            work.add({"index": np.zeros(1)})
            raise _Ended
        return found

    file.write_bytes(b"one")
    assert [kept(), kept()] == [0, 1]
    file.write_bytes(b"two")
    assert [kept(), kept()] == [0, 1]
    if read == "calibration":  # a matter of the background alone
        options = replace(options, camera_motion="still")
        assert [kept(), kept()] == [0, 1]
        file.write_bytes(b"three")
        assert kept() == 2


def test_two_runs_on_one_result_do_not_mix(walk: Path, tmp_path: Path) -> None:
    target = tmp_path / "pose.npz"
    with kept_beside(target, walk, OPTIONS) as work:
        work.add({"index": np.zeros(1)})
        work.settle()
        with (
            pytest.raises(OutputError, match="in use by another run"),
            kept_beside(target, walk, OPTIONS),
        ):
            pass
        assert json.loads((journal_folder(target) / "about.json").read_text())["key"]


@pytest.mark.parametrize(
    ("error", "stays"),
    [
        (lambda: OutputError("the disk is full"), True),
        (lambda: InputError("damaged from here on"), False),
    ],
)
def test_what_would_fail_again_leaves_nothing(
    walk: Path, tmp_path: Path, error: Callable[[], BaseException], stays: bool
) -> None:
    target = tmp_path / "new" / "folder" / "pose.npz"
    with pytest.raises((InputError, OutputError)):
        detected(walk, target, 5, error=error)
    assert journal_folder(target).exists() == stays
    assert (tmp_path / "new").exists() == stays, "folders go with what is in them"
