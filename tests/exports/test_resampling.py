from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from motions import hidden, panned, standing_feet, walking
from scipy.spatial.transform import Rotation

from mbcli.errors import ConfigError
from mbcli.exports.resampling import even, resampled
from mbcli.motion import Motion3D, Refinement


def timed(motion: Motion3D, times: np.ndarray) -> Motion3D:
    return replace(motion, keypoints=replace(motion.keypoints, timestamps=times))


def test_twice_the_rate_is_what_a_camera_of_twice_the_rate_sees() -> None:
    found, fast = resampled(walking(60, fps=30), 60), walking(119, fps=60)
    assert found.fps == 60
    assert found.positions.shape == (119, 1, 17, 3)
    np.testing.assert_allclose(found.timestamps, fast.timestamps, atol=1e-12)
    assert found.keypoints.frame_index.tolist() == list(range(119))
    between, slow = fast.in_camera[1::2], walking(60).in_camera
    error = np.linalg.norm(found.in_camera[1::2] - between, axis=-1)
    straight = np.linalg.norm((slow[1:] + slow[:-1]) / 2 - between, axis=-1)
    # Metres; the most is where a foot leaves the floor, which no smooth curve follows.
    assert error.mean() < 0.0001 < straight.mean() / 5
    assert error.max() < 0.006 < straight.max() / 2
    np.testing.assert_allclose(found.keypoints.data[::2], walking(60).keypoints.data, atol=1e-4)
    assert found.meta["resampled"] == {"from_fps": 30, "to_fps": 60}


def test_the_same_rate_changes_nothing() -> None:
    motion = hidden(walking(30, people=2), slice(10, 14))
    found = resampled(motion, 30)
    np.testing.assert_allclose(found.positions, motion.positions, atol=1e-6)
    np.testing.assert_allclose(found.confidence, motion.confidence, atol=1e-6)
    assert even(motion)


@pytest.mark.parametrize(("fps", "frames"), [(10, 20), (12.5, 25), (29.97, 59), (50, 99)])
def test_frames_stay_within_the_recording(fps: float, frames: int) -> None:
    found = resampled(walking(60, fps=30), fps)
    assert len(found.timestamps) == frames
    assert found.timestamps[-1] <= 59 / 30 + 1e-6
    assert found.timestamps[-1] + 1 / fps > 59 / 30


def test_nothing_is_made_up_in_a_gap() -> None:
    motion = hidden(walking(60), slice(20, 30))
    found = resampled(motion, 90)
    inside = (found.timestamps > 19 / 30 + 1e-6) & (found.timestamps < 30 / 30 - 1e-6)
    np.testing.assert_array_equal(found.present[:, 0], ~inside)
    assert (found.confidence[inside] == 0).all()
    assert (found.keypoints.data[inside][..., 2] == 0).all()
    assert np.isnan(found.keypoints.boxes[inside]).all()
    # And what stands beside it is not bent by it.
    whole = resampled(walking(60), 90)
    error = np.abs(found.in_camera - whole.in_camera)[~inside]
    assert error.max() < 0.01


def test_a_joint_that_is_missing_alone() -> None:
    motion = walking(10)
    positions = motion.positions.copy()
    positions[4, 0, 3] = np.nan
    found = resampled(replace(motion, positions=positions), 60)
    gone = np.isnan(found.positions).any(axis=-1)
    assert np.argwhere(gone).tolist() == [[7, 0, 3], [8, 0, 3], [9, 0, 3]]
    assert (found.confidence[gone] == 0).all()


