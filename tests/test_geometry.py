from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mbcli import geometry as g
from mbcli.skeleton import H36M17

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(scope="module")
def reference():
    with np.load(FIXTURES / "geometry.npz") as file:
        return dict(file)


def a_walk(frames=60, people_px=200.0, seed=0):
    """A body of 17 joints that crosses the picture; (T, 17, 2) pixels."""
    rng = np.random.default_rng(seed)
    body = rng.uniform(-1, 1, (17, 2)) * [0.4, 1.0] * people_px
    t = np.arange(frames)[:, None, None]
    sway = 0.1 * people_px * np.sin(0.2 * t + np.arange(17)[None, :, None])
    return body + sway + np.array([400.0, 500.0]) + t * np.array([3.0, 0.2])


# published geometry


def test_crop_scale_is_the_published_one(reference):
    got = g.crop_scale(reference["motion2d"])
    assert np.abs(got - reference["motion2d_crop_scale_1_1"]).max() < 1e-9


def test_crop_scale_3d_is_the_published_one(reference):
    got = g.crop_scale_3d(reference["motion3d"])
    assert np.abs(got - reference["motion3d_crop_scale_1_1"]).max() < 1e-9


def test_flip_is_the_published_one(reference):
    before = reference["motion3d"].copy()
    assert np.abs(g.flip(before) - reference["motion3d_flipped"]).max() < 1e-9
    assert np.array_equal(before, reference["motion3d"])
    assert np.array_equal(g.flip(g.flip(before)), before)


def test_crop_scale_of_too_little_is_zero():
    motion = np.zeros((2, 17, 3))
    motion[0, :3] = [[1, 2, 1], [3, 4, 1], [5, 9, 1]]
    assert not g.crop_scale(motion).any()
    motion[..., :] = [5.0, 7.0, 1.0]
    assert not g.crop_scale(motion).any()
    assert not g.crop_scale_3d(np.ones((2, 17, 3))).any()


def test_crop_scale_ratio_is_drawn_from_the_range(reference):
    motion = reference["motion2d"]
    got = g.crop_scale(motion, (2.0, 4.0), np.random.default_rng(0))
    side = np.ptp(got[motion[..., 2] != 0][:, :2], axis=0).max()
    assert 2 / 4 < side < 2 / 2
    # A ratio of 2 makes 2D keypoints smaller and 3D targets larger, as published.
    half = g.crop_scale(motion, (2.0, 2.0))[motion[..., 2] != 0][:, :2]
    assert np.ptp(half, axis=0).max() == pytest.approx(1)
    targets = reference["motion3d"]
    sides = [np.ptp(g.crop_scale_3d(targets, (r, r))[..., :2], axis=(0, 1)).max() for r in (1, 2)]
    assert sides == pytest.approx([2, 4])
    with pytest.raises(ValueError, match="rng"):
        g.crop_scale(motion, (2.0, 4.0))


# our normalisation


def test_fit_window_is_the_bounding_box_of_a_normal_clip():
    xy = a_walk()
    center, scale = g.fit_window(xy, np.ones(xy.shape[:2]))
    low, high = xy.min((0, 1)), xy.max((0, 1))
    assert np.array_equal(center, (low + high) / 2)
    assert scale == (high - low).max() / 2
    unit = g.normalise(xy, center, scale)
    assert np.ptp(unit, axis=(0, 1)).max() == pytest.approx(2)
    assert np.abs(unit).max() == pytest.approx(1)
    assert np.allclose(g.denormalise(unit, center, scale), xy)


@pytest.mark.parametrize("frames", [1, 5, 81])
@pytest.mark.parametrize("throughout", [False, True])
def test_one_wild_keypoint_changes_nothing(frames, throughout):
    xy = a_walk(frames)
    without = np.ones(xy.shape[:2])
    rows = slice(None) if throughout else frames // 2
    without[rows, 13] = 0
    wild = xy.copy()
    wild[rows, 13] += [2500.0, -1800.0]
    assert g.fit_window(wild, np.ones(xy.shape[:2]))[1] == g.fit_window(xy, without)[1]


def test_keypoints_of_low_confidence_do_not_frame_the_window():
    xy = a_walk()
    confidence = np.ones(xy.shape[:2])
    confidence[7, 3] = 0.05
    # Within a body's reach, so that nothing but the confidence speaks against it, and on the
    # longer side of the square.
    moved = xy.copy()
    moved[7, 3] = xy[7].mean(axis=0) - [0, 250]
    framed = g.fit_window(moved, confidence)
    assert framed[1] == g.fit_window(xy, confidence)[1]
    assert np.array_equal(framed[0], g.fit_window(xy, confidence)[0])
    confidence[7, 3] = g.MIN_CONFIDENCE
    assert g.fit_window(moved, confidence)[0][1] < framed[0][1]


