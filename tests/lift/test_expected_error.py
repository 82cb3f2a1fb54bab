from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from mbcli.errors import WeightsError
from mbcli.lift.checkpoint import load_lifter, save_lifter, with_metadata
from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.error_features import FEATURES, Lifted, features
from mbcli.lift.expected_error import METADATA_KEY, ErrorModel, expected_error, groups_of
from mbcli.lift.lifter import Lifter, LiftOptions
from mbcli.lift.model import DSTformer
from mbcli.skeleton import H36M17
from mbcli.types import Keypoints2D

SIZE = (1280, 720)
FRAMES = 40


def model_of(slope=0.3, **changes):
    """Every feature counts alike."""
    count = len(FEATURES)
    values = {
        "offsets": np.full(17, -3.0),
        "slopes": np.full((len(groups_of(H36M17)), count), slope),
        "low": np.full(count, -10.0),
        "high": np.full(count, 10.0),
        "about": {"people": ["a"]},
    }
    return ErrorModel(**{**values, **changes})


@pytest.fixture
def case():
    """Two people, the second one away for ten frames: (lifted, keypoints, positions)."""
    rng = np.random.default_rng(3)
    t = np.arange(FRAMES)[:, None, None, None] / 30
    body = rng.uniform(-0.8, 0.8, (2, 17, 3)) + 0.1 * np.sin(4 * t + rng.uniform(0, 6, (2, 17, 3)))
    poses = (body * 0.5).astype(np.float32)
    poses[10:20, 1] = np.nan
    xy = poses[..., :2].astype(np.float64) * 360 + [640, 360] + 3.0
    confidence = np.where(np.isnan(xy[..., 0]), 0.0, 0.8)
    keypoints = Keypoints2D(
        data=np.concatenate([xy, confidence[..., None]], axis=-1),
        skeleton=H36M17,
        fps=30.0,
        timestamps=np.arange(FRAMES) / 30,
        size=SIZE,
        track_ids=np.array([1, 2]),
        boxes=np.zeros((FRAMES, 2, 4)),
        frame_index=np.arange(FRAMES),
    )
    positions = (2 * (poses - poses[:, :, :1])).astype(np.float32)
    apart = np.where(np.isnan(poses), np.nan, 0.02).astype(np.float32)
    apart[:, :, 0] *= 0
    return Lifted(poses, apart), keypoints, positions


def errors_of(case, model=None, height=1.8):
    lifted, keypoints, positions = case
    return expected_error(model or model_of(), lifted, keypoints, positions, height)


def with_confidence(keypoints, where, value):
    data = keypoints.data.copy()
    data[(*where, 2)] = value
    return replace(keypoints, data=data)


def test_absent_people_have_none_and_the_pelvis_has_zero(case):
    found = errors_of(case)
    assert found.dtype == np.float32
    assert found.shape == (FRAMES, 2, 17)
    assert np.isnan(found[10:20, 1]).all()
    assert not np.isnan(found[:, 0]).any()
    assert not found[:, 0, 0].any()
    assert (found[:, 0, 1:] > 0).all()


def test_nothing_is_expected_without_a_model_or_a_mirrored_pass(case):
    lifted, keypoints, positions = case
    assert expected_error(None, lifted, keypoints, positions, 1.8) is None
    alone = Lifted(lifted.poses, None)
    assert expected_error(model_of(), alone, keypoints, positions, 1.8) is None


def test_a_person_twice_as_tall_has_twice_the_error(case):
    lifted, keypoints, positions = case
    twice = expected_error(model_of(), lifted, keypoints, 2 * positions, 3.6)
    assert twice is not None
    assert np.allclose(twice, 2 * errors_of(case), equal_nan=True, rtol=1e-5)


@pytest.mark.parametrize("joint", [3, 13])
def test_more_disagreement_raises_the_error_of_the_joint_and_slightly_of_all(case, joint):
    lifted, keypoints, positions = case
    apart = lifted.disagreement.copy()
    apart[5, 0, joint] *= 5
    found = errors_of((Lifted(lifted.poses, apart), keypoints, positions))
    ratio = found[5, 0, 1:] / errors_of(case)[5, 0, 1:]
    assert (ratio > 1).all()
    assert ratio.argmax() == joint - 1
    assert np.array_equal(found[6], errors_of(case)[6], equal_nan=True)


def test_less_confidence_raises_the_error_around_its_time(case):
    lifted, keypoints, positions = case
    usual = errors_of(case)
    found = errors_of((lifted, with_confidence(keypoints, (20, 0, 13), 0.1), positions))
    change = found[:, 0, 13] / usual[:, 0, 13]
    assert change.argmax() == 20
    assert (change[13:28] > 1).all()
    assert np.allclose(change[:12], 1)


