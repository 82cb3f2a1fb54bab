"""Gravity, floor and standing feet, against motions whose world is known."""

from __future__ import annotations

import numpy as np
import pytest
from motions import ANKLE_HEIGHT as TRUE_ANKLE
from motions import CAMERA_HEIGHT, hidden, standing_feet, walking
from scipy.ndimage import gaussian_filter1d

from mbcli.geometry import unit
from mbcli.kinematics.legs import Legs, bent, reach
from mbcli.refinement import floor
from mbcli.refinement.feet import foot_contacts
from mbcli.refinement.floor import ANKLE_HEIGHT, body_height, slope_of
from mbcli.refinement.held import without_sliding
from mbcli.refinement.planted import plant
from mbcli.refinement.world import estimate_world
from mbcli.skeleton import H36M17

ANKLES = [H36M17.index("right_ankle"), H36M17.index("left_ankle")]
CAMERAS = [(-30.0, 0.0), (-12.0, 10.0), (0.0, -10.0), (15.0, 5.0), (30.0, -8.0)]


def _turn(pitch: float, roll: float) -> np.ndarray:
    """(3, 3) from the axes of a level camera to those of a pitched and rolled one."""
    a, b = np.deg2rad([pitch, roll])
    about_x = [[1, 0, 0], [0, np.cos(a), -np.sin(a)], [0, np.sin(a), np.cos(a)]]
    about_z = [[np.cos(b), -np.sin(b), 0], [np.sin(b), np.cos(b), 0], [0, 0, 1]]
    return np.array(about_z) @ np.array(about_x)


def _seen(pitch: float, roll: float, frames: int = 120, people: int = 2) -> np.ndarray:
    return np.asarray(walking(frames, people).in_camera, dtype=np.float64) @ _turn(pitch, roll).T


def _slow(rng: np.random.Generator, shape: tuple[int, ...], seconds: float) -> np.ndarray:
    """Noise of unit variance that changes within so many seconds at 30 fps."""
    raw = gaussian_filter1d(rng.normal(size=(shape[0] + 600, *shape[1:])), seconds * 30, axis=0)
    return np.asarray((raw / raw.std())[: shape[0]])


def _noisy(body: np.ndarray, seed: int = 0) -> np.ndarray:
    """A single camera's errors: distance 4 % slow and 1.5 % quick, trembling 6 mm, 3 deg lean."""
    rng = np.random.default_rng(seed)
    root = body[:, :, :1]
    shape = (*body.shape[:2], 3)
    relative = body - root
    lean = np.deg2rad(3) * _slow(rng, shape, 1.0)
    relative = relative + np.cross(lean[:, :, None], relative)
    relative += 0.006 * _slow(rng, body.shape, 0.05)
    relative[:, :, 0] = 0
    distance = 0.04 * _slow(rng, shape[:2], 1.0) + 0.015 * _slow(rng, shape[:2], 0.2)
    return relative + root * (1 + distance)[..., None, None]


def _present(body: np.ndarray) -> np.ndarray:
    return np.isfinite(body).all(axis=(-1, -2))


def _degrees(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.degrees(np.arccos(np.clip(one @ other, -1, 1))))


def _sliding(body: np.ndarray, standing: np.ndarray) -> np.ndarray:
    """Millimetres that standing ankles move from one frame to the next."""
    steps = np.linalg.norm(np.diff(body[:, :, ANKLES], axis=0), axis=-1) * 1000
    return steps[standing[1:] & standing[:-1]]


def _bones(body: np.ndarray) -> np.ndarray:
    parents, children = np.array(H36M17.bones).T
    return np.linalg.norm(body[:, :, children] - body[:, :, parents], axis=-1)


@pytest.mark.parametrize(("pitch", "roll"), CAMERAS)
def test_gravity_and_floor_of_clean_walking(pitch: float, roll: float) -> None:
    body = _seen(pitch, roll)
    found = estimate_world(body, _present(body), 30.0)
    world = found.world_from_camera
    assert found.source == "feet and upright frames"
    assert _degrees(world[1, :3], _turn(pitch, roll)[:, 1]) < 1.5
    np.testing.assert_allclose(world[:3, :3] @ world[:3, :3].T, np.eye(3), atol=1e-12)
    assert np.linalg.det(world[:3, :3]) == pytest.approx(1)
    # The camera hangs above the floor, and an ankle of a body of 1.75 m is at 0.082 m.
    assert -world[1, 3] == pytest.approx(CAMERA_HEIGHT, abs=0.12)
    inside = body @ world[:3, :3].T + world[:3, 3]
    np.testing.assert_allclose(inside[0, 0, 0, [0, 2]], 0, atol=1e-9)
    lowest = -inside[:, :, ANKLES, 1].max(axis=2)
    assert np.abs(np.median(lowest, axis=0) - TRUE_ANKLE).max() < 0.12


