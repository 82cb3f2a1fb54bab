"""Gravity and the floor of recordings that virtual cameras have filmed, against the truth.

    python -m benchmarks.world.gravity FOLDER [--seconds 4] [--seed 3]

FOLDER holds motion capture (ASF/AMC, BVH). Every file is filmed once by a camera that stands still
beside the person, with the errors of MoveNet and a lens of 45 to 72 degrees, of which the pipeline
knows nothing. Shown are degrees between the estimated and the true vertical, to the side (roll) and
forward (pitch), the error if the camera is taken to be level, and what the estimate says of itself.
"""

from __future__ import annotations

import numpy as np
from rich.console import Console
from rich.table import Table

from benchmarks.world.moved import detection
from benchmarks.world.recorded import arguments, film, recordings, still_camera
from mbcli.options import InferOptions
from mbcli.pipeline import Pipeline
from mbcli.types import FloatArray

_LENSES = (45.0, 72.0)  # degrees across the longer side: phones' main cameras and webcams
_LEVEL = np.array([0.0, 1.0, 0.0])


def off(down: FloatArray, true: FloatArray) -> float:
    """Degrees between unit vectors."""
    return float(np.degrees(np.arccos(np.clip(down @ true, -1, 1))))


def main() -> None:
    """Measure, and print a table."""
    given = arguments(__doc__, seconds=4.0, seed=3).parse_args()
    rng, pipeline = np.random.default_rng(given.seed), Pipeline(InferOptions())
    table = Table("recording", "off", "roll", "pitch", "level camera", "said", "steps", "taken")
    taken = []
    for name, body in recordings(given.folder, given.seconds):
        seen = film(rng, body, still_camera(rng, body), rng.uniform(*_LENSES))
        motion = pipeline.lift(detection(seen.keypoints, None))
        found, true = motion.meta["world"], seen.poses[0, 1, :3]
        down = motion.camera.first_pose[1, :3]
        said = found.get("spread_degrees")
        roll, _, pitch = np.degrees(down - true)
        table.add_row(
            name,
            *(f"{value:.1f}" for value in (off(down, true), roll, pitch, off(_LEVEL, true))),
            "" if said is None else f"{said:.1f}",
            str(found.get("contacts_used", "")),
            "yes" if motion.camera.grounded else found["found"],
        )
        if motion.camera.grounded:
            taken.append((off(down, true), said))
    Console(width=150).print(table)
    if taken:
        error, sigma = np.array(taken).T
        print(
            f"of {len(taken)} taken: median {np.median(error):.1f} degrees, root mean square "
            f"{np.sqrt(np.mean(error**2)):.1f}, said {np.sqrt(np.mean(2 * sigma**2)):.1f}"
        )


if __name__ == "__main__":
    main()
