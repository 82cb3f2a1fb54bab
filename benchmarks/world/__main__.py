"""People's paths and poses when the camera moves, against those of the still camera.

    python -m benchmarks.world [--movers "pan 10;shake"] [--window 720x540]

The walk clip is filmed anew by virtual cameras that pan, shake, roll and zoom (`movers.py`). Shown
are how far the pelvis is from where the still camera has it, as a maximum and as a mean, and joints
relative to the pelvis; with the camera followed, and taken to stand still; and the focal length
that the turns show, as a share of the true one. Keypoints are those of the still clip, moved along,
so that the errors of the 2D stage are the same in both.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.world.moved import apart, detection, moved_keypoints, ties_in
from benchmarks.world.movers import MOVERS
from mbcli.camera import focal_length
from mbcli.options import InferOptions
from mbcli.pipeline import Pipeline
from mbcli.skeleton import COCO17
from mbcli.types import Keypoints2D
from mbcli.video import VideoReader

ROOT = Path(__file__).parents[2]
CLIP, FOUND = ROOT / "examples" / "walk.mp4", ROOT / "tests" / "fixtures" / "walk_keypoints.npz"
WINDOW = (720, 540)


def found() -> Keypoints2D:
    """The 2D tracks of the walk clip."""
    with np.load(FOUND) as file:
        arrays = dict(file)
    width, height = arrays.pop("size").tolist()
    fps = float(arrays.pop("fps"))
    return Keypoints2D(skeleton=COCO17, size=(width, height), fps=fps, **arrays)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--movers", default=";".join(MOVERS))
    parser.add_argument("--window", default="x".join(map(str, WINDOW)))
    chosen = parser.parse_args()
    size = (int(chosen.window.split("x")[0]), int(chosen.window.split("x")[1]))
    keypoints = found()
    focal = focal_length(keypoints.size, None, None)
    pipelines = [
        Pipeline(InferOptions(focal=focal, camera_motion=motion)) for motion in ("auto", "still")
    ]
    blind = Pipeline(InferOptions())
    truth = pipelines[1].lift(detection(keypoints, None))
    table = Table("camera", "found", "followed", "", "", "as if still", "", "", "focal length")
    table.add_row("", "", "path, most", "mean", "pose", "path, most", "mean", "pose", "")
    for name in chosen.movers.split(";"):
        mover = MOVERS[name](len(keypoints.timestamps), size, focal)
        with VideoReader(CLIP) as reader:
            pictures = mover.filmed((frame.image for frame in reader), focal)
            seen = moved_keypoints(keypoints, mover, focal)
            ties = ties_in(pictures, seen)
        cells = []
        for pipeline in pipelines:
            motion = pipeline.lift(detection(seen, ties))
            off = apart(motion, truth, mover.turns[0])
            cells += [f"{1000 * value:.0f}" for value in (off.path, off.mean)] + [
                f"{1000 * off.pose:.1f}"
            ]
            if pipeline is pipelines[0]:
                words = motion.meta["camera"]["found"]
        lens = blind.lift(detection(seen, ties)).meta["assumptions"]["focal"]
        cells.append(f"{lens['pixels'] / focal:.3f}" if lens["source"] == "clip" else "not sure")
        table.add_row(name, words.split(",")[0], *cells)
    Console(width=150).print(table)
    print(f"millimetres; the walker's way is {off.way:.1f} m")


if __name__ == "__main__":
    main()