def test_uneven_times_become_even() -> None:
    fast = walking(121, fps=60)
    rows = np.sort(np.random.default_rng(3).choice(np.arange(1, 120), 80, replace=False))
    rows = np.concatenate([[0], rows, [120]])
    keypoints = replace(
        fast.keypoints,
        data=fast.keypoints.data[rows],
        boxes=fast.keypoints.boxes[rows],
        timestamps=fast.timestamps[rows],
        frame_index=rows,
        fps=(len(rows) - 1) / 2,
    )
    motion = replace(
        fast,
        positions=fast.positions[rows],
        root=fast.root[rows],
        positions_normalized=fast.positions_normalized[rows],
        confidence=fast.confidence[rows],
        keypoints=keypoints,
        camera=fast.camera.lasting(len(rows)),
    )
    assert not even(motion)
    found = resampled(motion, 60)
    assert even(found)
    np.testing.assert_allclose(found.in_camera, fast.in_camera, atol=0.02)


def test_times_that_a_container_has_rounded_are_even() -> None:
    motion = walking(60, fps=30)
    assert even(timed(motion, np.round(motion.timestamps, 3)))
    assert not even(timed(motion, motion.timestamps + np.where(np.arange(60) > 30, 0.02, 0)))


def test_what_refinement_kept_goes_along() -> None:
    motion = walking(60)
    feet = standing_feet(60)[:, None]
    raw = Refinement(motion.positions, motion.root, motion.confidence, foot_contacts=feet)
    found = resampled(replace(motion, refinement=raw), 60).refinement
    assert found is not None
    assert found.foot_contacts is not None
    np.testing.assert_array_equal(found.foot_contacts[::2], feet)
    np.testing.assert_allclose(found.positions[::2], motion.positions, atol=1e-6)


def test_a_camera_that_turns_goes_on_turning_evenly() -> None:
    motion = panned(walking(31, fps=30), 60)
    found = resampled(motion, 120)
    assert found.camera.world_from_camera.shape == (121, 4, 4)
    np.testing.assert_allclose(
        found.camera.world_from_camera, panned(found, 60).camera.world_from_camera, atol=1e-6
    )
    still = resampled(walking(31, fps=30), 120).camera
    np.testing.assert_array_equal(still.world_from_camera, np.tile(np.eye(4), (121, 1, 1)))


def test_a_zoom_goes_on_evenly() -> None:
    motion = walking(31, fps=30)
    camera = replace(motion.camera, zooms=np.linspace(1, 2, 31))
    found = resampled(replace(motion, camera=camera), 120)
    np.testing.assert_allclose(found.camera.zooms, np.linspace(1, 2, 121))


def test_a_camera_that_shakes_leaves_people_where_they_are() -> None:
    motion = walking(31, fps=30)
    poses = np.tile(np.eye(4), (31, 1, 1))
    turns = np.random.default_rng(0).normal(0, 0.05, (31, 3))
    poses[:, :3, :3] = Rotation.from_rotvec(turns).as_matrix()
    camera = motion.camera.posed(poses, motion="turning")
    seen = camera.from_world(motion.in_world)
    root = seen[:, :, 0]
    shaken = replace(motion, camera=camera, positions=seen - root[:, :, None], root=root)
    found, still = resampled(shaken, 47), resampled(motion, 47)
    np.testing.assert_allclose(found.in_world, still.in_world, atol=1e-5)


def test_one_frame_and_two() -> None:
    assert len(resampled(walking(1), 100).timestamps) == 1
    two = resampled(walking(2, fps=30), 60)
    assert len(two.timestamps) == 3
    np.testing.assert_allclose(two.positions[1], walking(2).positions.mean(axis=0), atol=1e-6)
    assert len(resampled(walking(0), 60).timestamps) == 0


def test_a_clock_that_jumps_is_not_filled() -> None:
    motion = walking(60)
    times = motion.timestamps + 39_600.0 * (np.arange(60) >= 30)
    jumped = timed(motion, times)
    said = r"at most 114000 frames, got 1188060 .* 39600\.03 s after .* s: infer what is before"
    with pytest.raises(ConfigError, match=said):
        resampled(jumped, 30)
    for wrong in (motion, replace(motion, keypoints=replace(motion.keypoints, fps=1e6))):
        with pytest.raises(
            ConfigError, match=r"got 1966668 at 1e\+06 per second.*: choose another"
        ):
            resampled(wrong, 1e6)