def test_a_window_of_low_confidence_only_is_framed_all_the_same():
    xy = a_walk()
    center, scale = g.fit_window(xy, np.full(xy.shape[:2], 0.02))
    assert np.array_equal(center, g.fit_window(xy, np.ones(xy.shape[:2]))[0])
    assert scale > 1


def test_keypoints_without_confidence_never_frame_the_window():
    xy, confidence = a_walk(), np.ones((60, 17))
    moved = xy.copy()
    moved[7, 3] = xy[7].mean(axis=0) - [0, 250]
    confidence[7, 3] = 0
    want = g.fit_window(xy, confidence)
    assert np.array_equal(g.fit_window(moved, confidence, min_confidence=0.0)[0], want[0])
    # Where so few are confident that all count, those without any do not either.
    low = np.where(confidence > 0, 0.05, 0.0)
    assert np.array_equal(g.fit_window(moved, low)[0], want[0])
    three = np.zeros((60, 17))
    three[0, :3] = 1
    three[1, :3] = 0.05
    known = np.concatenate([xy[0, :3], xy[1, :3]])
    center, _ = g.fit_window(xy, three)
    assert np.allclose(center, (known.min(axis=0) + known.max(axis=0)) / 2)
    three[0, 3] = 1
    center, _ = g.fit_window(xy, three)
    assert np.allclose(center, (xy[0, :4].min(axis=0) + xy[0, :4].max(axis=0)) / 2)


@pytest.mark.parametrize("unit", [1.0, 1e-3])
def test_wild_keypoints_are_wild_in_any_unit(unit):
    xy = a_walk()
    wild = xy.copy()
    wild[30, 13] += [2500.0, -1800.0]
    center, scale = g.fit_window(wild * unit, np.ones((60, 17)))
    known = np.ones((60, 17))
    known[30, 13] = 0
    want = g.fit_window(xy * unit, known)
    assert np.array_equal(center, want[0])
    assert scale == want[1]


def test_a_keypoint_is_wild_from_twice_the_usual_reach_on():
    # Everybody's 17 keypoints: 15 within 1 of the middle, of which some at 1, and one further out.
    body = np.zeros((10, 17, 2))
    body[:, :8, 0], body[:, 8:16, 0] = 1.0, -1.0
    body[:, 16] = 0, 0.5
    for distance, counts in ((1.9, True), (2.2, False)):
        far = body.copy()
        far[3, 16, 1] = distance
        center, _ = g.fit_window(far + np.array([40, 50]), np.ones((10, 17)))
        assert (center[1] > 50.3) == counts


def test_where_nearly_all_is_in_one_place_nothing_is_wild():
    xy = np.full((1, 17, 2), 100.0)
    xy[0, 5] = 110, 100
    center, scale = g.fit_window(xy, np.ones((1, 17)))
    assert center.tolist() == [105, 100]
    assert scale == 5


def test_medians_of_frames_are_numpys():
    rng = np.random.default_rng(4)
    points = rng.normal(size=(18, 17, 2))
    used = np.arange(17) < np.arange(18)[:, None]
    want = [
        np.median(p[u], axis=0) if u.any() else [np.nan] * 2
        for p, u in zip(points, used, strict=True)
    ]
    assert np.allclose(g._frame_medians(points, used), want, equal_nan=True)


def test_missing_keypoints_do_not_matter_to_the_window():
    xy, confidence = a_walk(), np.ones((60, 17))
    xy[10:20] = np.nan
    confidence[10:20] = 0
    xy[30, 4] = np.nan
    confidence[30, 4] = 0
    center, scale = g.fit_window(xy, confidence)
    low, high = np.nanmin(xy, (0, 1)), np.nanmax(xy, (0, 1))
    assert np.array_equal(center, (low + high) / 2)
    assert scale == (high - low).max() / 2


def test_windows_without_extent():
    nothing = np.full((4, 17, 2), np.nan)
    center, scale = g.fit_window(nothing, np.zeros((4, 17)))
    assert center.tolist() == [0, 0]
    assert scale == 1
    one = nothing.copy()
    one[2, 5] = 30, 40
    confidence = np.zeros((4, 17))
    confidence[2, 5] = 1
    center, scale = g.fit_window(one, confidence)
    assert center.tolist() == [30, 40]
    assert scale == 1
    center, scale = g.fit_window(np.full((4, 17, 2), 9.0), np.ones((4, 17)))
    assert center.tolist() == [9, 9]
    assert scale == 1
    assert g.fit_window(np.zeros((0, 17, 2)), np.zeros((0, 17)))[1] == 1


