"""What planting does to feet, poses and the picture.

    python -m benchmarks.world.feet pose.npz ...

For each person of results of `mbcli infer`, in millimetres, after feet have been planted (bones of
constant length in both): how far planted ankles slide in a frame, how far they are below the height
of a standing ankle above the floor (where they are on the floor at all), how far joints move
relative to the pelvis, and how far joints and ankles are from their keypoints, before and after.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from mbcli.motion import Motion3D, load_motion
from mbcli.refinement.floor import ANKLE_HEIGHT, body_height
from mbcli.refinement.joints import standing_joints
from mbcli.refinement.options import RefineOptions
from mbcli.refinement.refine import refine
from mbcli.types import FloatArray

_ON_FLOOR = 0.1  # metres: feet further away stand on something else
_SEEN = 0.4  # confidence of keypoints that are compared with
_BELOW = 99  # percentile of the frames


def figures(plain: Motion3D, planted: Motion3D, person: int) -> tuple[float, ...] | None:
    """Those of the table for a person (a column); None if their feet never stand."""
    assert planted.refinement is not None
    assert planted.refinement.foot_contacts is not None
    stands, there = planted.refinement.foot_contacts[:, person], plain.present[:, person]
    if not stands.any():
        return None
    ankles = standing_joints(plain.skeleton).ankles
    world = planted.in_world[:, person, ankles]
    slide = np.linalg.norm(np.diff(world, axis=0), axis=-1)[stands[1:] & stands[:-1]]
    height = ANKLE_HEIGHT * body_height(plain.in_world[there, person], plain.skeleton)
    below = (world[..., 1] + height)[stands]
    level = plain.camera.grounded and abs(np.median(below)) < _ON_FLOOR
    moved = np.linalg.norm((planted.positions - plain.positions)[there, person], axis=-1)
    keypoints = plain.keypoints.data[:, person]
    metres = plain.in_camera[:, person, :, 2] / plain.camera.straight.focal[0]

    def off(motion: Motion3D) -> FloatArray:
        seen = motion.camera.project(motion.in_camera[:, person])
        apart = np.linalg.norm(seen - keypoints[..., :2], axis=-1) * metres
        return np.where(keypoints[..., 2] > _SEEN, apart, np.nan)

    before, after = off(plain), off(planted)
    pictures = (one[:, which] for which in (slice(None), ankles) for one in (before, after))
    rows = (
        float(slide.mean()) if slide.size else np.nan,
        float(np.percentile(below, _BELOW)) if level else np.nan,
        float(moved.mean()),
        *(float(np.nanmean(one)) for one in pictures),
    )
    return tuple(1000 * value for value in rows)


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("poses", nargs="+", type=Path)
    table = Table("", "slide", "below", "pose", "picture", "after", "ankles", "after")
    found = []
    for path in parser.parse_args().poses:
        motion = load_motion(path)
        plain = refine(motion, RefineOptions(bones=True))
        planted = refine(motion, RefineOptions(bones=True, feet=True))
        for person, number in enumerate(motion.track_ids.tolist()):
            row = figures(plain, planted, person)
            if row is not None:
                found.append(row)
                table.add_row(f"{path.stem} {number}", *(f"{value:.1f}" for value in row))
    if found:
        table.add_row("mean", *(f"{value:.1f}" for value in np.nanmean(found, axis=0)))
    Console(width=120).print(table)


if __name__ == "__main__":
    main()
