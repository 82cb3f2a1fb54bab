"""Random weights from which a small DSTformer learns depth soon.

With the published start every weight is a normal of 0.02. In a narrow model that leaves the
spatial attention nearly uniform: all joints of a frame receive the same mean, the joints' own
embeddings drown in it, and for thousands of steps the model predicts a flat body, because depth
is a matter of which joint stands where relative to which. Here the joints are told apart from the
first step on.
"""

from __future__ import annotations

import torch

from mbcli.lift.model import FULL, Block, DSTformer

_COORDINATES = 5.0
_JOINT = 10.0
_ATTENTION = 3.0


@torch.no_grad()
def spread(model: DSTformer) -> None:
    """Re-scale freshly drawn published weights in place.

    Linear maps keep the variance that 0.02 gives at the published width of 512; embeddings of
    coordinates are 5 times, those of joints 10 times, and the queries and keys of the spatial
    attention 3 times as large.

    Args:
        model: as its constructor leaves it.
    """
    dim = model.config.dim_feat
    width = (FULL.dim_feat / dim) ** 0.5
    for name, parameter in model.named_parameters():
        drawn = parameter.ndim >= 2 and not name.startswith("ts_attn")
        if drawn:
            parameter.mul_(width)
    model.joints_embed.weight.mul_(_COORDINATES)
    model.pos_embed.mul_(_JOINT)
    for block in (*model.blocks_st, *model.blocks_ts):
        assert isinstance(block, Block)
        block.attn_s.qkv.weight[: 2 * dim].mul_(_ATTENTION)
