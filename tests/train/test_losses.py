from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mbcli.train import losses

FIXTURE = Path(__file__).parent.parent / "fixtures" / "losses_and_metrics.npz"


@pytest.fixture(scope="module")
def published() -> dict[str, np.ndarray]:
    with np.load(FIXTURE) as archive:
        return {name: archive[name] for name in archive.files}


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("loss_mpjpe", losses.mpjpe),
        ("n_mpjpe", losses.n_mpjpe),
        ("loss_velocity", losses.velocity),
        ("loss_limb_gt", losses.limb_length),
        ("loss_limb_var", losses.limb_variance),
        ("loss_angle", losses.angle),
        ("loss_angle_velocity", losses.angle_velocity),
    ],
)
def test_3d_losses_are_the_published_ones(published, name, function) -> None:
    pred, gt = torch.from_numpy(published["pred"]), torch.from_numpy(published["gt"])
    assert float(function(pred, gt)) == pytest.approx(float(published[name]), abs=1e-6)


def test_reprojection_is_the_published_one(published) -> None:
    pred, gt = torch.from_numpy(published["pred"]), torch.from_numpy(published["gt"])
    value = losses.reprojection(pred, gt, torch.from_numpy(published["conf"]))
    assert float(value) == pytest.approx(float(published["loss_2d_weighted"]), abs=1e-6)


def test_a_loss_of_weight_zero_is_not_computed(published) -> None:
    pred, gt = torch.from_numpy(published["pred"]), torch.from_numpy(published["gt"])
    total, parts = losses.loss_3d(pred, gt, {"mpjpe": 1.0, "n_mpjpe": 0.5, "velocity": 0.0})
    assert set(parts) == {"mpjpe", "n_mpjpe"}
    wanted = published["loss_mpjpe"] + 0.5 * published["n_mpjpe"]
    assert float(total) == pytest.approx(float(wanted), abs=1e-6)


def test_a_single_frame_has_no_velocity() -> None:
    frame = torch.ones(2, 1, 17, 3)
    assert float(losses.velocity(frame, 2 * frame)) == 0.0


def test_losses_over_time_are_zero_for_a_single_frame() -> None:
    frame = torch.randn(2, 1, 17, 3, generator=torch.Generator().manual_seed(1))
    assert float(losses.limb_variance(frame, frame + 1)) == 0.0
    assert float(losses.angle_velocity(frame, -frame)) == 0.0


def test_a_straight_limb_gives_a_finite_slope() -> None:
    pose = torch.zeros(1, 2, 17, 3)
    pose[..., 0] = torch.arange(17.0)
    pose.requires_grad_()
    losses.angle(pose, torch.randn(1, 2, 17, 3)).backward()
    assert pose.grad is not None
    assert torch.isfinite(pose.grad).all()


def test_scale_does_not_matter_to_n_mpjpe() -> None:
    pose = torch.randn(2, 3, 17, 3, generator=torch.Generator().manual_seed(0))
    assert float(losses.n_mpjpe(3 * pose, pose)) == pytest.approx(0.0, abs=1e-5)
    assert float(losses.mpjpe(3 * pose, pose)) > 1
