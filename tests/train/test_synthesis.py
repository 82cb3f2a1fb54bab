from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from mbcli.conversion import convert
from mbcli.data.stores.store import ClipStore, StoreWriter
from mbcli.errors import ConfigError
from mbcli.geometry import fit_window, from_ray
from mbcli.skeleton import BODY21, COCO17, H36M17
from mbcli.train.bodies import stature, vary
from mbcli.train.cameras import view
from mbcli.train.config import CameraConfig, ClipConfig, PretrainConfig
from mbcli.train.draw import Draw
from mbcli.train.noise_sampler import NoiseSampler
from mbcli.train.occlusion import behind_itself
from mbcli.train.reading import load_config
from mbcli.train.sampling import ClipSampler, check_shares
from mbcli.train.synthesis import Synthesiser

CPU = torch.device("cpu")
LEFT, RIGHT = BODY21.index("left_hip"), BODY21.index("right_hip")
KNEE, ANKLE = BODY21.index("left_knee"), BODY21.index("left_ankle")


@pytest.fixture
def sampler(store) -> ClipSampler:
    return ClipSampler(ClipStore.open(store), ["ann", "bob"], ClipConfig(frames=9, fps=(12, 60)))


RATES = torch.full((300,), 30.0)


def test_clips_follow_the_recording_at_another_rate(store) -> None:
    clips = ClipStore.open(store)
    half = ClipSampler(clips, ["ann"], ClipConfig(frames=9, fps=(30, 30), speed=(1, 1)))
    drawn, fps = half.draw(5, Draw.seeded(0))
    assert fps.tolist() == pytest.approx([30.0] * 5)
    recording = clips.joints(clips.clips[0])
    for clip in drawn.numpy():
        # 30 frames a second of a recording at 60: every other of its (interpolated) frames.
        errors = np.abs(recording[: 120 - 16] - clip[0]).max(axis=(1, 2))
        first = int(errors.argmin())
        assert np.abs(recording[first : first + 17 : 2] - clip).max() < 0.06


def test_clips_take_as_long_as_their_span_says(store: Path) -> None:
    config = ClipConfig(fps=(12, 60), speed=(1, 1), span=(0.3, 1.5))
    sampler = ClipSampler(ClipStore.open(store), ["ann"], config)
    # 9 / 1.5 = 6 and 9 / 0.3 = 30; 45 / 1.5 = 30 and 45 / 0.3 = 150; 81 / 1.5 = 54.
    for frames, low, high in ((9, 12, 30), (45, 30, 60), (81, 54, 60), (120, 60, 60)):
        _, fps = sampler.draw(200, Draw.seeded(0), frames)
        assert fps.min() == pytest.approx(low, rel=0.02)
        assert fps.max() == pytest.approx(high, rel=0.02)


def test_long_recordings_are_drawn_more_often_but_not_in_proportion(tmp_path: Path) -> None:
    with StoreWriter(tmp_path / "store") as writer:
        for name, frames, height in (("short", 20, 0.0), ("long", 320, 10.0)):
            rows = np.full((frames, len(BODY21), 3), height, np.float32)
            writer.add(rows, name=f"ann/{name}", subject="ann", source="a.bvh", fps=60.0)
    config = ClipConfig(frames=9, fps=(60, 60), speed=(1, 1))
    sampler = ClipSampler(ClipStore.open(tmp_path / "store"), ["ann"], config)
    drawn, _ = sampler.draw(2000, Draw.seeded(0))
    long = float((drawn[:, 0, 0, 1] == 10).float().mean())
    assert long == pytest.approx(8 / 9, abs=0.02)  # 16 times as long, 16 ** 0.75 = 8 times as often


