from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.model import Block, DSTformer
from mbcli.train.start import can_grow, grown, spread


def attention_entropy(model: DSTformer) -> float:
    """Mean entropy of the first spatial attention, in nats; log(17) = uniform."""
    torch.manual_seed(1)
    x = torch.rand(2, 3, 17, 3)
    tokens = model.joints_embed(x) + model.pos_embed + model.temp_embed[:, :3]
    block = model.blocks_st[0]
    assert isinstance(block, Block)
    qkv = block.attn_s.qkv(block.norm1_s(tokens)).view(6, 17, 3, 3, -1)
    q, k, _ = qkv.permute(2, 0, 3, 1, 4).unbind(0)
    weights = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(dim=-1)
    return float(-(weights * weights.log()).sum(dim=-1).mean())


def test_a_spread_start_distinguishes_the_joints() -> None:
    torch.manual_seed(0)
    model = DSTformer(DSTformerConfig(dim_feat=96, dim_rep=96, depth=1, num_heads=3, maxlen=9))
    with torch.no_grad():
        before = attention_entropy(model)
        gates = [gate.clone() for gate in model.ts_attn.parameters()]
        spread(model)
        after = attention_entropy(model)
    uniform = float(torch.tensor(17.0).log())
    assert before > uniform - 0.01
    assert after < uniform - 0.3
    kept = zip(gates, model.ts_attn.parameters(), strict=True)
    assert all(torch.equal(before, after) for before, after in kept)


@pytest.mark.parametrize("depth", [2, 4])
def test_a_deeper_model_begins_as_the_same_function(depth: int) -> None:
    torch.manual_seed(0)
    small = DSTformerConfig(dim_feat=24, dim_rep=16, depth=2, num_heads=3, maxlen=9)
    model = DSTformer(small)
    larger = grown(model, replace(small, depth=depth))
    x = torch.rand(2, 9, 17, 3)
    with torch.no_grad():
        assert torch.allclose(larger(x), model(x), atol=1e-6)
    assert larger.config.depth == depth


WIDER = [
    {"dim_feat": 40, "num_heads": 5},
    {"dim_rep": 20},
    {"mlp_ratio": 4},
    {"dim_feat": 64, "num_heads": 8, "dim_rep": 32, "mlp_ratio": 4, "depth": 3},
]


def trained_like(config: DSTformerConfig) -> DSTformer:
    """A model without a bias or a norm that is still as it was drawn."""
    torch.manual_seed(0)
    model = DSTformer(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter), alpha=0.2)
    return model.eval()


@pytest.mark.parametrize("change", WIDER)
def test_a_wider_model_begins_as_the_same_function(change: dict[str, int]) -> None:
    small = DSTformerConfig(dim_feat=24, dim_rep=16, depth=2, num_heads=3, maxlen=9)
    model = trained_like(small)
    larger = grown(model, replace(small, **change))
    x = torch.rand(2, 9, 17, 3)
    with torch.no_grad():
        assert model(x).std() > 0.1
        assert torch.allclose(larger(x), model(x), atol=1e-4)
    assert larger.config == replace(small, **change)


def test_new_features_learn_apart() -> None:
    small = DSTformerConfig(dim_feat=24, dim_rep=16, depth=1, num_heads=3, maxlen=9)
    larger = grown(trained_like(small), replace(small, dim_feat=32, num_heads=4, dim_rep=20))
    larger(torch.rand(2, 9, 17, 3)).square().mean().backward()
    block = larger.blocks_st[0]
    assert isinstance(block, Block)
    for weight, new in ((block.mlp_s.fc2.weight, 24), (block.attn_t.proj.weight, 24)):
        assert weight.grad is not None
        learnt = weight.grad[new:, :24]
        assert (learnt.abs().sum(dim=1) > 0).all()
        assert not torch.allclose(learnt[0], learnt[1])
    assert larger.head.weight.grad is not None
    assert (larger.head.weight.grad[:, 16:] != 0).all()


@pytest.mark.parametrize(
    "change", [{"dim_feat": 12}, {"depth": 1}, {"num_heads": 6}, {"mlp_ratio": 1}, {"dim_in": 2}]
)
def test_nothing_grows_smaller_or_into_another_network(change: dict[str, int]) -> None:
    small = DSTformerConfig(dim_feat=24, dim_rep=16, depth=2, num_heads=3, maxlen=9)
    assert can_grow(small, replace(small, maxlen=5))
    assert not can_grow(small, replace(small, **change))


def test_new_layers_can_learn() -> None:
    torch.manual_seed(0)
    small = DSTformerConfig(dim_feat=24, dim_rep=16, depth=1, num_heads=3, maxlen=9)
    larger = grown(DSTformer(small), replace(small, depth=2))
    larger(torch.rand(2, 9, 17, 3)).square().mean().backward()
    block = larger.blocks_st[1]
    assert isinstance(block, Block)
    assert block.mlp_s.fc2.weight.grad is not None
    assert block.mlp_s.fc2.weight.grad.abs().sum() > 0


def test_the_temporal_embedding_is_stretched_from_end_to_end() -> None:
    torch.manual_seed(0)
    short = DSTformerConfig(dim_feat=24, dim_rep=16, depth=1, num_heads=3, maxlen=9)
    model = DSTformer(short)
    longer = grown(model, replace(short, maxlen=17))
    old, new = model.temp_embed[0, :, 0], longer.temp_embed[0, :, 0]
    assert torch.allclose(new[::2], old, atol=1e-6)
    assert torch.allclose(new[1::2], (old[1:] + old[:-1]) / 2, atol=1e-6)
