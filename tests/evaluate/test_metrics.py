from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mbcli.evaluate import metrics

FIXTURE = Path(__file__).parent.parent / "fixtures" / "losses_and_metrics.npz"


@pytest.fixture(scope="module")
def published() -> dict[str, np.ndarray]:
    with np.load(FIXTURE) as archive:
        return {name: archive[name].astype(np.float64) for name in archive.files}


def test_per_frame_errors_are_the_published_ones(published) -> None:
    pred, gt = published["pred"][0], published["gt"][0]
    wanted = published["mpjpe_per_frame"]
    assert metrics.joint_errors(pred, gt).mean(-1) == pytest.approx(wanted, abs=1e-6)
    aligned = [metrics.p_mpjpe(p[None], g[None]) for p, g in zip(pred, gt, strict=True)]
    assert aligned == pytest.approx(published["p_mpjpe_per_frame"], abs=1e-6)


def test_means_are_the_published_ones(published) -> None:
    pred, gt = published["pred"], published["gt"]
    assert metrics.mpjpe(pred, gt) == pytest.approx(float(published["loss_mpjpe"]), abs=1e-6)
    assert metrics.n_mpjpe(pred, gt) == pytest.approx(float(published["n_mpjpe"]), abs=1e-6)
    assert metrics.mpjve(pred, gt) == pytest.approx(float(published["loss_velocity"]), abs=1e-6)


def test_what_each_metric_does_not_see() -> None:
    rng = np.random.default_rng(0)
    pose = rng.normal(size=(5, 17, 3))
    turn = np.linalg.qr(rng.normal(size=(3, 3)))[0]
    turn *= np.sign(np.linalg.det(turn))
    moved = 2 * pose @ turn.T + np.array([1.0, 2.0, 3.0])
    assert metrics.p_mpjpe(moved, pose) == pytest.approx(0, abs=1e-9)
    assert metrics.n_mpjpe(2 * pose, pose) == pytest.approx(0, abs=1e-9)
    assert metrics.mpjve(pose + 1, pose) == pytest.approx(0, abs=1e-9)
    assert metrics.mpjpe(metrics.root_relative(pose + 1), metrics.root_relative(pose)) < 1e-9
    mirrored = pose * np.array([-1.0, 1.0, 1.0])
    assert metrics.p_mpjpe(mirrored, pose) > 0.1


def test_acceleration_sees_what_changes_velocity() -> None:
    time = np.arange(6.0)[:, None, None]
    still = np.zeros((6, 17, 3))
    assert metrics.acceleration_error(still + 3 * time, still) == pytest.approx(0, abs=1e-12)
    falling = still + np.array([0, 2.0, 0]) * time**2
    assert metrics.acceleration_error(falling, still) == pytest.approx(4)


def test_pck_and_auc_of_known_distances() -> None:
    target = np.zeros((1, 4, 3))
    prediction = target.copy()
    prediction[0, :, 0] = [0, 72, 149.9, 150]
    assert metrics.pck(prediction, target) == 75
    assert metrics.pck(prediction, target, 72) == 25
    # Thresholds 0, 5 ... 150, each of which must be above the distance: 30, 16, 1 and 0 of 31.
    assert metrics.auc(prediction, target) == pytest.approx(100 * (30 + 16 + 1) / 4 / 31)