@pytest.mark.parametrize(("pitch", "roll"), CAMERAS)
def test_gravity_of_noisy_walking(pitch: float, roll: float) -> None:
    errors = []
    for seed in range(4):
        body = _noisy(_seen(pitch, roll), seed)
        found = estimate_world(body, _present(body), 30.0)
        errors.append(_degrees(found.world_from_camera[1, :3], _turn(pitch, roll)[:, 1]))
        assert errors[-1] < 2.5 * found.spread_degrees
    assert np.mean(errors) < 4


def test_azimuth_of_the_world_is_the_cameras() -> None:
    body = _seen(20.0, 7.0)
    world = estimate_world(body, _present(body), 30.0).world_from_camera
    ahead = world[:3, :3] @ [0, 0, 1]
    assert ahead[0] == pytest.approx(0, abs=1e-12)
    assert ahead[2] > 0


def test_feet_in_one_place_leave_gravity_to_the_upright() -> None:
    rng = np.random.default_rng(0)
    points = np.array([0.0, 1.0, 5.0]) * (1 + 0.05 * rng.normal(size=(12, 1)))
    guess = np.array([0.1, 0.99, 0.05]) / np.linalg.norm([0.1, 0.99, 0.05])
    slope = slope_of(points, np.zeros(12, dtype=int), guess, np.deg2rad(5))
    assert _degrees(slope.down, guess) < 2
    assert slope.sigma > np.deg2rad(4)


def test_feet_over_metres_win_over_a_wrong_guess() -> None:
    rng = np.random.default_rng(0)
    points = np.stack([rng.uniform(-3, 3, 30), np.full(30, 1.2), rng.uniform(3, 9, 30)], axis=1)
    points[:, 1] += 0.02 * rng.normal(size=30)
    points[3, 1] -= 0.5
    guess = np.array([np.sin(0.15), np.cos(0.15), 0.0])
    slope = slope_of(points, np.zeros(30, dtype=int), guess, np.deg2rad(6))
    # The guess is 8.6 degrees off, and one foot half a metre too high.
    assert _degrees(slope.down, np.array([0.0, 1.0, 0.0])) < 1.5
    assert slope.sigma < np.deg2rad(3)


def test_levels_do_not_tilt_the_floor() -> None:
    x, z = np.meshgrid(np.linspace(-2, 2, 5), np.linspace(4, 8, 5))
    ground = np.stack([x, np.full_like(x, 1.5), z], axis=-1).reshape(-1, 3)
    roof = ground + np.array([4.0, -2.0, 2.0])
    both, level = np.concatenate([ground, roof]), np.repeat([0, 1], len(ground))
    slope = slope_of(both, level, np.array([0.0, 1.0, 0.0]), np.deg2rad(6))
    assert _degrees(slope.down, np.array([0.0, 1.0, 0.0])) < 0.05
    assert np.abs(slope.residual).max() < 1e-3


def test_someone_on_a_roof_does_not_raise_the_floor() -> None:
    body = _seen(0.0, 0.0)
    body[:, 1, :, 1] -= 2.0
    found = estimate_world(body, _present(body), 30.0)
    assert -found.world_from_camera[1, 3] == pytest.approx(CAMERA_HEIGHT, abs=0.12)


@pytest.mark.parametrize("shape", [(0, 1), (5, 0), (1, 2), (6, 2)])
def test_nobody(shape: tuple[int, int]) -> None:
    body = np.full((*shape, 17, 3), np.nan)
    found = estimate_world(body, _present(body), 30.0)
    assert found.source == "level camera"
    np.testing.assert_array_equal(found.world_from_camera, np.eye(4))
    assert np.isnan(found.spread_degrees)
    contacts = foot_contacts(body, found.world_from_camera, 30.0)
    assert contacts.shape == (*shape, 2)
    assert not contacts.any()
    assert np.isnan(without_sliding(body, contacts, found.world_from_camera, 30.0).in_camera).all()


def test_one_frame_rests_on_its_upright_people() -> None:
    body = _seen(20.0, 0.0, frames=1)
    found = estimate_world(body, _present(body), 30.0)
    assert found.source == "upright frames"
    assert found.contacts_used == 0
    assert _degrees(found.world_from_camera[1, :3], _turn(20.0, 0.0)[:, 1]) < 8
    contacts = foot_contacts(body, found.world_from_camera, 30.0)
    assert not contacts.any()
    same = without_sliding(body, contacts, found.world_from_camera, 30.0).in_camera
    np.testing.assert_allclose(same, body, atol=1e-6)


