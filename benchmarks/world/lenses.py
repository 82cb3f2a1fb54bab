"""Focal lengths that walking people show, against the truth.

    python -m benchmarks.world.lenses FOLDER [--seconds 2.5] [--scenes 20] [--seed 1]

FOLDER holds motion capture (ASF/AMC, BVH), of which those who get on by half a metre a second are
taken. In every scene a lens of which the pipeline knows nothing (30 % about 55 degrees, one
standard error) films five of them, each from another place, with the errors of MoveNet. Shown is,
for one person alone, two, three and all five, how far the focal length is off where it is taken,
and how far 55 degrees would be.
"""

from __future__ import annotations

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.world.moved import detection
from benchmarks.world.recorded import FPS, SIZE, arguments, film, recordings, still_camera
from mbcli.camera import DEFAULT_FOV, focal_of, fov_of
from mbcli.options import InferOptions
from mbcli.pipeline import Pipeline
from mbcli.placing.lens import ASSUMED_DOUBT, KnownLens, lens_of, walked_lens
from mbcli.skeleton import H36M17
from mbcli.spans import PerPerson, Spans
from mbcli.types import FloatArray

_PEOPLE, _COUNTS = 5, (1, 2, 3, 5)
_SPEED = 0.5  # metres a second
_WIDEST = 0.7  # of the logarithm of the focal length


def told(bodies: list[FloatArray]) -> KnownLens:
    """The lens that people (T, 17, 3), placed with 55 degrees, show."""
    frames, people = len(bodies[0]), len(bodies)
    spans = Spans(frames, np.zeros(people, np.int64), np.full(people, frames))
    known = lens_of(SIZE, frames)
    there, times = PerPerson(spans, np.concatenate(bodies), np.nan), np.arange(frames) / FPS
    return walked_lens(known, there, times, [slice(0, frames)], H36M17)


def main() -> None:
    """Measure, and print a table."""
    parser = arguments(__doc__, seconds=2.5, seed=1)
    parser.add_argument("--scenes", type=int, default=20)
    given = parser.parse_args()
    rng = np.random.default_rng(given.seed)
    # The focal length is given, so that people are placed with it whoever walks.
    assumed = focal_of(DEFAULT_FOV, SIZE)
    pipeline = Pipeline(InferOptions(focal=assumed))
    walks = [
        body
        for _, body in recordings(given.folder, given.seconds)
        if np.linalg.norm((body[-1] - body[0])[0, [0, 2]]) > _SPEED * given.seconds
    ]
    found: dict[int, list[tuple[float, float, float]]] = {count: [] for count in _COUNTS}
    for _ in range(given.scenes):
        true = float(np.exp(np.clip(rng.normal(0, ASSUMED_DOUBT), -_WIDEST, _WIDEST)))
        bodies = []
        for number in rng.integers(len(walks), size=_PEOPLE):
            camera = still_camera(rng, walks[number])
            seen = film(rng, walks[number], camera, fov_of(true * assumed, SIZE))
            motion = pipeline.lift(detection(seen.keypoints, None))
            bodies.append(motion.in_camera[:, 0])
        for count in _COUNTS:
            for first in range(0, _PEOPLE - count + 1, count):
                lens = told(bodies[first : first + count])
                if lens.source == "clip":
                    factor = lens.camera.focal.mean() / assumed
                    found[count].append((np.log(factor / true), lens.doubt or 0.0, np.log(true)))
    table = Table("people", "taken", "median", "off by", "said", "55 degrees, median", "off by")
    for count, rows in found.items():
        scenes = given.scenes * (_PEOPLE // count)
        off, said, plain = np.array(rows).reshape(-1, 3).T
        cells = [
            f"{value:.3f}"
            for value in (
                np.median(np.abs(off)),
                np.sqrt(np.mean(off**2)),
                np.sqrt(np.mean(said**2)),
                np.median(np.abs(plain)),
                np.sqrt(np.mean(plain**2)),
            )
            if len(rows)
        ]
        table.add_row(str(count), f"{len(rows)} of {scenes}", *cells)
    Console(width=120).print(table)
    print(f"{len(walks)} walks; logarithms; off by: root mean square")


if __name__ == "__main__":
    main()
