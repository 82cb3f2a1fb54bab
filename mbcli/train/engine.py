"""The training loop, shared by all tasks.

One loop for one process or many: Lightning Fabric starts the processes, places the model and
averages the gradients; under torchrun and SLURM it detects its node and rank. Everything drawn at a
step depends only on the seed, the step and the position in the batch, so a resumed run continues
exactly where the previous one stopped.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path

import torch
from lightning_fabric import Fabric
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from mbcli.errors import ConfigError, OutputError, ProcessError
from mbcli.storage.workspace import locked
from mbcli.train.backbone import check_freeze
from mbcli.train.meter import Meter, TrainingObserver, write_scalars
from mbcli.train.precision import arithmetic, device_of
from mbcli.train.schedule import Epochs, ema_decay, learning_rate
from mbcli.train.share import Share
from mbcli.train.state import BEST, CHECKPOINT, LAST, WEIGHTS, RunState
from mbcli.train.stop import StopFlag
from mbcli.train.tasks import Task

_CONFIG = "config.json"
_LOCK = ".lock"  # against a second run in the same folder

# Messages of the communication libraries about a lost process.
_LOST_PEER = re.compile(r"connection (closed|reset|refused)|\bpeer\b|broken pipe", re.IGNORECASE)


def train(task: Task, *, resume: bool, observe: TrainingObserver) -> Path | None:
    """Train a task from its configuration.

    Args:
        task: model, data and losses.
        resume: continue from the folder's last checkpoint.
        observe: receives progress.

    Returns:
        The best weights so far; None in all processes but the first.

    Raises:
        ConfigError: the folder holds a run and ``resume`` is off, or holds none and it is on.
        DataError: the training data cannot be used.
        WeightsError: the checkpoint belongs to another configuration.
        OutputError: a checkpoint cannot be written; the previous one is kept. Or another run is
            at work in the folder.
        ProcessError: one of several processes died.
        KeyboardInterrupt: the run was interrupted; its checkpoint is written.
    """
    run, optimisation = task.settings.run, task.settings.optimiser
    check_freeze(task.model, optimisation.freeze)
    device_of(run.accelerator)
    check_folder(run.out, resume)
    fabric = Fabric(
        accelerator=run.accelerator,
        devices=run.devices,
        num_nodes=run.nodes,
        **arithmetic(run.precision, run.accelerator),
    )
    fabric.launch()
    if fabric.device.type == "cpu" and fabric.world_size > 1:
        torch.set_num_threads(max(1, torch.get_num_threads() // fabric.world_size))
    torch.manual_seed(run.seed)
    share = Share(run.batch, fabric.global_rank, fabric.world_size)
    plain = task.model
    averaged = copy.deepcopy(plain).to(fabric.device).eval() if run.ema else None
    optimiser: torch.optim.Optimizer = torch.optim.AdamW(
        task.groups(),
        lr=optimisation.learning_rate,
        weight_decay=optimisation.weight_decay,
        # One pass over the weights. On a GPU, gradient clipping needs the unfused steps.
        fused=fabric.device.type == "cpu",
    )
    model, optimiser = fabric.setup(plain, optimiser)
    task.place(fabric.device)
    state = RunState(task, plain, averaged, optimiser)
    if resume:
        state.load(run.out / CHECKPOINT, fabric.device)
    fabric.barrier()

    meter = Meter(run.batch)
    epochs, steps = length(task)
    if state.step > steps:
        raise ConfigError(f"the run must go on from step {state.step}, got a length of {steps}")
    stopped = StopFlag()
    validated = False
    fresh: Mapping[str, float] = {}  # figures on held-out data since the last report
    alone = locked(run.out / _LOCK) if fabric.is_global_zero else nullcontext()
    with alone, stopped.listening(), _together(fabric, run.out):
        if fabric.is_global_zero:
            document = task.settings.model_dump_json(indent=2)
            (run.out / _CONFIG).write_text(document, encoding="utf-8")
        writer = SummaryWriter(str(run.out / "scalars")) if fabric.is_global_zero else None
        while state.step < steps:
            rate = learning_rate(state.step, steps, epochs, optimisation)
            for group in optimiser.param_groups:
                group["lr"] = rate * group["scale"]
            with meter.data():
                batch = task.batch(state.step, share)
            # Randomness inside the model, such as dropout, depends on the step too.
            torch.manual_seed(share.seeds(run.seed, state.step)[0][1])
            total, parts = task.loss(model, batch)
            if not total.requires_grad:
                raise ConfigError("one of the losses with a weight above 0 must have data")
            optimiser.zero_grad(set_to_none=True)
            fabric.backward(total)
            if optimisation.clip_norm:
                fabric.clip_gradients(model, optimiser, max_norm=optimisation.clip_norm)
            optimiser.step()
            if averaged is not None:
                _average(averaged, plain, ema_decay(state.step, run.ema))
            state.step += 1
            meter.add(total.detach(), parts)

            done = state.step == steps
            halt = stopped.anywhere(fabric)
            validating = state.step % run.validate_every == 0 or done
            saving = state.step % run.save_every == 0 or done or halt
            if fabric.is_global_zero and validating:
                validated = state.validate() or validated
                fresh = state.validation
            if writer and (state.step % run.log_every == 0 or done):
                epoch = epochs.done(state.step)
                progress = meter.report(state.step, steps, epoch, fresh)
                fresh = {}
                write_scalars(writer, progress, rate)
                observe(progress)
            if fabric.is_global_zero and saving:
                state.save()
            if validating or saving:
                fabric.barrier()
            if halt:
                raise stopped.interruption(
                    f"step {state.step} of {steps} is saved in {run.out / CHECKPOINT}"
                )
    if writer:
        writer.close()
        return run.out / (BEST if validated or (run.out / BEST).exists() else LAST)
    return None


@contextmanager
def _together(fabric: Fabric, out: Path) -> Iterator[None]:
    """Report a full disk, and the loss of another process, in one line."""
    try:
        yield
    except OSError as error:
        raise OutputError(f"run.out {out} cannot be written: {error.strerror or error}") from error
    except RuntimeError as error:
        if fabric.world_size == 1 or not _LOST_PEER.search(str(error)):
            raise
        raise ProcessError(
            f"one of the {fabric.world_size} processes of this training died: continue from "
            f"{out / CHECKPOINT} with --resume"
        ) from error


def length(task: Task) -> tuple[Epochs, int]:
    """The lengths of a task's epochs, and the number of steps in its run."""
    run = task.settings.run
    epochs: Epochs = getattr(task, "epochs", Epochs(task.epoch_steps))
    if run.steps is not None:
        return epochs, run.steps
    assert run.epochs is not None, "a run has steps or epochs"
    return epochs, max(1, epochs.first_step(run.epochs))


