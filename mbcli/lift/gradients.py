"""Two parts of the model with hand-derived gradients, for training on a CPU.

Both compute the plain formulas, with less memory traffic. Attention splits its heads in one copy
for either axis and needs no transposed tokens; its softmax is taken in float32, which a CPU also
computes faster than bfloat16. The gate between the two streams concatenates and splits nothing.

Letters in the shape comments are those of `mbcli.lift.model`; N = sequences times heads,
L = length of a sequence.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

# (B, T, J, 3, H, D) to (3, B, J or T, H, T or J, D), and back; the same for (B, T, J, H, D).
_SPLIT = {"joints": (3, 0, 1, 4, 2, 5), "frames": (3, 0, 2, 4, 1, 5)}
_JOIN = {"joints": (1, 2, 4, 0, 3, 5), "frames": (1, 4, 2, 0, 3, 5)}
_SPLIT_ONE = {"joints": (0, 1, 3, 2, 4), "frames": (0, 2, 3, 1, 4)}
_JOIN_ONE = {"joints": (0, 1, 3, 2, 4), "frames": (0, 3, 1, 2, 4)}


def attend(qkv: Tensor, heads: int, axis: str) -> Tensor:
    """Scaled dot-product attention over one axis of the tokens.

    Args:
        qkv: (B, T, J, 3C) queries, keys and values, each of all heads.
        heads: H.
        axis: the axis to attend over, ``joints`` or ``frames``.

    Returns:
        (B, T, J, C).
    """
    mixed: Tensor = _Attend.apply(qkv, heads, axis)  # type: ignore[no-untyped-call]
    return mixed


def weigh(st: Tensor, ts: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """The adaptive fusion of both streams (Zhu et al. 2023, equation 4).

    The softmax of two numbers is a sigmoid of their difference.

    Args:
        st: (B, T, J, C) tokens of the first stream.
        ts: (B, T, J, C) of the second.
        weight: (2, 2C) of the gate, a linear map of both.
        bias: (2,).

    Returns:
        (B, T, J, C).
    """
    tracing = torch.jit.is_tracing()  # type: ignore[attr-defined, no-untyped-call]
    if tracing or torch.compiler.is_compiling():
        # Other runtimes know plain operators.
        both = torch.cat([st, ts], dim=-1)  # (B, T, J, 2C)
        share = torch.nn.functional.linear(both, weight, bias).softmax(-1)  # (B, T, J, 2)
        return share[..., :1] * st + share[..., 1:] * ts  # (B, T, J, C)
    rows, biases = weight[0] - weight[1], bias[0] - bias[1]  # (2C,), ()
    flat: Tensor = _Weigh.apply(  # type: ignore[no-untyped-call]
        st.flatten(0, 2), ts.flatten(0, 2), rows, biases
    )
    return flat.view_as(st)


class _Attend(torch.autograd.Function):
    """Scaled dot-product attention over one axis of the tokens."""

    @staticmethod
    def forward(ctx: Any, qkv: Tensor, heads: int, axis: str) -> Tensor:
        """See `attend`; ``ctx`` stores what the gradient needs."""
        tokens = qkv.view(*qkv.shape[:-1], 3, heads, -1)  # (B, T, J, 3, H, D)
        parts = tokens.permute(_SPLIT[axis]).contiguous()  # (3, B, J, H, T, D) or T and J
        q, k, v = split = parts.flatten(1, 3)  # (3, N, L, D)
        scale = q.shape[-1] ** -0.5
        scores = torch.baddbmm(q.new_zeros(()), q, k.mT, beta=0, alpha=scale)  # (N, L, L)
        exact = torch.promote_types(q.dtype, torch.float32)
        weights = scores.softmax(-1, dtype=exact).to(q.dtype)  # (N, L, L)
        mixed = weights @ v  # (N, L, D)
        ctx.save_for_backward(split, weights, mixed)
        ctx.axis, ctx.shape, ctx.scale = axis, parts.shape, scale
        return mixed.view(parts.shape[1:]).permute(_JOIN_ONE[axis]).flatten(-2)  # (B, T, J, C)

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        """Map the gradient of the output (B, T, J, C) to that of the input (B, T, J, 3C)."""
        split, weights, mixed = ctx.saved_tensors
        q, k, v = split
        by_head = grads[0].reshape(*grads[0].shape[:-1], ctx.shape[3], -1)  # (B, T, J, H, D)
        given = by_head.permute(_SPLIT_ONE[ctx.axis]).reshape(q.shape)  # (N, L, D)
        result = torch.empty_like(split)  # (3, N, L, D)
        torch.bmm(weights.mT, given, out=result[2])
        # The gradient of a softmax: weights (g - sum of weights g).
        if q.dtype == torch.bfloat16:
            # PyTorch's own kernel is slow here. The sum follows from the output, and an extra
            # column of the product subtracts it before anything is rounded.
            inner = (given * mixed).sum(-1, keepdim=True)  # (N, L, 1)
            given, v = torch.cat([given, -inner], -1), torch.cat([v, torch.ones_like(inner)], -1)
            scores = (given @ v.mT).mul_(weights)  # (N, L, L)
        else:
            scores = torch._softmax_backward_data(given @ v.mT, weights, -1, q.dtype)
        torch.baddbmm(result[0], scores, k, beta=0, alpha=ctx.scale, out=result[0])
        torch.baddbmm(result[1], scores.mT, q, beta=0, alpha=ctx.scale, out=result[1])
        return result.view(ctx.shape).permute(_JOIN[ctx.axis]).flatten(-3), None, None


class _Weigh(torch.autograd.Function):
    """The adaptive fusion of both streams."""

    @staticmethod
    def forward(ctx: Any, st: Tensor, ts: Tensor, difference: Tensor, bias: Tensor) -> Tensor:
        """Fuse tokens (M, C) by the difference (2C,) of the gate's rows and () of its biases."""
        of_st, of_ts = difference.chunk(2)  # 2 x (C,)
        share = torch.addmv(torch.mv(st, of_st).add_(bias), ts, of_ts).sigmoid_()  # (M,)
        ctx.save_for_backward(st, ts, difference, share)
        return torch.lerp(ts, st, share[:, None])

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Map the gradient of the output to those of the inputs."""
        st, ts, difference, share = ctx.saved_tensors
        given = grads[0]  # (M, C)
        to_st = given * share[:, None]  # (M, C)
        to_ts = given - to_st  # (M, C)
        logit = (st - ts).mul_(given).sum(-1).mul_(share * (1 - share))  # (M,)
        of_st, of_ts = difference.chunk(2)
        to_st.addr_(logit, of_st)
        to_ts.addr_(logit, of_ts)
        weights = torch.cat([torch.mv(st.t(), logit), torch.mv(ts.t(), logit)])  # (2C,)
        return to_st, to_ts, weights, logit.sum()
