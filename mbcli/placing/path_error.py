"""How far off people's paths may be, in metres.

An uncertain focal length makes a path too long or too short towards and away from the camera, an
uncertain height in every direction. The 2D stage and the pose add errors in proportion to the
distance, and a camera that moves adds its own movement.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from mbcli.camera import CameraMotion
from mbcli.geometry import unit
from mbcli.motion import Motion3D
from mbcli.people import FEW
from mbcli.timeline import shots_of
from mbcli.types import FloatArray
from mbcli.values import kept

# From recordings of people that virtual cameras have filmed (`benchmarks.world.paths`).
_NEARLY = 0.015  # of the distance
_HEIGHT = 0.03  # of the height, where it was given: people of one height differ in their bones
_CAMERA = 0.25  # metres per second, of cameras that are carried, pushed or go along with people
# Of the way walked, where feet show how such a camera moves, by the share of the pictures in which
# they do: steps come out too short or too long, most of all towards and away from the camera. Of
# 67 clips of virtual cameras 95.5 % are then below twice the expected error.
_STEPS = 0.15


def path_error(
    root: FloatArray,
    times: FloatArray,
    shots: Sequence[slice],
    *,
    height: float | None,
    focal: float | None,
    motion: CameraMotion,
    walked: float | None = None,
) -> float:
    """Expected root mean square distance of a path from the true one from the same start.

    Args:
        root: (t, 3) metres, the pelvis in axes that do not turn with the camera; NaN where absent.
        times: (t,) seconds.
        shots: the frames of each shot.
        height: relative standard error of the person's height; None if it was given.
        focal: relative standard error of the focal length; None if it was given.
        motion: what the camera does.
        walked: share of the pictures in which feet show how it moves; None if they do not.

    Returns:
        Metres; NaN if the person is in one frame or none.
    """
    squares = []
    size = _HEIGHT if height is None else height
    for rows in shots:
        there = np.isfinite(root[rows]).all(axis=-1)
        places, seconds = root[rows][there], times[rows][there]
        if not len(places):
            continue
        gone = places - places[0]
        along = gone @ unit(places[0])
        errors = (size**2) * (gone**2).sum(axis=-1) + ((focal or 0.0) * along) ** 2
        errors += (_NEARLY * np.linalg.norm(places, axis=-1)) ** 2
        if motion == "moving" and walked is not None:
            steps = np.linalg.norm(np.diff(places, axis=0, prepend=places[:1]), axis=-1)
            errors += (_STEPS / walked * np.cumsum(steps)) ** 2
        elif motion == "moving":
            errors += (_CAMERA * (seconds - seconds[0])) ** 2
        squares.append(errors)
    every = np.concatenate([*squares, np.zeros(0)])
    return float(np.sqrt(every.mean())) if len(every) > 1 else math.nan


def path_meta(motion: Motion3D, heights: FloatArray, focal: float | None) -> dict[str, Any]:
    """How far off everybody's path may be, for metadata, ready for JSON.

    Args:
        motion: the motion.
        heights: (P,) relative standard errors of heights; NaN where one was given.
        focal: relative standard error of the focal length; None if it was given.
    """
    camera, roots, people = motion.camera.ungrounded, kept(motion, "root"), {}
    for column, doubt in enumerate(heights.tolist()):
        frames = motion.spans.frames_of(column)
        root = camera.to_world(roots[column][:, None], frames)[:, 0]
        shots = [_within(shot, frames) for shot in shots_of(motion.keypoints)]
        metres = path_error(
            root,
            motion.timestamps[frames],
            shots,
            height=None if math.isnan(doubt) else doubt,
            focal=focal,
            motion=camera.motion,
            walked=None if camera.astray else motion.meta.get("camera", {}).get("walked"),
        )
        if not math.isnan(metres):
            people[str(motion.track_ids[column])] = round(metres, 3)
    if not people:
        return {"found": "nobody's path is known", "people": people}
    each = ", ".join(f"{metres:.2f} m (person {who})" for who, metres in people.items())
    if len(people) > FEW:
        least, most = min(people.values()), max(people.values())
        each = f"{least:.2f} to {most:.2f} m ({len(people)} people)"
    why = "; paths contain the camera's own movement" if camera.astray else ""
    return {"found": f"off by about {each}{why}", "people": people}


def _within(shot: slice, frames: slice) -> slice:
    """The part of a shot in some frames, counted from the first of them."""
    start, stop = max(shot.start, frames.start), min(shot.stop, frames.stop)
    return slice(start - frames.start, max(stop, start) - frames.start)
