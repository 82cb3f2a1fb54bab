"""What each choice of the training is worth: short runs that differ in one thing.

    python -m research.ablation STORE --out FOLDER [--videos 2D] [--only NAME ...] [--jobs N]

Runs ``from scratch`` begin with random weights and clips of 9 frames; runs that ``go on`` begin
with the small bundled lifter and clips of 27. All runs of a kind see the same number of clips on
one core, with the cosine schedule of their own length. Each is then measured on the held-out
recordings of `benchmarks.accuracy.heldout` (one camera, every n-th piece, noisy and occluded 2D),
lifted as ``mbcli infer`` does. ``lifting`` changes how the small bundled lifter is used, without
any training.

2D is what ``mbcli data import keypoints`` makes of real videos; with it a run goes on with their
reprojection too.

FOLDER keeps the runs and ``ablation.json``; what is there is not done again. STORE as for
``python -m benchmarks.accuracy``. Needs ``mbcli[train]``.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.accuracy.figures import Figures, mean_figures
from benchmarks.accuracy.heldout import SUBJECTS, Piece, lifted, pieces
from benchmarks.accuracy.people import held_out_lifter, score
from mbcli.data.stores.store import ClipStore
from mbcli.errors import ConfigError, MbcliError
from mbcli.lift.lifter import LiftOptions
from mbcli.storage.output import written_whole
from mbcli.weights import resolve

_CONFIGS = Path(__file__).parents[1] / "examples" / "configs"
CONFIG = _CONFIGS / "lifter_sure.yaml"
BUNDLED = "mbcli-lifter-small"
_LOOSE = _CONFIGS / "front_end_unsharp.json"
INPUTS = ("noisy", "occluded")
REAL = "real 2D too"

_COMMON = (
    "run.devices=1",
    "run.batch=16",
    "run.log_every=100",
    "run.validate_every=1000000",
    "run.save_every=1000000",
    "run.validation_clips=16",
    "clips.short=0",
)
# Each kind: its settings, then its tries by name. The first try is what the others change.
TRAINED: dict[str, tuple[tuple[str, ...], dict[str, tuple[str, ...]]]] = {
    "from scratch": (
        ("clips.frames=9", "model.maxlen=9", "run.steps=800", "run.ema=0.99"),
        {
            "width 96, depth 3": (),
            "width 64": ("model.dim_feat=64", "model.dim_rep=128", "model.num_heads=2"),
            "width 128": ("model.dim_feat=128", "model.dim_rep=256", "model.num_heads=4"),
            "depth 2": ("model.depth=2",),
            "depth 5": ("model.depth=5",),
            "published start": ("model.start=published",),
            "axes of the camera": ("camera.target=camera",),
        },
    ),
    "going on": (
        ("clips.frames=27", "run.steps=300", "run.ema=0.99", "optimiser.learning_rate=5e-4"),
        {
            "as it is": (),
            "another seed": ("run.seed=1",),
            "velocity loss 0": ("loss.velocity=0",),
            "velocity loss 60": ("loss.velocity=60",),
            "without the scaled loss": ("loss.n_mpjpe=0",),
            "bone length loss": ("loss.limb_length=0.5", "loss.limb_variance=1"),
            "angle loss": ("loss.angle=0.05", "loss.angle_velocity=0.2"),
            "without averaged weights": ("run.ema=0",),
            "published noise alone": ("corruption.measured=0",),
            "confidence loosely tied": (f"corruption.front_end={_LOOSE}",),
            "no surface keypoints": ("clips.surface=0",),
            "surface in, joints out": ("clips.answer=joints",),
            "no other's limbs, no reversal": ("clips.recombined=0", "clips.reversed=0"),
            "float32": ("run.precision=32-true",),
            REAL: ("data.epoch_steps=20", "data.stride=9"),
        },
    ),
}
LIFTING: dict[str, LiftOptions] = {
    "as it is": LiftOptions(),
    "without flip": LiftOptions(flip=False),
    "overlap 0.5": LiftOptions(overlap=0.5),
    "overlap 0.75": LiftOptions(overlap=0.75),
    "window 81": LiftOptions(window=81),
    "window 54": LiftOptions(window=54),
    "window 27": LiftOptions(window=27),
    "window 9": LiftOptions(window=9),
    "bfloat16": LiftOptions(precision="bfloat16"),
}


@dataclass(frozen=True)
class Row:
    """One try.

    Attributes:
        kind: of `TRAINED`, or ``lifting``.
        name: of the try.
        results: by 2D input.
    """

    kind: str
    name: str
    results: dict[str, Figures]


def settings(kind: str, name: str, out: Path, store: Path, videos: Path | None = None) -> list[str]:
    """What the ``--set`` options of a run are given; paths absolute.

    Raises:
        ConfigError: a try of real videos without any.
    """
    common, tries = TRAINED[kind]
    init = [f"run.init={resolve(BUNDLED)}"] if kind == "going on" else ["run.init=null"]
    places = [f"data.store={store.resolve()}", f"run.out={out.resolve()}"]
    if name == REAL:
        if videos is None:
            raise ConfigError(f"--videos must be given for the try {REAL!r}")
        places.append(f"data.videos=[{videos.resolve()}]")
    return [*places, *init, *_COMMON, *common, *tries[name]]


def run_folder(folder: Path, kind: str, name: str) -> Path:
    """Where a try's run lies."""
    return folder / f"{kind} {name}".replace(" ", "_").replace(",", "")


