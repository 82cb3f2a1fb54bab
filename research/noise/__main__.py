"""Measure how a 2D front end errs, and write the numbers that training draws such errors from.

    python -m research.noise --multiview FOLDER --out FRONT_END.json
        [--pose2d movenet] [--people N] [--draws 4] [--keep FOLDER] [--picture noise.png]
    python -m research.noise --video VIDEO --out FRONT_END.json [--pose2d movenet]

The folder holds synchronised videos and their calibration (``Calib.qca.txt``). The front end's
keypoints are taken as they come, before anything is mended or converted. Each view is compared
with what the others triangulate (`misses`, `measures`), and the model of errors is fitted so that
drawn footage measures alike (`fit`). ``corruption.front_end`` of a training configuration
names the file. What one clip cannot tell is mixed with a prior, and said. Keypoints out of sight
are measured apart (`sight`); their numbers in the file stay MoveNet's, since one clip has too few.

A video without calibration has no truth: only the white part (an upper bound, since fast motion
adds to it), the confidences and what is not reported are measured; all else stays as it is for
MoveNet.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.accuracy.calibration import read_qualisys
from mbcli.conversion import convert
from mbcli.errors import InputError, MbcliError
from mbcli.options import InferOptions
from mbcli.pose2d import BACKENDS
from mbcli.report import Stopwatch, unobserved
from mbcli.skeleton import COCO17
from mbcli.storage.output import written_whole
from mbcli.tracks.source import opened
from mbcli.train.noise_model import NoiseModel
from mbcli.types import FloatArray
from research.noise.fit import Fit, fit
from research.noise.measures import GROUPS, LAGS, OF_GROUP
from research.noise.misses import everybody
from research.noise.picture import draw_picture
from research.noise.sight import sight, unseen
from research.noise.uncalibrated import without_truth

CALIBRATION = "Calib.qca.txt"


def keypoints_of(video: Path, pose2d: str, keep: Path | None) -> tuple[FloatArray, float]:
    """(T, P, 17, 3) COCO keypoints as the front end gives them, and frames a second.

    Args:
        video: the video.
        pose2d: the front end.
        keep: folder where they are kept, and taken from the next time.
    """
    kept = None if keep is None else keep / f"{video.stem}.{pose2d}.npz"
    if kept is not None and kept.is_file():
        with np.load(kept, allow_pickle=False) as file:
            return file["keypoints"], float(file["fps"])
    options = InferOptions(pose2d=pose2d, pose2d_rate=0, fix_swaps=False, bridge=False)
    with opened(video, options) as detect:
        found = detect(unobserved, Stopwatch()).keypoints
    data = convert(found.data, found.skeleton, COCO17)
    if kept is not None:
        kept.parent.mkdir(parents=True, exist_ok=True)
        np.savez_compressed(kept, keypoints=data, fps=found.fps)
    return data, found.fps


def multiview(folder: Path, arguments: argparse.Namespace, console: Console) -> NoiseModel:
    """Fit to calibrated footage and tell what was found.

    Raises:
        InputError: no calibration, not one video per camera, or nobody that all see.
    """
    if not (folder / CALIBRATION).is_file():
        raise InputError(
            f"{folder} must hold {CALIBRATION} and one video per camera; without a calibration, "
            f"give --video, which yields the white part only"
        )
    views = read_qualisys(folder / CALIBRATION)
    seen = [
        keypoints_of(video, arguments.pose2d, arguments.keep)
        for video in sorted(folder.glob("*.mp4"))
    ]
    fps = seen[0][1] if seen else 0.0
    people, renewed = everybody(views, [data for data, _ in seen], fps)
    people = people[: arguments.people]
    found = fit(people, arguments.pose2d, draws=arguments.draws)
    frames = people[0].pixels.shape[1]
    about = (
        f"{len(people)} people in {len(views)} calibrated views, {frames} frames at {fps:g} a "
        f"second; the rates of rare events, the offsets and the difference between views are "
        f"mixed with a prior"
    )
    tell(found, renewed, console)
    console.print(sight(found.misses, *unseen(people, found.points)))
    if arguments.picture is not None:
        draw_picture(found, arguments.picture)
    return found.numbers.model_copy(update={"about": about})


def tell(found: Fit, renewed: int, console: Console) -> None:
    """Print every figure; all lengths are per cent of the standing height."""
    numbers, real = found.numbers, found.real
    console.print(f"camera {renewed + 1} was estimated anew from the others")
    offsets = Table(title="constant offset x, y of each view, % of the height, as measured")
    offsets.add_column("")
    for person in range(len(real.offset)):
        for view in range(len(real.offset[0])):
            offsets.add_column(f"{person + 1}: view {view + 1}", justify="right", no_wrap=True)
    for joint, name in enumerate(COCO17.joints):
        places = real.offset[:, :, joint].reshape(-1, 2) * 100
        cells = ["-" if np.isnan(x) else f"{x:+.1f} {y:+.1f}" for x, y in places]
        offsets.add_row(name.replace("_", " "), *cells)
    console.print(offsets)

    shifts = [f"{x:+.1f} {y:+.1f}" for x, y in 100 * real.common.reshape(-1, 2)]
    console.print(f"taken off before: shift of the whole body, x y in %: {', '.join(shifts)}")

    drawn = found.drawn
    sizes = Table(title="sizes an axis, % of the height; measured / the same of drawn errors")
    for column in ("", "series", "offset", "the rest", "3rd difference"):
        sizes.add_column(column, justify="right")
    for lag in LAGS:
        sizes.add_column(f"after {lag:.3f} s", justify="right")
    for column in ("fit: offset", "slow", "white", "in all"):
        sizes.add_column(column, justify="right")
    for group, name in enumerate(GROUPS):
        joint = int(np.flatnonzero(group == OF_GROUP)[0])
        parts = [getattr(numbers, part)[joint] for part in ("offset", "slow", "white")]
        # With the difference between views, which the sizes leave to difficulty_sd.
        total = np.exp(numbers.difficulty_sd**2) * np.linalg.norm(parts)
        pairs = [
            (real.offset_variance, [m.offset_variance for m in drawn]),
            (real.covariance[:, 0], [m.covariance[:, 0] for m in drawn]),
            (real.rough, [m.rough for m in drawn]),
        ]
        cells = [
            f"{100 * one[group] ** 0.5:.2f} / {100 * np.mean(many, axis=0)[group] ** 0.5:.2f}"
            for one, many in pairs
        ]
        for row in range(1, len(LAGS) + 1):
            ratios = [m.covariance[group, row] / m.covariance[group, 0] for m in (real, *drawn)]
            cells.append(f"{ratios[0]:.2f} / {np.mean(ratios[1:]):.2f}")
        cells += [f"{100 * value:.2f}" for value in (*parts, total)]
        sizes.add_row(name, f"{real.series[group]:.0f}", *cells)
    console.print(sizes)
    ratios = [m.pooled[1:] / m.pooled[0] for m in (real, *drawn)]
    told = ", ".join(
        f"{a:.2f} / {b:.2f}" for a, b in zip(ratios[0], np.mean(ratios[1:], 0), strict=True)
    )
    spread = [
        np.std([np.log(m.offset_variance) / 2 for m in drawn], axis=0),
        np.std([np.log(m.covariance[:, 1]) / 2 for m in drawn], axis=0),
        np.std([np.log(m.rough) / 2 for m in drawn], axis=0),
    ]
    console.print(
        f"all joints: autocorrelation {told}; time constant {numbers.time_constant:.3f} s\n"
        f"one such clip tells an offset to {np.median(spread[0]):.0%}, the slow part to "
        f"{np.median(spread[1]):.0%}, the third difference to {np.median(spread[2]):.0%} "
        f"(medians over the joints, from {len(drawn)} draws)\n"
        f"views' factors on all sizes: {np.round(real.factor, 2).tolist()}"
    )
    events = Table(title="limbs that go wrong for 0.1 s or more")
    for column in ("kind", "limb", "person", "view", "from frame", "frames", "away"):
        events.add_column(column, justify="right")
    for s in real.stretches:
        where = [str(s.person + 1), str(s.view + 1), str(s.first), str(s.frames)]
        events.add_row(s.kind, s.limb.replace("_", " "), *where, f"{s.away:.0%}")
    console.print(events)
    console.print(f"outliers: {real.outliers} of {real.known} keypoints of limbs")
    logits = real.confidence
    curve = ", ".join(f"{low:g} %: {middle:.2f} ({n})" for low, middle, n in real.curve)
    console.print(f"median confidence by the error's lower end (keypoints): {curve}")
    console.print(
        f"confidence: 1 % takes {logits.slope:.2f} from the logit, around which it scatters by "
        f"{logits.sd:.2f}, {logits.steady:.0%} of that for the whole view"
    )
    for note in found.notes:
        console.print(f"- {note}")


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(
        prog="python -m research.noise", description=__doc__.splitlines()[0]
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--multiview", type=Path, help="videos and their calibration")
    source.add_argument("--video", type=Path, help="a video without calibration")
    parser.add_argument("--pose2d", choices=list(BACKENDS), default="movenet")
    parser.add_argument("--people", type=int, help="so many only, who moves most first")
    parser.add_argument("--draws", type=int, default=4, help="draws in each round of the fit")
    parser.add_argument("--keep", type=Path, help="folder to keep the 2D keypoints in")
    parser.add_argument("--picture", type=Path, help="real and drawn errors side by side")
    parser.add_argument("--out", type=Path, required=True, help="the numbers as JSON")
    arguments = parser.parse_args()
    console = Console(width=None if sys.stdout.isatty() else 150)
    try:
        if arguments.multiview is not None:
            numbers = multiview(arguments.multiview, arguments, console)
        else:
            data, fps = keypoints_of(arguments.video, arguments.pose2d, arguments.keep)
            numbers, lines = without_truth(data, fps, arguments.pose2d)
            for line in lines:
                console.print(line)
        with written_whole(arguments.out, overwrite=True) as part:
            text = json.dumps(numbers.model_dump(mode="json"), indent=2)
            part.write_text(text + "\n", encoding="utf-8")
    except MbcliError as error:
        sys.exit(f"error: {error}")
    console.print(f"written: {arguments.out}")


if __name__ == "__main__":
    main()
