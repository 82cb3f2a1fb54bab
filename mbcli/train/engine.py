"""The training loop.

One loop for one process or many: Lightning Fabric starts the processes, places the model and
averages the gradients. Everything drawn at a step depends on the seed, the step and the rank
alone, so a resumed run goes on exactly where the stopped one was.
"""

from __future__ import annotations

import copy
from pathlib import Path

import torch
from lightning.fabric import Fabric
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from mbcli.data.store import ClipStore
from mbcli.errors import ConfigError, WeightsError
from mbcli.lift.checkpoint import load_lifter
from mbcli.lift.model import DSTformer
from mbcli.train.config import PretrainConfig
from mbcli.train.losses import loss_3d
from mbcli.train.meter import Meter, Observer, write_scalars
from mbcli.train.sampling import ClipSampler
from mbcli.train.schedule import ema_decay, learning_rate
from mbcli.train.start import spread
from mbcli.train.state import BEST, CHECKPOINT, LAST, RunState
from mbcli.train.stop import StopFlag
from mbcli.train.synthesis import Synthesiser
from mbcli.train.validation import Validator
from mbcli.weights import resolve


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
    state = RunState(config, plain, averaged, optimiser)
    if resume:
        state.load(run.out / CHECKPOINT, fabric.device)
    fabric.barrier()

    if fabric.is_global_zero:
        document = config.model_dump_json(indent=2)
        (run.out / "config.json").write_text(document, encoding="utf-8")
    writer = SummaryWriter(str(run.out / "scalars")) if fabric.is_global_zero else None
    loss_weights = config.loss.model_dump()
    meter = Meter(run.batch)
    stopped = StopFlag()
    with stopped.listening():
        while state.step < run.steps:
            rate = learning_rate(state.step, run.steps, config.optimiser)
            for group in optimiser.param_groups:
                group["lr"] = rate
            with meter.data():
                seed = _step_seed(run.seed, state.step, fabric.global_rank)
                batch = data.batch(run.batch // fabric.world_size, seed)
            total, parts = loss_3d(model(batch.inputs), batch.target, loss_weights)
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
            validating = state.step % run.validate_every == 0 or done
            saving = state.step % run.save_every == 0 or done or halt
            if fabric.is_global_zero and validating:
                state.validate(validator)
            if writer and (state.step % run.log_every == 0 or done):
                progress = meter.report(state.step, run.steps, state.validation)
                write_scalars(writer, progress, rate)
                observe(progress)
            if fabric.is_global_zero and saving:
                state.save()
            if validating or saving:
                fabric.barrier()
            if halt:
                raise KeyboardInterrupt
    if writer:
        writer.close()
        return run.out / (BEST if validator else LAST)
    return None


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
