"""What a run must remember, and how it is kept on disk."""

from __future__ import annotations

import json
import time
from pathlib import Path

import torch

from mbcli import __version__
from mbcli.errors import WeightsError
from mbcli.lift.checkpoint import save_lifter
from mbcli.lift.model import DSTformer
from mbcli.train.config import PretrainConfig
from mbcli.train.validation import Validator

CHECKPOINT = "last.ckpt"
BEST, LAST = "best.safetensors", "last.safetensors"


class RunState:
    """Weights, average, optimiser, step, best error.

    Args:
        config: the run.
        model: the weights that are trained.
        averaged: their moving average, if there is one.
        optimiser: of ``model``.
    """

    def __init__(
        self,
        config: PretrainConfig,
        model: DSTformer,
        averaged: DSTformer | None,
        optimiser: torch.optim.Optimizer,
    ) -> None:
        self.config = config
        self.step = 0
        self.seconds = 0.0
        self.validation: dict[str, float] = {}
        self._model = model
        self._averaged = averaged
        self._optimiser = optimiser
        self._best = float("inf")
        self._started = time.monotonic()

    @property
    def deployed(self) -> DSTformer:
        """The weights that are validated and given away."""
        return self._model if self._averaged is None else self._averaged

    def validate(self, validator: Validator | None) -> None:
        """Measure the held-out error, and keep the weights if they are the best so far."""
        if validator is None:
            return
        self.validation = validator(self.deployed)
        error = self.validation["noisy/p_mpjpe"]
        if error < self._best:
            self._best = error
            self._export(BEST)

    def save(self) -> None:
        """Write the checkpoint and the latest weights, each whole or not at all."""
        self._export(LAST)
        now = time.monotonic()
        self.seconds += now - self._started
        self._started = now
        target = self.config.run.out / CHECKPOINT
        temporary = target.with_suffix(".part")
        try:
            torch.save(
                {
                    "config": self._signature(),
                    "step": self.step,
                    "seconds": self.seconds,
                    "best": self._best,
                    "validation": self.validation,
                    "model": self._model.state_dict(),
                    "averaged": self._averaged.state_dict() if self._averaged else None,
                    "optimiser": self._optimiser.state_dict(),
                },
                temporary,
            )
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)

    def load(self, path: Path, device: torch.device) -> None:
        """Go on from a checkpoint of the same configuration."""
        kept = torch.load(path, map_location=device, weights_only=True)
        if kept["config"] != self._signature():
            raise WeightsError(
                f"{path} was made with another configuration: resume with the values of "
                f"{path.parent / 'config.json'}, or choose another run.out"
            )
        self.step, self.seconds = kept["step"], kept["seconds"]
        self._best, self.validation = kept["best"], kept["validation"]
        self._model.load_state_dict(kept["model"])
        if self._averaged is not None:
            self._averaged.load_state_dict(kept["averaged"])
        self._optimiser.load_state_dict(kept["optimiser"])

    def _signature(self) -> str:
        """What must not change between a run and its continuation."""
        tree = self.config.model_dump(mode="json")
        for key in ("out", "init", "log_every", "validate_every", "save_every"):
            del tree["run"][key]
        del tree["data"]["store"]
        return json.dumps(tree, sort_keys=True)

    def _export(self, name: str) -> None:
        seconds = self.seconds + time.monotonic() - self._started
        facts = {
            "mbcli": __version__,
            "task": "pretrain",
            "step": self.step,
            "clips": self.step * self.config.run.batch,
            "hours": round(seconds / 3600, 3),
            "validation_mm": {k: round(v, 2) for k, v in self.validation.items()},
            "fps": list(self.config.clips.fps),
            "skeleton": "h36m17",
            "root_relative": True,
            "config": json.loads(self._signature()),
        }
        save_lifter(self.config.run.out / name, self.deployed, facts, half=True)
