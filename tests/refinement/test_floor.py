"""How far standing feet decide the direction of gravity, against sums done by hand."""

from __future__ import annotations

import numpy as np
import pytest

from mbcli.refinement.floor import _forgiving, body_height, slope_of
from mbcli.skeleton import H36M17

DOWN = np.array([0.0, 1.0, 0.0])
ACROSS = 0.03  # metres, the error of a contact across the line of sight
PRIOR = float(np.radians(10))


def rectangle(half_width: float, half_depth: float) -> np.ndarray:
    """(4, 3) feet as high as a level camera, 4 m ahead: none of their error is up or down."""
    return np.array(
        [[x, 0, 4 + z] for x in (-half_width, half_width) for z in (-half_depth, half_depth)]
    )


def test_the_uncertainty_is_that_of_a_plane_through_the_feet() -> None:
    # A slope by x moves the feet by 0.3 m times as much, against 0.03 m each; that by z by 0.6 m.
    slope = slope_of(rectangle(0.3, 0.6), np.zeros(4, dtype=np.int64), DOWN, PRIOR)
    np.testing.assert_allclose(slope.down, DOWN, atol=1e-9)
    np.testing.assert_allclose(slope.residual, 0, atol=1e-9)
    by_x = 4 * (0.3 / ACROSS) ** 2 + PRIOR**-2
    assert slope.sigma == pytest.approx(by_x**-0.5, rel=1e-4)
    # A larger rectangle shows more, but nothing is known better than by 1.5 degrees.
    slope = slope_of(rectangle(3, 3), np.zeros(4, dtype=np.int64), DOWN, PRIOR)
    assert np.degrees(slope.sigma) == pytest.approx(1.5)


def test_feet_on_a_line_leave_the_slope_across_it() -> None:
    tilted = np.array([np.sin(0.1), np.cos(0.1), 0.0])  # 6 degrees, to be found by x alone
    across = np.array([np.cos(0.1), -np.sin(0.1), 0.0])
    points = np.linspace(-2, 2, 9)[:, None] * across + [0, 0, 4]
    slope = slope_of(points, np.zeros(9, dtype=np.int64), DOWN, PRIOR)
    assert np.degrees(np.arccos(slope.down @ tilted)) < 1
    assert slope.down[2] == pytest.approx(0, abs=1e-6)
    assert slope.sigma == pytest.approx(PRIOR, rel=0.01)
    # On a level of its own, a foot shows no slope at all.
    slope = slope_of(points, np.arange(9), DOWN, PRIOR)
    np.testing.assert_allclose(slope.down, DOWN, atol=1e-6)


def test_a_foot_that_is_off_tilts_half_as_far_as_in_least_squares() -> None:
    points = np.concatenate([rectangle(half, half) for half in (0.5, 0.4, 0.3, 0.2)])
    points[-1, 1] += 0.5
    slope = slope_of(points, np.zeros(16, dtype=np.int64), DOWN, PRIOR)
    rows = np.stack([points[:, 0], points[:, 2], np.ones(16)], axis=-1) / ACROSS
    known = np.eye(3)[:2] / PRIOR
    wanted = np.append(points[:, 1] / ACROSS, [0, 0])
    plain = np.linalg.lstsq(np.concatenate([rows, known]), wanted, rcond=None)[0]
    assert np.tan(np.arccos(slope.down @ DOWN)) < 0.55 * np.hypot(plain[0], plain[1])
    assert slope.residual[-1] == pytest.approx(0.5, abs=0.03)
    assert np.abs(slope.residual[:-1]).max() < 0.02


def test_feet_that_fit_worse_than_expected_make_the_slope_less_certain() -> None:
    points = rectangle(0.3, 0.6)
    points[:, 1] = 0.036 * np.array([1, -1, -1, 1])  # 1.2 times what is expected; no slope helps
    slope = slope_of(points, np.zeros(4, dtype=np.int64), DOWN, PRIOR)
    np.testing.assert_allclose(slope.residual, points[:, 1], atol=1e-6)
    exact = slope_of(rectangle(0.3, 0.6), np.zeros(4, dtype=np.int64), DOWN, PRIOR)
    # Three of four are independent, so by the root of 4 * 1.2 ** 2 / 3, and as the curvature of
    # their cost is 0.476 at 1.2, where that of a square is 1.
    by_x = 4 * (0.3 / ACROSS) ** 2
    expected = np.sqrt(4 * 1.2**2 / 3 * (by_x + PRIOR**-2) / (0.476 * by_x + PRIOR**-2))
    assert slope.sigma / exact.sigma == pytest.approx(expected, rel=0.01)


def test_a_foot_that_is_off_costs_less_than_its_square() -> None:
    squared = np.array([1e-4, 0.5, 2.25, 9.0, 400.0, 0.5, 400.0])
    loss, step = _forgiving(5), 1e-5
    value, first, second = loss(squared)
    # Small residuals cost their square, large ones 3 for each standard deviation.
    assert value[0] == pytest.approx(squared[0], rel=1e-4)
    assert value[4] == pytest.approx(3 * 20, rel=0.1)
    np.testing.assert_array_equal(value[5:], squared[5:])
    # The solver needs the derivatives of that very cost.
    slopes = (loss(squared + step) - loss(squared - step)) / (2 * step)
    np.testing.assert_allclose(slopes[0], first, rtol=1e-6)
    np.testing.assert_allclose(slopes[1], second, atol=1e-8)


def test_without_feet_the_estimate_stays() -> None:
    slope = slope_of(np.zeros((0, 3)), np.zeros(0, dtype=np.int64), DOWN, PRIOR)
    assert (slope.down.tolist(), slope.sigma, len(slope.residual)) == (DOWN.tolist(), PRIOR, 0)


def test_the_height_is_that_of_the_legs() -> None:
    body = np.zeros((3, 17, 3))
    for side in ("left", "right"):
        body[:, H36M17.index(f"{side}_knee"), 1] = 0.245 * 1.84
        body[:, H36M17.index(f"{side}_ankle"), 1] = (0.245 + 0.246) * 1.84
    body[2] = np.nan
    assert body_height(body) == pytest.approx(1.84)


def test_the_height_is_that_of_most_legs() -> None:
    """A shank that is seen too long for a moment lengthens its own leg, not the other's thigh."""
    body = np.zeros((3, 17, 3))
    for side in ("left", "right"):
        body[:, H36M17.index(f"{side}_knee"), 1] = 0.5
        body[:, H36M17.index(f"{side}_ankle"), 1] = 0.9
    body[0, H36M17.index("left_ankle"), 1] = 1.2
    assert body_height(body) == pytest.approx(0.9 / 0.491)
