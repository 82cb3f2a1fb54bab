"""Errors of a lifter on held-out recordings, beside the trivial answers.

    python benchmarks/heldout.py STORE [--weights NAME|PATH] [--cameras 4] [--out errors.json]

Every recording of the subjects that the weights were not trained on is filmed whole at 30 frames
a second, in pieces of at most 243 frames, by virtual cameras with fixed seeds, and lifted by the
same code that ``mbcli infer`` uses: overlapping windows, flip averaging, scale from the body
height, which is given. Noisy = the published detector noise with its 27 key frames over 243
frames; masked = the same, and 5 % of the joints and 10 % of the frames missing; a frame that is
missing whole has no answer and is not scored.

Depth zero is the picture's x and y at the true scale of each frame; the mean pose is that of the
training subjects under the same cameras. MPJPE and MPJVE are root-relative, MPJVE a frame.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from mbcli.data.store import ClipStore
from mbcli.evaluate.metrics import joint_errors, root_relative
from mbcli.geometry import procrustes
from mbcli.lift.checkpoint import load_lifter
from mbcli.lift.lifter import Lifter, LiftOptions
from mbcli.refinement.metric import camera_from, to_metres
from mbcli.skeleton import H36M17
from mbcli.train.bodies import stature
from mbcli.train.cameras import view
from mbcli.train.config import PretrainConfig
from mbcli.train.corruption import mask
from mbcli.train.draw import Draw
from mbcli.train.sampling import ClipSampler
from mbcli.train.synthesis import Batch, Synthesiser
from mbcli.types import FloatArray, Keypoints2D
from mbcli.weights import resolve

FPS = 30.0
LONGEST = 243
SHORTEST = 27
SIZE = (1920, 1080)
INPUTS = ("clean", "noisy", "masked")


@dataclass(frozen=True)
class Piece:
    """One stretch of one recording through one camera."""

    subject: str
    batch: Batch
    inputs: dict[str, torch.Tensor]
    target: FloatArray
    height: float


def pieces(
    store: ClipStore,
    subjects: Collection[str],
    synthesiser: Synthesiser,
    cameras: int,
    config: PretrainConfig,
) -> Iterator[Piece]:
    """Film every stretch of every recording of some subjects."""
    seed = 0
    for clip in store.clips:
        if clip.subject not in subjects:
            continue
        step = max(1, round(clip.fps / FPS))
        joints = torch.from_numpy(np.array(store.joints(clip)[::step]))
        for start in range(0, len(joints), LONGEST):
            world = joints[None, start : start + LONGEST]
            if world.shape[1] < SHORTEST:
                continue
            for _ in range(cameras):
                seed += 1
                draw = Draw.seeded(seed)
                seen = view(world, config.camera, draw)
                batch = synthesiser.film(seen, draw)
                ones = torch.ones_like(batch.clean[..., :1])
                inputs = {
                    "clean": torch.cat([batch.clean, ones], dim=-1),
                    "noisy": batch.noisy,
                    "masked": mask(batch.noisy, 0.05, 0.10, draw),
                }
                pose = seen[0, :, : len(H36M17)].double().numpy()
                yield Piece(clip.subject, batch, inputs, root_relative(pose), float(stature(seen)))


def lifted(piece: Piece, name: str, lifter: Lifter) -> FloatArray:
    """(T, 17, 3) root-relative metres as ``mbcli infer`` would give them."""
    data = piece.inputs[name][0, :, None].double().numpy().copy()
    half = min(SIZE) / 2
    data[..., :2] = data[..., :2] * half + np.array(SIZE) / 2
    data[..., :2][data[..., 2] == 0] = np.nan
    frames = len(data)
    keypoints = Keypoints2D(
        data=data,
        skeleton=H36M17,
        fps=FPS,
        timestamps=np.arange(frames) / FPS,
        size=SIZE,
        track_ids=np.array([1]),
        boxes=np.zeros((frames, 1, 4)),
        frame_index=np.arange(frames),
    )
    camera = camera_from(SIZE)
    positions, _ = to_metres(lifter.lift(keypoints), keypoints, height=piece.height, camera=camera)
    return positions[:, 0].astype(np.float64)


def depth_zero(piece: Piece, name: str) -> FloatArray:
    """The picture itself, at the true scale."""
    xy = piece.inputs[name][0, ..., :2].double().numpy()
    flat = np.concatenate([xy, np.zeros_like(xy[..., :1])], axis=-1)
    return root_relative(flat) / piece.batch.scale[0, :, None, None].double().numpy()


def main() -> None:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--weights", default="mbcli-lifter")
    parser.add_argument("--cameras", type=int, default=4)
    parser.add_argument("--out", type=Path)
    arguments = parser.parse_args()

    store = ClipStore.open(arguments.store)
    model, info = load_lifter(resolve(arguments.weights))
    lifter = Lifter(model, LiftOptions(), info.facts)
    held_out = set(info.facts["config"]["data"]["holdout"])
    config = PretrainConfig.model_validate(
        {
            **info.facts["config"],
            "data": {"store": arguments.store},
            "run": {"out": ".", "steps": 1},
            "corruption": {"key_interval": (9, 9), "offset_sd": 0.0},
        }
    )
    training = ClipSampler(store, set(store.subjects) - held_out, config.clips)
    synthesiser = Synthesiser(training, config, torch.device("cpu"))
    example = synthesiser.batch(512, seed=1)
    metric = (example.target - example.target[:, :, :1]) / example.scale[..., None, None]
    mean_pose = metric.mean(dim=(0, 1)).double().numpy()

    sums: dict[tuple[str, str, str], list[FloatArray]] = defaultdict(list)
    by_subject: dict[str, list[FloatArray]] = defaultdict(list)
    frames = 0
    for piece in pieces(store, held_out, synthesiser, arguments.cameras, config):
        frames += len(piece.target)
        answers: dict[tuple[str, str], FloatArray] = {}
        for name in INPUTS:
            answers["lifter", name] = lifted(piece, name, lifter)
        for name in ("clean", "noisy"):
            answers["depth zero", name] = depth_zero(piece, name)
        answers["mean pose", "any"] = np.broadcast_to(mean_pose, piece.target.shape)
        for (who, name), pose in answers.items():
            # In a frame that is missing whole the person is absent: there is no answer to score.
            there = np.isfinite(pose).all(axis=(1, 2))
            aligned = joint_errors(
                procrustes(pose[there], piece.target[there]), piece.target[there]
            )
            steps = np.diff(pose, axis=0), np.diff(piece.target, axis=0)
            sums[who, name, "MPJPE"].append(joint_errors(pose, piece.target)[there].mean(-1))
            sums[who, name, "P-MPJPE"].append(aligned.mean(-1))
            sums[who, name, "MPJVE"].append(joint_errors(*steps)[there[1:] & there[:-1]].mean(-1))
            if (who, name) == ("lifter", "noisy"):
                by_subject[piece.subject].append(aligned.mean(-1))

    rows: dict[str, dict[str, float]] = defaultdict(dict)
    for (who, name, figure), values in sums.items():
        rows[f"{who}, {name}"][figure] = round(float(np.concatenate(values).mean()) * 1000, 2)
    console = Console()
    table = Table("answer, 2D input", "MPJPE mm", "P-MPJPE mm", "MPJVE mm/frame")
    for name, row in rows.items():
        table.add_row(name, *(f"{row[k]:.1f}" for k in ("MPJPE", "P-MPJPE", "MPJVE")))
    console.print(table)
    subjects = {s: round(float(np.concatenate(v).mean()) * 1000, 1) for s, v in by_subject.items()}
    console.print(f"{frames} frames; P-MPJPE with noisy 2D by subject: {subjects}")
    if arguments.out:
        document = {"frames": frames, "rows": rows, "noisy_p_mpjpe_by_subject": subjects}
        arguments.out.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
