"""Which axes a file has: the floor's, or the first frame's camera's, and what is forward."""

from __future__ import annotations

import numpy as np

from mbcli.errors import ConfigError
from mbcli.exports.options import ExportOptions
from mbcli.kinematics.facing import facing
from mbcli.motion import Motion3D
from mbcli.types import FloatArray
from mbcli.values import changed

_FIRST = 0.5  # seconds over which the direction somebody faces is taken: half a step


def in_space(motion: Motion3D, options: ExportOptions) -> Motion3D:
    """The motion in the world of the options; everything in camera axes stays as it is.

    Raises:
        ConfigError: a world is asked for, and the clip has cuts.
    """
    if options.space == "camera":
        return changed(motion, camera=motion.camera.ungrounded)
    if options.space == "auto" or motion.camera.grounded:
        return motion
    cuts = len(motion.keypoints.cuts)
    if cuts:
        raise ConfigError(
            f"--space must be auto or camera for a clip with cuts, got world: each of its "
            f"{cuts + 1} shots has its own camera"
        )
    # Imported on use: it loads SciPy's optimisation.
    from mbcli.refinement.ground import with_world

    return with_world(motion, anyway=True)


def begun(motion: Motion3D, options: ExportOptions) -> Motion3D:
    """The motion with its first person over the origin of the floor at first, if there is a floor.

    With ``heading`` "person", this person also faces forward there, which is towards the camera of
    a level view: +z with y up, -y with z up. Somebody who is never whole has no direction.
    """
    camera, heading = motion.camera, options.heading == "person"
    points = motion.alone(0).in_world[:, 0]
    there = np.flatnonzero(np.isfinite(points).all(axis=(-1, -2)))
    if not len(there) or not (camera.grounded or heading):
        return motion
    place = points[there[0], motion.skeleton.root]
    move = np.eye(4)
    if heading:
        first = there[there < there[0] + max(1.0, _FIRST * motion.fps)]
        right, away = facing(points[first].mean(axis=0), motion.skeleton).tolist()
        # (right, away) to (0, -1).
        move[np.ix_([0, 2], [0, 2])] = [[-away, right], [-right, -away]]
    move[:3, 3] = (place * [0, 1, 0] if camera.grounded else place) - move[:3, :3] @ place
    poses: FloatArray = move @ camera.world_from_camera
    posed = camera.posed(poses, motion=camera.motion, grounded=camera.grounded)
    return changed(motion, camera=posed)
