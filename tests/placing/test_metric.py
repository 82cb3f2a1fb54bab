from __future__ import annotations

import math
from functools import partial

import numpy as np
import pytest

from mbcli.camera import Camera, camera_from
from mbcli.errors import ConfigError
from mbcli.placing.metric import _translations, _weighted_median, check_height, to_metres
from mbcli.placing.place import place
from mbcli.placing.smoothing import smooth
from mbcli.skeleton import H36M17
from mbcli.types import Keypoints2D

SIZE = (1280, 720)
FOCAL = 1100.0
FPS = 30.0

# A standing body 1.70 m tall in Drillis and Contini's proportions: x to the person's left (they
# face the camera), y down, z away from it; the floor is at y = 0.
HEIGHT = 1.70
_SIDE = {
    "hip": (0.055, 0.530, 0.0),
    "knee": (0.055, 0.285, 0.0),
    "ankle": (0.055, 0.039, 0.0),
    "shoulder": (0.110, 0.818, 0.0),
    "elbow": (0.110, 0.818 - 0.186, 0.0),
    "wrist": (0.110, 0.818 - 0.186 - 0.146, 0.0),
}
_MIDDLE = {
    "pelvis": (0, 0.530, 0),
    "spine": (0, 0.674, 0),
    "thorax": (0, 0.818, 0),
    "nose": (0, 0.930, -0.05),
    "head": (0, 1.0, 0),
}


def standing():
    joints = []
    for name in H36M17.joints:
        side, _, part = name.partition("_")
        x, up, z = _SIDE[part] if part else _MIDDLE[name]
        joints.append((-x if side == "right" else x, -up, z))
    return HEIGHT * np.array(joints, dtype=np.float64)


def swing(points, pivot, joints, angle):
    """Turn joints about the x axis through a joint."""
    c, s = np.cos(angle), np.sin(angle)
    turn = np.array([[1, 0, 0], [0, c, -s], [0, s, c]])
    points[joints] = (points[joints] - points[pivot]) @ turn.T + points[pivot]


def a_walker(frames=120, distance=4.0, approach=0.0):
    """(T, 17, 3) metres in the camera's frame: arms and legs swing, the body turns and moves."""
    t = np.arange(frames) / FPS
    at = H36M17.index
    result = np.empty((frames, 17, 3))
    for k, time in enumerate(t):
        body = standing()
        stride = 0.5 * math.sin(2 * math.pi * time)
        for sign, side in ((1, "left"), (-1, "right")):
            leg = [at(f"{side}_{j}") for j in ("knee", "ankle")]
            arm = [at(f"{side}_{j}") for j in ("elbow", "wrist")]
            swing(body, at(f"{side}_hip"), leg, sign * stride)
            swing(body, at(f"{side}_knee"), leg[1:], -0.4 - 0.3 * sign * stride)
            swing(body, at(f"{side}_shoulder"), arm, -sign * stride)
            swing(body, at(f"{side}_elbow"), arm[1:], 0.5)
        c, s = math.cos(0.8 * time), math.sin(0.8 * time)
        body = body @ np.array([[c, 0, -s], [0, 1, 0], [s, 0, c]])
        result[k] = body + np.array([-0.6 + 0.3 * time, 1.1, distance - approach * time])
    return result


def seen_by(world, focal=FOCAL, noise=0.0, seed=0):
    """Keypoints (T, P, 17, 3) of people (T, P, 17, 3), and what a perfect lifter says of them."""
    rng = np.random.default_rng(seed)
    camera, middle = camera_from(SIZE, focal), np.array(SIZE) / 2
    xy = camera.project(world) + noise * rng.normal(size=(*world.shape[:3], 2))
    data = np.concatenate([xy, np.full((*world.shape[:3], 1), 0.9)], axis=-1)
    pelvis = world[:, :, :1]
    per_metre = focal / pelvis[..., 2:] / (min(SIZE) / 2)
    units = (world - pelvis) * per_metre
    units[..., :2] += (camera.project(pelvis) - middle) / (min(SIZE) / 2)
    return keypoints_of(data), units


