from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from mbcli.train.corruption import DetectorNoise, mask
from mbcli.train.draw import Draw

FIXTURE = Path(__file__).parent.parent / "fixtures" / "detector_noise.npz"


@pytest.fixture(scope="module")
def noisy() -> torch.Tensor:
    """(4000, 27, 17, 3): a key frame at every frame, so that each frame shows the key noise."""
    noise = DetectorNoise.on(torch.device("cpu"))
    return noise.corrupt(torch.zeros(4000, 27, 17, 2), 1.0, Draw.seeded(1))


def test_tables_are_the_published_ones() -> None:
    noise = DetectorNoise.on(torch.device("cpu"))
    with np.load(FIXTURE) as published:
        assert noise.mean.numpy() == pytest.approx(published["mean"], abs=1e-6)
        assert noise.sd.numpy() == pytest.approx(published["std"], abs=1e-6)
        assert noise.gaussian.numpy() == pytest.approx(published["weight"], abs=1e-6)


def test_spread_of_each_joint_is_that_of_the_published_mixture(noisy) -> None:
    with np.load(FIXTURE) as published:
        weight = published["weight"][:, None]
        mean, sd = published["mean"], published["std"]
        flat = published["uniform_range"] ** 2 / 12
        white = published["frame_noise_std"] ** 2
    middle = weight * mean
    second = weight * (sd**2 + mean**2) + (1 - weight) * flat
    wanted = np.sqrt(second - middle**2 + white)
    measured = noisy[..., :2].double().std(dim=(0, 1)).numpy()
    assert measured == pytest.approx(wanted, rel=0.02)
    assert noisy[..., :2].double().mean(dim=(0, 1)).numpy() == pytest.approx(middle, abs=2e-4)


def test_confidence_falls_with_the_error(noisy) -> None:
    distance = noisy[..., :2].norm(dim=-1)
    near = noisy[..., 2][distance < 0.003].mean()
    far = noisy[..., 2][distance > 0.03].mean()
    with np.load(FIXTURE) as published:
        a, b = float(published["conf_a"]), float(published["conf_b"])
    assert float(far) == pytest.approx(a / (0.033 + a) + b * 0.033, abs=0.05)
    assert near > far + 0.3
    assert noisy[..., 2].min() >= 0
    assert noisy[..., 2].max() <= 1


def test_errors_vary_linearly_between_key_frames() -> None:
    noise = DetectorNoise.on(torch.device("cpu"))
    slow = noise.corrupt(torch.zeros(500, 19, 17, 2), 9.0, Draw.seeded(2))[..., :2]
    jerk = slow.diff(n=2, dim=1).square().mean(dim=(0, 2, 3))
    # White noise of sd 0.002 alone has a second difference of variance 6 * 0.002 ** 2 ...
    between = [i for i in range(17) if i != 8]
    assert jerk[between].numpy() == pytest.approx(6 * 0.002**2, rel=0.15)
    # ... and the middle key frame bends the line.
    assert jerk[8] > 1.1 * jerk[between].max()


def test_mask_blanks_whole_tokens_at_the_asked_rates() -> None:
    x = torch.ones(400, 50, 17, 3)
    joints = mask(x, 0.05, 0.0, Draw.seeded(3))
    assert set(joints.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(joints[..., 0], joints[..., 2])
    assert float(1 - joints.mean()) == pytest.approx(0.05, abs=0.003)
    frames = mask(x, 0.0, 0.10, Draw.seeded(4))
    assert float(1 - frames.mean()) == pytest.approx(0.10, abs=0.006)
    assert torch.equal(frames, frames[:, :, :1].expand_as(frames))


def test_the_same_seed_draws_the_same_noise() -> None:
    noise = DetectorNoise.on(torch.device("cpu"))
    xy = torch.zeros(2, 9, 17, 2)
    assert torch.equal(
        noise.corrupt(xy, 9.0, Draw.seeded(5)), noise.corrupt(xy, 9.0, Draw.seeded(5))
    )
    assert not torch.equal(
        noise.corrupt(xy, 9.0, Draw.seeded(5)), noise.corrupt(xy, 9.0, Draw.seeded(6))
    )
