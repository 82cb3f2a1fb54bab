"""When a shot begins, at the limits of each rule, by pictures of a single shade."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from mbcli.tracks.cuts import BEFORE, with_cuts
from mbcli.types import Frame


def cuts_of(shades: Sequence[int], first: int = 0) -> list[int]:
    """Numbers of the frames at which a shot begins, counted from ``first``."""
    frames = [
        Frame(first + k, k / 30, np.full((48, 64, 3), shade, np.uint8))
        for k, shade in enumerate(shades)
    ]
    given = list(with_cuts(iter(frames)))
    assert [frame.index for frame in given] == [frame.index for frame in frames]
    return [frame.index for frame in given if frame.cut]


def test_a_cut_changes_a_picture_by_20_of_255() -> None:
    assert cuts_of([100] * 5 + [121] * 5) == [5]
    assert cuts_of([100] * 5 + [120] * 5) == [5]
    assert cuts_of([100] * 5 + [119] * 5) == []
    assert cuts_of([100] * 5) == cuts_of([]) == []


def test_a_cut_stands_out_three_times_from_the_frames_beside() -> None:
    for change, cuts in ((30, [2]), (29, [])):
        assert cuts_of([0, 10, 10 + change, 10 + change, 10 + change]) == cuts
        assert [cut - 2 for cut in cuts_of([0, 0, 0, 10, *[10 + change] * 3])] == cuts
        assert cuts_of([0, 0, change, change + 10, change + 10, change + 10]) == cuts
    # What changes two frames later does not matter.
    assert cuts_of([0, 0, 30, 30, 45, 45]) == [2]


def test_after_a_cut_seven_tenths_of_the_change_stay_for_two_frames() -> None:
    assert cuts_of([0, 0, 0, 60, 43, 43, 43]) == [3]
    assert cuts_of([0, 0, 0, 60, 41, 41, 41]) == []
    assert cuts_of([0, 0, 0, 60, 51, 43, 43]) == [3]
    assert cuts_of([0, 0, 0, 60, 51, 41, 41]) == []
    assert cuts_of([0, 0, 0, 60, 51, 43, 34]) == [3]


def test_a_cut_shows_what_three_frames_before_did_not() -> None:
    """A flash of two frames is followed by the old shot, one of three is a shot."""
    assert cuts_of([0, 0, 0, 200, 0, 0, 0]) == []
    assert cuts_of([0, 0, 0, 200, 200, 0, 0, 0]) == []
    assert cuts_of([0, 0, 0, 200, 200, 200, 0, 0, 0]) == [3, 6]


def test_a_shot_of_one_frame_begins_and_ends() -> None:
    assert cuts_of([0, 0, 0, 90, 120, 120, 120]) == [3, 4]


def test_a_mark_depends_on_few_frames_before() -> None:
    """So that reading may go on anywhere that far before."""
    rng = np.random.default_rng(0)
    shades = np.repeat(rng.integers(0, 255, 300), rng.integers(1, 9, 300)).tolist()
    whole = cuts_of(shades)
    assert len(whole) > 100
    for start in range(0, 1000, 50):
        went_on = [cut for cut in cuts_of(shades[start:], start) if cut >= start + BEFORE]
        assert went_on == [cut for cut in whole if cut >= start + BEFORE]


@pytest.mark.parametrize("size", [(16, 16), (33, 64), (720, 1280)])
def test_pictures_of_any_size(size: tuple[int, int]) -> None:
    """Stripes that move by their own width are another picture, though of the same shade."""
    stripes = np.zeros((*size, 3), np.uint8)
    stripes[:, (np.arange(size[1]) * 8 // size[1]) % 2 == 0] = 200
    shown = [stripes] * 4 + [np.ascontiguousarray(stripes[:, ::-1])] * 4
    frames = [Frame(k, k / 30, image) for k, image in enumerate(shown)]
    assert [frame.index for frame in with_cuts(iter(frames)) if frame.cut] == [4]
