"""Clips per second of training, beside a plain re-reading of the published loop.

    python -m benchmarks.training [--size small] [--device cpu] [--repetitions 3] [--out speed.json]

Both loops train the same DSTformer (the project's) on the same clips, which are made up, with the
same batch, threads, precision, losses (the project's functions) and optimiser (AdamW):

- mbcli: `mbcli.train.engine.train` on the task pose3d, as ``mbcli train`` runs it, from a
  sequence store. The figures are its own (`Progress.clips_per_second` and ``data_share``).
- plain: what is publicly known of MotionBERT's training, written anew: one pickle per clip, already
  cut and normalised; mirrored on the CPU, one clip at a time; a shuffling DataLoader; all seven
  losses at each step, those of weight 0 too, and every one of them read back for the meters.
  Once for each number of ``--workers`` (published: 12, and 4 batches ahead of time each).

Not measured: the published attention, which is another implementation of the same; validation and
checkpoints, which neither loop makes here; and reading from a disk, since both sets of clips have
just been written and lie in memory. Every repetition takes all loops in turn, each with a new
model, its first steps left out, and medians are told, so that a neighbour on the machine troubles
them alike. Time on data is making a batch in mbcli, and in the plain loop waiting for one and
moving it to the device; mbcli normalises and cuts in that time, which the pickles have behind
them. CPU time is that of all threads, without other processes: on a machine that others use
too, it is the figure to compare.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import pickle
import platform
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import harmonic_mean, median
from typing import Any

import numpy as np
import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from mbcli.data.stores.sequences import SequenceWriter
from mbcli.lift.model import DSTformer
from mbcli.skeleton import H36M17
from mbcli.train import losses
from mbcli.train.config import Loss3DConfig
from mbcli.train.engine import train
from mbcli.train.meter import Progress
from mbcli.train.sections import ModelConfig, OptimiserConfig
from mbcli.train.tasks.pose3d import Pose3D, Pose3DConfig

PICTURE = (1000, 1000)
WARM_UP = 5  # steps before those that count; as many lie between two reports of mbcli
CLIPS_A_SEQUENCE = 10
AHEAD = 4  # batches that each worker makes ahead of time

# Clips per second, share of the time on data, seconds of processor time a clip.
Loop = Callable[[], tuple[float, float, float]]

# Size -> dimensions of the model, frames of a clip, clips a batch.
SIZES: dict[str, tuple[dict[str, int], int, int]] = {
    "lifter": (  # the bundled lifter's
        {"dim_feat": 96, "dim_rep": 192, "depth": 5, "num_heads": 3, "mlp_ratio": 2},
        81,
        8,
    ),
    "small": ({"dim_feat": 64, "dim_rep": 64, "depth": 3, "num_heads": 4, "mlp_ratio": 2}, 27, 8),
    "lite": ({}, 243, 32),
    "full": ({"dim_feat": 512, "mlp_ratio": 2}, 243, 32),
}


@dataclass(frozen=True)
class Setup:
    """What both loops have in common.

    Attributes:
        model: dimensions.
        frames: of a clip.
        batch: clips a step.
        steps: that count, a multiple of `WARM_UP`.
        device: as torch names it.
        precision: as Lightning Fabric names it.
        store: the clips as a sequence store.
        pickles: the same clips, a file each.
    """

    model: ModelConfig
    frames: int
    batch: int
    steps: int
    device: str
    precision: str
    store: Path
    pickles: Path


def make_clips(setup: Setup) -> None:
    """As many clips as one run takes: people who tremble on the spot."""
    rng = np.random.default_rng(0)
    count = (setup.steps + WARM_UP) * setup.batch
    half = np.array(PICTURE) / 2
    setup.pickles.mkdir()
    with SequenceWriter(setup.store, arrays=("target",)) as writer:
        for first in range(0, count, CLIPS_A_SEQUENCE):
            clips = min(CLIPS_A_SEQUENCE, count - first)
            shape = (clips * setup.frames, len(H36M17))
            target = rng.normal(0, 100, (1, shape[1], 3)) + rng.normal(0, 3, (*shape, 3))
            target[..., :2] += half
            seen = target[..., :2] + rng.normal(0, 3, (*shape, 2))
            keypoints = np.concatenate([seen, rng.uniform(0.5, 1, (*shape, 1))], axis=-1)
            writer.add(
                keypoints[:, None],
                name=f"{first:06d}",
                subject="nobody",
                source="random numbers",
                fps=50.0,
                size=PICTURE,
                split="train",
                target=target,
            )
            keypoints[..., :2] = (keypoints[..., :2] - half) / half[0]
            target[..., :2] -= half
            target /= half[0]
            for clip in range(clips):
                rows = slice(clip * setup.frames, (clip + 1) * setup.frames)
                content = {
                    "data_input": keypoints[rows].astype(np.float32),
                    "data_label": target[rows].astype(np.float32),
                }
                with (setup.pickles / f"{first + clip:08d}.pkl").open("wb") as file:
                    pickle.dump(content, file)


def engine_loop(setup: Setup) -> tuple[float, float, float]:
    """What mbcli's own loop takes."""
    reports: list[Progress] = []
    clock: list[float] = []

    def observe(progress: Progress) -> None:
        reports.append(progress)
        clock.append(time.process_time())

    with tempfile.TemporaryDirectory() as folder:
        settings = Pose3DConfig.model_validate(
            {
                "data": {
                    "stores": [setup.store],
                    "stride": setup.frames,
                    "validation_splits": (),
                },
                "clips": {"frames": setup.frames},
                "model": setup.model.model_dump(),
                "run": {
                    "out": Path(folder) / "run",
                    "steps": WARM_UP + setup.steps,
                    "batch": setup.batch,
                    "accelerator": setup.device,
                    "precision": setup.precision,
                    "log_every": WARM_UP,
                    "save_every": WARM_UP + setup.steps,
                },
            }
        )
        train(Pose3D(settings), resume=False, observe=observe)
    counted = reports[1:]
    rates = [report.clips_per_second for report in counted]  # over as many clips each
    times = [1 / rate for rate in rates]
    share = float(np.average([report.data_share for report in counted], weights=times))
    return harmonic_mean(rates), share, (clock[-1] - clock[0]) / (setup.steps * setup.batch)