def test_people_seen_along_a_slanting_ray_show_little_of_gravity() -> None:
    """A lifter leans with the ray: 30 degrees off the axis, somebody 12 degrees off upright."""
    upright = _seen(0.0, 0.0, frames=1, people=1)
    upright += np.array([0.0, 0.0, 5.0]) - upright[:, :, :1]
    lean = np.deg2rad(12.0)
    about_z = [[np.cos(lean), -np.sin(lean), 0], [np.sin(lean), np.cos(lean), 0], [0, 0, 1]]
    aside = (upright - upright[:, :, :1]) @ np.array(about_z).T
    aside += np.array([5 * np.tan(np.deg2rad(30.0)), 0.0, 5.0])
    ahead, beside, both = (
        estimate_world(body, _present(body), 30.0)
        for body in (upright, aside, np.concatenate([upright, aside], axis=1))
    )
    down = np.array([0.0, 1.0, 0.0])
    assert _degrees(beside.world_from_camera[1, :3], down) > 9
    assert beside.spread_degrees > ahead.spread_degrees + 8
    off = _degrees(both.world_from_camera[1, :3], ahead.world_from_camera[1, :3])
    assert off < 2.0  # half of the 12 if both counted alike


def test_who_lies_leaves_the_camera_level() -> None:
    body = _seen(0.0, 0.0, people=1)
    lying = body[..., [1, 0, 2]]
    found = estimate_world(lying, _present(lying), 30.0)
    assert found.source == "level camera"
    np.testing.assert_array_equal(found.world_from_camera[:3, :3], np.eye(3))
    assert found.upright_used == 0


def test_contacts_are_those_of_the_walk() -> None:
    body = _seen(0.0, 0.0)
    world = estimate_world(body, _present(body), 30.0).world_from_camera
    found = foot_contacts(body, world, 30.0)
    for person in range(2):
        true = standing_feet(120, person=person)
        assert (found[:, person] & true).sum() > 0.95 * true.sum()
        assert (found[:, person] & true).sum() > 0.85 * found[:, person].sum()


def test_feet_that_nobody_saw_do_not_stand() -> None:
    motion = hidden(walking(60), slice(20, 30))
    body = np.asarray(motion.in_camera, dtype=np.float64)
    confidence = np.ones((60, 1, 17))
    confidence[40:, :, ANKLES[0]] = 0.1
    contacts = foot_contacts(body, np.eye(4), 30.0, confidence=confidence)
    assert not contacts[20:30].any()
    assert not contacts[40:, :, 0].any()
    assert contacts[40:, :, 1].any()


def test_clean_walking_stays_nearly_as_it_is() -> None:
    motion = walking(90)
    world = np.eye(4)
    world[1, 3] = -CAMERA_HEIGHT
    truth = standing_feet(90)[:, None]
    after = without_sliding(motion.in_camera, truth, world, 30.0).in_camera
    assert after.dtype == np.float32
    assert np.abs(after - motion.in_camera).max() < 0.02
    assert _sliding(after, truth).max() < 0.5


@pytest.mark.parametrize(("pitch", "roll"), CAMERAS[1:4])
def test_sliding_goes_and_bones_stay(pitch: float, roll: float) -> None:
    clean = _seen(pitch, roll)
    body = _noisy(clean)
    world = estimate_world(body, _present(body), 30.0).world_from_camera
    contacts = foot_contacts(body, world, 30.0)
    held = without_sliding(body, contacts, world, 30.0)
    after = np.asarray(held.in_camera, dtype=np.float64)
    assert _sliding(body, contacts).mean() > 8
    assert _sliding(after, held.contacts).max() < 0.5
    assert held.contacts.sum() > 0.74 * contacts.sum()
    assert not (held.contacts & ~contacts).any()
    np.testing.assert_allclose(_bones(after), _bones(body), atol=1e-5)
    # Distances become better too, since a foot that stands does not go to and fro.
    along = [
        np.ptp(gaussian_filter1d((case - clean)[:, :, 0], 3, axis=0)[..., 2], axis=0).mean()
        for case in (body, after)
    ]
    assert along[1] < 0.7 * along[0]
    # No jump is made that was not there.
    shake = [np.abs(np.diff(case[:, :, 0], 2, axis=0)).max() for case in (body, after)]
    assert shake[1] < shake[0]


def test_people_who_never_stand_are_left_alone() -> None:
    motion = walking(30)
    nothing = np.zeros((30, 1, 2), dtype=bool)
    after = without_sliding(motion.in_camera, nothing, np.eye(4), 30.0).in_camera
    np.testing.assert_array_equal(after, motion.in_camera)


