"""The dimensions of a DSTformer, `mbcli.lift.model`, and their JSON form."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

from mbcli.bounds import MAX_PARAMETERS


@dataclass(frozen=True)
class DSTformerConfig:
    """Dimensions of a DSTformer; the defaults are those of the published full model.

    Attributes:
        dim_in: numbers per input token (x, y, confidence).
        dim_out: numbers per output token (x, y, z).
        dim_feat: features C per token.
        dim_rep: width R of the motion representation.
        depth: number of dual-stream layers.
        num_heads: attention heads H, a divisor of ``dim_feat``.
        mlp_ratio: hidden width of the MLPs, as a multiple of ``dim_feat``.
        num_joints: joints J of the skeleton.
        maxlen: maximum clip length T in frames.
    """

    dim_in: int = 3
    dim_out: int = 3
    dim_feat: int = 512
    dim_rep: int = 512
    depth: int = 5
    num_heads: int = 8
    mlp_ratio: int = 2
    num_joints: int = 17
    maxlen: int = 243

    def __post_init__(self) -> None:
        for name, value in asdict(self).items():
            if value < 1:
                raise ValueError(f"DSTformerConfig.{name} must be at least 1, got {value}")
        # Two streams of layers, each with attention and an MLP over joints and over frames.
        layers = self.depth * 2 * (8 + 4 * self.mlp_ratio) * self.dim_feat**2
        size = layers + self.dim_feat * (self.maxlen + self.num_joints + self.dim_in + self.dim_rep)
        if size > MAX_PARAMETERS:
            raise ValueError(
                f"a DSTformer must have at most {MAX_PARAMETERS} numbers, got {size} with "
                f"depth {self.depth}, dim_feat {self.dim_feat}, mlp_ratio {self.mlp_ratio}, "
                f"dim_rep {self.dim_rep} and maxlen {self.maxlen}"
            )
        if self.dim_feat % self.num_heads:
            raise ValueError(
                f"DSTformerConfig.num_heads must divide dim_feat, got {self.num_heads} heads "
                f"for {self.dim_feat} features"
            )


def parse_dimensions(dimensions: Any) -> DSTformerConfig:
    """The dimensions of a backbone from their JSON form.

    Raises:
        ValueError: they are not whole numbers for all fields of ``DSTformerConfig``.
    """
    known = {f.name for f in fields(DSTformerConfig)}
    if (
        not isinstance(dimensions, dict)
        or set(dimensions) != known
        or not all(type(v) is int for v in dimensions.values())
    ):
        raise ValueError(f"dimensions must be whole numbers for {', '.join(sorted(known))}")
    return DSTformerConfig(**dimensions)