def keypoints_of(data):
    frames, people = data.shape[:2]
    return Keypoints2D(
        data=data,
        skeleton=H36M17,
        fps=FPS,
        timestamps=np.arange(frames) / FPS,
        size=SIZE,
        track_ids=np.arange(people),
        boxes=np.zeros((frames, people, 4)),
        frame_index=np.arange(frames),
    )


CAMERA = camera_from(SIZE, focal=FOCAL)


def metres(units, keypoints, height=HEIGHT, camera=CAMERA):
    return to_metres(units, keypoints, height=height, camera=camera)


def depth_error(root, world):
    truth = world[:, :, 0]
    return (np.linalg.norm(root - truth, axis=-1) / truth[..., 2]).max()


# height


@pytest.mark.parametrize("value", [0, -1, math.nan, math.inf])
def test_height_must_be_positive(value):
    with pytest.raises(ConfigError, match=rf"--height must be a positive.*got {value:g}"):
        check_height(value)
    units = np.zeros((1, 0, 17, 3))
    with pytest.raises(ConfigError, match="--height"):
        metres(units, keypoints_of(units), height=value)


# size and place


@pytest.mark.parametrize(("distance", "approach"), [(4.0, 0.0), (8.0, 1.3), (2.5, -0.8)])
def test_root_and_body_come_back(distance, approach):
    """Walking across, towards the camera and away from it; within 1 % of the distance."""
    world = a_walker(distance=distance, approach=approach)[:, None]
    keypoints, units = seen_by(world)
    positions, root = metres(units, keypoints)
    assert positions.dtype == root.dtype == np.float32
    assert depth_error(root, world) < 0.01
    body = world - world[:, :, :1]
    assert np.abs(positions - body).max() < 0.01
    assert not positions[:, :, 0].any()


def test_root_survives_noise_and_outliers():
    world = a_walker(distance=5.0)[:, None]
    keypoints, units = seen_by(world, noise=2.0)
    data = keypoints.data.copy()
    rng = np.random.default_rng(1)
    for frame in range(0, 120, 3):
        data[frame, 0, rng.integers(17), :2] += rng.uniform(-300, 300, 2)
    _, root = metres(units, keypoints_of(data))
    assert np.sqrt(np.mean((root - world[:, :, 0]) ** 2)) < 0.05
    assert np.abs(np.diff(root[..., 2], axis=0)).max() < 0.03


def test_a_wrist_that_is_always_wrong_pulls_nobody_off_their_place():
    """An outlier in every frame, which no smoothing over time takes out."""
    world = a_walker(distance=5.0)[:, None]
    keypoints, units = seen_by(world, noise=2.0)
    data = keypoints.data.copy()
    data[:, 0, H36M17.index("right_wrist"), :2] += (60, -40)
    _, root = metres(units, keypoints_of(data))
    error = np.abs(root - world[:, :, 0]).mean(axis=(0, 1))
    # With as much weight as the others it would move them by 0.02 m across and 0.27 m along.
    assert error[:2].max() < 0.008
    assert error[2] < 0.1


def test_depth_follows_the_lifted_size_where_keypoints_spread_for_a_moment():
    """Keypoints that look 8 % nearer for 0.4 s, while the lifter knows better."""
    world = a_walker(distance=5.0)[:, None]
    keypoints, units = seen_by(world)
    data = keypoints.data.copy()
    wide = slice(55, 67)
    pelvis = data[wide, :, :1, :2]
    data[wide, ..., :2] = pelvis + 1.08 * (data[wide, ..., :2] - pelvis)
    _, root = metres(units, keypoints_of(data))
    assert np.abs(root[..., 2] / world[:, :, 0, 2] - 1).max() < 0.015


@pytest.mark.parametrize("distortion", [(0.0,) * 5, (-0.25, 0.08, 0.001, -0.001, 0.0)])
def test_places_through_a_lens_with_its_own_middle_and_distortion(distortion):
    camera = Camera(np.array([FOCAL, 1.1 * FOCAL]), np.array([600.0, 380.0]), np.array(distortion))
    world = a_walker(distance=5.0)[:, None]
    keypoints, units = seen_by(world)
    data = keypoints.data.copy()
    data[..., :2] = camera.project(world)
    moved = (data[:, :, :1, :2] - np.array(SIZE) / 2) / (min(SIZE) / 2) - units[:, :, :1, :2]
    units[..., :2] += moved
    _, root = metres(units, keypoints_of(data), camera=camera)
    assert depth_error(root, world) < 0.02
    _, plain = metres(units, keypoints_of(data))
    assert depth_error(plain, world) > 0.04


