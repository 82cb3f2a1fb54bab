"""The tasks of training. This protocol is all that the loop in `mbcli.train.engine` relies on."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from mbcli.train.sections import Settings
from mbcli.train.share import Share


class Task(Protocol):
    """One kind of training: its model, data, losses and validation.

    Attributes:
        name: as stored in the weights.
        epoch_steps: steps per epoch. A task whose epochs differ in length also has ``epochs``,
            see `mbcli.train.schedule.Epochs`.
        selected_by: the figure of :meth:`validate` that selects the best weights.
        higher_is_better: whether higher values of that figure are better.
    """

    name: str
    epoch_steps: int
    selected_by: str
    higher_is_better: bool

    @property
    def settings(self) -> Settings:
        """The configuration."""
        ...

    @property
    def model(self) -> nn.Module:
        """The model to train."""
        ...

    def groups(self) -> list[dict[str, Any]]:
        """Parameter groups for AdamW, each with the ``scale`` of its learning rate."""
        ...

    def place(self, device: torch.device) -> None:
        """Prepare to make batches on a device; called once, after the processes have started."""
        ...

    def batch(self, step: int, share: Share) -> Any:
        """This process's clips of a step; equal steps give equal clips."""
        ...

    def loss(self, model: nn.Module, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss to minimise, and its unweighted parts, detached.

        Args:
            model: :attr:`model`, possibly wrapped for several processes.
            batch: a result of :meth:`batch`.
        """
        ...

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Figures on held-out data; empty if there are none."""
        ...

    def export(self, path: Path, model: nn.Module, metadata: Mapping[str, Any]) -> None:
        """Write weights for inference."""
        ...
