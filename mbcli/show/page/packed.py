"""A motion as stored in the page: one JSON object, with arrays as packed bytes in base64.

The page's space is right-handed, in metres, with y up and its origin on the floor; without an
estimated world x points to the right of the video's camera and z towards it. Arrays are
little-endian; T frames, P people, J joints:

    times      (T,) f8         seconds
    numbers    (T,) f8         frame numbers in the source; integers
    roots      (T, P, 3) f4    the first joint; NaN where the person is absent
    offsets    (T, P, J, 3) i2 every joint minus the first one, in steps of ``step`` metres
    confidence (T, P, J) u1    0..255 for 0..1
"""

from __future__ import annotations

import base64
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.motion import Motion3D
from mbcli.show.colours import LEFT, RIGHT, Colour, person_colour
from mbcli.show.scene import scene_of
from mbcli.types import FloatArray

_FINEST_STEP = 1e-4  # metres: bodies up to 3 m from the pelvis are then exact to 0.05 mm
_INT16 = 32767  # the largest
_WILD = 2.0  # extents beyond this multiple of the middle 98 % are not framed
_LEVEL = 1e-6  # a camera that looks along gravity has no heading
_Y_UP = np.array([1.0, -1.0, -1.0])  # from y down, z away to y up, z towards the camera


@dataclass(frozen=True, eq=False)
class Space:
    """The people in the page's space.

    Attributes:
        points: (T, P, J, 3) float64 metres, y up; NaN where absent.
        front: (2,) horizontal direction x, z, from the people towards the video's camera.
        upright: whether it is an estimated world, whose x and z differ from the camera's.
        note: the assumptions.
    """

    points: FloatArray
    front: tuple[float, float]
    upright: bool
    note: str


def packed(motion: Motion3D, *, title: str, columns: Sequence[int]) -> dict[str, Any]:
    """The JSON-ready object of a motion of at least one frame; see the top of this file.

    Args:
        motion: the motion, whose refined world is used if it has one.
        title: the page's heading.
        columns: columns of the people on the page, which determine their colours.
    """
    skeleton = motion.skeleton
    space = space_of(motion)
    points = space.points[:, columns]
    roots = points[:, :, skeleton.root]
    offsets = np.nan_to_num(points - roots[:, :, None])
    step = max(_FINEST_STEP, float(np.abs(offsets).max(initial=0.0)) / _INT16)
    return {
        "title": title,
        "frames": len(motion.timestamps),
        "fps": motion.fps,
        "size": list(motion.keypoints.size),
        "people": [int(motion.track_ids[column]) for column in columns],
        "joints": list(skeleton.joints),
        "bones": [list(bone) for bone in skeleton.bones],
        "colours": {
            "left": _hex(LEFT),
            "right": _hex(RIGHT),
            "people": [_hex(person_colour(column)) for column in columns],
        },
        "front": list(space.front),
        "boxes": [_bounds(points[:, who]) for who in range(len(columns))],
        "metadata": _metadata(motion, space),
        "step": step,
        "times": _base64(motion.timestamps, "<f8"),
        "numbers": _base64(motion.keypoints.frame_index, "<f8"),
        "roots": _base64(roots, "<f4"),
        "offsets": _base64(np.rint(offsets / step), "<i2"),
        "confidence": _base64(np.rint(255 * motion.confidence[:, columns]), "u1"),
    }


def space_of(motion: Motion3D) -> Space:
    """Put the people upright on a floor at y = 0.

    A refined motion with a world is shown in it. Otherwise the camera is assumed to be level, the
    floor to be where the lower ankle mostly is, and the origin lies below the first person's first
    position. People with unknown positions stand side by side.
    """
    scene = scene_of(motion)
    points = scene.points.astype(np.float64)
    points[~motion.present] = np.nan
    if scene.upright:
        x, _, z = (-scene.camera.first_pose[:3, 2]).tolist()
        length = math.hypot(x, z)
        # A camera that looks straight down has no heading.
        front = (x / length, z / length) if length > _LEVEL else (0.0, 1.0)
        note = f"upright on the floor that refinement has estimated; {scene.camera.behaviour}"
        return Space(points, front, True, note)
    note = (
        "the camera is taken to be level, and the floor to be where the ankles mostly are"
        if scene.placed
        else "places are unknown: people stand side by side"
    )
    return Space(_grounded(motion, points, scene.floor) * _Y_UP, (0.0, 1.0), False, note)


def _grounded(motion: Motion3D, points: FloatArray, floor: float) -> FloatArray:
    """Move the floor to y = 0 and the origin below the first person's first position."""
    origin = np.zeros(3)
    present = motion.present
    if present.any():
        who = int(present.any(axis=0).argmax())
        origin = points[int(present[:, who].argmax()), who, motion.skeleton.root].copy()
    origin[1] = floor
    return points - origin


def _bounds(points: FloatArray) -> list[list[float]] | None:
    """Lowest and highest x, y, z of a person's joints over the clip, without outliers."""
    there = points[np.isfinite(points).all(axis=(-1, -2))].reshape(-1, 3)
    if not len(there):
        return None
    low, high = there.min(axis=0), there.max(axis=0)
    usual_low, usual_high = np.percentile(there, (1, 99), axis=0)
    wild = high - low > _WILD * (usual_high - usual_low) + 1.0
    return [
        np.where(wild, usual_low, low).tolist(),
        np.where(wild, usual_high, high).tolist(),
    ]


def _metadata(motion: Motion3D, space: Space) -> list[list[str]]:
    """Names and texts of the metadata shown on the page."""
    meta = motion.meta
    source = meta.get("source")
    rows = [["Source", PurePath(source).name if isinstance(source, str) else "not noted"]]
    rows.append(
        ["Length", f"{len(motion.timestamps)} frames at {motion.fps:.6g} frames per second"]
    )
    level = "x (red) and z (blue)" if space.upright else "x (red) right, z (blue) to the camera"
    rows.append(["Axes", f"metres; y (green) up, {level}"])
    rows.append(["Space", space.note])
    assumed = meta.get("assumptions")
    height = assumed.get("height") if isinstance(assumed, Mapping) else None
    if isinstance(height, Mapping) and isinstance(height.get("metres"), int | float):
        how = "given" if height.get("given") else "assumed"
        rows.append(["Scale", f"from a body height of {height['metres']:.2f} m, {how}"])
    rows.append(["Refined", "no" if motion.refinement is None else "yes"])
    if isinstance(meta.get("version"), str):
        rows.append(["Made with", f"mbcli {meta['version']}; drawn by three.js"])
    return rows


def _base64(array: npt.NDArray[Any], dtype: str) -> str:
    return base64.b64encode(np.ascontiguousarray(array, dtype=dtype).tobytes()).decode("ascii")


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
