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