def test_shares_are_of_those_whose_names_begin_so(tmp_path: Path) -> None:
    with StoreWriter(tmp_path / "store") as writer:
        for height, (name, frames) in enumerate((("ann", 400), ("posed-ann", 20), ("posed-b", 20))):
            rows = np.full((frames, len(BODY21), 3), height, np.float32)
            writer.add(rows, name=f"{name}/a", subject=name, source="a.bvh", fps=60.0)
    store = ClipStore.open(tmp_path / "store")

    def shares(wanted: dict[str, float], people: list[str]) -> list[float]:
        config = ClipConfig(frames=9, fps=(60, 60), speed=(1, 1), shares=wanted)
        drawn, _ = ClipSampler(store, people, config).draw(2000, Draw.seeded(0))
        heights = drawn[:, 0, 0, 1]
        return [float((heights == height).float().mean()) for height in range(3)]

    everybody = ["ann", "posed-ann", "posed-b"]
    assert shares({"posed-": 0.6}, everybody) == pytest.approx([0.4, 0.3, 0.3], abs=0.04)
    first = {"posed-ann": 0.5, "posed-": 0.1}
    assert shares(first, everybody) == pytest.approx([0.4, 0.5, 0.1], abs=0.04)
    assert shares({"posed-": 0.6}, ["ann"]) == [1, 0, 0]
    with pytest.raises(ConfigError, match=r"must leave something to draw, got .*: 0.0"):
        shares({"ann": 0.0}, ["ann"])
    with pytest.raises(ConfigError, match=r"must name subjects .*, got 'idle-'"):
        check_shares(store, {"ann": 0.2, "idle-": 0.3})
    check_shares(store, first)
    with pytest.raises(ValueError, match=r"at most 1 in all, got 1.1"):
        ClipConfig(shares={"ann": 0.6, "posed-": 0.5})


def test_bodies_differ_in_bones_but_not_in_directions(sampler) -> None:
    world, _ = sampler.draw(64, Draw.seeded(1))
    plain = ClipConfig(mirror=0.0, bone_sd=0.05, height=(1.5, 1.9))
    body = vary(world, plain, Draw.seeded(2))
    shin_before, shin = (b[:, :, ANKLE] - b[:, :, KNEE] for b in (world, body))
    cosine = torch.nn.functional.cosine_similarity(shin_before, shin, dim=-1)
    assert cosine.min() > 0.9999
    height = stature(body)
    assert 1.5 <= height.min() < 1.6
    assert 1.8 < height.max() <= 1.9 + 1e-4
    ratio = shin.norm(dim=-1)[:, 0] / height
    assert 0.02 < float(ratio.std() / ratio.mean()) < 0.08
    middle = body[:, :, BODY21.index("left_shoulder")] + body[:, :, BODY21.index("right_shoulder")]
    assert torch.allclose(middle / 2, body[:, :, BODY21.index("thorax")], atol=1e-5)


def test_a_mirrored_body_has_its_left_where_its_right_was(sampler) -> None:
    world, _ = sampler.draw(4, Draw.seeded(1))
    same = ClipConfig(mirror=1.0, bone_sd=0.0)
    body = vary(world, same, Draw.seeded(2))
    spine = BODY21.index("spine")
    scale = (body[:, :, spine] - body[:, :, 0]).norm(dim=-1, keepdim=True)
    scale = scale / (world[:, :, spine] - world[:, :, 0]).norm(dim=-1, keepdim=True)
    mirrored = body[:, :, LEFT] / scale * torch.tensor([-1.0, 1.0, 1.0])
    assert torch.allclose(mirrored, world[:, :, RIGHT], atol=1e-5)


def test_cameras_see_people_upright_and_in_front(sampler) -> None:
    world, _ = sampler.draw(256, Draw.seeded(3))
    seen = view(world, CameraConfig(distance=(2, 8), off_axis_sd=8, roll_sd=3), Draw.seeded(4))
    assert seen[..., 2].min() >= 0.6 - 1e-4
    head, ankle = BODY21.index("head"), BODY21.index("left_ankle")
    assert (seen[:, :, head, 1] < seen[:, :, ankle, 1]).all()
    # A rigid motion: distances between joints stay.
    before = (world[:, :, LEFT] - world[:, :, ankle]).norm(dim=-1)
    assert torch.allclose((seen[:, :, LEFT] - seen[:, :, ankle]).norm(dim=-1), before, atol=1e-4)
    # And no mirror image: the triple product of three bones keeps its sign.
    assert torch.allclose(_handedness(seen), _handedness(world), atol=1e-4)
    pelvis = seen[:, :, 0].mean(dim=1)
    angle = torch.atan2(pelvis[:, 0], pelvis[:, 2])
    assert math.radians(5) < float(angle.std()) < math.radians(11)