def check_folder(out: Path, resume: bool) -> None:
    """Check, before any work is done, whether a run may use the folder, and create it.

    Raises:
        ConfigError: it holds a run and ``resume`` is off, or holds none and it is on; or it holds
            other files that the run would overwrite.
        OutputError: it cannot be created.
    """
    try:
        _check_contents(out, resume)
        out.mkdir(parents=True, exist_ok=True)
    except FileExistsError as error:
        raise OutputError(f"run.out must be a folder, got the file {out}") from error
    except OSError as error:
        raise OutputError(f"run.out {out} cannot be created: {error.strerror}") from error


def _check_contents(out: Path, resume: bool) -> None:
    there = (out / CHECKPOINT).exists()
    if there and not resume:
        raise ConfigError(f"run.out {out} holds a run: add --resume or choose another folder")
    if resume and not there:
        raise ConfigError(f"nothing to resume: {out / CHECKPOINT} does not exist")
    if not resume:
        strangers = [path.name for pattern in WEIGHTS for path in out.glob(pattern)]
        if (out / _CONFIG).exists() and not _is_ours(out / _CONFIG):
            strangers.append(_CONFIG)
        if strangers:
            raise ConfigError(
                f"run.out {out} holds {strangers[0]}, which the run would overwrite: choose "
                "another folder"
            )


def _is_ours(config: Path) -> bool:
    """Whether a run wrote the file; one killed early leaves only this file behind."""
    try:
        return "out" in json.loads(config.read_bytes())["run"]
    except (OSError, ValueError, LookupError, TypeError):
        return False


@torch.no_grad()
def _average(averaged: nn.Module, model: nn.Module, decay: float) -> None:
    torch._foreach_lerp_(list(averaged.parameters()), list(model.parameters()), 1 - decay)
    # The statistics of batch normalisation already are averages.
    for kept, measured in zip(averaged.buffers(), model.buffers(), strict=True):
        kept.copy_(measured)