def test_somebody_far_away_or_small_is_placed_as_well():
    for distance, height in ((40.0, HEIGHT), (6.0, 0.7)):
        world = a_walker(distance=distance)[:, None] * [height / HEIGHT, height / HEIGHT, 1]
        world[..., 2] += (height / HEIGHT - 1) * (world[..., 2] - world[:, :, :1, 2])
        keypoints, units = seen_by(world)
        positions, root = metres(units, keypoints, height=height)
        assert depth_error(root, world) < 0.01
        assert np.abs(positions - (world - world[:, :, :1])).max() < 0.01


def test_the_place_comes_from_the_keypoints_and_without_any_from_the_lifter():
    world = a_walker(distance=5.0)[:, None]
    keypoints, units = seen_by(world)
    data = keypoints.data.copy()
    data[3, 0, H36M17.index("left_wrist")] = np.nan, np.nan, 0
    data[50, ..., 2] = 0
    moved = units + np.array([0.2, 0.1, 0.0])  # the lifter has them somewhere else in the picture
    _, root = metres(moved, keypoints_of(data))
    error = root[:, 0] - world[:, 0, 0]
    assert np.abs(np.delete(error, 50, axis=0)).max() < 0.02
    metres_per_unit = world[50, 0, 0, 2] / FOCAL * (min(SIZE) / 2)
    assert error[50, :2] == pytest.approx(np.array([0.2, 0.1]) * metres_per_unit, rel=0.02)


def test_good_keypoints_keep_their_weight_and_outliers_lose_it():
    rng = np.random.default_rng(0)
    joints = rng.normal(size=(200, 12, 3)) * [0.3, 0.6, 0.2]
    there = joints + np.array([0.5, -0.2, 5.0])
    rays = there[..., :2] / there[..., 2:] + rng.normal(scale=0.002, size=(200, 12, 2))
    rays[:, 4] += 0.1
    confidence = rng.uniform(0.3, 1, (200, 12))
    confidence[:, 7] = 0
    shift, weights = _translations(joints, rays, confidence)
    error = np.median(np.abs(shift - [0.5, -0.2, 5.0]), axis=0)
    assert error[:2].max() < 0.03
    assert error[2] < 0.1  # 0.4 if the outlier counted like the others
    share = weights / np.maximum(confidence**2, 1e-9)
    kept = np.delete(share, [4, 7], axis=1)
    assert kept.max() == pytest.approx(1)
    assert 0.85 < (kept == 1).mean() < 1
    assert np.median(share[:, 4]) < 0.15
    assert not weights[:, 7].any()


def test_the_depth_of_somebody_far_away_and_hardly_seen_is_found():
    joints = np.random.default_rng(0).normal(size=(5, 12, 3)) * [0.3, 0.6, 0.2]
    there = joints + np.array([0.5, -0.2, 60.0])
    shift, _ = _translations(joints, there[..., :2] / there[..., 2:], np.full((5, 12), 0.3))
    np.testing.assert_allclose(shift, np.tile([0.5, -0.2, 60.0], (5, 1)), atol=1e-6)


def test_joints_on_one_ray_leave_the_depth_open():
    joints = np.zeros((2, 12, 3))
    joints[..., 2] = np.linspace(0, 0.5, 12)
    shift, _ = _translations(joints, np.zeros((2, 12, 2)), np.ones((2, 12)))
    assert np.isnan(shift).all()


