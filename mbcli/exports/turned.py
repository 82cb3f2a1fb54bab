"""How heads and hands of exported skeletons are turned: as keypoints say, where they do."""

from __future__ import annotations

import numpy as np

from mbcli.exports.axes import turn
from mbcli.kinematics.named_rigs import face_ahead
from mbcli.kinematics.rotations import from_vectors
from mbcli.motion import Motion3D
from mbcli.skeleton import ORIENTED
from mbcli.types import FloatArray
from mbcli.values import kept

# The joint of the rig that turns with a part.
_JOINTS = {"head": "nose", "left_hand": "left_wrist", "right_hand": "right_wrist"}
# Confidence from which a head or hand is turned as seen (`research.orientation`): of the hands of
# dancers, the third with the least confidence is off by about as much as by rule.
_SURE = 0.5


def turned_as_seen(alone: Motion3D) -> dict[str, FloatArray]:
    """(t, 3, 3) how joints of the rig are turned from the rest pose, y up; NaN where unknown.

    Args:
        alone: a motion of one person.
    """
    if alone.orientations is None:
        return {}
    up, seen = turn("y"), alone.orientations[:, 0]  # (t, 3, 4)
    camera = alone.camera.world_from_camera[:, :3, :3]
    found = {}
    for part, joint in _JOINTS.items():
        vectors = seen[:, ORIENTED.index(part)]
        known = vectors[:, 3] >= _SURE
        turns = np.full((len(vectors), 3, 3), np.nan)
        turns[known] = up @ camera[known] @ from_vectors(vectors[known, :3]) @ up.T
        # At rest, the head of the rig looks down a little.
        found[joint] = turns @ face_ahead() if part == "head" else turns
    return found


def said_of_turns(motion: Motion3D) -> str:
    """A sentence on how heads and hands are turned."""
    rule = "hands continue forearms, heads turn with neck and nose"
    if motion.orientations is None:
        return f"rotations of heads and hands were not seen: {rule}"
    known = kept(motion, "orientations").rows[..., 3] >= _SURE  # (N, 3)
    there = max(int(motion.there.rows.sum()), 1)
    shares = ", ".join(
        f"{part.replace('_', ' ')} {known[:, number].sum() / there:.0%}"
        for number, part in enumerate(ORIENTED)
    )
    return f"rotations seen in {shares} of frames, interpolated between them; elsewhere {rule}"
