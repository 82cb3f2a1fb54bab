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

from mbcli.skeleton import Skeleton
from mbcli.spans import PerPerson
from mbcli.timeline import clock_of
from mbcli.types import BoolArray, FloatArray, Keypoints2D
from mbcli.values import kept

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
    return PerPerson(keypoints.spans, turns_of(keypoints), 0.0).dense()


def turns_of(keypoints: Keypoints2D) -> FloatArray:
    """(N,) the rotations that :func:`upright_turns` describes, for each row of the tracks."""
    points, spans = kept(keypoints, "data"), keypoints.spans
    turns = np.zeros(spans.rows)
    for part in clock_of(keypoints):
        people = spans.people_in(slice(part.start, part.stop)).tolist()
        ways, votes = np.zeros((len(people), 2)), np.zeros(2)
        sections = []
        for place, who in enumerate(people):
            start, stop = max(part.start, spans.first[who]), min(part.stop, spans.stop[who])
            rows = slice(int(spans.row(start, who)), int(spans.row(stop, who)))
            sections.append(rows)
            pelvis, body, length, known = _bodies(points.rows[rows], keypoints.skeleton)
            if known.sum() < _SECONDS * part.fps:
                continue
            way = (body[known] / length[known, None]).mean(axis=0)
            ways[place] = way
            size = float(np.median(length[known]))
            if _shows_roll(way, pelvis[known] / size):
                votes += known.sum() * way
        if not votes.any():
            continue
        roll = math.atan2(votes[0], -votes[1])
        alike = ways @ votes > math.cos(_LEAST) * np.linalg.norm(votes) * np.hypot(*ways.T)
        for rows, rolled in zip(sections, alike, strict=True):
            turns[rows] = -roll if rolled else 0.0
    return turns


def _bodies(
    keypoints: FloatArray, skeleton: Skeleton
) -> tuple[FloatArray, FloatArray, FloatArray, BoolArray]:
    """The pelvis (t, 2), the line from the feet to the neck, its length, and if it is known."""
    data = np.asarray(keypoints[..., :2], dtype=np.float64)
    pelvis, thorax, left, right = (
        data[:, skeleton.index(joint)]
        for joint in ("pelvis", "thorax", "left_ankle", "right_ankle")
    )
    feet = (left + right) / 2
    body = thorax - np.where(np.isfinite(feet), feet, pelvis)
    length = np.linalg.norm(body, axis=-1)
    return pelvis, body, length, (length > 0) & np.isfinite(pelvis).all(axis=-1)


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
