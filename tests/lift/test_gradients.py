"""The gradients worked out by hand are those of the plain formulas."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from mbcli.lift import model as model_file
from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.gradients import attend, weigh
from mbcli.lift.model import DSTformer

HEADS = 2


def attended(qkv: Tensor, axis: str) -> Tensor:
    """The plain formula."""
    over = {"joints": 2, "frames": 1}[axis]
    parts = qkv.unflatten(-1, (3, HEADS, -1)).movedim(over, -2)  # (B, ., 3, H, L, D)
    q, k, v = parts.unbind(2)
    weights = (q @ k.mT / q.shape[-1] ** 0.5).softmax(-1)
    return (weights @ v).movedim(-2, over).flatten(-2)


def random(*shape: int) -> Tensor:
    drawn = torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    return drawn.requires_grad_()


@pytest.mark.parametrize("axis", ["joints", "frames"])
def test_attention_mixes_the_given_axis(axis: str) -> None:
    qkv = random(2, 4, 5, 3 * HEADS * 2)
    assert torch.allclose(attend(qkv, HEADS, axis), attended(qkv, axis), atol=1e-12)
    assert torch.autograd.gradcheck(lambda given: attend(given, HEADS, axis), qkv)


@pytest.mark.parametrize("axis", ["joints", "frames"])
def test_attention_in_bfloat16_is_off_by_its_rounding(axis: str) -> None:
    exact = random(2, 20, 17, 3 * HEADS * 16)
    given = random(2, 20, 17, HEADS * 16).detach()
    prediction = attended(exact, axis)
    (wanted,) = torch.autograd.grad(prediction, exact, given)
    narrow = exact.detach().bfloat16().requires_grad_()
    mixed = attend(narrow, HEADS, axis)
    (got,) = torch.autograd.grad(mixed, narrow, given.bfloat16())
    assert mixed.dtype == got.dtype == torch.bfloat16
    for found, right in ((mixed, prediction), (got, wanted)):
        off = (found.detach() - right.detach()).norm() / right.detach().norm()
        assert float(off) < 0.01


def test_streams_are_weighed_by_a_softmax_of_two() -> None:
    st, ts, gate, bias = random(1, 7, 2, 4), random(1, 7, 2, 4) + 1, random(2, 8), random(2)
    share = (torch.cat([st, ts], -1) @ gate.T + bias).softmax(-1)
    plain = st * share[..., :1] + ts * share[..., 1:]
    assert torch.allclose(weigh(st, ts, gate, bias), plain, atol=1e-12)
    assert torch.autograd.gradcheck(weigh, (st, ts, gate, bias))


@pytest.mark.parametrize(("narrow", "apart"), [(False, 1e-5), (True, 0.02)])
def test_a_model_learns_as_with_the_plain_formulas(
    monkeypatch: pytest.MonkeyPatch, narrow: bool, apart: float
) -> None:
    def curve(narrow: bool) -> Tensor:
        torch.manual_seed(0)
        config = DSTformerConfig(dim_feat=32, dim_rep=32, depth=2, num_heads=HEADS, maxlen=9)
        model = DSTformer(config)
        optimiser = torch.optim.AdamW(model.parameters(), lr=2e-3)
        inputs, target = torch.rand(4, 9, 17, 3), torch.rand(4, 9, 17, 3)
        losses = []
        for _ in range(25):
            with torch.autocast("cpu", dtype=torch.bfloat16, enabled=narrow):
                prediction = model(inputs)
            loss = (prediction - target).norm(dim=-1).mean()
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            losses.append(loss.detach())
        return torch.stack(losses)

    by_hand = curve(narrow)
    with monkeypatch.context() as patch:
        patch.setattr(model_file, "attend", lambda qkv, _, axis: attended(qkv, axis))
        plain = curve(False)
    assert plain[-1] < 0.9 * plain[0]
    assert float(((by_hand - plain) / plain).abs().max()) < apart