def _handedness(joints: torch.Tensor) -> torch.Tensor:
    a, b, c = (joints[:, :, i] - joints[:, :, 0] for i in (LEFT, BODY21.index("head"), ANKLE))
    return (torch.linalg.cross(a, b) * c).sum(dim=-1)


@pytest.fixture
def synthesiser(sampler, make_config) -> Synthesiser:
    path = make_config(corruption={"noise": False, "joint_mask": 0.0, "frame_mask": 0.0})
    return Synthesiser(sampler, load_config(path, (), PretrainConfig), CPU)


def test_input_is_what_inference_would_make_of_the_same_keypoints(synthesiser, sampler) -> None:
    seen = view(sampler.draw(6, Draw.seeded(5))[0], CameraConfig(), Draw.seeded(6))
    batch = synthesiser.film(seen, RATES[: len(seen)], Draw.seeded(7))
    body = seen.double().numpy()
    pixels = 1000 * body[..., :2] / body[..., 2:] + 500
    coco = pixels[:, :, [BODY21.index(name) for name in COCO17.joints]]
    coco = np.concatenate([coco, np.ones_like(coco[..., :1])], axis=-1)
    h36m = convert(coco, COCO17, H36M17)
    for clip, ours in zip(h36m, batch.inputs, strict=True):
        center, half = fit_window(clip[..., :2], clip[..., 2])
        assert ours[..., :2].numpy() == pytest.approx((clip[..., :2] - center) / half, abs=1e-4)
    assert batch.inputs[..., 2].min() == 1
    assert batch.inputs[..., :2].abs().amax(dim=(1, 2, 3)).numpy() == pytest.approx(1.0, abs=1e-5)


def test_target_is_the_metric_pose_at_the_pelvis_scale(synthesiser, sampler) -> None:
    seen = view(sampler.draw(6, Draw.seeded(5))[0], CameraConfig(), Draw.seeded(6))
    batch = synthesiser.film(seen, RATES[: len(seen)], Draw.seeded(7))
    metres = (batch.target - batch.target[:, :, :1]) / batch.scale[..., None, None]
    pose = seen[:, :, :17]
    assert torch.allclose(metres, pose - pose[:, :, :1], atol=1e-4)
    assert torch.equal(batch.target[:, :, 0, 2], torch.zeros(6, 9))
    # The hips are near the pelvis in depth, so there the picture and the target nearly agree.
    near = (batch.target[:, :, 1, :2] - batch.clean[:, :, 1]).norm(dim=-1)
    assert near.max() < 0.05


def test_a_constant_offset_has_the_asked_size(sampler, make_config) -> None:
    still = {"noise": False, "joint_mask": 0.0, "frame_mask": 0.0}
    seen = view(sampler.draw(300, Draw.seeded(8))[0], CameraConfig(), Draw.seeded(9))
    plain = Synthesiser(
        sampler, load_config(make_config(corruption=still), (), PretrainConfig), CPU
    )
    moved = Synthesiser(
        sampler,
        load_config(make_config(corruption={**still, "offset_sd": 0.01}), (), PretrainConfig),
        CPU,
    )
    a, b = (s.film(seen, RATES[: len(seen)], Draw.seeded(1)) for s in (plain, moved))
    wrist = H36M17.index("left_wrist")
    # In metres: offsets change the window's frame too, so compare wrist against pelvis.
    shift = [(x.clean[:, :, wrist] - x.clean[:, :, 0]) / x.scale[..., None] for x in (a, b)]
    spread = (shift[1] - shift[0]).std() / stature(seen).mean()
    assert float(spread) == pytest.approx(0.01 * math.sqrt(1.5), rel=0.15)


def test_a_target_along_the_ray_comes_back_by_the_ray(sampler, make_config) -> None:
    path = make_config(camera={"target": "ray", "off_axis_sd": 15.0})
    synthesiser = Synthesiser(sampler, load_config(path, (), PretrainConfig), CPU)
    seen = view(sampler.draw(6, Draw.seeded(5))[0], CameraConfig(off_axis_sd=15), Draw.seeded(6))
    batch = synthesiser.film(seen, RATES[:6], Draw.seeded(7))
    turned = (batch.target - batch.target[:, :, :1]) / batch.scale[..., None, None]
    pelvis = seen[:, :, 0].double().numpy()
    back = from_ray(turned.double().numpy(), pelvis[..., :2] / pelvis[..., 2:])
    pose = (seen[:, :, :17] - seen[:, :, :1]).double().numpy()
    assert back == pytest.approx(pose, abs=1e-4)
    assert np.abs(turned.double().numpy() - pose).max() > 0.05
    # In the turned camera the pelvis is on the axis: the mean of what is turned is not moved.
    assert np.linalg.norm(turned.numpy(), axis=-1) == pytest.approx(
        np.linalg.norm(pose, axis=-1), abs=1e-4
    )


