"""A video that is looked at in parts shows what it shows when it is looked at from end to end."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from mbcli.options import InferOptions
from mbcli.placing.ties import KEYFRAME
from mbcli.storage.journal import journal
from mbcli.tracks import parts
from mbcli.tracks.parts import look_at_part, parts_of
from mbcli.tracks.seen import Seen, unpacked

OPTIONS = InferOptions(pose2d="movenet", end=2.4)
EARLY = 0.8  # seconds, in place of more: the clip is short


@pytest.fixture(scope="module")
def whole(walk: Path) -> list[Seen]:
    return seen(walk, 1)


def seen(video: Path, count: int, options: InferOptions = OPTIONS) -> list[Seen]:
    frames: list[Seen] = []
    for number in range(count):
        chunk = look_at_part(video, options, number, count)
        assert chunk is not None
        frames += unpacked(chunk)[0]
    return frames


def test_parts_show_what_the_whole_shows(
    walk: Path, whole: list[Seen], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "_EARLY", EARLY)
    divided = seen(walk, 2)
    assert [one.poses.index for one in divided] == [one.poses.index for one in whole]
    assert [one.poses.time for one in divided] == [one.poses.time for one in whole]
    for one, other in zip(divided, whole, strict=True):
        np.testing.assert_array_equal(one.poses.keypoints, other.poses.keypoints)
        np.testing.assert_array_equal(one.looks, other.looks)
    # The second part has a keyframe of its own, which is a picture of the first part.
    keyframes = {one.ties[0, KEYFRAME] for one in divided[len(whole) // 2 :]}
    assert all(0 < number < len(whole) / 2 for number in keyframes)


def test_how_a_video_is_divided(walk: Path) -> None:
    assert parts_of(walk, OPTIONS, 1.0) == 2
    assert parts_of(walk, OPTIONS, 0.6) == 4
    assert parts_of(walk, OPTIONS, 3.0) == 1
    assert parts_of(walk, OPTIONS, 0.0) == 1, "not at all"
    assert parts_of(walk, InferOptions(every=2), 0.6) == 1, "which frames are taken depends"


def test_chunks_from_elsewhere_are_those_of_a_run_that_goes_on(walk: Path, tmp_path: Path) -> None:
    chunk = look_at_part(walk, InferOptions(pose2d="movenet", end=0.2), 0, 1)
    assert chunk is not None
    with suppress(KeyboardInterrupt), journal(tmp_path / "work", lambda: "key") as work:
        work.begin_with([chunk, chunk])
        assert (len(work.kept), work.elsewhere) == (2, 2)
        raise KeyboardInterrupt
    with journal(tmp_path / "work", lambda: "key") as work:
        work.begin_with([chunk])
        assert (len(work.kept), work.elsewhere) == (2, 0), "an earlier run has more"
