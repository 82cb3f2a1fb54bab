"""The world of a motion: gravity and the floor, found once from everybody, with its doubt."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from mbcli.camera import Camera
from mbcli.geometry import unit
from mbcli.motion import Motion3D
from mbcli.refinement.floor import FloorEstimate
from mbcli.refinement.world import Bodies, Each, world_of
from mbcli.types import FloatArray
from mbcli.values import changed, kept

# Degrees by which a carried camera looks up and down: an assumption. Cameras that keep their tilt
# (`benchmarks.world.paths`) need none: without it they were off by less than was said.
_TILTS = 3.0


def with_world(motion: Motion3D, *, anyway: bool = False) -> Motion3D:
    """The motion in the world of its floor if it is found well enough, else as it is.

    Everything in the axes of the camera stays as it is; ``meta["world"]`` says what was found, or
    why not.

    Args:
        motion: the motion.
        anyway: take the floor however doubtful it is.
    """
    cuts = len(motion.keypoints.cuts)
    if cuts and not anyway:
        why = f"not found: each of the {cuts + 1} shots has its own camera"
        return noted(motion, {"found": why, "sure": False})
    positions, root = kept(motion, "positions"), kept(motion, "root")
    confidence, count = kept(motion, "confidence"), len(motion.spans)
    floor = floor_of(
        Each(count, lambda who: positions[who] + root[who][:, None]),
        Each(count, lambda who: confidence[who]),
        motion.camera,
        motion,
    )
    told = noted(motion, floor.meta())
    if floor.doubtful and not anyway:
        return told
    return changed(told, camera=grounded(motion.camera, floor))


def noted(motion: Motion3D, found: Mapping[str, Any]) -> Motion3D:
    """The motion with what was found of its world."""
    return changed(motion, meta={**motion.meta, "world": dict(found)})


def floor_of(
    in_camera: Bodies, confidence: Bodies, camera: Camera, motion: Motion3D
) -> FloorEstimate:
    """The floor in the axes of the first frame's camera.

    A camera that moves through space, or pans, sees gravity and the floor where it did before, as
    long as it keeps its tilt and its height. How far it does is not known, and adds to the doubt.

    Args:
        in_camera: of each person (t, J, 3) metres in the camera's frame; NaN where absent.
        confidence: of each person (t, J) 0..1.
        camera: the camera, whose turns are taken out.
        motion: whose people these are.
    """
    level, spans = camera.ungrounded, motion.spans

    def in_first(who: int) -> FloatArray:
        return level.to_world(in_camera[who], spans.frames_of(who))

    people, turns = Each(len(spans), in_first), level.world_from_camera[:, :3, :3]
    floor = world_of(
        people,
        motion.fps,
        confidence=confidence,
        skeleton=motion.skeleton,
        right=unit(turns[:, :, 0].mean(axis=0)) if len(turns) else None,
    )
    tilts = _TILTS if camera.motion == "moving" else 0.0
    return replace(floor, spread_degrees=math.hypot(floor.spread_degrees, tilts))


def grounded(camera: Camera, floor: FloorEstimate) -> Camera:
    """The camera in the world of the floor."""
    level = camera.ungrounded
    poses = floor.world_from_camera @ level.world_from_camera
    return level.posed(poses, motion=camera.motion, grounded=True)
