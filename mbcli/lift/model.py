"""DSTformer, the Dual-stream Spatio-temporal Transformer of MotionBERT.

Zhu, Ma, Liu, Liu, Wu, Wang: "MotionBERT: A Unified Perspective on Learning Human Motion
Representations", ICCV 2023, section 3.2 and figure 2. Tensor names are the published ones, so
the authors' checkpoints load without renaming.

Letters in the shape comments: B clips, T frames, J joints, C features, H heads, D = C / H,
R representation width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from mbcli.lift.dimensions import DSTformerConfig
from mbcli.lift.gradients import attend, weigh

FULL = DSTformerConfig()
LITE = DSTformerConfig(dim_feat=256, mlp_ratio=4)

_NORM_EPS = 1e-6  # as published
_INIT_STD = 0.02  # of fresh weights, as published


def _exact(x: Tensor) -> torch.autocast:
    """Disable autocast: coordinates rounded to bfloat16 would be off by millimetres."""
    return torch.autocast(x.device.type, enabled=False)


class Mlp(nn.Module):
    """Two linear maps with an exact GELU between them."""

    def __init__(self, dim: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(dim, hidden)
        self.fc2 = nn.Linear(hidden, dim)

    def forward(self, x: Tensor) -> Tensor:
        """Map (..., C) to (..., C)."""
        return self.fc2(F.gelu(self.fc1(x)))  # (..., C)


class Attention(nn.Module):
    """Multi-head self-attention over the joints or the frames."""

    def __init__(self, dim: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.qkv = nn.Linear(dim, 3 * dim)
        self.proj = nn.Linear(dim, dim)

    def forward(self, x: Tensor, axis: str) -> Tensor:
        """Mix (B, T, J, C) over the ``joints`` or the ``frames``."""
        if x.device.type == "cpu" and torch.is_grad_enabled():
            # PyTorch's fused kernel has a slow backward pass there, above all in bfloat16.
            mixed: Tensor = attend(self.qkv(x), self.num_heads, axis)  # (B, T, J, C)
        else:
            mixed = self._attend(x if axis == "joints" else x.transpose(1, 2))
            mixed = mixed if axis == "joints" else mixed.transpose(1, 2)  # (B, T, J, C)
        return self.proj(mixed)  # (B, T, J, C)

    def _attend(self, x: Tensor) -> Tensor:
        """Mix (B, T, J, C) over its third axis with PyTorch's fused kernel."""
        qkv = self.qkv(x.flatten(0, 1)).unflatten(-1, (3, self.num_heads, -1))  # (N, L, 3, H, D)
        q, k, v = qkv.permute(2, 0, 3, 1, 4)  # 3 x (N, H, L, D)
        mixed = F.scaled_dot_product_attention(q, k, v)  # (N, H, L, D)
        return mixed.transpose(1, 2).reshape(x.shape)  # (B, T, J, C)


class Block(nn.Module):
    """Spatial and temporal attention in series, each with its MLP, all pre-norm residual.

    Args:
        order: ``"st"`` attends over joints first, ``"ts"`` over frames first.
    """

    def __init__(self, dim: int, num_heads: int, hidden: int, order: str) -> None:
        super().__init__()
        self.order = order
        self.norm1_s = nn.LayerNorm(dim, eps=_NORM_EPS)
        self.norm1_t = nn.LayerNorm(dim, eps=_NORM_EPS)
        self.attn_s = Attention(dim, num_heads)
        self.attn_t = Attention(dim, num_heads)
        self.norm2_s = nn.LayerNorm(dim, eps=_NORM_EPS)
        self.norm2_t = nn.LayerNorm(dim, eps=_NORM_EPS)
        self.mlp_s = Mlp(dim, hidden)
        self.mlp_t = Mlp(dim, hidden)

    def forward(self, x: Tensor) -> Tensor:
        """Map (B, T, J, C) to (B, T, J, C)."""
        if self.order == "st":
            return self._temporal(self._spatial(x))  # (B, T, J, C)
        return self._spatial(self._temporal(x))  # (B, T, J, C)

    def _spatial(self, x: Tensor) -> Tensor:
        x = x + self.attn_s(self.norm1_s(x), "joints").to(x.dtype)  # (B, T, J, C)
        return x + self.mlp_s(self.norm2_s(x)).to(x.dtype)  # (B, T, J, C)

    def _temporal(self, x: Tensor) -> Tensor:
        x = x + self.attn_t(self.norm1_t(x), "frames").to(x.dtype)  # (B, T, J, C)
        return x + self.mlp_t(self.norm2_t(x)).to(x.dtype)  # (B, T, J, C)


