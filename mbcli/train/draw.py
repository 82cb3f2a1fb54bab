"""Random numbers from a generator that is passed in."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Generator, Tensor


@dataclass(frozen=True)
class Draw:
    """Draws tensors on the device of its generator.

    Attributes:
        generator: source of all randomness.
    """

    generator: Generator

    @classmethod
    def seeded(cls, seed: int, device: torch.device | str = "cpu") -> Draw:
        """A fresh stream; equal seeds give equal numbers on the same kind of device."""
        return cls(Generator(device).manual_seed(seed))

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> Tensor:
        """Uniform within low..high."""
        unit = torch.rand(shape, generator=self.generator, device=self.generator.device)
        return low + (high - low) * unit

    def log_uniform(self, *shape: int, limits: tuple[float, float]) -> Tensor:
        """Within the two limits, uniform in the logarithm."""
        low, high = limits
        return self.uniform(*shape, low=math.log(low), high=math.log(high)).exp()

    def normal(self, *shape: int) -> Tensor:
        """Standard normal."""
        return torch.randn(shape, generator=self.generator, device=self.generator.device)

    def chance(self, *shape: int, probability: float | Tensor) -> Tensor:
        """True with the given probability."""
        return self.uniform(*shape) < probability