def test_a_missing_keypoint_is_unsure_and_leaves_finite_errors(case):
    lifted, keypoints, positions = case
    data = keypoints.data.copy()
    data[5, 0, 16] = np.nan, np.nan, 0.0
    data[6, 0] = np.nan
    data[6, 0, :, 2] = 0.0
    found = errors_of((lifted, replace(keypoints, data=data), positions))
    assert found[5, 0, 16] > errors_of(case)[5, 0, 16]
    assert np.isfinite(found[6, 0]).all()


def test_features_beyond_those_of_the_fit_count_as_the_last_ones(case):
    narrow = model_of(low=np.full(len(FEATURES), -1e-3), high=np.full(len(FEATURES), 1e-3))
    found = errors_of(case, narrow, height=1.0)[:, 0, 1:]
    assert np.allclose(found, np.exp(-3), rtol=0.01)


def test_upside_down_trunks_are_tilted_and_upright_ones_are_not(case):
    lifted, keypoints, positions = case
    turned = positions.copy()
    thorax = H36M17.index("thorax")
    turned[:, 0, thorax] = [0, -0.5, 0]  # y points down
    turned[20:, 0, thorax] = [0, 0.5, 0]
    turned[30:, 0, thorax] = [0.5, 0, 0]
    tilt = features(lifted, keypoints, turned, 1.8)[:, 0, :, FEATURES.index("tilt")]
    assert np.allclose(tilt[:20], 0)
    assert np.allclose(tilt[20:30], 1)
    assert np.allclose(tilt[30:], 0.5)


def test_features_are_finite_where_somebody_is(case):
    lifted, keypoints, positions = case
    found = features(lifted, keypoints, positions, 1.8)
    assert found.shape == (FRAMES, 2, 17, len(FEATURES))
    assert np.isfinite(found[:, 0]).all()
    assert np.isnan(found[10:20, 1]).all()


def a_lifter():
    torch.manual_seed(0)
    return DSTformer(DSTformerConfig(dim_feat=16, dim_rep=16, depth=1, num_heads=2, maxlen=27))


def test_the_model_travels_with_the_weights(tmp_path: Path):
    plain, calibrated = tmp_path / "a.safetensors", tmp_path / "b.safetensors"
    save_lifter(plain, a_lifter(), {"fps": [12, 60]}, half=True)
    with_metadata(plain, calibrated, {"fps": [12, 60], METADATA_KEY: model_of(0.25).to_metadata()})
    before, _ = load_lifter(plain)
    after, info = load_lifter(calibrated)
    assert all(
        torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True)
    )
    assert abs(calibrated.stat().st_size - plain.stat().st_size) < 10_000
    model = ErrorModel.from_metadata(info.metadata)
    assert model is not None
    assert np.array_equal(model.slopes, model_of(0.25).slopes)
    assert np.array_equal(model.offsets[1:], model_of().offsets[1:])
    assert model.about == {"people": ["a"]}


def test_weights_without_a_calibration_have_no_model(case):
    assert ErrorModel.from_metadata({}) is None
    lifter = Lifter(a_lifter(), LiftOptions(device="cpu"))
    assert lifter.error_model is None
    lifted, keypoints, positions = case
    assert lifter.expected_error(lifted, keypoints, positions, 1.8) is None


def test_lifting_with_disagreement_gives_equal_poses(case):
    keypoints = case[1]
    metadata = {METADATA_KEY: model_of().to_metadata()}
    lifter = Lifter(a_lifter(), LiftOptions(device="cpu"), metadata)
    lifted = lifter.lift_with_disagreement(keypoints)
    assert np.allclose(lifted.poses, lifter.lift(keypoints), atol=1e-6, equal_nan=True)
    assert lifted.disagreement is not None
    assert np.array_equal(np.isnan(lifted.disagreement), np.isnan(lifted.poses))
    there = keypoints.present
    assert (lifted.disagreement[there] >= 0).all()
    assert not lifted.disagreement[there][:, 0].any()
    assert lifted.disagreement[there][:, 1:].any()
    found = lifter.expected_error(lifted, keypoints, case[2], 1.8)
    assert found is not None
    assert np.isfinite(found[there]).all()


@pytest.mark.parametrize("options", [{"flip": False}, {"compat": "motionbert"}])
def test_the_calibration_is_for_the_mirrored_average_only(case, options):
    metadata = {METADATA_KEY: model_of().to_metadata()}
    lifter = Lifter(a_lifter(), LiftOptions(device="cpu", **options), metadata)
    assert lifter.error_model is None
    assert lifter.lift_with_disagreement(case[1]).disagreement is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": ["luck"]}, "features must be"),
        ({"offsets": [1]}, "cannot be read"),
        ({"high": [1.0]}, "high must be"),
        ({"slopes": dict.fromkeys(groups_of(H36M17), [-1.0] * len(FEATURES))}, "0 or more"),
    ],
)
def test_a_damaged_calibration_is_reported(change, message):
    stored = json.loads(json.dumps(model_of().to_metadata())) | change
    with pytest.raises(WeightsError, match=message):
        ErrorModel.from_metadata({METADATA_KEY: stored})
