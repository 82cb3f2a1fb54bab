"""Rotations against scipy's, and at the places where formulas break."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mbcli.geometry import unit
from mbcli.kinematics.rotations import (
    best_fit,
    between,
    euler_zxy,
    from_quaternions,
    quaternions,
    swing,
    turn_about,
)

RNG = np.random.default_rng(5)


def is_rotation(matrices: np.ndarray) -> bool:
    straight = np.allclose(matrices @ np.swapaxes(matrices, -1, -2), np.eye(3), atol=1e-9)
    return straight and bool(np.allclose(np.linalg.det(matrices), 1))


def test_swing_is_the_shortest_way() -> None:
    start, end = unit(RNG.normal(size=(50, 3))), unit(RNG.normal(size=(50, 3)))
    found = swing(start, end)
    assert is_rotation(found)
    assert np.allclose((found @ start[..., None])[..., 0], end)
    angle = np.arccos((start * end).sum(-1))
    assert np.allclose(Rotation.from_matrix(found).magnitude(), angle)


@pytest.mark.parametrize("off", [0.0, 1e-12, 1e-7, 1e-4])
def test_swing_between_opposite_directions_is_half_a_turn(off: float) -> None:
    start = np.array([0.0, 1.0, 0.0])
    end = unit(np.array([off, -1.0, 0.0]))
    found = swing(start, end)
    assert is_rotation(found)
    assert np.allclose(found @ start, end, atol=1e-6)


def test_swing_to_nowhere_does_nothing() -> None:
    assert np.allclose(swing(np.array([[1.0, 0, 0]]), np.zeros((1, 3))), np.eye(3))


def test_turn_about_goes_as_near_as_its_axis_lets_it() -> None:
    axis, start = np.array([1.0, 0, 0]), np.array([0.0, -1.0, 0])
    found = turn_about(axis, start, np.array([[0.3, -1.0, -1.0], [0.0, 0.0, -2.0]]))
    turned = found @ start
    assert np.allclose(turned, [[0, -np.sqrt(0.5), -np.sqrt(0.5)], [0, 0, -1]])
    assert np.allclose(found @ axis, axis)


def test_best_fit_finds_a_rotation_again_and_never_mirrors() -> None:
    rest = RNG.normal(size=(3, 3))
    turns = Rotation.random(20, random_state=1).as_matrix()
    assert np.allclose(best_fit(rest, np.einsum("tij,nj->tni", turns, rest)), turns)
    flat = np.array([[-1.0, 0, 0], [1, 0, 0], [0, 1, 0]])
    assert np.allclose(best_fit(flat, np.einsum("tij,nj->tni", turns, flat)), turns)
    assert is_rotation(best_fit(rest, -rest))
    assert is_rotation(best_fit(flat, np.zeros((3, 3))))


def test_quaternions_keep_their_sign_over_full_turns() -> None:
    angle = np.linspace(0, 6 * np.pi, 90)
    turns = Rotation.from_rotvec(angle[:, None] * [0, 0.6, 0.8]).as_matrix()[:, None]
    found = quaternions(turns)
    assert (found[1:] * found[:-1]).sum(-1).min() > 0.9
    assert np.allclose(from_quaternions(found), turns)


@pytest.mark.parametrize("axis", [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.6, 0.64, 0.48)])
def test_angles_do_not_jump_over_full_turns(axis: tuple[float, float, float]) -> None:
    angle = np.linspace(0, 4 * np.pi, 241)  # 3 degrees each; 90 degrees are among them
    turns = Rotation.from_rotvec(angle[:, None] * axis).as_matrix()
    found = euler_zxy(turns)
    assert np.allclose(Rotation.from_euler("ZXY", found, degrees=True).as_matrix(), turns)
    assert np.abs(np.diff(found, axis=0)).max() < 20


def test_angles_of_a_locked_frame_stay_with_the_frame_before() -> None:
    angles = np.array([[30.0, 80, -20], [30, 89.9, -20], [30, 90, -20], [30, 100, -20]])
    turns = Rotation.from_euler("ZXY", angles, degrees=True).as_matrix()
    assert np.allclose(euler_zxy(turns), angles, atol=1e-4)
    down = Rotation.from_euler("ZXY", angles * [1, -1, 1], degrees=True).as_matrix()
    assert np.allclose(euler_zxy(down), angles * [1, -1, 1], atol=1e-4)


def test_between_takes_the_short_arc_and_holds_the_ends() -> None:
    angles = np.radians([10.0, 50.0])
    known = Rotation.from_rotvec(angles[:, None] * [0, 1, 0]).as_matrix()[:, None]
    found = between(np.arange(8), [2, 6], known)
    angles = Rotation.from_matrix(found[:, 0]).as_euler("YXZ", degrees=True)[:, 0]
    assert np.allclose(angles, [10, 10, 10, 20, 30, 40, 50, 50])
    assert np.allclose(between(np.arange(3), [1], known[:1]), known[:1])
