"""The state of a run, and its checkpoints on disk."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import torch
from torch import nn

from mbcli.errors import OutputError, WeightsError, first_line
from mbcli.storage.torch_file import load_torch
from mbcli.train.tasks import Task
from mbcli.version import version

CHECKPOINT = "last.ckpt"
BEST, LAST = "best.safetensors", "last.safetensors"
_NUMBERED = "step-{:08d}.safetensors"
WEIGHTS = (BEST, LAST, "step-*.safetensors")  # patterns of all weights files

# Values of the run that may change when it is resumed: they do not affect the weights.
_FREE = ("out", "init", "log_every", "validate_every", "save_every", "keep_every", "accelerator")
# A run may become longer.
_LENGTH = ("run.steps", "run.epochs")


def _flat(tree: dict[str, Any]) -> dict[str, Any]:
    """Map section.key to the values of a configuration."""
    flat: dict[str, Any] = {}
    for section, values in tree.items():
        if isinstance(values, dict):
            flat |= {f"{section}.{key}": value for key, value in values.items()}
        else:
            flat[section] = values
    return flat


class RunState:
    """Weights, average, optimiser, step, best figure.

    Args:
        task: the task.
        model: the trained weights.
        averaged: their moving average, if there is one.
        optimiser: the optimiser of ``model``.
    """

    def __init__(
        self,
        task: Task,
        model: nn.Module,
        averaged: nn.Module | None,
        optimiser: torch.optim.Optimizer,
    ) -> None:
        self.step = 0
        self.seconds = 0.0
        self.validation: dict[str, float] = {}
        self._task = task
        self._run = task.settings.run
        self._model = model
        self._averaged = averaged
        self._optimiser = optimiser
        self._best = -float("inf") if task.higher_is_better else float("inf")
        self._started = time.monotonic()

    @property
    def deployed(self) -> nn.Module:
        """The weights that are validated and exported."""
        return self._model if self._averaged is None else self._averaged

    def validate(self) -> bool:
        """Validate on held-out data, and keep the weights if they are the best so far.

        Returns:
            Whether there were any data to validate on.
        """
        training = self.deployed.training
        self.deployed.eval()
        self.validation = self._task.validate(self.deployed)
        self.deployed.train(training)
        if not self.validation:
            return False
        figure = self.validation[self._task.selected_by]
        if figure > self._best if self._task.higher_is_better else figure < self._best:
            self._best = figure
            self._export(BEST)
        return True

    def save(self) -> None:
        """Write the checkpoint and the latest weights, each completely or not at all."""
        self._export(LAST)
        if self._run.keep_every and self.step % self._run.keep_every == 0:
            self._export(_NUMBERED.format(self.step))
        now = time.monotonic()
        self.seconds += now - self._started
        self._started = now
        target = self._run.out / CHECKPOINT
        temporary = target.with_suffix(".part")
        try:
            # Of a path torch.save does not say why it cannot be written.
            with temporary.open("wb") as stream:
                torch.save(self._content(), stream)
            temporary.replace(target)
        except (OSError, RuntimeError) as error:
            kept = f"; that of an earlier step is still {target}" if target.exists() else ""
            raise OutputError(
                f"the checkpoint of step {self.step} cannot be written to {target.parent}: "
                f"{getattr(error, 'strerror', None) or first_line(error)}{kept}"
            ) from error
        finally:
            temporary.unlink(missing_ok=True)

    def load(self, path: Path, device: torch.device) -> None:
        """Resume from a checkpoint of the same configuration.

        Raises:
            WeightsError: it is damaged, not a checkpoint, or of another configuration.
        """
        kept = load_torch(path, "a checkpoint of a training", device=device)
        if not isinstance(kept, dict) or set(kept) != set(self._content()):
            raise WeightsError(f"{path} is not a checkpoint of a training")
        self._check_same(path, kept["config"])
        try:
            self.step, self.seconds = int(kept["step"]), float(kept["seconds"])
            self._best, self.validation = float(kept["best"]), dict(kept["validation"])
            self._model.load_state_dict(kept["model"])
            if self._averaged is not None:
                self._averaged.load_state_dict(kept["averaged"])
            self._optimiser.load_state_dict(kept["optimiser"])
        # The errors of a file whose parts do not belong together.
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            raise WeightsError(f"{path} does not fit together: {first_line(error)}") from error

    def _check_same(self, path: Path, signature: Any) -> None:
        """Refuse a checkpoint whose configuration differs, and name the first key that does.

        Raises:
            WeightsError: see above.
        """
        try:
            before, now = _flat(json.loads(signature)), _flat(json.loads(self._signature()))
        except (ValueError, TypeError, AttributeError) as error:
            raise WeightsError(f"{path} is not a checkpoint of a training") from error
        for key in sorted({*before, *now} - set(_LENGTH)):
            if before.get(key) != now.get(key):
                raise WeightsError(
                    f"{path} was made with another configuration: {key} must be "
                    f"{before.get(key)}, got {now.get(key)}; or choose another run.out"
                )

    def _content(self) -> dict[str, Any]:
        """The content of a checkpoint."""
        return {
            "config": self._signature(),
            "step": self.step,
            "seconds": self.seconds,
            "best": self._best,
            "validation": self.validation,
            "model": self._model.state_dict(),
            "averaged": self._averaged.state_dict() if self._averaged else None,
            "optimiser": self._optimiser.state_dict(),
        }

    def _signature(self) -> str:
        """The settings that must not change between a run and its continuation."""
        tree = self._task.settings.model_dump(mode="json")
        for key in _FREE:
            del tree["run"][key]
        for key in self._task.settings.places:
            section, name = key.split(".")
            del tree[section][name]
        return json.dumps(tree, sort_keys=True)

    def _export(self, name: str) -> None:
        seconds = self.seconds + time.monotonic() - self._started
        metadata = {
            "mbcli": version(),
            "task": self._task.name,
            "step": self.step,
            "clips": self.step * self._run.batch,
            "hours": round(seconds / 3600, 3),
            "validation": {k: round(v, 2) for k, v in self.validation.items()},
            "config": json.loads(self._signature()),
        }
        self._task.export(self._run.out / name, self.deployed, metadata)