def test_feet_come_down_to_a_near_floor_only() -> None:
    motion = walking(60)
    contacts = standing_feet(60)[:, None]
    for above, moved in ((0.06, 0.06), (0.4, 0.0)):
        world = np.eye(4)
        # The estimated floor is lower than the true one.
        world[1, 3] = -(CAMERA_HEIGHT + above)
        ankle = ANKLE_HEIGHT * body_height(motion.in_camera[:, 0])
        after = without_sliding(motion.in_camera, contacts, world, 30.0).in_camera
        down = np.median((after - motion.in_camera)[:, 0, ANKLES, 1])
        expected = moved and moved - (ankle - TRUE_ANKLE)
        assert down == pytest.approx(expected, abs=0.005)


def test_reaching_keeps_lengths_and_meets_the_target() -> None:
    rng = np.random.default_rng(1)
    hip = rng.normal(size=(50, 3))
    knee = np.array([0.0, 0.4, 0.0]) + 0.05 * rng.normal(size=(50, 3))
    ankle = knee + np.array([0.0, 0.4, 0.1]) + 0.05 * rng.normal(size=(50, 3))
    target = hip + 0.8 * ankle + 0.05 * rng.normal(size=(50, 3))
    forward = np.tile([0.0, 0.0, -1.0], (50, 1))
    new_knee, new_ankle = reach(hip, knee, ankle, target, forward)
    np.testing.assert_allclose(new_ankle, target, atol=1e-9)
    lengths = np.linalg.norm(new_knee - hip, axis=1), np.linalg.norm(new_ankle - new_knee, axis=1)
    np.testing.assert_allclose(lengths[0], np.linalg.norm(knee, axis=1))
    np.testing.assert_allclose(lengths[1], np.linalg.norm(ankle - knee, axis=1))


def test_a_straight_leg_bends_forward_and_a_far_target_is_approached() -> None:
    hip, knee = np.zeros((2, 3)), np.tile([0.0, 0.4, 0.0], (2, 1))
    forward = np.tile([0.0, 0.0, -1.0], (2, 1))
    target = np.array([[0.0, 0.7, 0.0], [0.0, 0.0, 3.0]])
    new_knee, new_ankle = reach(hip, knee, 2 * knee, target, forward)
    assert new_knee[0, 2] < -0.1
    np.testing.assert_allclose(new_ankle[1], [0, 0, 0.8], atol=1e-3)
    unmoved, _ = reach(hip, knee, 2 * knee, 2 * knee, forward)
    np.testing.assert_allclose(unmoved, knee, atol=0.02)


def test_places_even_out_wrong_distances() -> None:
    truth = walking(120)
    body = np.asarray(truth.in_camera[:, 0], dtype=np.float64)
    far = 1 + 0.04 * _slow(np.random.default_rng(3), (120, 1), 0.7)
    wrong = body + body[:, :1] * (far - 1)[..., None]
    stretch = np.where(standing_feet(120), 0, -1)
    count = 0
    for foot in range(2):
        starts = np.flatnonzero(np.diff(np.concatenate([[-1], stretch[:, foot]])) == 1)
        for start in starts:
            stop = start + int(np.argmax(np.append(stretch[start:, foot], -1) < 0))
            stretch[start:stop, foot] = count
            count += 1
    hips, knees, ankles = (
        wrong[:, [H36M17.index(f"{side}_{joint}") for side in ("right", "left")]]
        for joint in ("hip", "knee", "ankle")
    )
    legs = Legs(hips, knees, ankles, bent(hips, knees, ankles))
    planted = plant(legs, stretch, wrong[:, 0], 30.0)
    assert planted.places.shape == (count, 3)
    error = wrong[:, 0] + planted.shift - body[:, 0]
    assert error[:, 2].std() < 0.5 * (wrong - body)[:, 0, 2].std()
    assert np.abs(error[:, :2]).max() < 0.1


def test_many_people_on_many_levels_give_the_same_slope(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(4)
    level = np.repeat(np.arange(12), 9)
    down = unit(np.array([0.05, 1.0, 0.1]))
    points = rng.uniform((-3, 0, 4), (3, 0, 9), (len(level), 3))
    # On planes of one slope, each at its own depth, with noise and some outliers.
    points[:, 1] = (1.2 + 0.3 * level - points @ down) / down[1]
    points += rng.normal(0, 0.02, points.shape)
    points[::20, 1] += 0.4
    tilted = unit(np.array([0.0, 1.0, 0.0]))
    dense = floor.slope_of(points, level, tilted, 0.1)
    monkeypatch.setattr(floor, "_DENSE", 0)
    sparse = floor.slope_of(points, level, tilted, 0.1)
    assert np.degrees(np.arccos(np.clip(dense.down @ sparse.down, -1, 1))) < 0.01
    assert sparse.sigma == pytest.approx(dense.sigma, rel=1e-3)
    np.testing.assert_allclose(sparse.residual, dense.residual, atol=1e-3)
