"""How well mesh recovery learns from real recordings that pose the open body model Anny.

    python -m benchmarks.mesh STORE [--holdout SUBJECT ...] [--out runs/mesh] [--init WEIGHTS]

STORE is a clip store of `mbcli data import`. Each recording poses Anny, in a random shape a
subject, before a virtual camera of its own; its joints in the picture, with the noise of a
detector about them, become a sequence store. On that the mesh task is trained, subjects held out
apart, and the errors on those are told as they fall. Needs: pip install 'mbcli[train]' anny

With --init the held-out subjects must be those that the lifter has not seen either; those of
mbcli-lifter (--size bundled --init mbcli-lifter) are cmu-6 cmu-8 cmu-9 cmu-127 cmu-131 hdm05-dg.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch

from mbcli.data.stores.sequences import SequenceWriter
from mbcli.data.stores.store import ClipStore
from mbcli.errors import MbcliError
from mbcli.lift.body.choice import load_body_model
from mbcli.lift.body.posing import pose_from_joints
from mbcli.lift.body.rotations import vectors_from_matrices
from mbcli.skeleton import H36M17
from mbcli.train.cameras import view
from mbcli.train.config import CameraConfig
from mbcli.train.draw import Draw
from mbcli.train.engine import train
from mbcli.train.meter import Progress
from mbcli.train.tasks.mesh import Mesh, MeshConfig

FPS = 30.0
SIZE = (1280, 720)
FOCAL = 1100.0
NOISE = 3.0  # pixels, standard deviation

_NARROW = {"depth": 3, "mlp_ratio": 2, "start": "spread"}
SIZES = {
    "small": {**_NARROW, "dim_feat": 64, "dim_rep": 64, "num_heads": 4, "maxlen": 16},
    "bundled": {**_NARROW, "dim_feat": 96, "dim_rep": 192, "num_heads": 3, "maxlen": 27},
    "lite": {},
}  # "bundled" is that of mbcli-lifter


def make_store(
    clips: ClipStore, out: Path, holdout: set[str], seconds: float, passes: int, seed: int
) -> None:
    """The sequence store; ``seconds`` from the middle of each recording, ``passes`` cameras."""
    body = load_body_model("anny")
    rng = np.random.default_rng(seed)
    shapes = {subject: rng.normal(0, 0.6, body.shapes) for subject in clips.subjects}
    with SequenceWriter(out, arrays=("pose", "shape"), overwrite=True) as writer:
        for number, clip in enumerate(clips.clips):
            step = max(1, round(clip.fps / FPS))
            rows = torch.from_numpy(np.array(clips.joints(clip)[::step, : len(H36M17)]))
            length = min(len(rows), round(seconds * FPS))
            first = (len(rows) - length) // 2
            rows = rows[first : first + length]
            for camera in range(passes):
                draw = Draw.seeded(seed + passes * number + camera)
                seen = view(rows[None], CameraConfig(distance=(3.0, 8.0)), draw)[0]
                pose = pose_from_joints(seen)
                shape = torch.from_numpy(shapes[clip.subject]).float().expand(length, -1)
                with torch.no_grad():
                    joints = body.joints(pose, shape)
                places = (joints - joints[:, :1] + seen[:, :1]).numpy()
                places[..., 2] = places[..., 2].clip(0.5)
                xy = FOCAL * places[..., :2] / places[..., 2:] + np.array(SIZE) / 2
                xy += rng.normal(0, NOISE, xy.shape)
                writer.add(
                    np.concatenate([xy, np.full((*xy.shape[:2], 1), 0.9)], axis=-1)[:, None],
                    name=f"{clip.name}/{camera}",
                    subject=clip.subject,
                    source=clip.source,
                    fps=clip.fps / step,
                    size=SIZE,
                    split="test" if clip.subject in holdout else "train",
                    pose=vectors_from_matrices(pose).reshape(length, -1).numpy(),
                    shape=np.pad(shape.numpy(), [(0, 0), (0, 10 - body.shapes)]),
                )


def main() -> int:
    """Make the store, train, tell."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path)
    parser.add_argument("--holdout", nargs="+", metavar="SUBJECT")
    parser.add_argument("--out", type=Path, default=Path("runs/mesh"))
    parser.add_argument("--init", type=Path, help="weights of a lifter of that size, name or path")
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--cameras", type=int, default=1)
    parser.add_argument("--steps", type=int, default=3000)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--size", choices=tuple(SIZES), default="small")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    try:
        clips = ClipStore.open(given.store)
        holdout = set(given.holdout or clips.subjects[-max(1, len(clips.subjects) // 5) :])
        store = given.out / "store"
        given.out.mkdir(parents=True, exist_ok=True)
        if not store.exists():
            make_store(clips, store, holdout, given.seconds, given.cameras, given.seed)
        every = max(1, given.steps // 5)
        settings = MeshConfig.model_validate(
            {
                "data": {"stores": [store], "window": "crop"},
                "body": {"model": "anny"},
                "model": SIZES[given.size],
                "head": {"hidden": 1024 if given.size == "lite" else 256},
                "optimiser": {
                    "learning_rate": 1e-3 if given.init is None else 2e-4,
                    "schedule": "cosine",
                    "warmup_steps": 50,
                    "head": 1.0 if given.init is None else 5.0,
                },
                "run": {
                    "out": given.out / "run",
                    "init": given.init,
                    "steps": given.steps,
                    "batch": given.batch,
                    "seed": given.seed,
                    "log_every": every,
                    "validate_every": every,
                    "save_every": every,
                    "validation_clips": 200,
                },
            }
        )
        task = Mesh(settings)
        task.place(torch.device("cpu"))
        _tell(0, task.validate(task.model.eval()))
        train(Mesh(settings), resume=False, observe=_observe)
    except MbcliError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    return 0


def _observe(progress: Progress) -> None:
    _tell(progress.step, progress.validation)


def _tell(step: int, figures: Mapping[str, float]) -> None:
    rounded = {name: round(value, 1) for name, value in figures.items()}
    print(json.dumps({"step": step, "held out, mm": rounded}), flush=True)


if __name__ == "__main__":
    sys.exit(main())
