"""Which way up people are in footage from a rolled camera.

Lifters are trained on people who stand upright in the picture, give or take a few degrees. A
camera that rolls about its axis rotates everything it sees, so a rotated person can be lifted
upright and rotated back without loss. The vertical is taken from people's own bodies over a whole
stretch of the clip: somebody who bends down, falls or turns a somersault is upright for most of it.

People also lie down. Recordings of people lying down became 4 mm worse when rotated upright (61
instead of 57 mm, 25 recordings). A body that lies across the picture is therefore put down to a
rolled camera only if it travels the way walking people do: at right angles to itself. Nobody stays
upside down for seconds.
"""

from __future__ import annotations

import math

import numpy as np

from mbcli.timeline import clock_of
from mbcli.types import FloatArray, Keypoints2D

_LEAST = math.radians(45)  # smallest roll corrected; 20 degrees cost 2 mm (44 instead of 42)
_OVER = math.radians(135)  # from here people are upside down; below, they may be lying
# Length of the mean unit vector: 0.99 for somebody walking, below 0.9 for somebody lying down.
_STEADY = 0.95
_SECONDS = 1.0  # least time in view; gymnasts stand on their hands for less
_TRAVEL = 0.15  # standard deviation in body lengths of a walk half a body long
_ACROSS = 2.0  # people walk this many times as far across their bodies as along; not when crawling


def upright_turns(keypoints: Keypoints2D) -> FloatArray:
    """The rotation of the picture that makes each person stand upright.

    Args:
        keypoints: tracks in a skeleton with thorax, pelvis and ankles.

    Returns:
        (T, P) radians, clockwise as seen; 0 for people who are upright, and for everybody where
        nobody's body shows a rolled camera.
    """
    data = np.asarray(keypoints.data[..., :2], dtype=np.float64)
    index = keypoints.skeleton.index
    pelvis, thorax = data[:, :, index("pelvis")], data[:, :, index("thorax")]
    feet = (data[:, :, index("left_ankle")] + data[:, :, index("right_ankle")]) / 2
    body = thorax - np.where(np.isfinite(feet), feet, pelvis)  # (T, P, 2)
    length = np.linalg.norm(body, axis=-1)
    known = (length > 0) & np.isfinite(pelvis).all(axis=-1)
    turns = np.zeros(known.shape)
    for part in clock_of(keypoints):
        frames = np.arange(part.start, part.stop)
        ways, votes = np.zeros((known.shape[1], 2)), np.zeros(2)
        for who in range(known.shape[1]):
            seen = frames[known[frames, who]]
            if len(seen) < _SECONDS * part.fps:
                continue
            way = (body[seen, who] / length[seen, who, None]).mean(axis=0)
            ways[who] = way
            size = float(np.median(length[seen, who]))
            if _shows_roll(way, pelvis[seen, who] / size):
                votes += len(seen) * way
        if not votes.any():
            continue
        roll = math.atan2(votes[0], -votes[1])
        alike = ways @ votes > math.cos(_LEAST) * np.linalg.norm(votes) * np.hypot(*ways.T)
        turns[part.start : part.stop, alike] = -roll
    return turns


def turned(points: FloatArray, turn: float) -> FloatArray:
    """Rotate x and y of points (..., 2 or more) about 0, clockwise as seen."""
    cosine, sine = math.cos(turn), math.sin(turn)
    x, y = points[..., 0], points[..., 1]
    both = np.stack([cosine * x - sine * y, sine * x + cosine * y], axis=-1)
    return np.concatenate([both, points[..., 2:]], axis=-1)


def _shows_roll(way: FloatArray, pelvis: FloatArray) -> bool:
    """Whether a body shows that the camera is rolled.

    Args:
        way: (2,) mean of the unit vectors from feet to neck.
        pelvis: (N, 2) path of the pelvis, in body lengths.
    """
    angle = abs(math.atan2(way[0], -way[1]))
    if np.linalg.norm(way) < _STEADY or angle < _LEAST:
        return False
    along = float((pelvis @ way).std())
    across = float((pelvis @ np.array([-way[1], way[0]])).std())
    return angle >= _OVER or (across >= _TRAVEL and across >= _ACROSS * along)
