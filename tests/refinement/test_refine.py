from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from motions import hidden, panned, walking

from mbcli.errors import ConfigError
from mbcli.kinematics.bones import bone_lengths
from mbcli.motion import Motion3D, load_motion
from mbcli.refinement.filters import savgol_window
from mbcli.refinement.options import RefineOptions
from mbcli.refinement.refine import refine
from mbcli.skeleton import H36M17

WRIST = H36M17.index("left_wrist")
EVERYTHING = RefineOptions(
    max_gap=0.5, outliers=True, filter="butterworth", bones=True, symmetric=True, feet=True,
    world=True,
)  # fmt: skip


def shaken(motion: Motion3D, metres: float = 0.015) -> Motion3D:
    noise = np.random.default_rng(7).normal(0, metres, motion.positions.shape)
    noise[:, :, 0] = 0
    return replace(motion, positions=motion.positions + noise)


def error(motion: Motion3D, truth: Motion3D) -> float:
    return float(np.nanmean(np.linalg.norm(motion.in_camera - truth.in_camera, axis=-1)))


def test_nothing_asked_nothing_done() -> None:
    motion = walking(10)
    assert refine(motion, RefineOptions()) is motion


def test_planted_outliers_and_gaps_are_repaired() -> None:
    truth = walking(90, people=2)
    positions, root = truth.positions.copy(), truth.root.copy()
    positions[20, 0, WRIST] += [0.7, 0, 0]
    positions[44:46, 1, WRIST] += [0, 0, 0.7]
    root[60, 0] += [0, 0, 3]
    broken = hidden(replace(truth, positions=positions, root=root), slice(30, 36), person=1)
    broken = hidden(broken, slice(70, 85), person=1)
    result = refine(broken, RefineOptions(outliers=True, max_gap=0.3))
    # A wrist at 30 frames a second moves on a curve, of which a chord of 7 frames cuts a little.
    distance = np.linalg.norm(result.in_camera - truth.in_camera, axis=-1)
    assert np.nanmax(distance[[20, 44, 45, 60]]) < 0.02
    assert np.nanmax(distance[30:36]) < 0.06
    assert np.flatnonzero(~result.present[:, 1]).tolist() == list(range(70, 85))
    # What was guessed says so, and nothing else does.
    assert result.confidence[20, 0, WRIST] == 0
    assert result.confidence[60, 0, 0] == 0
    assert np.all(result.confidence[30:36, 1] == 0)
    untouched = np.ones(truth.confidence.shape, dtype=bool)
    untouched[20, 0, WRIST] = untouched[60, 0, 0] = untouched[44:46, 1, WRIST] = False
    untouched[30:36, 1] = False
    np.testing.assert_array_equal(result.confidence[untouched], broken.confidence[untouched])
    np.testing.assert_array_equal(result.positions[untouched], broken.positions[untouched])
    report = result.meta["refinement"]
    assert report["outliers"]["people"] == [
        {"id": 1, "replaced": 2, "kept": 0},
        {"id": 2, "replaced": 2, "kept": 0},
    ]
    assert report["gaps"]["people"] == [{"id": 1, "frames": 0}, {"id": 2, "frames": 6}]


def test_an_outlier_that_cannot_be_filled_stays() -> None:
    truth = walking(60)
    positions = truth.positions.copy()
    positions[[0, 59], 0, WRIST] += [0.9, 0, 0]
    result = refine(replace(truth, positions=positions), RefineOptions(outliers=True))
    np.testing.assert_array_equal(result.positions, positions)
    assert result.meta["refinement"]["outliers"]["people"][0] == {
        "id": 1, "replaced": 0, "kept": 2,
    }  # fmt: skip
    assert result.confidence.min() > 0


@pytest.mark.parametrize("name", ["savgol", "butterworth"])
def test_filters_come_nearer_to_the_truth(name: str) -> None:
    truth = walking(120)
    noisy = shaken(truth)
    result = refine(noisy, RefineOptions(filter=name))
    assert error(result, truth) < 0.8 * error(noisy, truth)


def test_root_and_joints_are_filtered_as_joints_in_the_camera_frame_would_be() -> None:
    noisy = shaken(walking(60))
    root = noisy.root + np.random.default_rng(8).normal(0, 0.05, noisy.root.shape)
    noisy = replace(noisy, root=root)
    inside = replace(noisy, positions=noisy.in_camera, root=np.zeros_like(root))
    options = RefineOptions(filter="butterworth", cutoff=5, order=2)
    apart = refine(noisy, options)
    # The pelvis of the second is not looked at, being 0 from itself.
    together = refine(inside, options)
    np.testing.assert_allclose(apart.in_camera[:, :, 1:], together.positions[:, :, 1:], atol=1e-5)
    np.testing.assert_array_equal(apart.positions[:, :, 0], 0)


def test_the_filter_is_described() -> None:
    def described(**given: Any) -> Any:
        return refine(walking(30), RefineOptions(**given)).meta["refinement"].get("filter")

    assert described(bones=True) is None
    assert described(filter="butterworth") == {"name": "butterworth", "cutoff": 6.0, "order": 4}
    euro = {"name": "one-euro", "cutoff": 2.0, "beta": 6.0}
    lag = pytest.approx(0.0796, abs=1e-4)  # seconds
    assert described(filter="one-euro") == euro | {"lag_seconds_at_rest": lag}
    euro = {"name": "one-euro", "cutoff": 4.0, "beta": 0.0}
    lag = pytest.approx(0.0398, abs=1e-4)
    found = described(filter="one-euro", cutoff=4.0, beta=0.0)
    assert found == euro | {"lag_seconds_at_rest": lag}
    found = described(filter="savgol", cutoff=5.0, order=2)
    window, cutoff = savgol_window(walking(30).timestamps, 5.0, 2)
    assert found == {"name": "savgol", "order": 2, "cutoff": cutoff, "window_frames": window}


