"""Frames of a keypoint file in a video: by names of pictures, by times, or by the last frame."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.keypoints.records import KeypointFile
from mbcli.skeleton import Skeleton
from mbcli.tracks.alignment import aligned, counted
from mbcli.types import FloatArray

POINT = Skeleton("point", ("nose",), (-1,))


def file_of(index: Sequence[int], **stated: Any) -> KeypointFile:
    """A file whose n-th pose is at x = n, of person 100 + n, in a box from x = n on."""
    count = len(index)
    keypoints = np.ones((count, 1, 3))
    keypoints[:, 0, 0] = np.arange(count)
    boxes = np.ones((count, 4)) * [0, 0, 50, 50]
    boxes[:, 0] = np.arange(count)
    stated = {"frames": index[-1] + 1, "counts_from": None} | stated
    return KeypointFile(
        Path("kp.json"),
        "coco",
        POINT,
        np.array(index),
        keypoints,
        ids=100 + np.arange(count),
        boxes=boxes,
        **stated,
    )


def video(last: int, fps: float = 30.0, every: int = 1) -> FloatArray:
    """(T, 2) number and seconds of frames up to the last one."""
    numbers = np.arange(0, last + 1, every)
    return np.stack([numbers, numbers / fps], axis=-1)


def poses_of(file: KeypointFile) -> list[tuple[int, int]]:
    """Frame and number of each pose, whose parts must have stayed together."""
    numbers = file.keypoints[:, 0, 0].astype(int)
    assert file.ids is not None
    assert file.boxes is not None
    np.testing.assert_array_equal(file.ids, 100 + numbers)
    np.testing.assert_array_equal(file.boxes[:, 0], numbers)
    return list(zip(file.frame_index.tolist(), numbers.tolist(), strict=True))


def test_without_a_video_frames_count_from_one_if_nobody_is_in_frame_0() -> None:
    file = file_of([1, 2, 4], frames=7, timestamps=np.arange(7) / 10, warnings=("first",))
    found = counted(file)
    assert poses_of(found) == [(0, 0), (1, 1), (3, 2)]
    assert found.frames == 6
    assert found.counts_from == 0
    assert found.warnings == (
        "first",
        "frames are taken as counted from 1, since nobody is in frame 0",
    )
    assert found.timestamps is not None
    np.testing.assert_allclose(found.timestamps, np.arange(1, 7) / 10)
    for same in (file_of([0, 1]), file_of([2, 3]), file_of([1, 2], counts_from=0)):
        assert counted(same) is same


def test_pictures_are_found_by_their_names() -> None:
    names = {"in/b.png": 0, "in/a.jpg": 1, "c.png": 2}
    file = file_of([0, 1, 1, 2], pictures=names, timestamps=np.arange(3) / 10)
    found = aligned(file, video(5), ["_", "a", "b", "x", "c"], ends=True)
    assert poses_of(found) == [(1, 1), (1, 2), (2, 0), (4, 3)]
    assert (found.frames, found.counts_from, found.warnings) == (5, 0, ())
    assert found.timestamps is None
    # Not if one of them is another picture's, nor without a folder.
    for pictures in (["a", "b"], []):
        assert aligned(file, video(5), pictures, ends=True) is file


def test_uncounted_frames_are_found_by_their_times() -> None:
    def found(times: Sequence[float], frames: FloatArray) -> list[int]:
        stamps = np.array(times)
        file = file_of(range(len(times)), numbered=False, timestamps=stamps)
        return aligned(file, frames, [], ends=True).frame_index.tolist()

    assert found([0.1, 0.2, 0.5], video(20, fps=10)) == [1, 2, 5]
    assert found([0.0, 0.2, 0.4], video(20, fps=10, every=2)) == [0, 2, 4]
    # 0.6 of a frame's time is near enough.
    assert found([0.3, 0.4, 2.05], video(20, fps=10)) == [3, 4, 20]
    assert found([0.3, 0.4, 2.07], video(20, fps=10)) == [0, 1, 2]
    # Two in one frame, or a video of one frame, tell nothing.
    assert found([0.30, 0.31, 0.4], video(20, fps=10)) == [0, 1, 2]
    assert found([0.0], video(0)) == [0]


def test_numbered_frames_stay_whatever_their_times() -> None:
    file = file_of([0, 1, 2], timestamps=np.array([0.3, 0.4, 0.5]))
    assert aligned(file, video(20, fps=10), [], ends=True) is file


@pytest.mark.parametrize(
    ("index", "last", "ends", "first", "why"),
    [
        ((0, 9), 8, True, 0, ""),
        ((3, 9), 8, True, 2, "since the video's last is 8 from 0"),
        ((1, 9), 8, True, 0, "since the video's last is 8 from 0"),
        ((3, 9), 8, False, 3, ""),
        ((1, 9), 9, True, 1, ""),
        ((1, 9), 9, False, 0, "since nobody is in frame 0"),
        ((1, 9), 20, True, 0, "since nobody is in frame 0"),
        ((2, 9), 20, True, 2, ""),
        ((2, 9), 7, True, 2, ""),
    ],
)
def test_the_last_frame_decides_from_where_frames_count(
    index: tuple[int, int], last: int, ends: bool, first: int, why: str
) -> None:
    found = aligned(file_of(index), video(last), [], ends=ends)
    assert found.frame_index.tolist() == [first, first - index[0] + index[1]]
    assert found.frames == 10 - (index[0] - first)
    assert why in "".join(found.warnings)
    assert bool(found.warnings) == bool(why)
    # A format that says where it begins is believed.
    fixed = file_of(index, counts_from=0)
    assert aligned(fixed, video(last), [], ends=ends) is fixed