def test_single_bone_groups_have_their_own_ratios(sampler) -> None:
    world, _ = sampler.draw(64, Draw.seeded(1))
    wide = ClipConfig(mirror=0.0, bone_sd=0.0, bones={"hip": (1.3, 0.1)}, height=(1.7, 1.7))
    body = vary(world, wide, Draw.seeded(2))

    def lengths(end: int, start: int) -> list[torch.Tensor]:
        return [(b[:, :, end] - b[:, :, start]).norm(dim=-1)[:, 0] for b in (world, body)]

    hips, shins = lengths(LEFT, 0), lengths(ANKLE, KNEE)
    ratio = (hips[1] / hips[0]) / (shins[1] / shins[0])
    assert float(ratio.mean()) == pytest.approx(1.3, abs=0.05)
    assert 0.05 < float(ratio.std()) < 0.15


def test_an_unknown_bone_group_is_refused() -> None:
    with pytest.raises(ValidationError, match="hips"):
        ClipConfig(bones={"hips": (1.3, 0.1)})


def test_tipped_bodies_lean_and_keep_their_shape(sampler) -> None:
    world, _ = sampler.draw(128, Draw.seeded(3))
    level = CameraConfig(roll_sd=0, off_axis_sd=0)
    tipped = level.model_copy(update={"tilted": 0.5, "tilted_sd": 30.0})
    trunk = BODY21.index("thorax")

    def lean(config: CameraConfig) -> torch.Tensor:
        seen = view(world, config, Draw.seeded(4))
        return torch.atan2(
            seen[:, 0, trunk, 0] - seen[:, 0, 0, 0], -(seen[:, 0, trunk, 1] - seen[:, 0, 0, 1])
        )

    assert float(lean(tipped).std()) > float(lean(level).std()) + math.radians(8)
    seen = view(world, tipped, Draw.seeded(4))
    before = (world[:, :, LEFT] - world[:, :, ANKLE]).norm(dim=-1)
    assert torch.allclose((seen[:, :, LEFT] - seen[:, :, ANKLE]).norm(dim=-1), before, atol=1e-4)


def test_measured_errors_reach_the_input_and_leave_the_target(sampler, make_config) -> None:
    still = {"noise": False, "joint_mask": 0.0, "frame_mask": 0.0}
    seen = view(sampler.draw(200, Draw.seeded(8))[0], CameraConfig(), Draw.seeded(9))
    batches = []
    for share in (0.0, 1.0):
        config = load_config(
            make_config(corruption={**still, "measured": share}), (), PretrainConfig
        )
        batches.append(Synthesiser(sampler, config, CPU).film(seen, RATES[:200], Draw.seeded(1)))
    plain, measured = batches
    assert plain.inputs[..., 2].min() == 1
    confidence = measured.inputs[..., 2]
    assert 0.5 < float(confidence[confidence > 0].median()) < 0.9
    assert 0.01 < float((confidence == 0).float().mean()) < 0.15
    one, other = ((b.target - b.target[:, :, :1]) / b.scale[..., None, None] for b in batches)
    assert torch.allclose(one, other, atol=1e-4)
    known = confidence > 0.5
    error = (measured.inputs[..., :2] - measured.clean).norm(dim=-1)[known]
    assert 0.01 < float(error.median()) < 0.06


