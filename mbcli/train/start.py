"""Where a DSTformer starts: weights from which a small one learns depth soon, and grown ones.

With the published start every weight is a normal of 0.02. In a narrow model that leaves the
spatial attention nearly uniform: all joints of a frame receive the same mean, the joints' own
embeddings drown in it, and for thousands of steps the model predicts a flat body, because depth
is a matter of which joint stands where relative to which. Here the joints are told apart from the
first step on.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from mbcli.lift.model import FULL, Block, DSTformer, DSTformerConfig

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


@torch.no_grad()
def grown(model: DSTformer, wanted: DSTformerConfig) -> DSTformer:
    """The same function in a model of more layers, for clips of another length.

    New layers lie on top and change nothing at first: what their attention and their MLPs add
    begins at 0 (as in Chen, Goodfellow, Shlens: "Net2Net", ICLR 2016, section 2.4). The temporal
    embedding is stretched linearly, so that a clip of the new ``maxlen`` meets the embeddings
    that one of the old did.

    Args:
        model: with trained weights.
        wanted: like the model's, but for ``maxlen`` and a ``depth`` that is not smaller.
    """
    larger = DSTformer(wanted)
    state = model.state_dict()
    state["temp_embed"] = _stretched(state["temp_embed"], wanted.maxlen)
    larger.load_state_dict(state, strict=False)
    for blocks in (larger.blocks_st, larger.blocks_ts):
        for block in blocks[model.config.depth :]:
            assert isinstance(block, Block)
            for last in (block.attn_s.proj, block.attn_t.proj, block.mlp_s.fc2, block.mlp_t.fc2):
                last.weight.zero_()
    return larger


def _stretched(embedding: Tensor, length: int) -> Tensor:
    """(1, T, 1, C) to (1, length, 1, C)."""
    if embedding.shape[1] == length:
        return embedding
    tracks = embedding[:, :, 0].transpose(1, 2)  # (1, C, T)
    tracks = F.interpolate(tracks, size=length, mode="linear", align_corners=True)
    return tracks.transpose(1, 2)[:, :, None]  # (1, length, 1, C)
