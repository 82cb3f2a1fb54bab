"""Initial weights of a DSTformer: random ones that let a small model learn depth, and grown ones.

In the published initialisation every weight is a normal of 0.02. In a narrow model this leaves the
spatial attention nearly uniform: all joints of a frame receive the same mean, which drowns out
their own embeddings, and for thousands of steps the model predicts a flat body, because depth
depends on which joint is where relative to which. Here the joints are distinct from the first step.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.model import FULL, Block, DSTformer

# Factors on the embeddings of coordinates and of joints. At width 96 this makes a token mostly its
# joint (0.47), then its position (0.25 to 0.3) and hardly its time (0.05).
_COORDINATES = 5.0
_JOINT = 10.0
# Factor on both queries and keys of the spatial attention: a joint then mixes 7 of the 17, by
# entropy; 17 at 1, 13 at 2, 3 at 4 (`research.thresholds`). The three factors together reduce the
# error from 104.7 to 68.2 mm after 12,800 clips (`research.ablation`).
_ATTENTION = 3.0


@torch.no_grad()
def spread(model: DSTformer) -> None:
    """Rescale freshly drawn published weights in place.

    Linear layers keep the variance that 0.02 gives at the published width of 512; embeddings of
    coordinates become 5 times, those of joints 10 times, and the queries and keys of the spatial
    attention 3 times as large.

    Args:
        model: a newly constructed model.
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
    """Grow a model to larger dimensions or another clip length without changing its function.

    As in Chen, Goodfellow, Shlens: "Net2Net", ICLR 2016, but without copying anything twice. New
    weights are drawn as in :func:`spread` and have no effect at first. New layers are added on
    top, and the contributions of their attention and MLPs start at 0, as do those of new heads
    and hidden units. New features of a token start as the mean of the old ones, so that a layer
    norm removes them and leaves the old ones unchanged up to a factor, which its weight undoes.
    The temporal embedding is resampled linearly, so that a clip of the new ``maxlen`` gets the
    embeddings that one of the old length got.

    Args:
        model: a trained model.
        wanted: new dimensions that satisfy :func:`can_grow`.
    """
    larger = DSTformer(wanted)
    spread(larger)
    drawn = larger.state_dict()
    state = model.state_dict()
    state["temp_embed"] = _stretched(state["temp_embed"], wanted.maxlen)
    widened = {name: _widened(name, old, drawn[name]) for name, old in state.items()}
    larger.load_state_dict(drawn | widened)
    for blocks in (larger.blocks_st, larger.blocks_ts):
        for block in blocks[model.config.depth :]:
            assert isinstance(block, Block)
            for last in (block.attn_s.proj, block.attn_t.proj, block.mlp_s.fc2, block.mlp_t.fc2):
                last.weight.zero_()
    return larger


def can_grow(old: DSTformerConfig, wanted: DSTformerConfig) -> bool:
    """Whether :func:`grown` can convert one to the other.

    The joints, the numbers per joint and the width of a head must be equal. Only ``maxlen`` may
    be smaller.
    """
    same = all(
        getattr(old, name) == getattr(wanted, name) for name in ("dim_in", "dim_out", "num_joints")
    )
    larger = all(
        getattr(old, name) <= getattr(wanted, name) for name in ("dim_feat", "dim_rep", "depth")
    )
    heads = old.dim_feat * wanted.num_heads == wanted.dim_feat * old.num_heads
    hidden = old.dim_feat * old.mlp_ratio <= wanted.dim_feat * wanted.mlp_ratio
    return same and larger and heads and hidden


def _widened(name: str, old: Tensor, drawn: Tensor) -> Tensor:
    """A trained tensor extended to a larger one; unchanged if that is not larger."""

    def of(*parts: str) -> bool:
        return any(part in name for part in parts)

    if of("pos_embed", "temp_embed"):
        mean = old.mean(dim=-1, keepdim=True)
        return torch.cat([old, mean.expand(*old.shape[:-1], drawn.shape[-1] - old.shape[-1])], -1)
    silent = of("proj", "fc2", "head", "ts_attn")  # their new inputs are not 0 at first
    new = torch.zeros_like(drawn) if silent else drawn.clone()
    rows = 3 if of("qkv") else 1  # queries, keys and values
    columns = 2 if of("ts_attn") and old.ndim == 2 else 1  # one stream and the other

    def apart(tensor: Tensor) -> Tensor:
        by_row = tensor.view(rows, len(tensor) // rows, -1)
        return by_row.view(*by_row.shape[:2], columns, -1)

    trained = apart(old)
    apart(new)[tuple(slice(length) for length in trained.shape)] = trained
    if of("norm") and name.endswith("weight"):
        new *= (len(old) / len(new)) ** 0.5
    elif of("joints_embed", "proj", "fc2"):
        new[len(old) :] = new[: len(old)].mean(dim=0)
    return new


def _stretched(embedding: Tensor, length: int) -> Tensor:
    """Resample (1, T, 1, C) to (1, length, 1, C)."""
    if embedding.shape[1] == length:
        return embedding
    tracks = embedding[:, :, 0].transpose(1, 2)  # (1, C, T)
    tracks = F.interpolate(tracks, size=length, mode="linear", align_corners=True)
    return tracks.transpose(1, 2)[:, :, None]  # (1, length, 1, C)
