from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from mbcli.lift.model import Block, DSTformer, DSTformerConfig
from mbcli.train.start import grown, spread


def attention_entropy(model: DSTformer) -> float:
    """Mean entropy of the first spatial attention, in nats; log(17) = uniform."""
    torch.manual_seed(1)
    x = torch.rand(2, 3, 17, 3)
    tokens = model.joints_embed(x) + model.pos_embed + model.temp_embed[:, :3]
    block = model.blocks_st[0]
    qkv = block.attn_s.qkv(block.norm1_s(tokens)).view(6, 17, 3, 3, -1)
    q, k, _ = qkv.permute(2, 0, 3, 1, 4).unbind(0)
    weights = (q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5).softmax(dim=-1)
    return float(-(weights * weights.log()).sum(dim=-1).mean())


def test_a_spread_start_tells_the_joints_apart() -> None:
    torch.manual_seed(0)
    model = DSTformer(DSTformerConfig(dim_feat=96, dim_rep=96, depth=1, num_heads=3, maxlen=9))
    with torch.no_grad():
        before = attention_entropy(model)
        gates = [gate.bias.clone() for gate in model.ts_attn]
        spread(model)
        after = attention_entropy(model)
    uniform = float(torch.tensor(17.0).log())
    assert before > uniform - 0.01
    assert after < uniform - 0.3
    assert all(torch.equal(a, g.bias) for a, g in zip(gates, model.ts_attn, strict=True))


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
