"""The training loop, and what it keeps on disk.

One loop for one process or many: Lightning Fabric starts the processes, places the model and
averages the gradients. Everything drawn at a step depends on the seed, the step and the rank
alone, so a resumed run goes on exactly where the stopped one was.
"""

from __future__ import annotations

import copy
import json
import signal
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Protocol

import torch
from lightning.fabric import Fabric
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from mbcli import __version__
from mbcli.data.store import ClipStore
from mbcli.errors import ConfigError, WeightsError
from mbcli.lift.checkpoint import load_lifter, save_lifter
from mbcli.lift.model import DSTformer
from mbcli.train.config import PretrainConfig
from mbcli.train.losses import loss_3d
from mbcli.train.sampling import ClipSampler
from mbcli.train.schedule import ema_decay, learning_rate
from mbcli.train.start import spread
from mbcli.train.synthesis import Synthesiser
from mbcli.train.validation import Validator
from mbcli.weights import resolve

CHECKPOINT = "last.ckpt"
BEST, LAST = "best.safetensors", "last.safetensors"


@dataclass(frozen=True)
class Progress:
    """Where a run is.

    Attributes:
        step: steps done.
        steps: steps in all.
        loss: mean total loss since the last report.
        parts: mean of each unweighted loss since the last report.
        clips_per_second: over all processes.
        data_share: share of the time spent on making batches.
        validation: latest held-out errors in millimetres by name, empty before the first.
    """

    step: int
    steps: int
    loss: float
    parts: Mapping[str, float]
    clips_per_second: float
    data_share: float
    validation: Mapping[str, float]


class Observer(Protocol):
    """Is told how a run goes."""

    def __call__(self, progress: Progress) -> None:
        """Called every ``log_every`` steps in the first process."""


