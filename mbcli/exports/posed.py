"""People as animated armatures, y up: the source of the skeletons in BVH, GLB, VRMA and USD."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from mbcli.exports.axes import turn
from mbcli.exports.character import read_character
from mbcli.exports.looping import rounds
from mbcli.exports.options import ExportOptions
from mbcli.exports.turned import turned_as_seen
from mbcli.kinematics.armature import ArmatureMotion
from mbcli.kinematics.baking import baked
from mbcli.kinematics.named_rigs import named, own
from mbcli.kinematics.pose import Pose
from mbcli.kinematics.rig_table import RIGS
from mbcli.kinematics.soles import above_floor
from mbcli.kinematics.solving import solve
from mbcli.motion import Motion3D


def posed(motion: Motion3D, options: ExportOptions) -> Iterator[tuple[ArmatureMotion, slice]]:
    """Everybody as an armature with y up, and the frames they are for.

    It is the rig of the options, or our own, in metres; or their character in its own unit.

    These are all frames, of which those before and after a person have their first and last pose;
    or, of a motion that is too long for that, those from a person's first to their last.

    If the floor is known, toes stay above it. The last pose of a loop is its first.

    Raises:
        NobodyFoundError: a person is in no frame.
        InputError: one of a person's joints is in no frame.
    """
    whole = slice(0, len(motion.timestamps))
    character = None if options.character is None else read_character(options.character)
    for column in range(len(motion.track_ids)):
        frames = motion.spans.frames_of(column)
        seen = frames.stop > frames.start
        alone = motion.alone(column) if seen else motion.whole(column)
        points, turns = alone.in_world[:, 0] @ turn("y").T, turned_as_seen(alone)  # (t, J, 3)
        if options.loop:
            around, once = rounds(len(points))
            points, turns = points[around], {part: seen[around] for part, seen in turns.items()}
        pose = solve(points, motion.fps, motion.skeleton, turns)
        if motion.camera.grounded:
            pose = above_floor(pose, motion.fps)
        if motion.fits_dense and not options.loop:
            pose, frames = _held(pose, motion, frames), whole
        if character is not None:
            moving = baked(pose, character.body, motion.fps)
        elif options.rig is not None:
            moving = named(pose, RIGS[options.rig])
        else:
            moving = own(pose)
        if options.loop:
            moving = moving.at(once)
        yield (in_place(moving) if options.in_place else moving), frames


def in_place(moving: ArmatureMotion) -> ArmatureMotion:
    """A motion, y up, without its way over the floor: it stays above its first place."""
    places = moving.places.copy()
    places[:, [0, 2]] = places[0, [0, 2]]
    return replace(moving, places=places)


def _held(pose: Pose, motion: Motion3D, frames: slice) -> Pose:
    """The pose in all frames of a motion."""
    rows = np.clip(np.arange(len(motion.timestamps)), frames.start, frames.stop - 1)
    rows -= frames.start
    return replace(pose, root=pose.root[rows], rotations=pose.rotations[rows])
