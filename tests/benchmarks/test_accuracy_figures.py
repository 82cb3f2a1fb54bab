"""The figures mean what they say."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.accuracy.figures import Figures, figures, mean_figures
from benchmarks.accuracy.heldout import action_of, occluded
from mbcli.data.stores.store import Clip
from mbcli.train.draw import Draw
from mbcli.types import FloatArray

FPS = 60.0
HIPS, BONES = (0, 1), [(0, 2), (1, 3), (2, 4)]


def _motion(frames: int = 120) -> FloatArray:
    rng = np.random.default_rng(3)
    rest, sway = rng.normal(0, 0.4, (2, 6, 3))
    time = np.arange(frames)[:, None, None] / FPS
    return rest + 0.2 * sway * np.sin(2 * np.pi * 1.2 * time)


def _measure(poses: FloatArray, target: FloatArray) -> Figures:
    found = figures(poses, target, fps=FPS, hips=HIPS, bones=BONES)
    assert found is not None
    return found


def test_a_scaled_and_shifted_truth_errs_in_size_alone() -> None:
    target = _motion()
    found = _measure(2 * target + 5, target)
    for value in (found.p_mpjpe, found.seq_pa, found.n_mpjpe, found.acceleration):
        assert value == pytest.approx(0, abs=1e-9)
    assert found.mpjpe > 100
    assert found.pck == found.answered == 100


def test_a_rotation_counts_for_n_mpjpe_alone() -> None:
    target = _motion()
    found = _measure(target @ np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]]), target)
    assert found.p_mpjpe == pytest.approx(0, abs=1e-9)
    assert found.seq_pa == pytest.approx(0, abs=1e-9)
    assert found.n_mpjpe > 100


def test_a_still_mean_pose_has_the_same_seq_pa_as_n_mpjpe() -> None:
    target = _motion()
    about = target - target[:, list(HIPS)].mean(axis=1, keepdims=True)
    found = _measure(np.broadcast_to(about.mean(axis=0), target.shape), target)
    assert found.seq_pa == pytest.approx(found.n_mpjpe, rel=0.02)
    assert found.jitter == pytest.approx(0, abs=1e-9)
    assert found.bone_spread == pytest.approx(0, abs=1e-9)


def test_shaking_is_seen_and_what_a_filter_would_leave_of_it() -> None:
    target = _motion()
    shaken = target + np.random.default_rng(0).normal(0, 0.01, target.shape)
    found, calm = _measure(shaken, target), _measure(target, target)
    assert found.acceleration > 10 * found.acceleration_filtered
    assert found.acceleration_ratio > 10
    assert found.jitter > 10 > 5 > calm.jitter
    assert found.bone_spread > calm.bone_spread


def test_frames_without_a_prediction_are_left_out_and_reported() -> None:
    target = _motion()
    poses = target.copy()
    poses[30:60] = np.nan
    found = _measure(poses, target)
    assert found.p_mpjpe == pytest.approx(0, abs=1e-9)
    assert (found.answered, found.frames) == (75, 90)
    assert figures(np.full_like(target, np.nan), target, fps=FPS, hips=HIPS, bones=BONES) is None


def test_means_by_frames_and_alike() -> None:
    target = _motion()
    short = replace(_measure(target * 1.0, target), p_mpjpe=10.0, frames=10)
    long = replace(short, p_mpjpe=40.0, acceleration=float("nan"), frames=30)
    assert mean_figures([short, long], by_frames=True).p_mpjpe == pytest.approx(32.5)
    assert mean_figures([short, long], by_frames=False).p_mpjpe == pytest.approx(25)
    assert mean_figures([short, long], by_frames=True).acceleration == short.acceleration


def test_occlusion_hides_limbs_and_whole_frames_and_is_repeatable() -> None:
    keypoints = np.ones((3000, 17, 3))
    left = occluded(keypoints, Draw.seeded(7))
    hidden = left[..., 2] == 0
    gone = hidden.all(axis=1)
    assert 0.05 < gone.mean() < 0.2
    assert 0.08 < hidden[~gone][:, 13].mean() < 0.25
    assert not hidden[~gone][:, [0, 1, 4, 8, 11, 14]].any()
    assert np.isnan(left[..., :2][hidden]).all()
    assert np.array_equal(left, occluded(keypoints, Draw.seeded(7)), equal_nan=True)


def test_actions_are_read_from_names() -> None:
    def clip(name: str, subject: str) -> Clip:
        return Clip(name, subject, "", 60.0, 0, 10)

    assert action_of(clip("hdm05-dg/HDM_dg_walk4StepsRstart_011_120", "hdm05-dg")) == "walk"
    assert action_of(clip("cmu-9/09_01", "cmu-9")) == "running"
    assert action_of(clip("mine/take", "mine")) == "mine"
