"""Legs at known angles, and at the limits of what they can reach."""

from __future__ import annotations

import numpy as np
import pytest

from mbcli.kinematics.legs import Legs, bent, reach

HIP = np.array([[1.0, -0.5, 4.0]])
FORWARD = np.array([[0.0, 0.0, -1.0]])  # towards the camera


def leg_of(out: float, thigh: float = 0.5, shank: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    """Knee and ankle (1, 3) relative to the hip, of a leg that hangs down.

    Args:
        out: metres by which the knee is beside the line from hip to ankle.
        thigh: metres.
        shank: metres.
    """
    upper, lower = np.sqrt(thigh**2 - out**2), np.sqrt(shank**2 - out**2)
    return np.array([[out, upper, 0]]), np.array([[0, upper + lower, 0]])


def test_a_knee_at_a_right_angle_makes_a_triangle_of_3_4_5() -> None:
    hip = np.zeros((2, 1, 3))
    knee = np.tile([0, 0.4, 0], (2, 1, 1))
    ankle = np.array([[[0, 0.4, 0.3]], [[0, 0.7, 0]]])
    wanted = np.full((2, 1), np.pi / 2)
    legs = Legs(hip, knee, ankle, wanted)
    np.testing.assert_allclose(legs.length, 0.5)
    flexion = legs.flexion_at(np.array([[0.5], [0.7]]))
    np.testing.assert_allclose(np.degrees(flexion), [[90], [0]], atol=1e-5)
    np.testing.assert_allclose(legs.length_at(np.array([[0.0], [np.pi]])), [[0.7], [0.1]])
    np.testing.assert_allclose(np.degrees(bent(hip, knee, ankle)), [[90], [0]], atol=1e-5)
    # Nothing can be longer than straight, nor shorter than folded.
    flexion = legs.flexion_at(np.array([[9.0], [0.0]]))
    np.testing.assert_allclose(np.degrees(flexion), [[0], [180]])


@pytest.mark.parametrize(
    ("out", "degrees"),
    [(0.05, 0.0), (0.1, 0.0), (0.025, 45.0), (0.0, 90.0)],
)
def test_the_straighter_a_leg_is_the_more_its_knee_goes_forward(out: float, degrees: float) -> None:
    """By the bend: 5 % of the leg's length beside the line keep their plane, half of it turns."""
    knee, ankle = leg_of(out)
    wanted = HIP + np.array([0, 0.9, 0])
    new_knee, new_ankle = reach(HIP, knee, ankle, wanted, FORWARD)
    np.testing.assert_allclose(new_ankle, wanted, atol=1e-9)
    side = (new_knee - HIP)[0]
    assert side[1] == pytest.approx(0.45)
    turned = np.degrees(np.arctan2(-side[2], side[0]))
    assert turned == pytest.approx(degrees, abs=0.01)


def test_a_bent_leg_stretches_to_a_twentieth_of_a_per_cent() -> None:
    knee, ankle = leg_of(0.2)
    far = HIP + np.array([0, 5.0, 0])
    _, new_ankle = reach(HIP, knee, ankle, far, FORWARD)
    np.testing.assert_allclose(new_ankle - HIP, [[0, 0.9995, 0]], atol=1e-9)
    # One that was straighter may stay so.
    knee, ankle = leg_of(0.0)
    _, new_ankle = reach(HIP, knee, ankle, far, FORWARD)
    np.testing.assert_allclose(new_ankle - HIP, [[0, 1.0, 0]], atol=1e-9)


def test_a_leg_folds_no_further_than_its_bones() -> None:
    knee, ankle = leg_of(0.1, thigh=0.5, shank=0.3)
    new_knee, new_ankle = reach(HIP, knee, ankle, HIP + np.array([0, 0.05, 0]), FORWARD)
    assert np.linalg.norm(new_ankle - HIP) == pytest.approx(0.2, abs=1e-5)
    assert np.linalg.norm(new_knee - HIP) == pytest.approx(0.5)
    assert np.linalg.norm(new_ankle - new_knee) == pytest.approx(0.3)
    # At the hip itself, no direction is asked for: that of before stays.
    _, at_hip = reach(HIP, knee, ankle, HIP, FORWARD)
    np.testing.assert_allclose(at_hip - HIP, [[0, 0.2, 0]], atol=1e-5)


def test_a_leg_goes_where_its_target_is() -> None:
    """A quarter turn of the whole leg: the plane of the knee turns with it."""
    knee, ankle = leg_of(0.2)
    length = float(ankle[0, 1])
    new_knee, new_ankle = reach(HIP, knee, ankle, HIP + np.array([0, 0, length]), FORWARD)
    np.testing.assert_allclose(new_ankle - HIP, [[0, 0, length]], atol=1e-9)
    np.testing.assert_allclose(new_knee - HIP, [[0.2, 0, length / 2]], atol=1e-9)


def test_each_frame_is_reached_on_its_own() -> None:
    legs = [leg_of(out) for out in (0.0, 0.01, 0.025, 0.1, 0.2)]
    knee, ankle = (np.concatenate(parts) for parts in zip(*legs, strict=True))
    hip, forward = HIP.repeat(5, axis=0), FORWARD.repeat(5, axis=0)
    target = hip + np.array([0.1, 0.9, 0]) - 0.05 * np.arange(5)[:, None]
    for wanted in (target, hip + 3 * (target - hip), hip + 0.01 * (target - hip)):
        together = reach(hip, knee, ankle, wanted, forward)
        for frame in range(5):
            at = slice(frame, frame + 1)
            alone = reach(HIP, knee[at], ankle[at], wanted[at], FORWARD)
            np.testing.assert_allclose([part[at] for part in together], alone, atol=1e-9)


def test_a_leg_without_length_stays_at_the_hip() -> None:
    nothing = np.zeros((1, 3))
    for part in reach(HIP, nothing, nothing, HIP + np.array([0, 0.9, 0]), FORWARD):
        np.testing.assert_allclose(part, HIP, atol=1e-5)


def test_straight_and_folded_legs_have_a_bend_in_every_direction() -> None:
    """Where rounding makes the cosine more than 1."""
    knee = np.random.default_rng(0).normal(size=(200, 3))
    np.testing.assert_allclose(bent(0 * knee, knee, 2 * knee), 0, atol=1e-6)
    np.testing.assert_allclose(bent(0 * knee, knee, 0 * knee), np.pi, atol=1e-6)
