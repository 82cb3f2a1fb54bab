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

# How much larger than drawn the embeddings of coordinates and of joints are. At width 96 that makes
# a token first of all its joint (0.47), then its place (0.25 to 0.3) and hardly its time (0.05).
_COORDINATES = 5.0
_JOINT = 10.0
# Of the queries and the keys of the spatial attention, each: a joint then mixes 7 of the 17, by the
# entropy; 17 at 1, 13 at 2, 3 at 4 (`research.thresholds`). What the three are worth together:
# 68.2 mm in place of 104.7 after 12,800 clips (`research.ablation`).
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
    """The same function in a larger model, and for clips of another length.

    As in Chen, Goodfellow, Shlens: "Net2Net", ICLR 2016, but with nothing copied twice. What is
    new is drawn as :func:`spread` has it and changes nothing at first. New layers lie on top, and
    what their attention and their MLPs add begins at 0; so does what new heads and new hidden
    units add. New features of a token begin as the mean of the old ones, so that a layer norm
    takes them out and finds the old ones unchanged but for a factor, which its weight undoes.
    The temporal embedding is stretched linearly, so that a clip of the new ``maxlen`` meets the
    embeddings that one of the old did.

    Args:
        model: with trained weights.
        wanted: dimensions that :func:`can_grow` to.
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
    """Whether :func:`grown` leads from one to the other.

    Joints and numbers a joint must be the same, and so must the width of a head. Nothing but
    ``maxlen`` may be smaller.
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
    """A trained tensor in the place of a larger one, itself if that is not larger."""

    def of(*parts: str) -> bool:
        return any(part in name for part in parts)

    if of("pos_embed", "temp_embed"):
        mean = old.mean(dim=-1, keepdim=True)
        return torch.cat([old, mean.expand(*old.shape[:-1], drawn.shape[-1] - old.shape[-1])], -1)
    silent = of("proj", "fc2", "head", "ts_attn")  # read what would not be 0 at first
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
    """(1, T, 1, C) to (1, length, 1, C)."""
    if embedding.shape[1] == length:
        return embedding
    tracks = embedding[:, :, 0].transpose(1, 2)  # (1, C, T)
    tracks = F.interpolate(tracks, size=length, mode="linear", align_corners=True)
    return tracks.transpose(1, 2)[:, :, None]  # (1, length, 1, C)
