"""Keypoints on a body's surface: where they lie, and that they turn and mirror with the body."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from mbcli.data.stores.store import ClipStore
from mbcli.errors import ConfigError
from mbcli.skeleton import BODY21, COCO17
from mbcli.train.bodies import stature
from mbcli.train.draw import Draw
from mbcli.train.surface import PACKAGED, PARTS, STRENGTH, SurfaceKeypoints, SurfaceTable, frames

CPU = torch.device("cpu")
OF_BODY = [BODY21.index(name) for name in COCO17.joints]


@pytest.fixture
def body(store) -> torch.Tensor:
    """(64, 9, 21, 3) metres, y up, 1.75 m tall, facing +z and moving the limbs."""
    clips = ClipStore.open(store)
    joints = torch.from_numpy(np.array(clips.joints(clips.clips[0])[:9]))
    joints = joints[None].repeat(64, 1, 1, 1)
    return joints * (1.75 / stature(joints))[:, None, None, None]


@pytest.fixture
def moved() -> SurfaceKeypoints:
    return SurfaceKeypoints(SurfaceTable.read(), 1.0, CPU)


def _at(points: torch.Tensor, name: str) -> torch.Tensor:
    return points[..., COCO17.index(name), :]


def test_the_packaged_table_is_small_and_symmetric() -> None:
    assert PACKAGED.stat().st_size < 100_000
    table = SurfaceTable.read()
    assert table.offsets.shape == (192, 9, 3)
    assert "CC0" in table.about
    both = table.both_sides()
    mirrored = both[:, list(COCO17.mirror)] * torch.tensor([-1.0, 1.0, 1.0])
    assert torch.allclose(both, mirrored)
    assert both.abs().max() < 0.15


def test_sizes_are_those_of_people() -> None:
    millimetres = 1750 * SurfaceTable.read().offsets  # (192, 9, 3)
    offsets = dict(zip(PARTS, millimetres.unbind(dim=1), strict=True))  # each (192, 3)
    assert 56 < 2 * float(offsets["eye"][:, 0].median()) < 70
    assert 65 < float(offsets["ear"][:, 0].median()) < 85
    assert ((offsets["nose"] - offsets["ear"])[:, 2] > 80).all()
    assert (offsets["nose"][:, 1] < offsets["eye"][:, 1]).all()
    assert ((offsets["hip"][:, 0] > 5) & (offsets["hip"][:, 0] < 60)).all()
    assert ((offsets["shoulder"][:, 1] > 5) & (offsets["shoulder"][:, 1] < 40)).all()
    for part in ("elbow", "wrist", "knee", "ankle"):
        assert offsets[part].norm(dim=-1).max() < 30


def test_keypoints_lie_where_people_mark_them(body, moved) -> None:
    points = moved.place(body, Draw.seeded(0))
    plain = body[:, :, OF_BODY]
    wide, narrow = (
        (_at(p, "left_hip") - _at(p, "right_hip")).norm(dim=-1) for p in (points, plain)
    )
    assert (wide > narrow + 0.01).all()
    for side in ("left", "right"):
        up = (_at(points, f"{side}_shoulder") - _at(plain, f"{side}_shoulder"))[..., 1]
        assert (up > 0.003).all()
        assert (_at(points, "nose")[..., 2] > _at(points, f"{side}_ear")[..., 2] + 0.05).all()
    assert (_at(points, "left_eye")[..., 0] > _at(points, "right_eye")[..., 0] + 0.03).all()
    assert (points - plain).norm(dim=-1).max() < 0.12


def test_a_share_of_the_clips_is_moved(body) -> None:
    plain = body[:, :, OF_BODY]
    for share in (0.0, 0.5, 1.0):
        points = SurfaceKeypoints(SurfaceTable.read(), share, CPU).place(body, Draw.seeded(1))
        changed = (points != plain).flatten(1).any(dim=1)
        assert float(changed.float().mean()) == pytest.approx(share, abs=0.2 * (share == 0.5))


def test_clips_differ_and_frames_of_a_clip_do_not(body, moved) -> None:
    still = body[:, :1].expand_as(body)
    offset = moved.place(still, Draw.seeded(2)) - still[:, :, OF_BODY]
    assert torch.allclose(offset, offset[:, :1].expand_as(offset), atol=1e-6)
    hips = _at(offset, "left_hip")[:, 0].norm(dim=-1)
    low, high = STRENGTH
    assert float(hips.max() / hips.min()) > 0.8 * high / low


def test_keypoints_turn_and_grow_with_the_body(body, moved) -> None:
    turn, _ = torch.linalg.qr(torch.randn(3, 3, generator=torch.Generator().manual_seed(3)))
    turn = turn * torch.linalg.det(turn)
    points = moved.place(body, Draw.seeded(4))
    turned = moved.place(1000 * body @ turn.T + 5, Draw.seeded(4))
    assert torch.allclose(turned / 1000, points @ turn.T + 0.005, atol=1e-4)


def test_a_mirrored_body_has_mirrored_keypoints(body, moved) -> None:
    sign = torch.tensor([-1.0, 1.0, 1.0])
    points = moved.place(body, Draw.seeded(5))
    mirrored = moved.place(body[:, :, list(BODY21.mirror)] * sign, Draw.seeded(5))
    assert torch.allclose(mirrored, points[:, :, list(COCO17.mirror)] * sign, atol=1e-4)


def _with_arm(body: torch.Tensor, direction: tuple[float, float, float]) -> torch.Tensor:
    """The body with a straight left arm."""
    out = body.clone()
    shoulder = out[:, :, BODY21.index("left_shoulder")]
    out[:, :, BODY21.index("left_elbow")] = shoulder + 0.3 * torch.tensor(direction)
    out[:, :, BODY21.index("left_wrist")] = shoulder + 0.55 * torch.tensor(direction)
    return out


@pytest.mark.parametrize(
    "direction", [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, 0)]
)
def test_straight_and_vanished_limbs_are_no_trouble(body, moved, direction) -> None:
    points = moved.place(_with_arm(body, direction), Draw.seeded(6))
    assert points.isfinite().all()
    wrist = _with_arm(body, direction)[:, :, BODY21.index("left_wrist")]
    assert (_at(points, "left_wrist") - wrist).norm(dim=-1).max() < 0.02


def test_a_body_in_one_point_gives_finite_keypoints(body, moved) -> None:
    assert moved.place(torch.zeros_like(body), Draw.seeded(7)).isfinite().all()


def test_frames_are_rotations(body) -> None:
    axes = frames(body.flatten(0, 1))
    assert torch.allclose(axes.mT @ axes, torch.eye(3).expand_as(axes), atol=1e-5)
    assert torch.allclose(torch.linalg.det(axes), torch.ones(axes.shape[:2]), atol=1e-5)
    head = axes[:, COCO17.index("nose")]
    forward = torch.tensor([0.0, 0.0, 1.0])
    assert (head[..., 2] @ forward > math.cos(math.radians(5))).all()


def test_a_table_can_be_written_and_a_wrong_one_is_refused(tmp_path) -> None:
    table = SurfaceTable.read()
    SurfaceTable(table.offsets[:3], "three").write(tmp_path / "three.npz")
    again = SurfaceTable.read(tmp_path / "three.npz")
    assert torch.allclose(again.offsets, table.offsets[:3])
    assert again.about == "three"
    with pytest.raises(ConfigError, match="no such file"):
        SurfaceTable.read(tmp_path / "none.npz")
    np.savez(
        tmp_path / "other.npz", parts=np.array(PARTS[:2]), offsets=np.ones((1, 2, 3)), about=""
    )
    with pytest.raises(ConfigError, match="must hold offsets"):
        SurfaceTable.read(tmp_path / "other.npz")
    np.savez(tmp_path / "empty.npz", x=np.ones(1))
    with pytest.raises(ConfigError, match="must hold the array 'parts', got x"):
        SurfaceTable.read(tmp_path / "empty.npz")