class Pickles(Dataset[tuple[Tensor, Tensor]]):
    """One file per clip, mirrored half the time."""

    def __init__(self, folder: Path) -> None:
        self._paths = sorted(folder.iterdir())

    def __len__(self) -> int:
        return len(self._paths)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        with self._paths[index].open("rb") as file:
            content = pickle.load(file)
        seen, target = content["data_input"], content["data_label"]
        if random.random() > 0.5:
            seen, target = _mirrored(seen), _mirrored(target)
        return torch.from_numpy(seen), torch.from_numpy(target)


def _mirrored(points: np.ndarray) -> np.ndarray:
    other = points[:, list(H36M17.mirror)]  # a copy
    other[..., 0] *= -1
    return other


def plain_loop(setup: Setup, workers: int) -> tuple[float, float, float]:
    """The result for the published loop."""
    device = torch.device(setup.device)
    torch.manual_seed(0)
    model = DSTformer(setup.model.build()).to(device).train()
    defaults = OptimiserConfig()
    optimiser = torch.optim.AdamW(
        model.parameters(), lr=defaults.learning_rate, weight_decay=defaults.weight_decay
    )
    loader = DataLoader(
        Pickles(setup.pickles),
        setup.batch,
        shuffle=True,
        num_workers=workers,
        pin_memory=device.type == "cuda",
        prefetch_factor=AHEAD if workers else None,
        persistent_workers=workers > 0,
    )
    weights = Loss3DConfig().model_dump()
    meters = dict.fromkeys(("total", *weights), 0.0)
    start = on_data = processor = 0.0
    narrow = torch.autocast(device.type, torch.bfloat16, enabled=setup.precision == "bf16-mixed")
    batches: Iterator[tuple[Tensor, Tensor]] = iter(loader)
    for step in range(WARM_UP + setup.steps):
        if step == WARM_UP:
            _wait(device)
            start, on_data, processor = time.perf_counter(), 0.0, time.process_time()
        before = time.perf_counter()
        inputs, target = (part.to(device) for part in next(batches))
        target = target - target[:, :, :1]
        on_data += time.perf_counter() - before
        with narrow:
            answer = model(inputs)
        parts = {name: getattr(losses, name)(answer, target) for name in weights}
        total = torch.stack([weights[name] * part for name, part in parts.items()]).sum()
        optimiser.zero_grad()
        for name, part in {"total": total, **parts}.items():
            meters[name] += part.item() * setup.batch
        torch.autograd.backward(total)
        optimiser.step()
    _wait(device)
    elapsed = time.perf_counter() - start
    clips = setup.steps * setup.batch
    return clips / elapsed, on_data / elapsed, (time.process_time() - processor) / clips


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def measure(loops: dict[str, Loop], repetitions: int) -> list[dict[str, Any]]:
    """Medians of each loop, all of them in turn in every repetition."""
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in loops}
    for _ in range(repetitions):
        for name, loop in loops.items():
            found[name].append(loop())
    return [
        {
            "loop": name,
            "clips_per_second": median(rate for rate, _, _ in runs),
            "data_share": median(share for _, share, _ in runs),
            "processor_seconds_a_clip": median(seconds for _, _, seconds in runs),
            "runs": runs,
        }
        for name, runs in found.items()
    ]


