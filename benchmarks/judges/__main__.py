"""Old and new weights of the lifter, compared on small, fixed sets.

    python -m benchmarks.judges STORE --weights NAME|PATH ... [--pieces 24]
                                [--walk FILE] [--multiview FOLDER] [--out judges.json]

STORE holds the recordings of `weights/mbcli_lifter.md` and what `research.postures` made of them.
Five sets of it are filmed as `benchmarks.accuracy` films and lifted as ``mbcli infer`` lifts:

- recordings: the held-out people, noisy 2D, and the same with limbs hidden and frames missing
- sitting, floor: made motions of the held-out people: on chairs; on the floor, kneeling, crawling
- standing, walking: held-out people who stand and wait, and who walk, by cameras 0.2 to 4 m high

``--walk`` is `examples/walk.mp4` or its keypoints: the knees of the man on the roof while he stands
with straight legs and faces the camera (frames 22 to 35; 76 to 89 of the video before it was cut),
and the 5th and 95th percentile of his left thigh's length.
``--multiview`` is the folder of `benchmarks.accuracy`. All weights lift the same keypoints. Whom
weights were trained on is checked as far as they record it: for the recordings.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.accuracy.compare import measure
from benchmarks.accuracy.figures import mean_figures
from benchmarks.accuracy.footage import exact, lift, limbs_of, read_footage
from benchmarks.accuracy.heldout import lifted
from benchmarks.accuracy.people import held_out_lifter, score
from benchmarks.judges.limbs import FIGURES, flexions, limbs, pitch
from benchmarks.judges.sets import SETS, JudgeSet
from mbcli.data.stores.store import ClipStore
from mbcli.errors import ConfigError, MbcliError
from mbcli.lift.lifter import Lifter
from mbcli.options import InferOptions
from mbcli.pipeline import Pipeline
from mbcli.report import Stopwatch, unobserved
from mbcli.skeleton import H36M17
from mbcli.storage.output import written_whole
from mbcli.tracks.source import opened

# Set, weights, figure, value.
Row = tuple[str, str, str, float]

_ERRORS = {"p_mpjpe": ("P-MPJPE mm", 1), "seq_pa": ("seq-PA mm", 1), "mpjpe": ("MPJPE mm", 1)}
_SHAKING = {"acceleration_ratio": ("acceleration, ratio to 6 Hz", 2)}
_STANDS = slice(22, 36)  # frames of examples/walk.mp4
_WALK = {
    "knee_left": ("left knee, degrees", 1),
    "knee_right": ("right knee, degrees", 1),
    "thigh_short": ("left thigh, m, 5 %", 3),
    "thigh_long": ("left thigh, m, 95 %", 3),
}
_HEADINGS = {**_ERRORS, **_SHAKING, **FIGURES, **_WALK}


def on_recordings(
    chosen: JudgeSet, store: ClipStore, lifters: dict[str, Lifter], count: int
) -> Iterator[Row]:
    """The figures of one set, for each of its inputs."""
    filmed = list(chosen.film(store, count))
    for name in chosen.inputs:
        title = f"{chosen.name}, {name}"
        for who, lifter in lifters.items():
            poses = [lifted(piece, name, lifter) for piece in filmed]
            scored = [score(piece, found) for piece, found in zip(filmed, poses, strict=True)]
            overall = mean_figures([part for part in scored if part], by_frames=True)
            for figure in (*_ERRORS, *_SHAKING):
                yield title, who, figure, getattr(overall, figure)
            targets = np.concatenate([piece.target for piece in filmed])
            for figure, value in asdict(limbs(np.concatenate(poses), targets)).items():
                yield title, who, figure, value
            turns = [pitch(found, piece.target) for piece, found in zip(filmed, poses, strict=True)]
            known = np.abs(turns)[np.isfinite(turns)]
            yield title, who, "pitch", float(np.degrees(known.mean())) if len(known) else np.nan


def on_walk(source: Path, weights: dict[str, str]) -> Iterator[Row]:
    """The man on the roof, who is the highest in the picture."""
    with opened(source, InferOptions()) as detect:
        detection = detect(unobserved, Stopwatch())
    ends = [H36M17.index(name) for name in ("left_hip", "left_knee")]
    for who, name in weights.items():
        motion = Pipeline(InferOptions(weights=name)).lift(detection)
        highest = int(np.nanargmin(np.nanmean(motion.in_camera[_STANDS, :, 0, 1], axis=0)))
        body = motion.in_camera[:, highest].astype(np.float64)
        knees = np.nanmean(flexions(body[_STANDS])[0], axis=0)
        thigh = np.linalg.norm(body[:, ends[0]] - body[:, ends[1]], axis=-1)
        values = (*knees, *np.nanpercentile(thigh, (5, 95)))
        for figure, value in zip(_WALK, values, strict=True):
            yield "walk clip", who, figure, float(value)


def on_multiview(folder: Path, weights: dict[str, str]) -> Iterator[Row]:
    """The calibrated views, with our keypoints and with the reference's."""
    footage = read_footage(folder)
    views, tracks = range(len(footage.views)), footage.reference.tracks
    seen = {
        "four views": footage.detections,
        "four views, right 2D": [exact(footage, view) for view in views],
    }
    for title, detections in seen.items():
        answers = {
            who: [
                limbs_of(
                    lift(footage, name, view, detections[view], focal=True, height=True),
                    tracks[view],
                )
                for view in views
            ]
            for who, name in weights.items()
        }
        for who, parts in measure(footage, answers).items():
            for figure in ("p_mpjpe", "seq_pa", *_SHAKING):
                yield title, who, figure, getattr(parts[0], figure)