def test_the_error_of_what_was_filled_is_unknown() -> None:
    whole = walking(30)
    error = np.random.default_rng(0).uniform(0.01, 0.1, whole.confidence.shape)
    broken = hidden(replace(whole, expected_error=error.astype(np.float32)), slice(10, 13))
    assert broken.expected_error is not None
    result = refine(broken, RefineOptions(max_gap=0.5))
    assert result.expected_error is not None
    assert np.isnan(result.expected_error[10:13]).all()
    others = np.delete(np.arange(30), [10, 11, 12])
    np.testing.assert_array_equal(result.expected_error[others], broken.expected_error[others])


def test_constant_bones() -> None:
    result = refine(shaken(walking(40, people=2)), RefineOptions(bones=True, symmetric=True))
    lengths = bone_lengths(result.positions, H36M17)
    assert np.ptp(lengths, axis=0).max() < 1e-6
    np.testing.assert_allclose(lengths, lengths[..., list(H36M17.mirror)], atol=1e-6)
    metres = result.meta["refinement"]["bones"]["people"][0]["metres"]
    assert metres["left_knee"] == pytest.approx(float(lengths[0, 0, 5]), abs=1e-4)


def test_the_raw_numbers_stay_and_are_what_is_refined_again(tmp_path: Path) -> None:
    raw = shaken(hidden(walking(60, people=2), slice(20, 23)))
    once = refine(raw, EVERYTHING)
    once.save(tmp_path / "refined.npz")
    loaded = load_motion(tmp_path / "refined.npz")
    assert loaded.refinement is not None
    np.testing.assert_array_equal(loaded.refinement.positions, raw.positions)
    np.testing.assert_array_equal(loaded.refinement.root, raw.root)
    np.testing.assert_array_equal(loaded.refinement.confidence, raw.confidence)
    np.testing.assert_array_equal(loaded.positions_normalized, raw.positions_normalized)
    options = RefineOptions(filter="savgol")
    again, direct = refine(loaded, options), refine(raw, options)
    np.testing.assert_array_equal(again.positions, direct.positions)
    assert again.refinement is not None
    assert not again.camera.grounded
    assert again.meta["refinement"] == direct.meta["refinement"]


def test_world_and_feet() -> None:
    motion = walking(90)
    world = refine(motion, RefineOptions(world=True))
    np.testing.assert_array_equal(world.positions, motion.positions)
    assert world.refinement is not None
    assert world.camera.grounded
    assert world.refinement.foot_contacts is None
    assert world.meta["world"]["found"].startswith("gravity within")
    assert world.camera.motion == motion.camera.motion
    feet = refine(motion, RefineOptions(feet=True))
    assert feet.refinement is not None
    assert not feet.camera.grounded
    assert feet.refinement.foot_contacts is not None
    assert 0.3 < feet.refinement.foot_contacts.mean() < 0.9
    standing = int(feet.refinement.foot_contacts.sum())
    assert feet.meta["refinement"]["feet"] == {"standing": standing, "of": 2 * 90}
    np.testing.assert_array_equal(feet.positions[:, :, 0], 0)


def test_world_and_feet_of_a_camera_that_turns() -> None:
    options = RefineOptions(world=True, feet=True)
    still, turning = refine(walking(90), options), refine(panned(walking(90), 30), options)
    assert (turning.camera.motion, turning.camera.grounded) == ("turning", True)
    assert turning.refinement is not None
    assert still.refinement is not None
    np.testing.assert_array_equal(turning.refinement.foot_contacts, still.refinement.foot_contacts)
    np.testing.assert_allclose(turning.in_world, still.in_world, atol=1e-3)
    assert turning.refinement.camera == panned(walking(90), 30).camera


def nobody() -> Motion3D:
    return hidden(walking(20), slice(None))


@pytest.mark.parametrize(
    "motion",
    [
        pytest.param(walking(0), id="no frames"),
        pytest.param(walking(1), id="one frame"),
        pytest.param(walking(2, people=2), id="two frames"),
        pytest.param(walking(20, people=0), id="nobody"),
        pytest.param(nobody(), id="all NaN"),
        pytest.param(hidden(walking(20), slice(1, None)), id="seen once"),
    ],
)
@pytest.mark.parametrize("name", ["one-euro", "savgol", "butterworth"])
def test_little_to_work_on(motion: Motion3D, name: str) -> None:
    result = refine(motion, replace(EVERYTHING, filter=name))
    assert result.positions.shape == motion.positions.shape
    np.testing.assert_array_equal(np.isnan(result.positions), np.isnan(motion.positions))
    json.dumps(result.meta, allow_nan=False)


def test_a_cutoff_beyond_the_frame_rate() -> None:
    with pytest.raises(ConfigError, match=r"below half the frame rate, 2\.5 Hz"):
        refine(walking(20, fps=5), RefineOptions(filter="butterworth"))


def test_no_world_spans_several_shots() -> None:
    motion = walking(30)
    keypoints = replace(motion.keypoints, cuts=np.array([12]))
    cut = replace(motion, keypoints=keypoints)
    with pytest.raises(ConfigError, match=r"single shot, .* got 2 shots: infer them"):
        refine(cut, RefineOptions(world=True))
    assert refine(cut, RefineOptions(feet=True)).refinement is not None