def main() -> None:
    """Measure and print."""
    cores = os.cpu_count() or 1
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--size", choices=tuple(SIZES), default="small")
    parser.add_argument("--batch", type=int, help="clips a step; the size's own unless given")
    parser.add_argument("--frames", type=int, help="of a clip; the size's own unless given")
    parser.add_argument("--precision", choices=("32-true", "bf16-mixed"), default="32-true")
    parser.add_argument("--device", choices=("cpu", "cuda"), default="cpu")
    parser.add_argument("--threads", type=int, default=cores)
    parser.add_argument("--workers", type=int, nargs="+", default=[0, min(12, cores)])
    parser.add_argument("--steps", type=int, default=20, help=f"a multiple of {WARM_UP}")
    parser.add_argument("--repetitions", type=int, default=3)
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    given = parser.parse_args()
    if given.steps < WARM_UP or given.steps % WARM_UP:
        parser.error(f"--steps must be a multiple of {WARM_UP}, got {given.steps}")
    torch.set_num_threads(given.threads)
    logging.getLogger("lightning_fabric").setLevel(logging.WARNING)
    dimensions, frames, batch = SIZES[given.size]
    frames = given.frames or frames
    with tempfile.TemporaryDirectory() as folder:
        setup = Setup(
            model=ModelConfig.model_validate({**dimensions, "maxlen": frames}),
            frames=frames,
            batch=given.batch or batch,
            steps=given.steps,
            device=given.device,
            precision=given.precision,
            store=Path(folder) / "store",
            pickles=Path(folder) / "pickles",
        )
        make_clips(setup)
        loops: dict[str, Loop] = {"mbcli": partial(engine_loop, setup)}
        for workers in dict.fromkeys(given.workers):
            loops[f"plain, {workers} workers"] = partial(plain_loop, setup, workers)
        rows = measure(loops, given.repetitions)
    machine = f"{given.threads} threads on {cores} cores, {platform.machine()}"
    if given.device == "cuda":
        machine = f"{torch.cuda.get_device_name()}, {machine}"
    first = rows[0]["clips_per_second"]
    step = f"{setup.batch} clips of {frames} frames a step"
    title = f"DSTformer {given.size}, {step}, {given.precision}, {machine}"
    table = Table(title=f"{title}, medians of {given.repetitions}")
    columns = (
        "",
        "clips/s",
        "mbcli to it",
        "processor s a clip",
        "time on data",
        "ms on data a clip",
    )
    for column in columns:
        table.add_column(column, justify="right" if column else "left", no_wrap=True)
    for row in rows:
        row["milliseconds_on_data_a_clip"] = 1000 * row["data_share"] / row["clips_per_second"]
        table.add_row(
            row["loop"],
            f"{row['clips_per_second']:.2f}",
            f"{first / row['clips_per_second']:.2f}",
            f"{row['processor_seconds_a_clip']:.3f}",
            f"{row['data_share']:.1%}",
            f"{row['milliseconds_on_data_a_clip']:.2f}",
        )
    Console(width=None if sys.stdout.isatty() else 120).print(table)
    if given.out is not None:
        facts = {
            "machine": machine,
            "torch": torch.__version__,
            "size": given.size,
            "frames": frames,
            "batch": setup.batch,
            "precision": given.precision,
            "steps": given.steps,
            "repetitions": given.repetitions,
            "rows": rows,
        }
        given.out.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
