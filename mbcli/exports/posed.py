"""People as animated rigs, y up: the source of the skeletons in BVH, GLB and USD."""

from __future__ import annotations

from mbcli.exports.axes import turn
from mbcli.kinematics.soles import above_floor
from mbcli.kinematics.solving import Pose, solve
from mbcli.motion import Motion3D


def posed(motion: Motion3D) -> list[Pose]:
    """Everybody's rig and its rotations, in metres with y up.

    If the floor is known, toes stay above it.

    Raises:
        NobodyFoundError: a person is in no frame.
        InputError: one of a person's joints is in no frame.
    """
    points = motion.in_world @ turn("y").T  # (T, P, J, 3)
    poses = [
        solve(points[:, column], motion.fps, motion.skeleton) for column in range(points.shape[1])
    ]
    return [above_floor(p, motion.fps) for p in poses] if motion.camera.grounded else poses
