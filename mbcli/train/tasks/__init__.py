"""What can be trained. The loop in `mbcli.train.engine` knows no more of a task than this."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from mbcli.train.sections import Settings
from mbcli.train.share import Share


class Task(Protocol):
    """One kind of training: its model, its data, its losses, its judgement.

    Attributes:
        name: as it is written into the weights.
        epoch_steps: steps that count as an epoch. A task whose epochs differ in length has
            ``epochs`` as well: see `mbcli.train.schedule.Epochs`.
        judged_by: the figure of :meth:`validate` that tells the best weights.
        higher_is_better: how that figure is read.
    """

    name: str
    epoch_steps: int
    judged_by: str
    higher_is_better: bool

    @property
    def settings(self) -> Settings:
        """The configuration."""
        ...

    @property
    def model(self) -> nn.Module:
        """What is trained."""
        ...

    def groups(self) -> list[dict[str, Any]]:
        """Parameter groups for AdamW, each with the ``scale`` of its learning rate."""
        ...

    def place(self, device: torch.device) -> None:
        """Get ready to make batches on a device; called once, after the processes have started."""
        ...

    def batch(self, step: int, share: Share) -> Any:
        """This process's clips of a step; the same step always gives the same clips."""
        ...

    def loss(self, model: nn.Module, batch: Any) -> tuple[Tensor, dict[str, Tensor]]:
        """The loss to be minimised, and its unweighted parts, detached.

        Args:
            model: :attr:`model`, possibly wrapped for several processes.
            batch: of :meth:`batch`.
        """
        ...

    def validate(self, model: nn.Module) -> dict[str, float]:
        """Figures on data that are not trained on; empty if there are none."""
        ...

    def export(self, path: Path, model: nn.Module, metadata: Mapping[str, Any]) -> None:
        """Write weights that inference can use."""
        ...