def test_what_is_out_of_sight_is_less_sure_and_the_target_stays(sampler, make_config) -> None:
    still = {"noise": False, "joint_mask": 0.0, "frame_mask": 0.0, "measured": 1.0}
    seen = view(sampler.draw(200, Draw.seeded(8))[0], CameraConfig(), Draw.seeded(9))
    batches = []
    for occlusion in (False, True):
        path = make_config(corruption={**still, "occlusion": occlusion})
        config = load_config(path, (), PretrainConfig)
        batches.append(Synthesiser(sampler, config, CPU).film(seen, RATES[:200], Draw.seeded(1)))
    one, other = ((b.target - b.target[:, :, :1]) / b.scale[..., None, None] for b in batches)
    assert torch.allclose(one, other, atol=1e-4)
    unseen = behind_itself(seen[:, :, [BODY21.index(name) for name in COCO17.joints]], seen)
    elbow, coco = H36M17.index("left_elbow"), COCO17.index("left_elbow")
    hidden = unseen[..., coco]
    assert 0.05 < float(hidden.float().mean()) < 0.3
    for batch, drop in zip(batches, (0.0, 0.2), strict=True):
        confidence = batch.inputs[:, :, elbow, 2]
        there = confidence > 0
        less = confidence[there & ~hidden].mean() - confidence[there & hidden].mean()
        assert float(less) == pytest.approx(drop, abs=0.07)


def test_surface_keypoints_change_the_input_and_leave_the_target(sampler, make_config) -> None:
    still = {"noise": False, "joint_mask": 0.0, "frame_mask": 0.0}
    seen = view(sampler.draw(40, Draw.seeded(8))[0], CameraConfig(), Draw.seeded(9))
    batches = []
    for share in (0.0, 1.0):
        path = make_config(corruption=still, clips={"frames": 9, "surface": share})
        config = load_config(path, (), PretrainConfig)
        batches.append(Synthesiser(sampler, config, CPU).film(seen, RATES[:40], Draw.seeded(1)))
    plain, surface = batches
    shift = [(b.clean - b.clean[:, :, :1]) / b.scale[..., None, None] for b in batches]
    moved = (shift[1] - shift[0]).norm(dim=-1)  # (B, T, 17) metres
    assert (moved.amax(dim=(1, 2)) > 0.005).all()
    assert moved.max() < 0.2
    one, other = ((b.target - b.target[:, :, :1]) / b.scale[..., None, None] for b in batches)
    assert torch.allclose(one, other, atol=1e-4)
    assert not torch.equal(plain.inputs, surface.inputs)


def test_the_target_lies_where_the_surface_keypoints_are_seen(sampler, make_config) -> None:
    still = {"noise": False, "joint_mask": 0.0, "frame_mask": 0.0}
    seen = view(sampler.draw(40, Draw.seeded(8))[0], CameraConfig(), Draw.seeded(9))
    seen = seen + torch.tensor([0.0, 0.0, 1000.0])  # so far away that depth moves no keypoint
    names = ("hip", "knee", "ankle", "shoulder", "elbow", "wrist")
    limbs = [i for i, name in enumerate(H36M17.joints) if name.endswith(names)]
    apart = []
    for answer in ("joints", "keypoints"):
        path = make_config(corruption=still, clips={"frames": 9, "surface": 1.0, "answer": answer})
        config = load_config(path, (), PretrainConfig)
        batch = Synthesiser(sampler, config, CPU).film(seen, RATES[:40], Draw.seeded(1))
        apart.append((batch.target[..., :2] - batch.clean)[:, :, limbs].norm(dim=-1).amax())
        pelvis = batch.target[:, :, H36M17.index("pelvis")]
        assert not pelvis[..., 2].any()
        assert torch.allclose(pelvis[..., :2], batch.clean[:, :, 0], atol=0.2)
    assert apart[0] > 0.03
    assert apart[1] < 2e-3


def test_one_sure_joint_does_not_make_a_giant(
    sampler, make_config, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = NoiseSampler.report

    def of_the_nose(self: NoiseSampler, *given: Any) -> torch.Tensor:
        reported = report(self, *given)
        sure = torch.zeros_like(reported[..., 2])
        sure[:, :, COCO17.index("nose")] = 0.9
        return torch.cat([reported[..., :2], sure[..., None]], dim=-1)

    monkeypatch.setattr(NoiseSampler, "report", of_the_nose)
    path = make_config(corruption={"measured": 1.0, "joint_mask": 0.0, "frame_mask": 0.0})
    batch = Synthesiser(sampler, load_config(path, (), PretrainConfig), CPU).batch(8, seed=1)
    assert batch.inputs[..., 2].sum(dim=2).max() < 1  # one joint of 17
    assert batch.target.abs().max() < 12  # a body is ten windows tall, and may reach beyond
