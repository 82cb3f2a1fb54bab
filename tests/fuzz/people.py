"""The people in these inputs, and the commands that read their keypoints."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from motions import walking

from mbcli.conversion import convert
from mbcli.keypoints import write_keypoints
from mbcli.motion import Motion3D
from mbcli.skeleton import COCO17, H36M17
from mbcli.types import Keypoints2D

from .cases import Command

SIZE = ("--image-size", "1280x720", "--fps", "30")
TINY = "../../tiny.safetensors"  # of `all_cases.prepare_shared`
KEYPOINTS = "kp.json"
FRAMES = 12


@cache
def motion() -> Motion3D:
    """Two people, twelve frames."""
    return walking(FRAMES, people=2)


@cache
def coco_tracks() -> Keypoints2D:
    """The same people by the joints of COCO."""
    keypoints = motion().keypoints
    data = convert(keypoints.data, H36M17, COCO17, partial=True)
    data[..., 2] = np.where(np.isfinite(data[..., 0]), 0.9, 0)
    rng = np.random.default_rng(0)
    lost = ~np.isfinite(data[..., 0])
    data[lost, :2] = (data[:, :, 5, :2] + rng.normal(0, 4, (FRAMES, 2, 2)))[:, :, None].repeat(
        17, axis=2
    )[lost]
    data[lost, 2] = 0.5
    return Keypoints2D(
        data=data,
        skeleton=COCO17,
        fps=30.0,
        timestamps=keypoints.timestamps,
        size=keypoints.size,
        track_ids=keypoints.track_ids,
        boxes=keypoints.boxes,
        frame_index=keypoints.frame_index,
    )


def points_2d() -> np.ndarray:
    """(12, 2, 17, 3) x, y in pixels and confidence."""
    return np.asarray(coco_tracks().data, np.float64)


def lists(points: np.ndarray) -> list[list[float]]:
    """Points as lists of numbers."""
    return [[round(float(value), 2) for value in point] for point in points]


def flat(points: np.ndarray) -> list[float]:
    """All numbers of points in one list."""
    return [value for point in lists(points) for value in point]


def plain(value: Any) -> Any:
    """A value that JSON does not know, as one that it knows."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.decode("latin-1") if isinstance(value, bytes) else str(value)


def write_people(folder: Path) -> None:
    """Write their keypoints into a folder."""
    write_keypoints(folder / KEYPOINTS, coco_tracks())


def reads(name: str, *options: str) -> tuple[Command, ...]:
    """Commands that read a keypoint file."""
    keypoints = ("keypoints", name, *options, "--out", "out.npz")
    infer = ("infer", name, *options, "--weights", TINY, "--out", "out.npz")
    return (keypoints, keypoints, keypoints, infer)
