"""How well actions are learned from real recordings: finetuned, frozen and from scratch.

    python -m benchmarks.actions STORE [--out runs/actions] [--json actions.json]

STORE is a clip store of `mbcli data import` that holds cuts of HDM05, whose files tell the actor
and the action: HDM_bd_kickLFront1Reps_002_120.amc. Every cut is filmed whole at 30 frames a second
by virtual cameras with fixed seeds; the 2D is COCO keypoints turned into Human3.6M's, with the
published detector noise, 5 % of the joints and 10 % of the frames missing. One actor, of whom the
lifter's weights have seen nothing either, is held out; on the others the action task is trained

- finetuned: from the lifter's weights, all of them learning,
- frozen: from the lifter's weights, the head alone learning,
- scratch: the same model from random weights,

for the same steps at the same rates. The weights of the last step, as written, are judged on the
held-out actor as `mbcli evaluate actions` does; what is taken for what is drawn beside them. The
held-out actor chooses nothing. Two trivial answers stand beside: any class at random, and always
the class that is most frequent in training.

What it does not measure: real pictures and a real detector, more than one held-out actor, classes
as many or as alike as NTU RGB+D's. The cameras of one cut are not independent of each other, and
another --seed (cameras, noise, head, order) moves top-1 by as much as 4 points, so one run of each
does not rank them. The lifter knows the training actors' motions, though not their classes. The
rates suit finetuning: what scratch reaches with others or in more steps is not told (--only scratch
--learning-rate ... --steps ...). Needs: pip install 'mbcli[train]'
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np
import torch
from pydantic import ValidationError
from rich.console import Console
from rich.table import Table

from mbcli.data.stores.sequences import SequenceWriter
from mbcli.data.stores.store import Clip, ClipStore
from mbcli.errors import ConfigError, DataError, MbcliError
from mbcli.evaluate.actions import ActionScores, evaluate_actions
from mbcli.evaluate.confusion import draw_confusion
from mbcli.lift.checkpoint import load_lifter
from mbcli.train.cameras import view
from mbcli.train.config import PretrainConfig
from mbcli.train.draw import Draw
from mbcli.train.engine import train
from mbcli.train.meter import Progress
from mbcli.train.sampling import ClipSampler
from mbcli.train.state import LAST
from mbcli.train.synthesis import Synthesiser
from mbcli.train.tasks.action import Action, ActionConfig
from mbcli.weights import resolve

FPS = 30.0
SIZE = (1280, 720)
RUNS = ("finetuned", "frozen", "scratch")
# Actor, action, number, frame rate. Whole takes have numbers such as 03-03 for an action.
CUT = re.compile(r"HDM_[a-z]+_(?P<action>[A-Za-z]\w*)_\d+_\d+")

console = Console(stderr=True)


def labelled_cuts(
    store: ClipStore, holdout: str
) -> tuple[list[tuple[Clip, str]], tuple[str, ...], int]:
    """Cuts with their actions, the actions, and how many cuts only one side does.

    Raises:
        ConfigError: the store has no cuts of the held-out actor.
        DataError: no cuts, or fewer than two actions that both that actor and others do.
    """
    found = [(clip, CUT.fullmatch(Path(clip.source).stem)) for clip in store.clips]
    cuts = [(clip, match["action"]) for clip, match in found if match]
    actors = sorted({clip.subject for clip, _ in cuts})
    if actors and holdout not in actors:
        raise ConfigError(f"--holdout must be of {', '.join(actors)}, got {holdout}")
    held_out = {action for clip, action in cuts if clip.subject == holdout}
    others = {action for clip, action in cuts if clip.subject != holdout}
    actions = tuple(sorted(held_out & others))
    if len(actions) < 2:
        raise DataError(
            f"{store.path}: {holdout} and others must share two or more actions of HDM05's cuts "
            f"(such as HDM_bd_kickLFront1Reps_002_120), got {len(actions)} in {len(cuts)} cuts"
        )
    kept = [(clip, action) for clip, action in cuts if action in actions]
    return kept, actions, len(cuts) - len(kept)


def film(
    store: ClipStore,
    cuts: list[tuple[Clip, str]],
    actions: tuple[str, ...],
    out: Path,
    cameras: int,
    seed: int,
) -> None:
    """Write each cut as so many labelled sequences, seen by so many cameras."""
    config = PretrainConfig.model_validate(
        {"data": {"store": store.path}, "run": {"out": out, "steps": 1}}
    )
    sampler = ClipSampler(store, {clip.subject for clip, _ in cuts}, config.clips)
    synthesiser = Synthesiser(sampler, config, torch.device("cpu"))
    with SequenceWriter(out, labels=actions) as writer:
        for number, (clip, action) in enumerate(cuts):
            step = max(1, round(clip.fps / FPS))
            world = torch.from_numpy(np.array(store.joints(clip)[::step]))  # (T, 21, 3)
            draw = Draw.seeded(1_000_003 * seed + number)
            rate = torch.full((cameras,), clip.fps / step)
            seen = view(world.expand(cameras, -1, -1, -1), config.camera, draw)  # (B, T, 21, 3)
            # The motion fills the shorter side of the picture.
            points = synthesiser.film(seen, rate, draw).inputs.double().numpy()  # (B, T, 17, 3)
            points[..., :2] = points[..., :2] * (min(SIZE) / 2) + np.array(SIZE) / 2
            points[..., :2][points[..., 2] == 0] = np.nan
            for camera, keypoints in enumerate(points):
                writer.add(
                    keypoints,
                    name=f"{clip.name}/{camera}",
                    subject=clip.subject,
                    source=clip.source,
                    fps=clip.fps / step,
                    size=SIZE,
                    action=action,
                    camera=str(camera),
                    label=actions.index(action),
                    licence=clip.licence,
                )


def settings(name: str, given: argparse.Namespace, store: Path, weights: Path) -> ActionConfig:
    """The configuration of one of `RUNS`.

    Raises:
        ConfigError: the held-out actor is none to the weights.
    """
    model, info = load_lifter(weights)
    theirs = info.metadata.get("config", {}).get("data", {}).get("holdout")
    if theirs is not None and given.holdout not in theirs:
        raise ConfigError(
            f"--holdout must be held out of the training of {given.weights} too "
            f"(that held out {', '.join(theirs) or 'nobody'}), got {given.holdout}"
        )
    fixed = ("dim_in", "dim_out", "num_joints")
    dimensions = {key: value for key, value in asdict(model.config).items() if key not in fixed}
    return ActionConfig.model_validate(
        {
            "data": {"stores": [store], "holdout": [given.holdout]},
            "clips": {"frames": given.frames, "part": (0.8, 1.0)},
            "model": {**dimensions, "start": "spread"},
            "head": {"hidden": 512},
            "optimiser": {
                "learning_rate": given.learning_rate,
                "schedule": "cosine",
                "warmup_steps": given.steps // 10,
                "head": 10.0,
                "freeze": ["backbone."] if name == "frozen" else [],
            },
            "run": {
                "out": given.out / name,
                "init": None if name == "scratch" else weights,
                "steps": given.steps,
                "batch": given.batch,
                "seed": given.seed,
                "log_every": max(1, given.steps // 4),
                "validate_every": given.steps,
                "save_every": given.steps,
            },
        }
    )


def one_run(
    name: str, given: argparse.Namespace, store: Path, weights: Path
) -> tuple[ActionScores, float]:
    """Train and judge; what was right, and the seconds that the training took."""
    config = settings(name, given, store, weights)
    start = time.monotonic()
    train(Action(config), resume=False, observe=lambda progress: _tell(name, progress))
    seconds = time.monotonic() - start
    scores = evaluate_actions(
        config.run.out / LAST, (store,), holdout=(given.holdout,), batch=given.batch
    )
    title = f"{name}: top-1 {scores.top1:.1f} %, {scores.clips} clips of {given.holdout}"
    picture = given.out / f"confusion_{name}.png"
    draw_confusion(scores.counts, scores.classes, picture, title=title)
    return scores, seconds


def _tell(name: str, progress: Progress) -> None:
    right = progress.parts["top1"]
    console.print(
        f"{name}: step {progress.step} of {progress.steps}, training loss {progress.loss:.3f}, "
        f"{right:.0f} % right, {progress.clips_per_second:.0f} clips/s"
    )


def compare(given: argparse.Namespace) -> None:
    """Film, train each of the runs, print the table."""
    if given.out.exists() and not (given.out.is_dir() and not any(given.out.iterdir())):
        raise ConfigError(f"--out must be a new or empty folder, got {given.out}")
    if given.json and not given.json.absolute().parent.is_dir():
        raise ConfigError(f"--json must be in a folder that is there, got {given.json}")
    clips = ClipStore.open(given.store)
    weights = resolve(given.weights)
    cuts, actions, left_out = labelled_cuts(clips, given.holdout)
    store = given.out / "store"
    for name in given.only:
        settings(name, given, store, weights)  # refuses before anything is written
    given.out.mkdir(parents=True, exist_ok=True)
    film(clips, cuts, actions, store, given.cameras, given.seed)

    training = Counter(action for clip, action in cuts if clip.subject != given.holdout)
    judged = Counter(action for clip, action in cuts if clip.subject == given.holdout)
    sides = [training.total() * given.cameras, judged.total() * given.cameras]
    console.print(
        f"{len(actions)} actions, {sides[0]} clips to train on, {sides[1]} of {given.holdout} to "
        f"judge by; {left_out} cuts left out whose action only one side does"
    )
    chance = min(1.0, 1 / len(actions)), min(1.0, 5 / len(actions))
    first = [action for action, _ in training.most_common(5)]
    frequent = [sum(judged[action] for action in first[:k]) / judged.total() for k in (1, 5)]
    trivial = {"chance": chance, "most frequent": frequent}
    rows: dict[str, dict[str, float]] = {
        name: {"top1": 100 * shares[0], "top5": 100 * shares[1]} for name, shares in trivial.items()
    }
    counts: dict[str, list[list[int]]] = {}
    for name in given.only:
        scores, seconds = one_run(name, given, store, weights)
        rows[name] = {"top1": scores.top1, "top5": scores.top5, "seconds": seconds}
        counts[name] = scores.counts.tolist()

    table = Table("", "top-1 %", "top-5 %", "seconds")
    for name, row in rows.items():
        spent = f"{row['seconds']:.0f}" if "seconds" in row else ""
        table.add_row(name, f"{row['top1']:.1f}", f"{row['top5']:.1f}", spent)
    Console().print(table)
    console.print(f"confusions: {given.out}/confusion_*.png")
    if given.json:
        document = {
            "held_out": given.holdout,
            "clips": {"training": sides[0], "judged": sides[1]},
            "cameras": given.cameras,
            "steps": given.steps,
            "batch": given.batch,
            "frames": given.frames,
            "learning_rate": given.learning_rate,
            "seed": given.seed,
            "rows": {
                name: {key: round(value, 2) for key, value in row.items()}
                for name, row in rows.items()
            },
            "classes": actions,
            "counts": counts,
        }
        given.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def _positive(text: str) -> int:
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(f"must be a whole number from 1 on, got {text}")
    return int(text)


def _refuse(reason: str) -> int:
    console.print(f"error: {reason}", markup=False, highlight=False, soft_wrap=True)
    return 1


def main() -> int:
    """Run the benchmark and print its table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("store", type=Path, help="clip store that holds cuts of HDM05")
    parser.add_argument("--weights", default="mbcli-lifter", help="lifter to start from")
    parser.add_argument("--holdout", default="hdm05-dg", metavar="SUBJECT")
    parser.add_argument("--only", nargs="+", choices=RUNS, default=RUNS)
    parser.add_argument("--cameras", type=_positive, default=4)
    parser.add_argument("--frames", type=_positive, default=27, help="of a clip, resampled")
    parser.add_argument("--steps", type=_positive, default=200)
    parser.add_argument("--batch", type=_positive, default=16)
    parser.add_argument(
        "--learning-rate", type=float, default=1e-4, help="of the backbone; the head's is tenfold"
    )
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("runs/actions"))
    parser.add_argument("--json", type=Path, help="file for the figures and the counts")
    try:
        compare(parser.parse_args())
    except MbcliError as error:
        return _refuse(str(error))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where, reason = ".".join(map(str, first["loc"])), first["msg"]
        reason = reason.removeprefix("Value error, ")
        return _refuse(f"{where}: {reason}" if where else reason)
    return 0


if __name__ == "__main__":
    sys.exit(main())
