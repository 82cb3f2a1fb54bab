from __future__ import annotations

import numpy as np

from mbcli.refinement.gaps import fillable, filled


def test_a_gap_lasts_as_long_as_its_missing_frames() -> None:
    known = np.array([0, 1, 0, 0, 0, 1, 0, 1, 0], dtype=bool)
    times = np.arange(9) / 10
    assert np.flatnonzero(fillable(known, times, 10, 0.3)).tolist() == [2, 3, 4, 6]
    assert np.flatnonzero(fillable(known, times, 10, 0.29)).tolist() == [6]
    assert not fillable(known, times, 10, 0.0).any()
    assert not fillable(np.zeros(9, dtype=bool), times, 10, 9.0).any()


def test_seconds_are_those_of_the_time_stamps() -> None:
    known = np.array([1, 0, 1], dtype=bool)
    assert not fillable(known, np.array([0.0, 0.5, 1.0]), 10, 0.5).any()


def test_a_steady_path_is_restored() -> None:
    times = np.array([0, 0.1, 0.25, 0.3, 0.4, 0.55, 0.6])
    path = np.stack([times, -2 * times, 1 + 0 * times], axis=-1)[:, None].repeat(2, axis=1)
    holed = path.copy()
    holed[2:4, 0] = np.nan
    holed[5, 1] = np.nan
    whole, done = filled(holed, times, 10, 0.5)
    np.testing.assert_allclose(whole, path, atol=1e-12)
    assert np.argwhere(done).tolist() == [[2, 0], [3, 0], [5, 1]]


def test_nothing_overshoots() -> None:
    times = np.arange(12) / 10
    track = np.zeros((12, 1, 3))
    track[6:] = 1.0
    track[4:8] = np.nan
    whole, _ = filled(track, times, 10, 1.0)
    assert whole.min() >= 0
    assert whole.max() <= 1
    assert np.all(np.diff(whole[3:9, 0], axis=0) > 0)


def test_ends_and_long_gaps_stay() -> None:
    track = np.ones((10, 1, 3))
    track[[0, 1, 4, 5, 6, 9]] = np.nan
    whole, done = filled(track, np.arange(10) / 10, 10, 0.2)
    assert not done.any()
    np.testing.assert_array_equal(whole, track)
    whole, done = filled(track, np.arange(10) / 10, 10, 0.3)
    assert np.flatnonzero(done[:, 0]).tolist() == [4, 5, 6]


def test_a_point_with_one_unknown_coordinate_is_unknown() -> None:
    times = np.arange(5) / 10
    path = np.stack([times, -2 * times, 1 + times], axis=-1)[:, None]
    holed = path.copy()
    holed[2, 0, 1] = np.nan
    whole, done = filled(holed, times, 10, 0.1)
    np.testing.assert_allclose(whole, path, atol=1e-12)
    assert np.argwhere(done).tolist() == [[2, 0]]


def test_a_joint_that_must_stay_keeps_no_other_from_being_filled() -> None:
    times = np.arange(6) / 10
    path = np.stack([times, times, times], axis=-1)[:, None].repeat(3, axis=1)
    holed = path.copy()
    holed[0, 0] = np.nan  # before it is first seen
    holed[2, 1] = np.nan
    holed[3, 2] = np.nan
    whole, done = filled(holed, times, 10, 0.1)
    assert np.argwhere(done).tolist() == [[2, 1], [3, 2]]
    np.testing.assert_allclose(whole[:, 1:], path[:, 1:], atol=1e-12)


def test_an_empty_track() -> None:
    for shape in ((0, 2, 3), (1, 2, 3), (5, 0, 3)):
        whole, done = filled(np.full(shape, np.nan), np.arange(shape[0]) / 10, 10, 1.0)
        assert whole.shape == shape
        assert not done.any()
