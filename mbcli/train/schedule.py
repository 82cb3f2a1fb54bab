"""Learning rates as pure functions of the step."""

from __future__ import annotations

import math

from mbcli.train.config import OptimiserConfig


def learning_rate(step: int, steps: int, config: OptimiserConfig) -> float:
    """The learning rate of a step.

    Args:
        step: 0-based.
        steps: length of the run.
        config: peak, shape and warm-up.
    """
    if step < config.warmup_steps:
        return config.learning_rate * (step + 1) / config.warmup_steps
    if config.schedule == "exponential":
        return config.learning_rate * config.decay ** (step // config.epoch_steps)
    span = max(1, steps - config.warmup_steps)
    progress = min(1.0, (step - config.warmup_steps) / span)
    return config.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


def ema_decay(step: int, decay: float) -> float:
    """The moving average's decay at a step: short at first, so that the start is forgotten."""
    return min(decay, (1 + step) / (10 + step))