def pretrain(config: PretrainConfig, *, resume: bool, observe: Observer) -> Path | None:
    """Train a DSTformer on synthetic 2D from recordings.

    Args:
        config: the whole run.
        resume: go on from the folder's last checkpoint.
        observe: is told about the progress.

    Returns:
        The best weights so far, or None where this is not the first process.

    Raises:
        ConfigError: the folder holds a run and ``resume`` is off, or holds none and it is on.
        DataError: the clip store cannot be used.
        WeightsError: the checkpoint is of another configuration.
    """
    run = config.run
    _check_folder(run.out, resume)
    store = ClipStore.open(config.data.store)
    held_out = set(config.data.holdout)
    train = ClipSampler(store, set(store.subjects) - held_out, config.clips)

    fabric = Fabric(accelerator=run.accelerator, devices=run.devices, precision=run.precision)
    fabric.launch()
    if fabric.device.type == "cpu" and fabric.world_size > 1:
        torch.set_num_threads(max(1, torch.get_num_threads() // fabric.world_size))
    torch.manual_seed(run.seed)
    plain = _model(config)
    averaged = copy.deepcopy(plain).to(fabric.device).eval() if run.ema else None
    model, optimiser = fabric.setup(plain, _optimiser(plain, config))
    data = Synthesiser(train, config, fabric.device)
    validator = Validator(store, config, fabric.device) if held_out else None
    state = _State(config, plain, averaged, optimiser)
    if resume:
        state.load(run.out / CHECKPOINT, fabric.device)
    fabric.barrier()

    if fabric.is_global_zero:
        document = config.model_dump_json(indent=2)
        (run.out / "config.json").write_text(document, encoding="utf-8")
    writer = SummaryWriter(str(run.out / "scalars")) if fabric.is_global_zero else None
    meter = _Meter(run.batch)
    stopped = _StopFlag()
    with stopped.listening():
        while state.step < run.steps:
            rate = learning_rate(state.step, run.steps, config.optimiser)
            for group in optimiser.param_groups:
                group["lr"] = rate
            with meter.data():
                seed = _step_seed(run.seed, state.step, fabric.global_rank)
                batch = data.batch(run.batch // fabric.world_size, seed)
            total, parts = loss_3d(model(batch.inputs), batch.target, config.loss.model_dump())
            optimiser.zero_grad(set_to_none=True)
            fabric.backward(total)
            if config.optimiser.clip_norm:
                fabric.clip_gradients(model, optimiser, max_norm=config.optimiser.clip_norm)
            optimiser.step()
            if averaged is not None:
                _average(averaged, plain, ema_decay(state.step, run.ema))
            state.step += 1
            meter.add(total.detach(), parts)

            done = state.step == run.steps
            halt = stopped.anywhere(fabric)
            if writer and (state.step % run.log_every == 0 or done):
                progress = meter.report(state)
                _write_scalars(writer, progress, rate)
                observe(progress)
            if fabric.is_global_zero and (state.step % run.validate_every == 0 or done):
                state.validate(validator)
            if fabric.is_global_zero and (state.step % run.save_every == 0 or done or halt):
                state.save()
            fabric.barrier()
            if halt:
                raise KeyboardInterrupt
    if writer:
        writer.close()
        return run.out / (BEST if validator else LAST)
    return None


class _State:
    """What a run must remember: weights, average, optimiser, step, best error."""

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


class _Meter:
    """Averages between two reports."""

    def __init__(self, batch: int) -> None:
        self._batch = batch
        self._clear()

    def _clear(self) -> None:
        self._since = time.monotonic()
        self._data = 0.0
        self._count = 0
        self._total: torch.Tensor | float = 0.0
        self._parts: dict[str, torch.Tensor | float] = {}

    @contextmanager
    def data(self) -> Iterator[None]:
        start = time.monotonic()
        yield
        self._data += time.monotonic() - start

    def add(self, total: torch.Tensor, parts: Mapping[str, torch.Tensor]) -> None:
        self._count += 1
        self._total = self._total + total
        for name, value in parts.items():
            self._parts[name] = self._parts.get(name, 0.0) + value

    def report(self, state: _State) -> Progress:
        elapsed = max(1e-9, time.monotonic() - self._since)
        progress = Progress(
            step=state.step,
            steps=state.config.run.steps,
            loss=float(self._total) / self._count,
            parts={name: float(value) / self._count for name, value in self._parts.items()},
            clips_per_second=self._count * self._batch / elapsed,
            data_share=self._data / elapsed,
            validation=dict(state.validation),
        )
        self._clear()
        return progress


class _StopFlag:
    """Ctrl-C and SIGTERM end the step, write a checkpoint and then stop."""

    def __init__(self) -> None:
        self._raised = False

    @contextmanager
    def listening(self) -> Iterator[None]:
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


def _check_folder(out: Path, resume: bool) -> None:
    there = (out / CHECKPOINT).exists()
    if there and not resume:
        raise ConfigError(f"run.out {out} holds a run: add --resume or choose another folder")
    if resume and not there:
        raise ConfigError(f"nothing to resume: {out / CHECKPOINT} does not exist")
    out.mkdir(parents=True, exist_ok=True)


def _model(config: PretrainConfig) -> DSTformer:
    wanted = config.model.build()
    if config.run.init is None:
        fresh = DSTformer(wanted)
        if config.model.start == "spread":
            spread(fresh)
        return fresh
    path = resolve(str(config.run.init))
    model, _ = load_lifter(path, num_heads=wanted.num_heads)
    if model.config != wanted:
        raise WeightsError(f"run.init {path} must fit the model, {wanted}, got {model.config}")
    return model


def _optimiser(model: nn.Module, config: PretrainConfig) -> torch.optim.Optimizer:
    return torch.optim.AdamW(
        model.parameters(),
        lr=config.optimiser.learning_rate,
        weight_decay=config.optimiser.weight_decay,
    )


@torch.no_grad()
def _average(averaged: nn.Module, model: nn.Module, decay: float) -> None:
    torch._foreach_lerp_(list(averaged.parameters()), list(model.parameters()), 1 - decay)


def _step_seed(seed: int, step: int, rank: int) -> int:
    """A seed of its own for every step and process."""
    return (seed * 1_000_003 + step) * 1_021 + rank


def _write_scalars(writer: SummaryWriter, progress: Progress, rate: float) -> None:
    values: dict[str, Any] = {
        "train/loss": progress.loss,
        "train/learning_rate": rate,
        "speed/clips_per_second": progress.clips_per_second,
        "speed/data_share": progress.data_share,
        **{f"train/{name}": value for name, value in progress.parts.items()},
        **{f"validation/{name}_mm": value for name, value in progress.validation.items()},
    }
    for name, value in values.items():
        writer.add_scalar(name, value, progress.step)
    writer.flush()