def test_fit_window_says_what_it_takes():
    with pytest.raises(ValueError, match=r"\(T, J, 2\).*\(4, 17, 3\)"):
        g.fit_window(np.zeros((4, 17, 3)), np.zeros((4, 17)))


def test_network_input_turns_missing_and_wild_into_zeros():
    keypoints = np.concatenate([a_walk(), np.full((60, 17, 1), 0.8)], axis=-1)
    keypoints[3, 4] = np.nan, np.nan, 0
    keypoints[5, 6, 2] = 0
    keypoints[8, 9, :2] += 5000
    keypoints[20:25] = np.nan, np.nan, 0
    center, scale = g.fit_window(keypoints[..., :2], keypoints[..., 2])
    got = g.network_input(keypoints, center, scale)
    assert got.dtype == np.float32
    gone = np.zeros((60, 17), dtype=bool)
    gone[3, 4] = gone[5, 6] = gone[8, 9] = gone[20:25] = True
    assert not got[gone].any()
    kept = g.normalise(keypoints[..., :2], center, scale)[~gone]
    assert np.allclose(got[~gone][:, :2], kept, atol=1e-6)
    assert np.allclose(got[~gone][:, 2], 0.8)


# alignment


def test_the_network_sees_keypoints_up_to_twice_the_window():
    keypoints = np.array([[2.0, -2.0, 0.7], [2.01, 0, 0.7], [0, -2.01, 0.7], [np.nan, 0, 0.7]])
    keypoints[:, :2] = keypoints[:, :2] * 50 + [300, 200]
    got = g.network_input(keypoints, [300, 200], 50.0)
    assert np.allclose(got[0], [2, -2, 0.7])
    assert not got[1:].any()


def test_a_pose_along_a_ray_is_turned_by_the_smallest_angle():
    rng = np.random.default_rng(2)
    rays, poses = rng.uniform(-1.5, 1.5, (4, 3, 2)), rng.normal(size=(4, 3, 17, 3))
    rays[0, 0] = 0
    got = g.from_ray(poses, rays)
    for place in np.ndindex(4, 3):
        ahead = np.append(rays[place], 1.0)
        axis = np.cross([0.0, 0.0, 1.0], ahead)
        angle = np.arctan2(np.linalg.norm(axis), 1.0)
        turn = Rotation.from_rotvec(angle * axis / max(np.linalg.norm(axis), 1e-12))
        assert np.allclose(got[place], turn.apply(poses[place]))
    assert np.allclose(g.from_ray(poses[0, 0], [0.0, 0.0]), poses[0, 0])


def test_similarity_finds_the_transformation():
    rng = np.random.default_rng(3)
    source = rng.normal(size=(4, 5, 17, 3))
    rotation = np.linalg.qr(rng.normal(size=(4, 5, 3, 3)))[0]
    rotation *= np.linalg.det(rotation)[..., None, None]
    scale = rng.uniform(0.1, 5, (4, 5))
    shift = rng.normal(size=(4, 5, 3))
    target = scale[..., None, None] * source @ np.swapaxes(rotation, -1, -2) + shift[..., None, :]
    got = g.similarity(source, target)
    for value, truth in zip(got, (scale, rotation, shift), strict=True):
        assert np.allclose(value, truth)
    assert np.allclose(g.procrustes(source, target), target)


def test_similarity_never_reflects():
    pose = np.random.default_rng(1).normal(size=(17, 3))
    mirrored = pose * [-1, 1, 1]
    _, rotation, _ = g.similarity(pose, mirrored)
    assert np.linalg.det(rotation) == pytest.approx(1)
    assert np.abs(g.procrustes(pose, mirrored) - mirrored).max() > 0.1


def test_procrustes_of_a_point_is_finite():
    target = np.random.default_rng(1).normal(size=(17, 3))
    assert np.allclose(g.procrustes(np.ones((17, 3)), target), target.mean(axis=0))


def test_procrustes_gives_the_published_p_mpjpe():
    with np.load(FIXTURES / "losses_and_metrics.npz") as file:
        pred, gt, want = file["pred"], file["gt"], file["p_mpjpe_per_frame"]
    got = np.linalg.norm(g.procrustes(pred, gt) - gt, axis=-1).mean(axis=-1)[0]
    assert np.allclose(got, want, atol=1e-6)


def test_flip_swaps_by_names():
    motion = np.zeros((17, 3))
    motion[H36M17.index("left_wrist")] = 1, 2, 3
    got = g.flip(motion)
    assert got[H36M17.index("right_wrist")].tolist() == [-1, 2, 3]
    assert not got[H36M17.index("left_wrist")].any()
