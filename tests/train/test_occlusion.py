"""What a camera cannot see of a body, and what is reported of it."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import Tensor
from train.conftest import standing

from mbcli.skeleton import BODY21, COCO17
from mbcli.train.config import CorruptionConfig
from mbcli.train.draw import Draw
from mbcli.train.noise_model import NoiseModel
from mbcli.train.noise_sampler import NoiseSampler
from mbcli.train.occlusion import behind_itself, behind_who_passes, beyond_an_edge, out_of_sight

CPU = torch.device("cpu")
COCO = [BODY21.index(name) for name in COCO17.joints]
LEVEL = {  # of a NoiseModel that leaves keypoints as they are
    **dict.fromkeys(("offset", "slow", "white", "unseen"), (0.0,) * 17),
    **dict.fromkeys(
        ("hidden", "collapsed", "swapped", "dropped", "cropped", "outlier", "furniture", "passed"),
        0.0,
    ),
    "confidence_sd": 0.0,
}


def seen(degrees: float, **moved: tuple[float, float, float]) -> Tensor:
    """(1, 1, 21, 3) the standing person, 4 m before a camera at the height of the hips.

    Args:
        degrees: turn to the person's right: 90 shows the left side, 180 the back.
        moved: joints that are elsewhere, in metres, x to the person's left, y up, z forward.
    """
    body = torch.from_numpy(standing())
    for name, place in moved.items():
        body[BODY21.index(name)] = torch.tensor(place)
    turn = math.radians(degrees)
    x = body[:, 0] * math.cos(turn) - body[:, 2] * math.sin(turn)
    z = body[:, 0] * math.sin(turn) + body[:, 2] * math.cos(turn)
    return torch.stack([x, 0.9 - body[:, 1], 4 - z], dim=-1)[None, None]


def hidden(joints: Tensor) -> set[str]:
    """Names of the keypoints that the body hides."""
    mask = behind_itself(joints[:, :, COCO], joints)[0, 0]
    return {name for name, out in zip(COCO17.joints, mask.tolist(), strict=True) if out}


@pytest.mark.parametrize("degrees", [-20, 0, 20])
def test_a_person_who_faces_the_camera_hides_nothing(degrees: float) -> None:
    assert hidden(seen(degrees)) == set()


def test_from_behind_the_head_hides_the_face() -> None:
    assert hidden(seen(180)) == {"nose", "left_eye", "right_eye"}


@pytest.mark.parametrize(("degrees", "far"), [(90, "right"), (-90, "left")])
def test_from_the_side_the_far_arm_and_leg_are_hidden(degrees: float, far: str) -> None:
    found = hidden(seen(degrees))
    parts = ("ear", "shoulder", "elbow", "wrist", "hip", "knee", "ankle")
    assert {f"{far}_{part}" for part in parts} <= found
    # Of the near side, the arm that hangs down covers the hip.
    assert found - {f"{far}_{part}" for part in parts} <= {
        f"{'left' if far == 'right' else 'right'}_hip"
    }


def test_hands_before_and_behind_the_body() -> None:
    front: dict[str, Any] = {"right_wrist": (0.0, 1.1, 0.2), "right_elbow": (-0.25, 1.1, 0.1)}
    assert "right_wrist" not in hidden(seen(0, **front))
    assert "right_wrist" in hidden(seen(180, **front))
    back: dict[str, Any] = {"right_wrist": (0.0, 1.1, -0.2), "right_elbow": (-0.25, 1.1, -0.1)}
    assert "right_wrist" in hidden(seen(0, **back))


def test_of_crossed_legs_the_one_behind_is_hidden() -> None:
    crossed: dict[str, Any] = {"left_ankle": (-0.1, 0.08, 0.15), "left_knee": (-0.05, 0.5, 0.15)}
    assert hidden(seen(0, **crossed)) == {"right_knee", "right_ankle"}
    assert {"left_knee", "left_ankle"} <= hidden(seen(180, **crossed))


def still(batch: int, frames: int) -> tuple[Tensor, Tensor, Tensor]:
    """The person who faces the camera, (B, T, 17, 2), height in the picture and frame rate."""
    joints = seen(0)
    xy = (joints[..., :2] / joints[..., 2:])[:, :, COCO].expand(batch, frames, 17, 2)
    return xy, torch.full((batch, frames), 1.72 / 4), torch.full((batch,), 30.0)


def test_who_passes_hides_the_body_and_lets_it_go() -> None:
    xy, height, fps = still(200, 90)
    gone = behind_who_passes(xy, height, fps, 1.0, Draw.seeded(1))
    assert gone.any(dim=(1, 2)).all()
    nose = gone[:, :, COCO17.index("nose")]
    # A band of 0.26 to 0.52 statures moves its own width in 0.26 / 0.8 s.
    whole = nose.any(dim=1) & ~nose[:, 0] & ~nose[:, -1]
    assert float(whole.float().mean()) > 0.5
    frames = nose[whole].float().sum(dim=1)
    assert float(frames.mean()) == pytest.approx(30 * 0.259 / 0.8, abs=1)
    # Once, from one side to the other.
    assert int((nose[:, 1:] & ~nose[:, :-1]).sum(dim=1).max()) == 1
    hips = [gone[:, :, COCO17.index(f"{side}_hip")].float() for side in ("left", "right")]
    first = [(hip * torch.arange(90)).sum(dim=1) / hip.sum(dim=1) for hip in hips]
    rightwards = (first[0] > first[1])[whole].float().mean()
    assert 0.35 < float(rightwards) < 0.65
    assert not behind_who_passes(xy, height, fps, 0.0, Draw.seeded(1)).any()


def test_furniture_stays_where_it_is() -> None:
    gone = beyond_an_edge(still(100, 9)[0], 0.5, Draw.seeded(1))
    assert torch.equal(gone, gone[:, :1].expand_as(gone))
    assert 0.35 < float(gone.any(dim=(1, 2)).float().mean()) < 0.65


def test_who_walks_across_the_picture_is_passed_too() -> None:
    xy, height, fps = still(200, 30)
    across = xy + height[..., None, None] * torch.linspace(-8, 8, 30)[:, None, None]
    assert behind_who_passes(across, height, fps, 1.0, Draw.seeded(1)).any(dim=(1, 2)).all()


def test_equal_seeds_hide_alike() -> None:
    joints = seen(60).expand(50, 20, 21, 3)
    model = NoiseModel.read(None).model_copy(update={"furniture": 0.3, "passed": 0.3})
    first, again, other = (
        out_of_sight(joints[:, :, COCO], joints, torch.full((50,), 30.0), model, Draw.seeded(seed))
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert (first | ~behind_itself(joints[:, :, COCO], joints)).all()


def report(sight: Tensor | None, **numbers: Any) -> tuple[Tensor, Tensor]:
    """Errors in statures (400, 30, 17, 2), and confidences, with what is out of sight."""
    xy, height, fps = still(400, 30)
    noise = NoiseSampler(NoiseModel.model_validate({**LEVEL, **numbers}), CPU)
    found = noise.report(xy, height, fps, Draw.seeded(1), sight)
    return (found[..., :2] - xy) / height[..., None, None], found[..., 2]


def test_keypoints_out_of_sight_are_off_and_less_sure() -> None:
    unseen = torch.zeros(400, 30, 17, dtype=torch.bool)
    unseen[:, 10:, 9] = True
    error, confidence = report(
        unseen, unseen=(0.05,) * 17, unseen_drop=1.0, unseen_steady=1.0, confidence_slope=0.0
    )
    assert not error[~unseen].abs().gt(1e-5).any()
    assert float(error[unseen].std()) == pytest.approx(0.05, rel=0.06)
    assert float(error[:, 10:, 9].std(dim=1).max()) < 1e-5
    drop = confidence[~unseen].logit().mean() - confidence[unseen].logit().mean()
    assert float(drop) == pytest.approx(1.0, abs=1e-3)
    error, _ = report(unseen, unseen=(0.05,) * 17, unseen_steady=0.0)
    assert float(error[unseen].std()) == pytest.approx(0.05, rel=0.06)
    assert float(error[:, 10:, 9].mean(dim=1).std()) < 0.04


def test_fewer_limbs_are_hidden_at_random_where_sight_is_drawn() -> None:
    numbers: dict[str, Any] = {"hidden": 0.8, "unexplained": 0.25, "stretch": (5.0, 6.0)}
    share = [
        float((report(unseen, **numbers)[0][..., 9, :].norm(dim=-1) > 1e-5).float().mean())
        for unseen in (None, torch.zeros(400, 30, 17, dtype=torch.bool))
    ]
    assert share[1] / share[0] == pytest.approx(0.25, rel=0.3)


def test_some_swaps_last_as_long_as_the_clip() -> None:
    numbers: dict[str, Any] = {"swapped": 0.4, "stretch": (0.1, 0.11)}
    sight = torch.zeros(400, 30, 17, dtype=torch.bool)
    for unseen, lasting, share in ((None, 1.0, 0.0), (sight, 0.0, 0.0), (sight, 0.5, 0.2)):
        off = report(unseen, lasting=lasting, **numbers)[0][..., 9, :].norm(dim=-1) > 1e-4
        assert float(off.all(dim=1).float().mean()) == pytest.approx(share, abs=0.05)


def test_a_swapped_keypoint_is_as_well_seen_as_its_twin() -> None:
    unseen = torch.zeros(400, 30, 17, dtype=torch.bool)
    unseen[:, :, 9] = True
    swaps: dict[str, Any] = {"swapped": 1.0, "lasting": 1.0, "unseen_drop": 1.0}
    error, confidence = report(unseen, unseen=(0.05,) * 17, confidence_slope=0.0, **swaps)
    spread = error.std(dim=(0, 1)).mean(dim=-1)
    assert float(spread[10]) == pytest.approx(0.05, rel=0.06)
    assert float(spread[9]) < 1e-5
    assert (confidence[..., 10] < confidence[..., 9]).all()


def test_where_sight_is_not_drawn_its_numbers_change_nothing() -> None:
    numbers: dict[str, Any] = {"white": (0.01,) * 17, "swapped": 0.3, "hidden": 0.3}
    plain = report(None, **numbers)
    sighted = {"unseen_drop": 3.0, "unexplained": 0.0, "lasting": 1.0, "furniture": 1.0}
    for one, other in zip(plain, report(None, **numbers, **sighted), strict=True):
        assert torch.equal(one, other)


def test_occlusion_without_the_clips_that_it_is_for_is_refused() -> None:
    with pytest.raises(ValidationError, match="occlusion is of the clips of measured"):
        CorruptionConfig(occlusion=True)
