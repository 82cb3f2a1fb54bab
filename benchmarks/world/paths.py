"""Paths of recorded people that virtual cameras have filmed, against what is expected of them.

    python -m benchmarks.world.paths FOLDER [--seconds 4] [--seed 5]

FOLDER holds motion capture (ASF/AMC, BVH). Every file is filmed by a camera that stands still and
by one that moves through a hall with boards in it: pushed ahead or back, carried beside, in a hand,
around the person, or along with them. Shown are the way of the pelvis, how far its path is from the
true one from the same start (root mean square), `mbcli.placing.path_error`'s figure for it, how far
off it is once standing feet are kept in place, and in degrees how far off gravity is. Rendering a
clip takes half a minute.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from rich.console import Console
from rich.table import Table
from scipy.ndimage import gaussian_filter1d
from scipy.spatial.transform import Rotation

from benchmarks.world.moved import detection, ties_in
from benchmarks.world.recorded import FPS, Filmed, arguments, film, recordings, still_camera
from benchmarks.world.scenes import filmed, hall
from mbcli.motion import Motion3D
from mbcli.options import InferOptions
from mbcli.pipeline import Pipeline
from mbcli.refinement.options import RefineOptions
from mbcli.refinement.refine import refine
from mbcli.types import FloatArray

SMALL = (480, 270)  # pixels, as small as pictures are made for following the background
_LENSES = (45.0, 72.0)  # degrees across the longer side
_FLAT = np.array([1.0, 0.0, 1.0])
# Takes randomness, poses (T, 4, 4) of a camera that stands still, and the pelvis (T, 3).
_Move = Callable[[np.random.Generator, FloatArray, FloatArray], FloatArray]


def _going(rng: np.random.Generator, poses: FloatArray, axis: int, speed: float) -> FloatArray:
    """A camera that goes along one of its own axes, on the level."""
    ahead = poses[0, :3, axis] * _FLAT * speed * rng.choice([-1, 1])
    moved = poses.copy()
    moved[:, :3, 3] += np.arange(len(poses))[:, None] / FPS * ahead
    return moved


def pushed(rng: np.random.Generator, poses: FloatArray, pelvis: FloatArray) -> FloatArray:
    """Ahead or back, by 0.1 to 0.4 m a second."""
    return _going(rng, poses, 2, rng.uniform(0.1, 0.4))


def beside(rng: np.random.Generator, poses: FloatArray, pelvis: FloatArray) -> FloatArray:
    """To the side, by 0.5 to 1.4 m a second."""
    return _going(rng, poses, 0, rng.uniform(0.5, 1.4))


def along(rng: np.random.Generator, poses: FloatArray, pelvis: FloatArray) -> FloatArray:
    """Where the person goes."""
    moved = poses.copy()
    moved[:, :3, 3] += gaussian_filter1d(pelvis - pelvis[0], 10, axis=0) * _FLAT
    return moved


def held(rng: np.random.Generator, poses: FloatArray, pelvis: FloatArray) -> FloatArray:
    """In a hand: 8 cm and 1.5 degrees to and fro."""
    noise = rng.standard_normal((len(poses) + 200, 6))
    noise = gaussian_filter1d(noise, 12, axis=0)[100:-100]
    noise = (noise - noise[0]) / noise.std(axis=0)
    moved = poses.copy()
    moved[:, :3, 3] += noise[:, :3] * [0.08, 0.04, 0.08]
    turns = Rotation.from_rotvec(np.radians(noise[:, 3:] * [1.5, 1.5, 0.7]))
    moved[:, :3, :3] = moved[:, :3, :3] @ turns.as_matrix()
    return moved


def around(rng: np.random.Generator, poses: FloatArray, pelvis: FloatArray) -> FloatArray:
    """Around the middle of the path, by 5 to 20 degrees a second."""
    angle = np.radians(rng.uniform(5, 20)) * rng.choice([-1, 1]) * np.arange(len(poses)) / FPS
    turns = Rotation.from_rotvec(np.outer(angle, [0, 1, 0])).as_matrix()
    middle, moved = pelvis.mean(axis=0), poses.copy()
    moved[:, :3, 3] = turns @ (poses[0, :3, 3] - middle) + middle
    moved[:, :3, :3] = turns @ poses[:, :3, :3]
    return moved


_MOVES: tuple[_Move, ...] = (pushed, beside, along, held, around)


def off(motion: Motion3D, seen: Filmed) -> float:
    """Metres (root mean square) between a path and the true one, in axes of the first picture."""
    root = motion.camera.ungrounded.to_world(motion.root)[:, 0]
    first = seen.poses[0]
    true = (seen.joints[:, 0] - first[:3, 3]) @ first[:3, :3]
    there = np.flatnonzero(np.isfinite(root).all(axis=-1))
    apart = (root - root[there[0]] - true + true[there[0]])[there]
    return float(np.sqrt((apart**2).sum(axis=-1).mean()))


def main() -> None:
    """Measure, and print a table."""
    given = arguments(__doc__, seconds=4.0, seed=5).parse_args()
    rng = np.random.default_rng(given.seed)
    pipeline = Pipeline(InferOptions())
    table = Table("recording", "camera", "found", "way", "off", "expected", "planted", "gravity")
    ratios: dict[str, list[float]] = {"still": [], "moving": []}
    for number, (name, body) in enumerate(recordings(given.folder, given.seconds)):
        poses, pelvis = still_camera(rng, body), body[:, 0]
        move = _MOVES[number % len(_MOVES)]
        moved = move(rng, poses, pelvis)
        for shown, path in (("still", poses), (move.__name__, moved)):
            seen = film(rng, body, path, rng.uniform(*_LENSES), SMALL)
            ties = None
            if shown != "still":
                planes, boards = hall(rng, np.concatenate([pelvis, path[:, :3, 3]]))
                ties = ties_in(filmed(planes, path, seen.focal, SMALL, boards), seen.keypoints)
            motion = pipeline.lift(detection(seen.keypoints, ties))
            planted = refine(motion, RefineOptions(bones=True, feet=True))
            error, expected = off(motion, seen), motion.meta["path"]["people"]["1"]
            way = np.linalg.norm(np.diff(pelvis, axis=0), axis=-1).sum()
            down = (motion.camera.world_from_camera[:, 1, :3] * path[:, 1, :3]).sum(axis=-1)
            figures = (way, error, expected, off(planted, seen), np.degrees(np.arccos(down)).mean())
            found = motion.camera.motion + (", astray" if motion.camera.astray else "")
            table.add_row(name, shown, found, *(f"{value:.2f}" for value in figures))
            ratios["still" if shown == "still" else "moving"].append(error / expected)
    Console(width=120).print(table)
    for kind, each in ratios.items():
        ratio = np.array(each)
        print(
            f"{kind}: off by {np.median(ratio):.2f} of what is expected in the median, between "
            f"half and twice in {np.mean((ratio > 0.5) & (ratio < 2)):.0%}, below twice in "
            f"{np.mean(ratio < 2):.0%}"
        )


if __name__ == "__main__":
    main()
