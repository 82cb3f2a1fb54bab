from __future__ import annotations

import numpy as np
import pytest

from mbcli.lift.error_features import FEATURES
from mbcli.lift.expected_error import ErrorModel, groups_of
from mbcli.skeleton import H36M17
from mbcli.train.error_fit import fit_errors, reliability


@pytest.fixture(scope="module")
def world():
    """Errors drawn about means that a known model gives: (features, means, errors)."""
    rng = np.random.default_rng(0)
    shape = (1500, 17, len(FEATURES))
    features = rng.uniform(0, 1, shape)
    slopes = rng.uniform(0.2, 1.0, (len(groups_of(H36M17)), len(FEATURES)))
    slopes[:, 2] = 0.0
    offsets = rng.normal(-6, 0.2, 17)
    true = ErrorModel(offsets, slopes, np.zeros(shape[-1]), np.ones(shape[-1]))
    means = true(features)
    return features, means, means * rng.gamma(3.0, 1 / 3, means.shape)


def test_the_fit_finds_the_mean_of_every_joint(world):
    features, means, errors = world
    found = fit_errors(features[:1000], errors[:1000])(features[1000:])[:, 1:]
    wanted = means[1000:, 1:]
    assert np.abs(found / wanted - 1).mean() < 0.06
    assert found.mean(axis=0) == pytest.approx(wanted.mean(axis=0), rel=0.06)


def test_slopes_never_fall_below_zero(world):
    features, _, errors = world
    turned = features.copy()
    turned[..., 0] = 1 - turned[..., 0]
    model = fit_errors(turned, errors)
    assert (model.slopes >= 0).all()
    assert not model.slopes[:, 0].any()


def test_reliability_of_the_truth_and_of_half_of_it(world):
    _, means, errors = world
    good, half = reliability(1000 * means, 1000 * errors), reliability(500 * means, 1000 * errors)
    assert good["calibration_error"] < 0.02 * good["observed"]
    assert good["within_2x"] > 0.7
    assert good["correlation"] == half["correlation"] > 0.3
    assert half["calibration_error"] == pytest.approx(half["observed"] / 2, rel=0.05)
    assert half["below_2x"] < good["below_2x"]
    assert len(good["bins"]) == 10
    assert set(good["joints"]["left_wrist"]) == set(good) - {"bins", "joints"}
    assert "pelvis" not in good["joints"]
