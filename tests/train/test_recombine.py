"""Recombined motion: limbs keep their lengths and their angle to the trunk, the rest stays."""

from __future__ import annotations

import pytest
import torch

from mbcli.data.stores.store import ClipStore
from mbcli.skeleton import BODY21
from mbcli.train.config import ClipConfig
from mbcli.train.draw import Draw
from mbcli.train.recombine import recombined, reversed_in_time
from mbcli.train.sampling import ClipSampler

AT = BODY21.index


@pytest.fixture
def clips(store) -> torch.Tensor:
    sampler = ClipSampler(ClipStore.open(store), ["ann", "bob"], ClipConfig(frames=9))
    return sampler.draw(40, Draw.seeded(1))[0]


def length(body: torch.Tensor, a: str, b: str) -> torch.Tensor:
    return (body[:, :, AT(a)] - body[:, :, AT(b)]).norm(dim=-1)


def test_limbs_come_from_the_neighbour_as_they_stood_to_its_trunk(clips) -> None:
    out = recombined(clips, 0.5, Draw.seeded(2))
    changed = (out - clips).abs().amax(dim=(1, 3)) > 1e-4  # (B, 21)
    arms = changed[:, AT("left_wrist")]
    legs = changed[:, AT("left_ankle")]
    assert not (arms & legs).any()
    assert 0.2 < float(arms.float().mean()) < 0.8
    trunk = [AT(n) for n in ("pelvis", "spine", "thorax", "head", "left_shoulder", "left_hip")]
    assert not changed[:, trunk].any()
    donor = clips.roll(1, dims=0)
    for a, b, who in (
        ("left_elbow", "left_wrist", arms),
        ("right_shoulder", "right_elbow", arms),
        ("left_knee", "left_ankle", legs),
    ):
        assert torch.allclose(length(out, a, b)[who], length(donor, a, b)[who], atol=1e-4)
    # The angle between the upper arm and the trunk is the donor's.
    cosine = torch.nn.functional.cosine_similarity

    def angle(body: torch.Tensor) -> torch.Tensor:
        arm = body[:, :, AT("left_elbow")] - body[:, :, AT("left_shoulder")]
        return cosine(arm, body[:, :, AT("thorax")] - body[:, :, 0], dim=-1)

    assert torch.allclose(angle(out)[arms], angle(donor)[arms], atol=1e-3)


def test_nothing_changes_at_probability_nought(clips) -> None:
    assert torch.equal(recombined(clips, 0.0, Draw.seeded(2)), clips)
    assert torch.equal(reversed_in_time(clips, 0.0, Draw.seeded(2)), clips)


def test_backwards_is_backwards(clips) -> None:
    assert torch.equal(reversed_in_time(clips, 1.0, Draw.seeded(2)), clips.flip(1))
