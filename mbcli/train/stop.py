"""Ctrl-C and SIGTERM as a request that all processes of a run receive at the same step."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import torch
from lightning_fabric import Fabric


class StopFlag:
    """Ctrl-C and SIGTERM end the step, write a checkpoint and then stop."""

    def __init__(self) -> None:
        self._raised = False

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Handle the signals inside the context, and restore their handlers afterwards."""
        previous = {s: signal.signal(s, self._raise) for s in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        self._raised = True

    def anywhere(self, fabric: Fabric) -> bool:
        """Whether any process was asked to stop; all must leave at the same step."""
        if fabric.world_size == 1:
            return self._raised
        flag = torch.tensor(float(self._raised), device=fabric.device)
        return bool(fabric.all_reduce(flag, reduce_op="max"))
