"""Places of standing feet against the least squares that the module describes."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import minimize

from mbcli.kinematics.legs import Legs, bent
from mbcli.refinement.planted import Levels, _measured, _widths, plant
from mbcli.types import FloatArray, IntArray

FPS = 25.0
DOWN = np.array([0.0, 0.8, 0.6])


def steps(frames: int, wild: bool) -> tuple[Legs, IntArray, FloatArray]:
    """Legs of somebody who walks, their contacts (N, 2) and the root (N, 3)."""
    rng = np.random.default_rng(0)
    root = np.stack(
        [np.linspace(-1, 1, frames), np.full(frames, 0.3), np.linspace(4, 6, frames)], axis=-1
    )
    root += np.cumsum(rng.normal(0, 0.01, root.shape), axis=0)
    hips = root[:, None] + np.array([[0.1, 0.0, 0.0], [-0.1, 0.0, 0.0]])
    ankles = hips + np.array([[0.0, 0.8, 0.2], [0.0, 0.8, -0.2]])
    stretch = np.full((frames, 2), -1)
    stretch[:8, 0], stretch[6:14, 1], stretch[12 : frames - 2, 0] = 0, 1, 2
    for number in range(3):
        ankles[stretch == number] = ankles[stretch == number].mean(axis=0)
    ankles += rng.normal(0, 0.01, ankles.shape)
    ankles = hips + 0.8 * (ankles - hips) / np.linalg.norm(ankles - hips, axis=-1)[..., None]
    if wild:
        ankles[4:7, 0] += [0.3, -0.1, 0]
    knees = (hips + ankles) / 2 + np.array([0.0, 0.0, -0.2])
    flexion = bent(hips, knees, ankles) + rng.normal(0, 0.01, ankles.shape[:2])
    return Legs(hips, knees, ankles, flexion), stretch, root


def huber(residual: FloatArray, limit: float) -> float:
    """The sum of squares, growing evenly from ``limit`` on."""
    size = np.abs(residual)
    return float(np.where(size < limit, size**2, 2 * limit * size - limit**2).sum())


def cost(
    shift: FloatArray,
    places: FloatArray,
    legs: Legs,
    stretch: IntArray,
    root: FloatArray,
    levels: Levels | None,
) -> float:
    """What the docstring of `plant` says, in standard deviations."""
    at = stretch >= 0
    leg = places[stretch[at]] - (legs.hip + shift[:, None])[at]
    length = np.linalg.norm(leg, axis=-1)
    bend = np.maximum(legs.flexion, np.radians(6))
    lever = legs.thigh * legs.shank * np.sin(bend) / legs.length
    knee = (length - legs.length[at]) / (lever[at] * np.radians(1.5))
    beside = leg - (legs.ankle - legs.hip)[at]
    beside -= (beside * leg).sum(axis=-1, keepdims=True) * leg / length[:, None] ** 2
    total = huber(knee, 2.5) + huber(np.linalg.norm(beside, axis=-1) / 0.02, 1.5)
    ankles = legs.ankle[at]
    for seen, moved in ((root, shift), (ankles, places[stretch[at]] - ankles)):
        distance = np.linalg.norm(seen, axis=-1)
        along = (moved * seen).sum(axis=-1) / distance
        across = np.linalg.norm(moved - (along / distance)[:, None] * seen, axis=-1)
        sure = along / np.hypot(0.01 * distance, 0.02), across / 0.02
        total += sum(float((part**2).sum()) for part in sure) / (0.16 * FPS)
    total += float(((np.diff(shift, 2, axis=0) * FPS**2 / 1.5) ** 2).sum())
    if levels is not None:
        total += float((((places @ levels.down - levels.depth) / 0.001) ** 2).sum())
    return total


@pytest.mark.parametrize("levelled", [False, True])
@pytest.mark.parametrize("wild", [False, True])
def test_places_and_shifts_are_the_least_squares(wild: bool, levelled: bool) -> None:
    legs, stretch, root = steps(20, wild)
    levels = None
    if levelled:
        levels = Levels(DOWN, plant(legs, stretch, root, FPS).places @ DOWN + [0.03, -0.02, 0.04])
    found = plant(legs, stretch, root, FPS, levels)

    def at(flat: FloatArray) -> float:
        both = flat.reshape(-1, 3)
        return cost(both[:20], both[20:], legs, stretch, root, levels)

    start = np.concatenate([found.shift, found.places]).ravel()
    best = minimize(at, start, method="BFGS", options={"gtol": 1e-3})
    assert at(start) < 1.01 * best.fun
    np.testing.assert_allclose(start, best.x, atol=0.04)
    # From where the feet were seen it is a long way there.
    ankles = [legs.ankle[stretch == k].mean(axis=0) for k in range(3)]
    assert at(np.concatenate([np.zeros((20, 3)), ankles]).ravel()) > 1.25 * best.fun
    if levels is not None:
        np.testing.assert_allclose(found.places @ DOWN, levels.depth, atol=0.005)


@pytest.mark.parametrize("frames", [1, 2, 3])
def test_few_frames(frames: int) -> None:
    legs, _, root = steps(20, False)
    few = Legs(*(part[:frames] for part in (legs.hip, legs.knee, legs.ankle, legs.flexion)))
    found = plant(few, np.tile([0, -1], (frames, 1)), root[:frames], FPS)
    assert found.shift.shape == (frames, 3)
    leg = found.places[0] - found.shift - few.hip[:, 0]
    length = np.linalg.norm(leg, axis=-1, keepdims=True)
    np.testing.assert_allclose(few.flexion_at(length)[:, 0], few.flexion[:, 0], atol=0.03)


def test_a_knee_says_less_of_a_legs_length_the_straighter_it_is() -> None:
    """By how much 1.5 degrees of bend change the length; 6 degrees at least, which is 2 mm."""
    degrees = np.array([0.0, 5.0, 6.5, 11.0, 40.0, 100.0])[:, None]
    hip, knee = np.zeros((6, 1, 3)), np.tile([0, 0.5, 0], (6, 1, 1))
    turn = np.radians(degrees)[..., None]
    shank = 0.4 * np.concatenate([np.sin(turn), np.cos(turn), 0 * turn], axis=-1)
    legs = Legs(hip, knee, knee + shank, np.radians(degrees))
    bend = np.radians(np.maximum(degrees, 6.0))
    step = np.radians(0.75)
    changes = legs.length_at(bend - step) - legs.length_at(bend + step)
    np.testing.assert_allclose(_widths(legs), changes, rtol=2e-3)
    # Of no length, a tenth of a millimetre.
    none = Legs(hip, hip, hip, np.radians(degrees))
    np.testing.assert_allclose(_widths(none), 1e-4)


def test_what_is_seen_is_known_within_the_error_of_keypoints() -> None:
    """2 cm across the line of sight, and 1 % of the distance with that along it."""
    seen = np.array([[0.0, 0.0, 5.0], [0.0, 3.0, 4.0]])
    for fps, frames in ((1.0, 1.0), (6.0, 1.0), (30.0, 4.8)):
        known = _measured(seen, fps) * frames
        along, across = np.hypot(0.01 * 5, 0.02) ** -2, 0.02**-2
        np.testing.assert_allclose(known[0], np.diag([across, across, along]))
        sight = seen[1] / 5
        assert sight @ known[1] @ sight == pytest.approx(along)
        assert known[1, 0, 0] == pytest.approx(across)


def test_lengths_and_bends_of_legs() -> None:
    hip = np.zeros((3, 1, 3))
    knee = hip + np.array([0, 0.4, 0])
    ankle = np.array([[[0, 0.7, 0]], [[0.3, 0.4, 0]], [[0, 0.1, 0]]])
    bend = bent(hip, knee, ankle)
    np.testing.assert_allclose(bend[:, 0], [0, np.pi / 2, np.pi], atol=1e-6)
    legs = Legs(hip, knee, ankle, bend)
    np.testing.assert_allclose(legs.length[:, 0], [0.7, 0.5, 0.1])
    np.testing.assert_allclose(legs.flexion_at(legs.length), bend, atol=1e-6)
    assert legs.flexion_at(np.full((3, 1), 0.9)).max() == 0
