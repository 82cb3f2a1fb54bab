"""Ctrl-C, SIGTERM and SIGHUP as a request that all processes of a run receive at the same step."""

from __future__ import annotations

import signal
from contextlib import AbstractContextManager
from types import FrameType

import torch
from lightning_fabric import Fabric

from mbcli.storage.signals import handled


class StopFlag:
    """These signals end the step, write a checkpoint and then stop."""

    def __init__(self) -> None:
        self._raised = 0  # number of the signal

    def interruption(self, saved: str) -> KeyboardInterrupt:
        """The exception to stop with: the number of the signal, and a line on what is saved."""
        return KeyboardInterrupt(self._raised or signal.SIGINT, saved)

    def listening(self) -> AbstractContextManager[None]:
        """Handle the signals inside the context, and restore their handlers afterwards."""
        return handled(self._raise)

    def _raise(self, number: int, frame: FrameType | None) -> None:
        self._raised = number

    def anywhere(self, fabric: Fabric) -> bool:
        """Whether any process was asked to stop; all must leave at the same step."""
        if fabric.world_size == 1:
            return bool(self._raised)
        flag = torch.tensor(float(bool(self._raised)), device=fabric.device)
        return bool(fabric.all_reduce(flag, reduce_op="max"))
