from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from mbcli.camera import camera_from
from mbcli.errors import ConfigError, WeightsError
from mbcli.lift.body.body_model import BodyModel, mirrored_pose, upright
from mbcli.lift.body.network import MeshHeadConfig, MeshNet
from mbcli.lift.body.recovery import MeshOptions, MeshRecoverer, place_by_keypoints, recover
from mbcli.lift.body.rotations import matrices_from_vectors, vectors_from_matrices
from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.model import DSTformer
from mbcli.skeleton import COCO17, H36M17
from mbcli.types import Keypoints2D

SIZE = (640, 480)
TINY = DSTformerConfig(dim_feat=16, dim_rep=8, depth=1, num_heads=2, mlp_ratio=2, maxlen=20)


@pytest.fixture
def net() -> MeshNet:
    torch.manual_seed(0)
    return MeshNet(DSTformer(TINY), MeshHeadConfig(hidden=12)).eval()


def tracks(data: np.ndarray, fps: float = 30.0, skeleton: Any = H36M17) -> Keypoints2D:
    frames, people = data.shape[:2]
    return Keypoints2D(
        data=data,
        skeleton=skeleton,
        fps=fps,
        timestamps=np.arange(frames) / fps,
        size=SIZE,
        track_ids=np.arange(people),
        boxes=np.full((frames, people, 4), np.nan),
        frame_index=np.arange(frames),
    )


def moving(frames: int, people: int = 1) -> np.ndarray:
    rng = np.random.default_rng(1)
    rest = rng.uniform(100, 400, (people, 17, 2))
    sway = 10 * np.sin(np.arange(frames) / 5)[:, None, None, None]
    return np.concatenate([rest + sway, np.full((frames, people, 17, 1), 0.9)], axis=-1)


class Timekeeper(nn.Module):
    """Rotates the pelvis by the clip's own keypoints, and returns the confidence as shape."""

    config = TINY
    head_config = MeshHeadConfig(hidden=1)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        vectors = torch.zeros(*x.shape[:2], 24, 3)
        vectors[:, :, 0, 1] = x[:, :, 0, 0]
        return matrices_from_vectors(vectors), x[:, :, 0, 2].mean(1, keepdim=True).expand(-1, 10)


def test_every_frame_of_everybody_is_recovered(net: MeshNet, stick_body: BodyModel) -> None:
    data = moving(50, people=2)
    data[20:40, 1] = np.nan, np.nan, 0
    reports: list[tuple[int, int]] = []
    recoverer = MeshRecoverer(net, stick_body, MeshOptions(device="cpu", batch_size=3))
    motion = recoverer.recover(tracks(data), lambda done, all_: reports.append((done, all_)))
    assert motion.pose.shape == (50, 2, 24, 3)
    assert motion.shape.shape == (2, 10)
    assert motion.joints.shape == (50, 2, 17, 3)
    assert motion.pose.dtype == motion.shape.dtype == motion.joints.dtype == np.float32
    assert np.array_equal(motion.present, np.isfinite(data[..., 0, 0]))
    assert np.isnan(motion.joints[30, 1]).all()
    assert np.array_equal(motion.joints[:, 0, 0], np.zeros((50, 3)))
    assert reports[-1][0] == reports[-1][1]
    assert motion.vertices(30, 1) is None
    vertices = motion.vertices(30, 0)
    assert vertices is not None
    assert vertices.shape == (144, 3)
    assert vertices.dtype == np.float32


def test_a_clip_is_what_the_network_says(net: MeshNet, stick_body: BodyModel) -> None:
    data = moving(16)
    window = data[:, 0]
    low, high = window[..., :2].min((0, 1)), window[..., :2].max((0, 1))
    x = window.copy()
    x[..., :2] = (x[..., :2] - (low + high) / 2) / ((high - low).max() / 2)
    rotations, shape = net(torch.from_numpy(x[None]).float())
    options = MeshOptions(device="cpu", flip=False)
    motion = MeshRecoverer(net, stick_body, options).recover(tracks(data))
    np.testing.assert_allclose(
        matrices_from_vectors(torch.from_numpy(motion.pose[:, 0])), rotations[0].detach(), atol=1e-5
    )
    np.testing.assert_allclose(motion.shape[0], shape[0].detach(), atol=1e-5)