class DSTformer(nn.Module):
    """Maps 2D keypoint sequences to 3D pose sequences.

    Args:
        config: the dimensions.
    """

    def __init__(self, config: DSTformerConfig) -> None:
        super().__init__()
        self.config = config
        dim, hidden = config.dim_feat, config.dim_feat * config.mlp_ratio
        self.joints_embed = nn.Linear(config.dim_in, dim)
        self.pos_embed = nn.Parameter(torch.zeros(1, config.num_joints, dim))
        self.temp_embed = nn.Parameter(torch.zeros(1, config.maxlen, 1, dim))
        self.blocks_st = nn.ModuleList(
            Block(dim, config.num_heads, hidden, "st") for _ in range(config.depth)
        )
        self.blocks_ts = nn.ModuleList(
            Block(dim, config.num_heads, hidden, "ts") for _ in range(config.depth)
        )
        self.ts_attn = nn.ModuleList(nn.Linear(2 * dim, 2) for _ in range(config.depth))
        self.norm = nn.LayerNorm(dim, eps=_NORM_EPS)
        self.pre_logits = nn.Sequential()
        self.pre_logits.add_module("fc", nn.Linear(dim, config.dim_rep))
        self.head = nn.Linear(config.dim_rep, config.dim_out)
        self._initialise()

    def _initialise(self) -> None:
        """Initialise as published: truncated normals of 0.02, equal weights for both streams."""
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.trunc_normal_(module.weight, std=_INIT_STD)
                nn.init.zeros_(module.bias)
        for embedding in (self.pos_embed, self.temp_embed):
            nn.init.trunc_normal_(embedding, std=_INIT_STD)
        for gate in self.ts_attn:
            assert isinstance(gate, nn.Linear)
            nn.init.zeros_(gate.weight)
            nn.init.constant_(gate.bias, 0.5)

    def get_representation(self, x: Tensor) -> Tensor:
        """The motion representation E: the head's features after the tanh.

        Args:
            x: (B, T, J, 3) normalised x, y and confidence, T at most ``config.maxlen``.

        Returns:
            (B, T, J, R), each number within -1..1.

        Raises:
            ValueError: the input's shape does not fit the model.
        """
        cfg = self.config
        if x.ndim != 4 or x.shape[2:] != (cfg.num_joints, cfg.dim_in) or x.shape[1] > cfg.maxlen:
            raise ValueError(
                f"DSTformer takes (B, up to {cfg.maxlen}, {cfg.num_joints}, {cfg.dim_in}), "
                f"got {tuple(x.shape)}"
            )
        with _exact(x):
            x = self.joints_embed(x) + self.pos_embed  # (B, T, J, C)
        x = x + self.temp_embed[:, : x.shape[1]]  # (B, T, J, C)
        for st, ts, gate in zip(self.blocks_st, self.blocks_ts, self.ts_attn, strict=True):
            x_st, x_ts = st(x), ts(x)  # 2 x (B, T, J, C)
            assert isinstance(gate, nn.Linear)
            with _exact(x):
                x = weigh(x_st, x_ts, gate.weight, gate.bias)  # (B, T, J, C)
        with _exact(x):
            return torch.tanh(self.pre_logits(self.norm(x)))  # (B, T, J, R)

    def forward(self, x: Tensor) -> Tensor:
        """Lift a batch of clips.

        Args:
            x: (B, T, J, 3) normalised x, y and confidence; missing joints are (0, 0, 0).

        Returns:
            (B, T, J, 3) x, y, z in the units of the normalised input; z away from the camera.
        """
        features = self.get_representation(x)  # (B, T, J, R)
        with _exact(features):
            poses: Tensor = self.head(features)  # (B, T, J, 3)
        return poses
