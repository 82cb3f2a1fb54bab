from __future__ import annotations

import numpy as np
import pytest
import torch

from mbcli.geometry import fit_window, normalise
from mbcli.skeleton import H36M17
from mbcli.train import windows

PELVIS = H36M17.index("pelvis")


@pytest.fixture
def clip() -> torch.Tensor:
    """(2, 5, 17, 3) keypoints in pixels, some missing."""
    generator = torch.Generator().manual_seed(0)
    xy = torch.rand(2, 5, 17, 2, generator=generator) * torch.tensor([300.0, 500.0]) + 100
    confidence = torch.rand(2, 5, 17, 1, generator=generator) * 0.8 + 0.2
    clip = torch.cat([xy, confidence], dim=-1)
    clip[0, 1, 3] = torch.tensor([torch.nan, torch.nan, 0.0])
    return clip


def test_missing_joints_are_the_token_of_zeros(clip):
    filled = windows.without_gaps(clip)
    assert torch.equal(filled[0, 1, 3], torch.zeros(3))
    assert torch.equal(filled[1], clip[1])


def test_a_clip_fills_its_crop_from_edge_to_edge(clip):
    filled = windows.without_gaps(clip)
    seen = windows.seen_through(filled, windows.crop_window(filled))
    assert torch.equal(seen[0, 1, 3], torch.zeros(3))
    known = seen[..., 2] > 0
    for one, there in zip(seen, known, strict=True):
        reach = one[there][:, :2].abs().amax(dim=0)
        assert reach.max() == pytest.approx(1, abs=1e-5)
        low, high = one[there][:, :2].amin(dim=0), one[there][:, :2].amax(dim=0)
        assert torch.allclose(low, -high, atol=1e-5)


def test_the_crop_is_the_one_of_inference(clip):
    data = clip[1].double().numpy()
    # One wild keypoint does not widen the window of inference; without any they are the same.
    data[..., :2] = np.linspace(0, 1, 85).reshape(5, 17, 1) * [200, 100] + 300
    points = torch.from_numpy(data).float()[None]
    seen = windows.seen_through(points, windows.crop_window(points))
    want = normalise(data[..., :2], *fit_window(data[..., :2], data[..., 2]))
    np.testing.assert_allclose(seen[0, ..., :2].numpy(), want, atol=0.02)


def test_an_empty_clip_stays_finite():
    empty = torch.zeros(1, 4, 17, 3)
    seen = windows.seen_through(empty, windows.crop_window(empty))
    assert torch.equal(seen, empty)


def test_the_picture_is_one_wide_on_each_side_of_its_middle():
    window = windows.image_window(torch.tensor([[1000.0, 1002.0]]))
    points = torch.tensor([[[[0.0, 0.0, 1.0], [1000.0, 1002.0, 1.0], [500.0, 501.0, 1.0]]]])
    seen = windows.seen_through(points, window)[0, 0, :, :2]
    assert torch.allclose(seen, torch.tensor([[-1.0, -1.002], [1.0, 1.002], [0.0, 0.0]]))


def test_depth_has_the_scale_of_the_picture():
    window = (torch.zeros(1, 1, 1, 2), torch.full((1, 1, 1, 1), 50.0))
    assert torch.equal(
        windows.target_through(torch.tensor([[[[10.0, 20.0, 30.0]]]]), window),
        torch.tensor([[[[0.2, 0.4, 0.6]]]]),
    )


def test_roots():
    target = torch.randn(2, 4, 17, 3, generator=torch.Generator().manual_seed(1))
    picture, first, relative = (
        windows.rooted(target, root) for root in ("picture", "first", "relative")
    )
    assert torch.equal(picture[..., :2], target[..., :2])
    assert not picture[:, :, PELVIS, 2].any()
    assert torch.equal(first[..., :2], target[..., :2])
    assert not first[:, 0, PELVIS, 2].any()
    moved = target[:, :, PELVIS, 2] - target[:, :1, PELVIS, 2]
    assert torch.allclose(first[:, :, PELVIS, 2], moved)
    assert not relative[:, :, PELVIS].any()


def test_mirrors_swap_sides_and_undo_themselves(clip):
    filled = windows.without_gaps(clip)
    chosen = torch.tensor([True, False])
    once = windows.mirrored(filled, chosen)
    assert torch.equal(once[1], filled[1])
    left, right = H36M17.index("left_wrist"), H36M17.index("right_wrist")
    assert torch.equal(once[0, :, left, 0], -filled[0, :, right, 0])
    assert torch.equal(once[0, :, left, 1:], filled[0, :, right, 1:])
    assert torch.equal(windows.mirrored(once, chosen), filled)