def show(rows: list[Row], weights: list[str]) -> Table:
    """A row a figure, a column for each of the weights."""
    table = Table()
    for number, name in enumerate(("set", "figure", *weights)):
        table.add_column(name, justify="right" if number > 1 else "left")
    values = {(title, figure, who): value for title, who, figure, value in rows}
    before = ""
    for title, figure in dict.fromkeys((title, figure) for title, _, figure, _ in rows):
        heading, digits = _HEADINGS[figure]
        found = (values[title, figure, who] for who in weights)
        cells = ("-" if np.isnan(value) else f"{value:.{digits}f}" for value in found)
        table.add_row(title if title != before else "", heading, *cells)
        before = title
    return table


def as_json(rows: list[Row]) -> dict[str, dict[str, dict[str, float | None]]]:
    """Figures by set, weights and figure; what does not apply is None."""
    result: dict[str, dict[str, dict[str, float | None]]] = {}
    for title, who, figure, value in rows:
        part = result.setdefault(title, {}).setdefault(who, {})
        part[figure] = None if np.isnan(value) else round(value, 4)
    return result


def _run(given: argparse.Namespace) -> None:
    weights = {Path(name).stem: name for name in given.weights}
    if len(weights) < len(given.weights):
        raise ConfigError("--weights must differ in their files' names, without the folders")
    if given.pieces < 1:
        raise ConfigError(f"--pieces must be at least 1, got {given.pieces}")
    store = ClipStore.open(given.store)
    lifters = {who: held_out_lifter(name) for who, name in weights.items()}
    rows: list[Row] = []
    for chosen in SETS:
        rows += on_recordings(chosen, store, lifters, given.pieces)
    if given.walk is not None:
        rows += on_walk(given.walk, weights)
    if given.multiview is not None:
        rows += on_multiview(given.multiview, weights)
    Console(width=None if sys.stdout.isatty() else 120).print(show(rows, list(weights)))
    if given.out is not None:
        with written_whole(given.out, overwrite=True) as part:
            part.write_text(json.dumps(as_json(rows), indent=2) + "\n", encoding="utf-8")


def main() -> int:
    """Run the benchmark; 1 if it cannot be run."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.judges",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("store", type=Path, help="clip store with the held-out people")
    parser.add_argument("--weights", nargs="+", default=["mbcli-lifter"], help="names or paths")
    parser.add_argument("--pieces", type=int, default=24, help="stretches of each set, about")
    parser.add_argument("--walk", type=Path, help="the walk clip, or a file of its keypoints")
    parser.add_argument("--multiview", type=Path, help="folder of calibrated videos")
    parser.add_argument("--out", type=Path, help="write the figures as JSON")
    try:
        _run(parser.parse_args())
    except MbcliError as error:
        print(f"judges: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
