"""Cutting a person's motion so that it repeats without a seam.

The cut is between the two frames that are most alike: in where joints are from the pelvis, seen in
the direction that the person faces, and in how fast they move. It is half a second or longer. Over
its last part the motion is cross-faded into what came before its beginning, so that its last frame
leads on to its first. What person and direction drift from the first frame to the end is taken out
evenly over the loop.

Players of keys with times show what is between the first and the last key, and the first key before
it. So a loop begins at 0 s, and its last frame is its first once more. A file of frames that each
last equally long, such as BVH, goes without this one.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from scipy.spatial.transform import Rotation

from mbcli.errors import InputError
from mbcli.geometry import nearest_rotation, unit
from mbcli.kinematics.rotations import from_vectors, to_vectors
from mbcli.motion import Motion3D
from mbcli.types import FloatArray, IntArray
from mbcli.values import changed

_SHORTEST = 0.5  # seconds: two steps of somebody who runs take more
_LEAD = 0.1  # seconds at least before the loop, to fade into
_FADE = 0.2  # of the loop, at most
_SPEED = 0.1  # seconds: what a difference in speed weighs against one in place


def looped(motion: Motion3D) -> Motion3D:
    """The best loop of a motion of one person, from 0 s, closed by its first frame.

    ``meta["loop"]`` holds the seconds of the source from which to which it is.

    Raises:
        InputError: the person is in too few frames on end.
    """
    points = motion.in_world[:, 0].astype(np.float64)  # (T, J, 3), y down
    shortest, lead = max(round(_SHORTEST * motion.fps), 2), max(round(_LEAD * motion.fps), 1)
    known = int(np.isfinite(points).all(axis=(1, 2)).sum())
    if known < max(len(points), shortest + lead + 2):
        raise InputError(
            f"a loop needs {shortest + lead + 2} frames with the person on end, without a gap, got "
            f"{known} of {len(points)} of person {motion.track_ids[0]}"
        )
    heading = _heading(points, motion)
    begin, end = _best(_level(points, heading), motion.fps, shortest, lead)
    length = end - begin
    fade = min(round(_FADE * length), begin)
    frames = np.arange(begin - fade, end)
    share = (frames - begin) / length
    turned = np.remainder(heading[end] - heading[begin] + np.pi, 2 * np.pi) - np.pi
    root = points[:, motion.skeleton.root]
    way = root[end] - root[begin]
    straight = Rotation.from_rotvec(-share[:, None] * turned * [0, 1, 0]).as_matrix()
    away = points[frames] - root[frames][:, None]
    still = np.einsum("tij,tnj->tni", straight, away)
    still += (root[frames] - share[:, None] * way)[:, None]
    result = still[fade:].copy()
    if fade:
        weight = (np.arange(1, fade + 1) / (fade + 1))[:, None, None]
        result[-fade:] = (1 - weight) * result[-fade:] + weight * still[:fade]
    part = motion.part(slice(begin, end + 1), [0])
    seen = part.camera.from_world(_closed(result)[:, None])
    base = seen[:, :, motion.skeleton.root]
    times = part.timestamps
    return changed(
        part,
        keypoints=replace(part.keypoints, timestamps=times - times[0]),
        meta={**part.meta, "loop": [float(times[0]), float(times[-1])]},
        positions=seen - base[:, :, None],
        root=base,
        orientations=_turned(motion, straight, frames, fade),
    )


def rounds(count: int) -> tuple[IntArray, IntArray]:
    """Three rounds of a loop, so that what depends on neighbours has them at both ends.

    Args:
        count: frames of the loop, with the one that closes it.

    Returns:
        The frame of each row of the rounds, and the ``count`` rows of the round in the middle.
    """
    length = count - 1
    whole = np.arange(count) % length
    return np.tile(whole[:-1], 3), whole + length


def _closed(frames: FloatArray) -> FloatArray:
    """(t + 1, ...) with the first frame once more at the end."""
    return np.concatenate([frames, frames[:1]])


def _turned(
    motion: Motion3D, straight: FloatArray, frames: IntArray, fade: int
) -> FloatArray | None:
    """(t + 1, 1, 3, 4) how head and hands are turned in the loop, cross-faded and closed alike."""
    if motion.orientations is None:
        return None
    seen = motion.orientations[frames, 0].astype(np.float64)  # (T, 3, 4)
    camera = motion.camera.world_from_camera[frames[0] : frames[-1] + 2, None, :3, :3]
    known = np.isfinite(seen[..., 0])
    turns = straight[:, None] @ camera[:-1] @ from_vectors(np.nan_to_num(seen[..., :3]))
    result, scores = turns[fade:].copy(), np.where(known, seen[..., 3], 0.0)
    if fade:
        weight = (np.arange(1, fade + 1) / (fade + 1))[:, None]
        late, early = (1 - weight) * (scores[-fade:] > 0), weight * (scores[:fade] > 0)
        result[-fade:] = nearest_rotation(
            late[..., None, None] * turns[-fade:] + early[..., None, None] * turns[:fade]
        )
        scores[-fade:] = late * scores[-fade:] + early * scores[:fade]
    scores = _closed(scores[fade:])
    back = np.swapaxes(camera[fade:], -1, -2) @ _closed(result)
    vectors = np.where(scores[..., None] > 0, to_vectors(back), np.nan)
    return np.concatenate([vectors, scores[..., None]], axis=-1)[:, None]


def _heading(points: FloatArray, motion: Motion3D) -> FloatArray:
    """(T,) radians about y, of the line from the right to the left hip."""
    left, right = (points[:, motion.skeleton.index(f"{side}_hip")] for side in ("left", "right"))
    across = unit(left - right)
    return np.unwrap(np.arctan2(-across[:, 2], across[:, 0]))


def _level(points: FloatArray, heading: FloatArray) -> FloatArray:
    """(T, J, 3) from the pelvis, all facing one way."""
    back = Rotation.from_rotvec(-heading[:, None] * [0, 1, 0]).as_matrix()
    return np.einsum("tij,tnj->tni", back, points - points[:, :1])


def _best(poses: FloatArray, fps: float, shortest: int, lead: int) -> tuple[int, int]:
    """The first frame of the loop, and the frame that is like it.

    Args:
        poses: (T, J, 3) from the pelvis, all facing one way.
        fps: frames per second.
        shortest: frames between the two.
        lead: frames before the first.
    """
    count = len(poses)
    speed = np.gradient(poses, axis=0) * fps * _SPEED
    features = np.concatenate([poses, speed], axis=1).reshape(count, -1)
    best = (np.inf, 0, 0)
    for begin in range(lead, count - shortest):
        away = np.linalg.norm(features[begin + shortest :] - features[begin], axis=-1)
        nearest = int(away.argmin())
        best = min(best, (float(away[nearest]), begin, begin + shortest + nearest))
    return best[1], best[2]
