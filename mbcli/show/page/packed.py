"""A motion as stored in the page: one JSON object, with arrays as packed bytes in base64.

The page's space is right-handed, in metres, with y up and its origin on the floor; without an
estimated world x points to the right of the video's camera and z towards it. Arrays are
little-endian; T frames, P people, J joints:

    times      (T,) f8         seconds
    numbers    (T,) f8         frame numbers in the source; integers
    roots      (T, P, 3) f4    the first joint; NaN where the person is absent
    offsets    (T, P, J, 3) i2 every joint minus the first one, in steps of ``step`` metres
    confidence (T, P, J) u1    0..255 for 0..1

Where these would be mostly empty, because people come and go, they have one row a person and frame
instead, person after person, from each one's first frame to the last: ``spans`` holds these
frames and the one after the last, (P, 2). Otherwise ``spans`` is null.
"""

from __future__ import annotations

import base64
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.motion import Motion3D, heights
from mbcli.show.colours import LEFT, RIGHT, Colour, person_colour
from mbcli.show.scene import scene_of
from mbcli.spans import PerPerson
from mbcli.types import FloatArray
from mbcli.values import kept

_FINEST_STEP = 1e-4  # metres: bodies up to 3 m from the pelvis are then exact to 0.05 mm
_INT16 = 32767  # the largest
_WILD = 2.0  # extents beyond this multiple of the middle 98 % are not framed
# Bodies (T, P) from which, and share of those that are there from which, absent ones are left out.
_SPARSE = 100_000, 2
_LEVEL = 1e-6  # a camera that looks along gravity has no heading
_Y_UP = np.array([1.0, -1.0, -1.0])  # from y down, z away to y up, z towards the camera


@dataclass(frozen=True, eq=False)
class Space:
    """The people in the page's space.

    Attributes:
        points: (T, P, J, 3) float32 metres, kept by person, in the axes of the scene; NaN where
            absent.
        origin: (3,) its origin there.
        turn: (3,) signs that make y point up.
        front: (2,) horizontal direction x, z, from the people towards the video's camera.
        upright: whether it is an estimated world, whose x and z differ from the camera's.
        note: the assumptions.
    """

    points: PerPerson
    origin: FloatArray
    turn: FloatArray
    front: tuple[float, float]
    upright: bool
    note: str

    def of(self, column: int) -> FloatArray:
        """(t, J, 3) float64 metres, y up; NaN where absent, of the frames of a person's span."""
        return (self.points[column].astype(np.float64) - self.origin) * self.turn


def packed(motion: Motion3D, *, title: str, columns: Sequence[int]) -> dict[str, Any]:
    """The JSON-ready object of a motion of at least one frame; see the top of this file.

    Args:
        motion: the motion, whose refined world is used if it has one.
        title: the page's heading.
        columns: columns of the people on the page, which determine their colours.
    """
    skeleton, space = motion.skeleton, space_of(motion)
    spans = motion.spans.part(slice(0, motion.spans.frames), columns)
    roots = np.full((spans.rows, 3), np.nan, "<f4")
    boxes, farthest = [], 0.0
    for who, column in enumerate(columns):
        points = space.of(column)
        roots[spans.rows_of(who)] = points[:, skeleton.root]
        away = np.nan_to_num(points - points[:, [skeleton.root]])
        farthest = max(farthest, float(np.abs(away).max(initial=0.0)))
        boxes.append(_bounds(points))
    step = max(_FINEST_STEP, farthest / _INT16)
    offsets = np.zeros((spans.rows, len(skeleton), 3), "<i2")
    for who, column in enumerate(columns):
        points = space.of(column)
        away = np.nan_to_num(points - points[:, [skeleton.root]])
        offsets[spans.rows_of(who)] = np.rint(away / step)
    sure = kept(motion, "confidence").select(columns).rows
    packs = {
        "roots": PerPerson(spans, roots, np.nan),
        "offsets": PerPerson(spans, offsets, 0),
        "confidence": PerPerson(spans, np.rint(255 * sure).astype("u1"), 0),
    }
    bodies = spans.frames * len(spans)
    sparse = bodies > _SPARSE[0] and bodies > _SPARSE[1] * spans.rows
    return {
        "title": title,
        "frames": len(motion.timestamps),
        "fps": motion.fps,
        "size": list(motion.keypoints.size),
        "people": [int(motion.track_ids[column]) for column in columns],
        "spans": np.stack([spans.first, spans.stop], axis=1).tolist() if sparse else None,
        "joints": list(skeleton.joints),
        "bones": [list(bone) for bone in skeleton.bones],
        "colours": {
            "left": _hex(LEFT),
            "right": _hex(RIGHT),
            "people": [_hex(person_colour(column)) for column in columns],
        },
        "front": list(space.front),
        "boxes": boxes,
        "metadata": _metadata(motion, space),
        "step": step,
        "times": _base64(motion.timestamps, "<f8"),
        "numbers": _base64(motion.keypoints.frame_index, "<f8"),
        **{
            name: _base64(pack.rows if sparse else pack.dense(), pack.rows.dtype.str)
            for name, pack in packs.items()
        },
    }


def space_of(motion: Motion3D) -> Space:
    """Put the people upright on a floor at y = 0.

    A refined motion with a world is shown in it. Otherwise the camera is assumed to be level, the
    floor to be where the lower ankle mostly is, and the origin lies below the first person's first
    position. People with unknown positions stand side by side.
    """
    scene = scene_of(motion)
    points, there = kept(scene, "points"), motion.there
    rows = np.where(there.rows[:, None, None], points.rows, np.float32(np.nan))
    points = points.filled_with(rows)
    if scene.upright:
        x, _, z = (-scene.camera.first_pose[:3, 2]).tolist()
        length = math.hypot(x, z)
        # A camera that looks straight down has no heading.
        front = (x / length, z / length) if length > _LEVEL else (0.0, 1.0)
        note = f"upright on the estimated floor; {scene.camera.behaviour}"
        return Space(points, np.zeros(3), np.ones(3), front, True, note)
    note = (
        "the camera is taken to be level, and the floor to be where the ankles mostly are"
        if scene.placed
        else "places are unknown: people stand side by side"
    )
    # The floor is y = 0, and the origin below the first person's first position.
    seen, origin = np.flatnonzero(there.rows), np.zeros(3)
    if len(seen):
        origin = rows[seen[0], motion.skeleton.root].astype(np.float64)
    origin[1] = scene.floor
    return Space(points, origin, _Y_UP, (0.0, 1.0), False, note)


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
    if known := heights(motion):
        height = meta["assumptions"]["height"]
        how = height.get("words") or ("given" if height.get("given") else "assumed")
        metres = ", ".join(dict.fromkeys(f"{one:.2f}" for one in known))
        rows.append(["Scale", f"from a body height of {metres} m, {how}"])
    rows.append(["Refined", "no" if motion.refinement is None else "yes"])
    if isinstance(meta.get("version"), str):
        rows.append(["Made with", f"mbcli {meta['version']}; drawn by three.js"])
    return rows


def _base64(array: npt.NDArray[Any], dtype: str) -> str:
    return base64.b64encode(np.ascontiguousarray(array, dtype=dtype).tobytes()).decode("ascii")


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
