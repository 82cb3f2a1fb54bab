"""Epochs and learning rates as pure functions of the step."""

from __future__ import annotations

import math
from dataclasses import dataclass

from mbcli.train.sections import OptimiserConfig


@dataclass(frozen=True)
class Epochs:
    """Lengths of the epochs; the first ones may be shorter than the rest.

    Attributes:
        steps: steps per epoch.
        early: number of epochs before the first of that length.
        early_steps: steps in each of those.
    """

    steps: int
    early: int = 0
    early_steps: int = 0

    def done(self, step: int) -> float:
        """Epochs done before a step, including the fraction of the current one."""
        short = self.early * self.early_steps
        return step / self.early_steps if step < short else self.early + (step - short) / self.steps

    def first_step(self, epochs: float) -> int:
        """The step after a given number of epochs."""
        early = min(epochs, self.early)
        return round(early * self.early_steps + (epochs - early) * self.steps)


def learning_rate(step: int, steps: int, epochs: Epochs, config: OptimiserConfig) -> float:
    """The learning rate of a step.

    Args:
        step: 0-based.
        steps: length of the run.
        epochs: lengths of the epochs; the exponential schedule decays after each.
        config: peak, shape and warm-up.
    """
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    if config.schedule == "exponential":
        return config.learning_rate * config.decay ** int(epochs.done(step))
    span = max(1, steps - config.warmup_steps)
    progress = min(1.0, (step - config.warmup_steps) / span)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


def ema_decay(step: int, decay: float) -> float:
    """Decay of the moving average at a step: low at first, so that the start is forgotten."""
    return min(decay, (1 + step) / (10 + step))
