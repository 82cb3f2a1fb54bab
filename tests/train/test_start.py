from __future__ import annotations

import torch

from mbcli.lift.model import DSTformer, DSTformerConfig
from mbcli.train.start import spread


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
