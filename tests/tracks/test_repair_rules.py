"""What is a swap and what a flicker, at the limits of each rule, by joints that stand still."""

from __future__ import annotations

import numpy as np
import pytest

from mbcli.skeleton import Skeleton
from mbcli.tracks.flicker import bridge_flickers
from mbcli.tracks.swaps import find_swaps
from mbcli.types import FloatArray

BODY = 300.0  # pixels
FRAMES = 40
TIMES = np.arange(FRAMES) / 30


def pair(apart: FloatArray, swapped: slice, tremble: float = 0.0) -> FloatArray:
    """(T, 1, 2, 3) two joints side by side, so many pixels apart, swapped in some frames.

    Args:
        apart: (T,) pixels.
        swapped: the frames.
        tremble: pixels by which both are higher and lower, from frame to frame.
    """
    data = np.full((FRAMES, 1, 2, 3), 0.9)
    data[:, 0, :, 0] = 200 + np.array([-0.5, 0.5]) * apart[:, None]
    data[:, 0, :, 1] = 100 + tremble * (-1.0) ** np.arange(FRAMES)[:, None]
    data[swapped] = data[swapped][:, :, ::-1]
    return data


def swaps(data: FloatArray, size: float = BODY) -> list[int]:
    sizes = np.full((FRAMES, 1), size)
    found = find_swaps(data, TIMES, sizes, np.array([[0, 1]]), ("paw",))
    return np.flatnonzero(found[:, 0, 0]).tolist()


def even(apart: float) -> FloatArray:
    return np.full(FRAMES, apart)


def test_a_swap_lasts_five_frames_of_thirty_a_second() -> None:
    assert swaps(pair(even(60), slice(10, 15))) == [10, 11, 12, 13, 14]
    assert swaps(pair(even(60), slice(10, 16))) == []


def test_a_swap_brings_each_joint_nearer_by_a_twenty_fifth_of_the_body() -> None:
    assert swaps(pair(even(12.3), slice(10, 12))) == [10, 11]
    assert swaps(pair(even(11.7), slice(10, 12))) == []
    assert swaps(pair(even(11.7), slice(10, 12)), size=290) == [10, 11]


@pytest.mark.parametrize("side", [0, 1])
def test_both_joints_of_a_swap_are_seen_with_a_fifth_of_confidence(side: int) -> None:
    for confidence, found in ((0.21, [10]), (0.19, [])):
        data = pair(even(60), slice(10, 11))
        data[10, 0, side, 2] = confidence
        assert swaps(data) == found


def test_a_swap_fits_twice_as_well() -> None:
    """Among neighbours 40 pixels apart: 120 are off by 80 as they are, and by 40 swapped."""
    for apart, found in ((114, [10]), (126, [])):
        widths = even(40)
        widths[10] = apart
        assert swaps(pair(widths, slice(10, 11))) == found


def test_a_swap_stands_out_from_the_usual_trembling() -> None:
    """Both are off by 10 pixels in every frame: two and a half times that must be gained."""
    for gain, found in ((26, [10]), (24, [])):
        apart = np.sqrt((gain + 10) ** 2 - 10**2)
        assert swaps(pair(even(apart), slice(10, 11), tremble=5.0)) == found


def test_a_swap_is_measured_by_the_surer_joint() -> None:
    """The other one is nearer to where it was than to where it would be swapped."""
    for sure, found in ((0.9, [10]), (0.21, [])):
        data = pair(even(60), slice(10, 11))
        data[10, 0] = [[170, 160, 0.3], [171, 100, sure]]
        assert swaps(data) == found


LIMB = Skeleton("limb", ("elbow", "wrist"), (-1, 0))


def limb(bone: float = 100.0) -> FloatArray:
    """(T, 1, 2, 3) a wrist below its elbow."""
    data = np.full((FRAMES, 1, 2, 3), 0.9)
    data[:, 0, :, 0] = 200
    data[:, 0, :, 1] = 100 + np.array([0, bone])
    return data


def bridged(data: FloatArray) -> list[int]:
    after, found = bridge_flickers(data, TIMES, np.full((FRAMES, 1), BODY), LIMB)
    assert not found[:, 0, 0].any()
    frames = np.flatnonzero(found[:, 0, 1]).tolist()
    np.testing.assert_array_equal(np.delete(after, frames, 0), np.delete(data, frames, 0))
    return frames


def test_a_joint_flickers_below_0_3_of_confidence() -> None:
    for confidence, found in ((0.29, [10]), (0.31, [])):
        data = limb()
        data[10, 0, 1] = [260, 200, confidence]
        assert bridged(data) == found


def test_a_joint_flickers_from_0_06_body_lengths_on() -> None:
    for away, found in ((19, [10]), (17, [])):
        data = limb()
        data[10, 0, 1] = [200 + away, 200, 0.1]
        assert bridged(data) == found


def test_a_joint_that_moves_meanwhile_must_be_off_by_as_much_more() -> None:
    for away, found in ((49, [10]), (47, [])):
        data = limb()
        data[11:, 0, 1, 0] += 30
        data[10, 0, 1] = [215, 200 - away, 0.1]
        assert bridged(data) == found


@pytest.mark.parametrize("sighting", [9, 11])
def test_a_sighting_is_at_a_bone_of_at_most_1_4_times_its_length(sighting: int) -> None:
    for bone, found in ((138, [10]), (142, [])):
        data = limb()
        data[sighting, 0, 1, 1] = 100 + bone
        data[10, 0, 1] = np.nan, np.nan, 0
        assert bridged(data) == found


def test_a_bone_is_torn_from_two_and_a_half_times_its_length_on() -> None:
    for bone, found in ((255, [10]), (245, [])):
        data = limb()
        data[10, 0, 1, 1] = 100 + bone
        assert bridged(data) == found


def test_a_bone_is_torn_from_0_45_body_lengths_on() -> None:
    for bone, found in ((138, [10]), (132, [])):
        data = limb(bone=50)
        data[10, 0, 1, 1] = 100 + bone
        assert bridged(data) == found


def test_the_line_follows_the_time_stamps() -> None:
    data = limb()
    data[12:, 0, 1, 0] += 40
    data[10:12, 0, 1] = np.nan, np.nan, 0
    times = TIMES.copy()
    times[11:] += 1 / 30  # frame 11 is three quarters of the way
    after, _ = bridge_flickers(data, times, np.full((FRAMES, 1), BODY), LIMB)
    np.testing.assert_allclose(after[9:13, 0, 1, 0], [200, 210, 230, 240])
    np.testing.assert_allclose(after[10:12, 0, 1, 2], 0.45)
