"""The size of people in the picture, in which jumps of their keypoints are measured."""

from __future__ import annotations

import numpy as np

from mbcli.tracks.body_size import body_lengths

TIMES = 5.1 + np.arange(60) / 30  # seconds; they need not begin at 0


def people(sizes: np.ndarray) -> np.ndarray:
    """(60, 1, 3, 3) three keypoints, as many pixels high as asked for and half as wide."""
    data = np.ones((60, 1, 3, 3))
    data[:, 0, :, 0] = 300 + np.array([0, 0.5, 0.25]) * sizes[:, None]
    data[:, 0, :, 1] = 200 + np.array([0, 0.4, 1.0]) * sizes[:, None]
    return data


def test_the_longer_side_of_the_box() -> None:
    data = people(np.full(60, 120.0))
    np.testing.assert_allclose(body_lengths(data, TIMES), 120)
    wide = data[..., [1, 0, 2]]
    np.testing.assert_allclose(body_lengths(wide, TIMES), 120)


def test_a_joint_that_jumps_for_a_few_frames_changes_nothing() -> None:
    data = people(np.full(60, 120.0))
    data[[3, 4, 5, 6, 20, 21, 47], 0, 1, 0] += 900
    np.testing.assert_allclose(body_lengths(data, TIMES), 120)


def test_half_seconds_are_joined_by_straight_lines_between_their_middles() -> None:
    lengths = body_lengths(people(np.repeat([100.0, 130, 160, 100], 15)), TIMES)[:, 0]
    middles = 7 + 15 * np.arange(4)
    np.testing.assert_allclose(lengths[middles], [100, 130, 160, 100])
    np.testing.assert_allclose(lengths[:8], 100)  # as at the first middle
    np.testing.assert_allclose(lengths[7:23], 100 + 2 * np.arange(16))


def test_half_seconds_are_those_of_the_clip() -> None:
    """Somebody who comes a fifth of a second later is measured in the same ones."""
    sizes = np.repeat([100.0, 130, 160, 100], 15)
    data = people(sizes)[6:]
    lengths = body_lengths(data, TIMES[6:], TIMES[0])[:, 0]
    middles = np.array([10, 22, 37, 52]) - 6
    np.testing.assert_allclose(lengths[middles], [100, 130, 160, 100])


def test_who_is_smaller_than_a_pixel_has_a_size() -> None:
    data = people(np.full(60, 0.5))
    data[..., 2] = 0.1, 0.5, 0.9  # the confidence is no coordinate
    np.testing.assert_allclose(body_lengths(data, TIMES), 0.5)


def test_frames_without_somebody_take_their_neighbours_size() -> None:
    data = people(np.repeat([100.0, 130], 30))
    data[10:50] = np.nan
    data[:, :, 2, :2] = np.nan  # of two keypoints, still a size
    lengths = body_lengths(data, TIMES)[:, 0]
    assert lengths[4] == 50  # half as wide as high, and now nothing is lower
    assert np.isfinite(lengths).all()
    assert lengths[29] == np.interp(TIMES[29], [TIMES[:10].mean(), TIMES[50:].mean()], [50, 65])


def test_of_who_is_one_point_or_never_seen_no_size_is_known() -> None:
    data = people(np.full(60, 120.0)).repeat(3, axis=1)
    data[:, 1, 1:] = np.nan
    data[:, 2] = np.nan
    lengths = body_lengths(data, TIMES)
    assert np.isfinite(lengths[:, 0]).all()
    assert np.isnan(lengths[:, 1:]).all()
    assert body_lengths(data[:0], TIMES[:0]).shape == (0, 3)
    # The one who has no size keeps none of the others from theirs.
    np.testing.assert_allclose(body_lengths(data[:, ::-1], TIMES)[:, 2], 120)
