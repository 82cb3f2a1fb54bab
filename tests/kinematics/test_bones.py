from __future__ import annotations

import numpy as np
import pytest
from motions import walking

from mbcli.kinematics.bones import (
    bone_lengths,
    distances,
    known_medians,
    usual_lengths,
    with_lengths,
)
from mbcli.skeleton import H36M17

LEFT, RIGHT = H36M17.index("left_knee"), H36M17.index("right_knee")


def noisy(frames: int = 40) -> np.ndarray:
    positions = walking(frames).positions[:, 0].astype(np.float64)
    shaken = positions + np.random.default_rng(1).normal(0, 0.02, positions.shape)
    return shaken - shaken[:, :1]


def test_lengths_become_constant_and_directions_stay() -> None:
    before = noisy()
    lengths = usual_lengths(before, H36M17, symmetric=False)
    after = with_lengths(before, lengths, H36M17)
    assert bone_lengths(before, H36M17)[:, 1:].std(axis=0).min() > 0.005
    np.testing.assert_allclose(bone_lengths(after, H36M17), np.tile(lengths, (40, 1)), atol=1e-12)
    np.testing.assert_array_equal(after[:, 0], 0)
    for parent, child in H36M17.bones:
        old, new = before[:, child] - before[:, parent], after[:, child] - after[:, parent]
        np.testing.assert_allclose(np.cross(old, new), 0, atol=1e-12)
        assert np.all((old * new).sum(axis=-1) > 0)


def test_lengths_are_medians() -> None:
    positions = np.repeat(walking(9).positions[:, 0], 1, axis=0).astype(np.float64)
    positions[:3, LEFT] *= 3
    lengths = usual_lengths(positions, H36M17, symmetric=False)
    assert lengths[LEFT] == pytest.approx(0.43, abs=1e-6)
    assert lengths[0] == 0


def test_both_sides_alike() -> None:
    positions = walking(9).positions[:, 0].astype(np.float64)
    hip = H36M17.index("left_hip")
    positions[:, LEFT] = positions[:, hip] + 1.2 * (positions[:, LEFT] - positions[:, hip])
    lengths = usual_lengths(positions, H36M17, symmetric=True)
    assert lengths[LEFT] == lengths[RIGHT] == pytest.approx(0.43 * 1.1, abs=1e-6)


def test_unknown_and_lengthless_bones() -> None:
    positions = noisy(5)
    positions[1] = np.nan
    elbow, wrist = H36M17.index("left_elbow"), H36M17.index("left_wrist")
    positions[2, elbow] = np.nan
    positions[3, wrist] = positions[3, elbow]
    lengths = usual_lengths(positions, H36M17, symmetric=False)
    after = with_lengths(positions, lengths, H36M17)
    np.testing.assert_array_equal(np.isnan(after), np.isnan(positions))
    np.testing.assert_array_equal(after[2, wrist], positions[2, wrist])
    np.testing.assert_array_equal(after[3, wrist], after[3, elbow])
    assert np.isnan(usual_lengths(np.full((4, 17, 3), np.nan), H36M17, symmetric=True)[1:]).all()


def test_distances_and_medians_of_what_is_known() -> None:
    positions = np.zeros((3, 17, 3))
    positions[:, LEFT] = np.array([[3, 4, 0], [np.nan] * 3, [6, 8, 0]])
    pairs = [("pelvis", "left_knee"), ("left_knee", "right_knee"), ("pelvis", "right_knee")]
    apart = distances(positions, H36M17, pairs)
    np.testing.assert_array_equal(apart, [[5, 5, 0], [np.nan, np.nan, 0], [10, 10, 0]])
    np.testing.assert_array_equal(known_medians(apart), [7.5, 7.5, 0])
    assert np.isnan(known_medians(apart[1:2])[:2]).all()
    positions[:, 0] = np.nan  # of a root, too, the bone has no length
    assert bone_lengths(positions, H36M17)[0, 0] == 0
