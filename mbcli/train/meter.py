"""Progress of a run: averages between two reports, and their scalars."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch.utils.tensorboard import SummaryWriter


@dataclass(frozen=True)
class Progress:
    """The progress of a run.

    Attributes:
        step: steps done.
        steps: steps in total.
        epoch: epochs done, including the fraction of the current one.
        loss: mean total loss since the last report.
        parts: mean of each unweighted loss since the last report.
        clips_per_second: clips per second over all processes.
        data_share: share of the time spent on making batches.
        validation: figures on held-out data by name, if there are any since the last report.
    """

    step: int
    steps: int
    epoch: float
    loss: float
    parts: Mapping[str, float]
    clips_per_second: float
    data_share: float
    validation: Mapping[str, float]


class TrainingObserver(Protocol):
    """Receives the progress of a run."""

    def __call__(self, progress: Progress) -> None:
        """Called every ``log_every`` steps in the first process."""


class Meter:
    """Averages between two reports.

    Args:
        batch: clips per step, over all processes.
    """

    def __init__(self, batch: int) -> None:
        self._batch = batch
        self._clear()

    def _clear(self) -> None:
        self._since = time.monotonic()
        self._data = 0.0
        self._count = 0
        self._total: torch.Tensor | float = 0.0
        self._parts: dict[str, torch.Tensor | float] = {}
        self._times: dict[str, int] = {}

    @contextmanager
    def data(self) -> Iterator[None]:
        """Count the time spent inside as data time."""
        start = time.monotonic()
        yield
        self._data += time.monotonic() - start

    def add(self, total: torch.Tensor, parts: Mapping[str, torch.Tensor]) -> None:
        """Add one step's losses, without waiting for the device."""
        self._count += 1
        self._total = self._total + total
        for name, value in parts.items():
            self._parts[name] = self._parts.get(name, 0.0) + value
            self._times[name] = self._times.get(name, 0) + 1

    def report(
        self, step: int, steps: int, epoch: float, validation: Mapping[str, float]
    ) -> Progress:
        """Return the averages since the last report, and reset them."""
        elapsed = max(1e-9, time.monotonic() - self._since)
        progress = Progress(
            step=step,
            steps=steps,
            epoch=epoch,
            loss=float(self._total) / self._count,
            parts={name: float(value) / self._times[name] for name, value in self._parts.items()},
            clips_per_second=self._count * self._batch / elapsed,
            data_share=self._data / elapsed,
            validation=dict(validation),
        )
        self._clear()
        return progress


def write_scalars(writer: SummaryWriter, progress: Progress, rate: float) -> None:
    """Write a report to TensorBoard."""
    values: dict[str, Any] = {
        "train/loss": progress.loss,
        "train/learning_rate": rate,
        "speed/clips_per_second": progress.clips_per_second,
        "speed/data_share": progress.data_share,
        **{f"train/{name}": value for name, value in progress.parts.items()},
        **{f"validation/{name}": value for name, value in progress.validation.items()},
    }
    for name, value in values.items():
        writer.add_scalar(name, value, progress.step)
    writer.flush()