def test_overlapping_clips_make_one_smooth_motion(stick_body: BodyModel) -> None:
    data = moving(64)
    # Seen through the whole picture, every clip says the same of a frame.
    options, metadata = MeshOptions(device="cpu", flip=False), {"window": "image"}
    model: Any = Timekeeper()
    motion = MeshRecoverer(model, stick_body, options, metadata).recover(tracks(data))
    angle = (data[:, 0, 0, 0] - SIZE[0] / 2) / (SIZE[0] / 2)
    np.testing.assert_allclose(motion.pose[:, 0, 0, 1], angle, atol=1e-5)
    np.testing.assert_allclose(motion.pose[:, 0, 1:], 0, atol=1e-5)
    np.testing.assert_allclose(motion.shape, 0.9, atol=1e-6)


def test_a_fast_video_is_recovered_in_strides(stick_body: BodyModel) -> None:
    class Spy(Timekeeper):
        lengths: list[int] = []  # noqa: RUF012

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            self.lengths += [x.shape[1]] * len(x)
            return super().forward(x)

    model: Any = Spy()
    metadata = {"fps": [25.0, 30.0], "frames": 16}
    options = MeshOptions(device="cpu", flip=False)
    MeshRecoverer(model, stick_body, options, metadata).recover(tracks(moving(32), fps=60.0))
    assert model.lengths == [16, 16]


def test_flipping_averages_with_the_mirror_image(net: MeshNet) -> None:
    x = torch.randn(2, 7, 17, 3)
    rotations, shape = recover(net, x, mirror=True)
    other = x[:, :, list(H36M17.mirror)].clone()
    other[..., 0] *= -1
    again, same = recover(net, other, mirror=True)
    torch.testing.assert_close(mirrored_pose(again), rotations, atol=1e-5, rtol=0)
    torch.testing.assert_close(same, shape)


@pytest.mark.parametrize("distortion", [(0.0,) * 5, (-0.25, 0.08, 0.001, -0.001, 0.0)])
def test_the_body_is_placed_where_its_joints_are_seen(
    net: MeshNet, stick_body: BodyModel, distortion: tuple[float, ...]
) -> None:
    camera = replace(camera_from(SIZE, 700.0), distortion=np.array(distortion))
    motion = MeshRecoverer(net, stick_body, MeshOptions(device="cpu")).recover(tracks(moving(10)))
    root = np.array([0.4, -0.2, 5.0]) + np.linspace(0, 1, 10)[:, None, None]
    seen = camera.project(motion.joints + root[:, :, None])
    data = np.concatenate([seen, np.full((10, 1, 17, 1), 0.7)], axis=-1)
    data[3, 0, 5] = np.nan, np.nan, 0
    data[4, 0, 1:] = np.nan, np.nan, 0  # a single joint determines no depth
    found = place_by_keypoints(replace(motion, keypoints=tracks(data)), camera)
    known = np.arange(10) != 4
    np.testing.assert_allclose(found[known], root[known], atol=1e-3)
    assert np.isnan(found[4]).all()
    there = motion.placed(root.astype(np.float32)).vertices(0, 0)
    here = motion.vertices(0, 0)
    assert there is not None
    assert here is not None
    np.testing.assert_allclose(there - here, np.broadcast_to(root[0], (144, 3)), atol=1e-5)


def test_what_does_not_fit_is_refused(net: MeshNet, stick_body: Any) -> None:
    with pytest.raises(ConfigError, match="overlap must be"):
        MeshOptions(overlap=0.2)
    stick_body.shapes, stick_body.name = 6, "anny"
    with pytest.raises(WeightsError, match="body model anny, whose shape is 6"):
        MeshRecoverer(net, stick_body, MeshOptions(device="cpu"))
    stick_body.shapes = 10
    recoverer = MeshRecoverer(net, stick_body, MeshOptions(device="cpu"))
    with pytest.raises(ValueError, match="takes h36m17 keypoints"):
        recoverer.recover(tracks(moving(5), skeleton=COCO17))


def test_nobody_gives_nobody(net: MeshNet, stick_body: BodyModel) -> None:
    motion = MeshRecoverer(net, stick_body, MeshOptions(device="cpu")).recover(
        tracks(np.zeros((4, 0, 17, 3)))
    )
    assert motion.pose.shape == (4, 0, 24, 3)
    assert vectors_from_matrices(upright())[0].abs().max() > 3