def test_the_weighted_median_is_that_of_repeated_values():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(50, 9))
    times = rng.integers(0, 4, (50, 9))
    times[:, 0] += 1
    for found, row, count in zip(
        _weighted_median(values, times.astype(float)), values, times, strict=True
    ):
        repeated = np.sort(np.repeat(row, count))
        assert found == repeated[(len(repeated) - 1) // 2]


def test_every_person_has_the_given_height():
    world = a_walker()[:, None]
    keypoints, units = seen_by(np.concatenate([world, world + np.array([0.5, 0, 3.0])], axis=1))
    positions, _ = metres(units, keypoints, height=1.2)
    thigh = np.linalg.norm(
        positions[:, :, H36M17.index("left_knee")] - positions[:, :, H36M17.index("left_hip")],
        axis=-1,
    )
    assert np.allclose(thigh, 0.245 * 1.2, rtol=0.01)


def test_size_is_steady_where_the_lifter_is_not():
    world = a_walker()[:, None]
    keypoints, units = seen_by(world)
    shaky = 1 + 0.1 * np.random.default_rng(0).normal(size=(120, 1, 1, 1))
    positions, _ = metres((units - units[:, :, :1]) * shaky + units[:, :, :1], keypoints)
    ankle, knee = H36M17.index("left_ankle"), H36M17.index("left_knee")
    shank = np.linalg.norm(positions[:, 0, ankle] - positions[:, 0, knee], axis=-1)
    assert np.median(shank) == pytest.approx(0.246 * HEIGHT, rel=0.02)
    assert shank.std() / shank.mean() == pytest.approx(0.1, abs=0.03)  # the shaking itself stays


def test_absent_frames_stay_nan_and_change_nothing_else():
    world = a_walker()[:, None]
    keypoints, units = seen_by(world)
    data = keypoints.data.copy()
    gone = slice(40, 52)
    data[gone] = np.nan, np.nan, 0
    units[gone] = np.nan
    positions, root = metres(units, keypoints_of(data))
    here = np.ones(120, dtype=bool)
    here[gone] = False
    assert np.isnan(positions[gone]).all()
    assert np.isnan(root[gone]).all()
    assert np.isfinite(positions[here]).all()
    assert depth_error(root[here], world[here]) < 0.01


def test_frames_with_few_joints_follow_their_neighbours():
    world = a_walker(distance=6, approach=1.0)[:, None]
    keypoints, units = seen_by(world)
    data = keypoints.data.copy()
    at = H36M17.index
    legs = [at(f"{s}_{j}") for s in ("left", "right") for j in ("hip", "knee", "ankle")]
    data[:, :, legs] = np.nan, np.nan, 0  # cut off by the picture
    few = np.arange(17) != at("left_shoulder")
    data[50:60, :, few] = np.nan, np.nan, 0
    data[70, :, :, 2] = 0
    _, root = metres(units, keypoints_of(data))
    assert np.isfinite(root).all()
    assert depth_error(root, world) < 0.02


def test_without_enough_joints_anywhere_the_size_determines_the_distance():
    world = a_walker()[:, None]
    keypoints, units = seen_by(world)
    data = keypoints.data.copy()
    data[:, :, 1:] = np.nan, np.nan, 0
    _, root = metres(units, keypoints_of(data))
    assert depth_error(root, world) < 0.01


def test_points_and_nobody():
    nobody = np.zeros((5, 0, 17, 3))
    positions, root = metres(nobody, keypoints_of(nobody))
    assert positions.shape == (5, 0, 17, 3)
    assert root.shape == (5, 0, 3)
    absent = np.full((5, 1, 17, 3), np.nan)
    data = np.zeros((5, 1, 17, 3))
    data[...] = np.nan, np.nan, 0
    positions, root = metres(absent, keypoints_of(data))
    assert np.isnan(positions).all()
    point = np.zeros((3, 1, 17, 3))
    positions, root = metres(point, keypoints_of(point + np.array([640, 360, 1])))
    assert not positions.any()
    assert (root[..., 2] > 0).all()


def test_depth_is_never_behind_the_camera():
    world = a_walker()[:, None]
    _, units = seen_by(world)
    rng = np.random.default_rng(5)
    data = rng.uniform(0, 1, (120, 1, 17, 3)) * [*SIZE, 1]
    positions, root = metres(units, keypoints_of(data))
    assert np.isfinite(root).all()
    assert (root[..., 2] > 0).all()
    assert np.isfinite(positions).all()


# all of it, without jitter


def test_place_gives_metres_without_jitter():
    world = a_walker(distance=5.0)[:, None]
    world[..., 0] += 1.5  # off the camera's axis, where the ray matters
    keypoints, units = seen_by(world)
    jitter = 0.01 * np.cos(np.pi * np.arange(120))[:, None, None, None]
    placed_at = partial(place, keypoints=keypoints, height=1.2, camera=CAMERA, along_ray=True)
    wanted = to_metres(units, keypoints, height=1.2, camera=CAMERA, along_ray=True)
    raw, *placed = placed_at(units, cutoff=0)
    np.testing.assert_array_equal(raw, units)
    for got, want in zip(placed, wanted, strict=True):
        np.testing.assert_array_equal(got, want)
    steady, positions, root = placed_at(units + jitter, cutoff=6.0)
    inner = slice(10, -10)
    assert np.abs(steady - units)[inner].max() < 0.005
    assert np.abs(positions - wanted[0])[inner].max() < 0.02
    assert np.abs(root - wanted[1])[inner].max() < 0.02
    across, _ = to_metres(units, keypoints, height=1.2, camera=CAMERA)
    assert np.abs(across - wanted[0]).max() > 0.05


# smoothing


def test_smoothing_keeps_lines_and_unknowns():
    line = 3 + 0.5 * np.arange(50)
    line[20:24] = np.nan
    got = smooth(line, 4.0)
    assert np.array_equal(np.isnan(got), np.isnan(line))
    assert np.allclose(got, line, equal_nan=True)
    assert np.isnan(smooth(np.full(4, np.nan), 2.0)).all()
    assert smooth(np.array([7.0]), 2.0).tolist() == [7.0]
    assert smooth(np.zeros(0), 2.0).shape == (0,)


def reference(values, sigma):
    """Lines by numpy, a Gaussian window cut off at three widths, three rounds of weights."""
    known = np.isfinite(values)
    weights, result = known.astype(float), np.full(len(values), np.nan)
    reach = math.ceil(3 * sigma)
    for _ in range(3):
        for at in np.flatnonzero(known):
            near = np.arange(max(at - reach, 0), min(at + reach + 1, len(values)))
            near = near[weights[near] > 0]
            spread = np.exp(-(((near - at) / sigma) ** 2) / 2) * weights[near]
            result[at] = np.polyfit(near - at, values[near], 1, w=np.sqrt(spread))[1]
        residual = np.abs(values - result)
        limit = 2 * 1.4826 * np.nanmedian(residual)
        weights = np.where(known, np.minimum(1, limit / np.maximum(residual, 1e-12)), 0.0)
    return result


@pytest.mark.parametrize("sigma", [1.5, 4.1])
def test_smoothing_is_robust_local_regression(sigma):
    rng = np.random.default_rng(0)
    values = np.sin(np.arange(60) / 6) + 0.1 * rng.normal(size=60)
    values[[12, 40]] += 3
    values[20:23] = np.nan
    np.testing.assert_allclose(smooth(values, sigma), reference(values, sigma), atol=1e-9)
    short = values[:8]  # shorter than the window
    np.testing.assert_allclose(smooth(short, sigma), reference(short, sigma), atol=1e-9)


def test_smoothing_reaches_over_no_more_than_its_window():
    values = np.concatenate([np.full(10, 1.0), np.full(60, np.nan), [4.0], np.full(60, np.nan)])
    got = smooth(values, 3.0)
    assert np.allclose(got[:10], 1)
    assert got[70] == pytest.approx(4)  # alone, it has no slope
    assert np.isnan(np.delete(got, [*range(10), 70])).all()


def test_smoothing_does_not_lag():
    wave = np.sin(np.arange(200) / 20)
    got = smooth(wave, 4.0)
    lags = [np.corrcoef(wave[20:180], np.roll(got, k)[20:180])[0, 1] for k in range(-3, 4)]
    assert int(np.argmax(lags)) == 3
    assert np.abs(got - wave).max() < 0.05


def test_smoothing_ignores_outliers_and_quiets_noise():
    rng = np.random.default_rng(0)
    truth = np.linspace(0, 2, 200)
    noisy = truth + 0.05 * rng.normal(size=200)
    noisy[[30, 31, 120, 199]] += 8
    got = smooth(noisy, 5.0)
    assert np.abs(got - truth)[:190].max() < 0.1
    assert np.diff(got).std() < 0.2 * np.diff(noisy).std()
