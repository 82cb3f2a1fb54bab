"""Milliseconds to lift a window of frames on one thread, beside a plain re-reading of the paper.

    python -m benchmarks.lifter [--weights mbcli-lifter] [--rounds 9] [--json lifter.json]

A window of the weights' length, and its mirror image. "Plain" is the DSTformer as the paper
describes it, with the same weights, written down without any thought of speed: queries, keys and
values split head by head, the scores of attention and their softmax written out, transposed copies
of the tokens for attention over time, and the two streams concatenated for their gate. All take
turns; medians and quartiles of processor time, which neighbours on the machine change least. The
error is the mean distance of joints from those of float32, as people 1.70 m tall, over a made-up
walk that is lifted and placed by the pipeline.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from benchmarks.render import strolling
from benchmarks.timing import arguments, in_turn, show, spread, told, write
from mbcli.lift.checkpoint import load_lifter
from mbcli.lift.model import Attention, Block, DSTformer, Mlp
from mbcli.lift.runtime import Network
from mbcli.options import InferOptions
from mbcli.pipeline import Pipeline
from mbcli.tracks.detection import Detection
from mbcli.weights import resolve

OTHERS = ("bfloat16",)  # precisions that a processor has, beside float32


def attention(part: Attention, x: Tensor) -> Tensor:
    """(N, L, C) to (N, L, C): softmax(q k / sqrt(d)) v of each head."""
    n, length, width = x.shape
    heads = part.num_heads
    qkv = part.qkv(x).reshape(n, length, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
    scores = qkv[0] @ qkv[1].transpose(-2, -1) * (width // heads) ** -0.5  # (N, H, L, L)
    mixed = scores.softmax(dim=-1) @ qkv[2]  # (N, H, L, D)
    return part.proj(mixed.transpose(1, 2).reshape(n, length, width))


def mlp(part: Mlp, x: Tensor) -> Tensor:
    """Two linear maps with a GELU between them."""
    return part.fc2(F.gelu(part.fc1(x)))


def block(part: Block, x: Tensor) -> Tensor:
    """(B, T, J, C) through attention over joints and over frames, in the block's order."""

    def joints(x: Tensor) -> Tensor:
        b, t, j, c = x.shape
        tokens = x.reshape(b * t, j, c)
        tokens = tokens + attention(part.attn_s, part.norm1_s(tokens))
        return (tokens + mlp(part.mlp_s, part.norm2_s(tokens))).reshape(b, t, j, c)

    def frames(x: Tensor) -> Tensor:
        b, t, j, c = x.shape
        tokens = x.permute(0, 2, 1, 3).reshape(b * j, t, c)
        tokens = tokens + attention(part.attn_t, part.norm1_t(tokens))
        tokens = tokens + mlp(part.mlp_t, part.norm2_t(tokens))
        return tokens.reshape(b, j, t, c).permute(0, 2, 1, 3)

    return frames(joints(x)) if part.order == "st" else joints(frames(x))


def plain(model: DSTformer, x: Tensor) -> Tensor:
    """(B, T, J, 3) to (B, T, J, 3) as the paper describes it."""
    x = model.joints_embed(x) + model.pos_embed + model.temp_embed[:, : x.shape[1]]
    for st, ts, gate in zip(model.blocks_st, model.blocks_ts, model.ts_attn, strict=True):
        assert isinstance(st, Block)
        assert isinstance(ts, Block)
        first, second = block(st, x), block(ts, x)
        shares = gate(torch.cat([first, second], dim=-1)).softmax(dim=-1)  # (B, T, J, 2)
        x = first * shares[..., :1] + second * shares[..., 1:]
    return model.head(torch.tanh(model.pre_logits(model.norm(x))))


def lifted(weights: str, precision: str) -> np.ndarray:
    """(T, 17, 3) metres: a made-up walk, lifted and placed."""
    keypoints = strolling(180, (1280, 720), 30).keypoints
    pipeline = Pipeline(InferOptions(weights=weights, precision=precision, device="cpu"))
    return pipeline.lift(Detection(keypoints, "made up", "made up")).positions[:, 0]


def main() -> int:
    """Run the benchmark."""
    parser = arguments(__doc__, rounds=9)
    parser.add_argument("--weights", default="mbcli-lifter")
    given = parser.parse_args()
    torch.set_num_threads(1)
    model, _ = load_lifter(resolve(given.weights))
    model.eval()
    shape = (1, model.config.maxlen, model.config.num_joints, 3)
    clip = np.random.default_rng(0).uniform(-1, 1, shape).astype(np.float32)
    networks = {name: Network(model, "cpu", name) for name in ("float32", *OTHERS)}

    def as_published() -> Tensor:
        with torch.inference_mode():
            return plain(model, torch.from_numpy(np.concatenate([clip, clip])))

    def ours(network: Network) -> Callable[[], object]:
        return lambda: network(clip)

    with torch.inference_mode():
        apart = plain(model, torch.from_numpy(clip)) - model(torch.from_numpy(clip))
    works: dict[str, Callable[[], object]] = {"plain": as_published}
    works |= {f"mbcli, {name}": ours(network) for name, network in networks.items()}
    figures = {
        name: spread([1000 * value for value in values])
        for name, values in in_turn(works, given.rounds, time.process_time).items()
    }
    exact = lifted(given.weights, "float32")
    errors = {
        f"mbcli, {name}": 1000
        * float(np.linalg.norm(lifted(given.weights, name) - exact, axis=-1).mean())
        for name in OTHERS
    }
    ratios = {name: figures["plain"]["median"] / f["median"] for name, f in figures.items()}
    show(
        f"{given.weights}: {shape[1]} frames and their mirror image, one thread",
        ("", "ms", "times as fast as plain", "mm from float32"),
        [
            (n, told(f, 1), f"{ratios[n]:.2f}", f"{errors[n]:.1f}" if n in errors else "")
            for n, f in figures.items()
        ],
    )
    facts = {"ms": figures, "times_as_fast_as_plain": ratios, "mm_from_float32": errors}
    write(
        given.json,
        {
            "weights": given.weights,
            "rounds": given.rounds,
            "largest_difference_of_plain": float(apart.abs().max()),
            **facts,
        },
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