def unfinished(out: Path) -> Path:
    """Where a run lies until it is done."""
    return out.with_name(f"{out.name}.part")


def train(name: str, out: Path, told: Sequence[str]) -> None:
    """Train a try into ``out``.

    Args:
        name: of the try.
        out: its folder; must not exist.
        told: its settings, for the folder :func:`unfinished`.

    Raises:
        ConfigError: the training failed.
    """
    shutil.rmtree(unfinished(out), ignore_errors=True)
    options = [part for value in told for part in ("--set", value)]
    done = subprocess.run(
        [sys.executable, "-m", "mbcli", "pretrain", str(CONFIG), *options],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        raise ConfigError(f"the try {name!r} must train, it said: {last}")
    unfinished(out).rename(out)


def judge(filmed: Sequence[Piece], weights: str, options: LiftOptions) -> dict[str, Figures]:
    """Mean over the frames of the held-out recordings, by 2D input."""
    lifter = held_out_lifter(weights, options)
    results = {}
    for name in INPUTS:
        found = [score(piece, lifted(piece, name, lifter)) for piece in filmed]
        known = [scored for scored in found if scored is not None]
        results[name] = mean_figures(known, by_frames=True)
    return results


def measure(
    store: Path,
    folder: Path,
    only: Sequence[str],
    jobs: int,
    every: int,
    videos: Path | None = None,
) -> list[Row]:
    """All tries, or those of some names; without ``videos`` only what needs none.

    Raises:
        ConfigError: no try of such a name, one to be trained on real videos without any, or a
            training that failed.
    """
    tries = [(kind, name) for kind, (_, named) in TRAINED.items() for name in named]
    if videos is None and REAL not in only:
        tries.remove(("going on", REAL))
    tries += [("lifting", name) for name in LIFTING]
    known = dict.fromkeys(name for _, name in tries)
    for name in only:
        if name not in known:
            raise ConfigError(f"--only must be of {', '.join(known)}, got {name!r}")
    wanted = [which for which in tries if not only or which[1] in only]
    outs = {which: run_folder(folder, *which) for which in wanted if which[0] in TRAINED}
    missing = {
        which: settings(*which, unfinished(out), store, videos)
        for which, out in outs.items()
        if not out.exists()
    }
    filmed = list(
        pieces(ClipStore.open(store), lambda clip: clip.subject in SUBJECTS, cameras=1, every=every)
    )

    def one(kind: str, name: str) -> Row:
        if kind == "lifting":
            return Row(kind, name, judge(filmed, BUNDLED, LIFTING[name]))
        out = outs[kind, name]
        if (kind, name) in missing:
            train(name, out, missing[kind, name])
        return Row(kind, name, judge(filmed, str(out / "last.safetensors"), LiftOptions()))

    with ThreadPoolExecutor(jobs) as pool:
        rows = [pool.submit(one, *which) for which in wanted]
        return [row.result() for row in rows]


def table(rows: Sequence[Row]) -> Table:
    """The figures, noisy and occluded."""
    result = Table(title="Held-out people, mean of the frames")
    result.add_column("try")
    result.add_column("")
    for head in ("P-MPJPE mm", "occluded", "MPJPE mm", "occluded", "acceleration ratio"):
        result.add_column(head, justify="right")
    for row in rows:
        noisy, occluded = (row.results[name] for name in INPUTS)
        cells = (noisy.p_mpjpe, occluded.p_mpjpe, noisy.mpjpe, occluded.mpjpe)
        result.add_row(
            row.kind, row.name, *(f"{x:.1f}" for x in cells), f"{noisy.acceleration_ratio:.2f}"
        )
    return result


def main() -> int:
    """Run the tries; 1 if one cannot be run."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("store", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder for runs and figures")
    parser.add_argument("--videos", type=Path, help="folder of 2D sequences of real videos")
    parser.add_argument("--only", nargs="+", default=[], help="names of tries")
    parser.add_argument("--jobs", type=int, default=1, help="tries at a time")
    parser.add_argument("--every", type=int, default=5, help="judge by every n-th piece")
    arguments = parser.parse_args()
    try:
        if arguments.jobs < 1 or arguments.every < 1:
            raise ConfigError("--jobs and --every must be at least 1")
        arguments.out.mkdir(parents=True, exist_ok=True)
        rows = measure(
            arguments.store,
            arguments.out,
            arguments.only,
            arguments.jobs,
            arguments.every,
            arguments.videos,
        )
        with written_whole(arguments.out / "ablation.json", overwrite=True) as part:
            document = [asdict(row) for row in rows]
            part.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    except MbcliError as error:
        print(f"ablation: {error}", file=sys.stderr)
        return 1
    Console(width=None if sys.stdout.isatty() else 130).print(table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
