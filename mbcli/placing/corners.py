"""Corners of the background: where they are looked for, and those that move together."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from mbcli.placing.ties import corners_of
from mbcli.types import BoolArray, FloatArray, FramePoses, IntArray

Grey = npt.NDArray[np.uint8]

FEWEST = 12  # with fewer a tie would hang on chance
WINDOW = (15, 15)  # small pixels, of Lucas and Kanade's method
NEAR = 1.0  # small pixels from where the homography puts a corner
# Where one part of the background stays in place and another moves, the camera stands still, and
# trees, water or a crowd move. A camera that moves leaves nothing in place but what is written on
# the picture.
_STANDS = 0.6  # small pixels
_TOGETHER = 0.25  # share of the corners that must move, or stand, together
# Small pixels, somewhere. A zoom or a roll that leaves a quarter of the corners in place moves none
# by more than 1.2.
_MOVES = 2.0
_GRID = (4, 3)  # cells of the picture
_LEAST_CELLS = 3  # that corners must lie in
_BENT = 3.0  # times by which the area of a rectangle may change from picture to picture
_ROOM = 0.08  # of a box's sides by which people are masked beyond it
_SURE = 0.2  # confidence of a keypoint that is masked, too, where it is beyond its box


def free_of(grey: Grey, poses: FramePoses, shrunk: int) -> BoolArray:
    """(h, w) where nobody is."""
    free = np.ones(grey.shape, np.bool_)
    height, width = grey.shape
    for box, points in zip(poses.boxes, poses.keypoints, strict=True):
        sure = points[points[:, 2] >= _SURE, :2]
        low = np.minimum(box[:2], sure.min(axis=0)) if len(sure) else box[:2]
        high = np.maximum(box[2:], sure.max(axis=0)) if len(sure) else box[2:]
        room = _ROOM * (high - low) + WINDOW[0] / 2 * shrunk
        x1, y1 = np.maximum((low - room) / shrunk, 0).astype(int)
        x2, y2 = np.minimum((high + room) / shrunk + 1, (width, height)).astype(int)
        free[y1 : max(y2, 0), x1 : max(x2, 0)] = False
    return free


def homography(
    before: FloatArray, after: FloatArray, grey: Grey
) -> tuple[FloatArray | None, BoolArray]:
    """The homography of the background and the corners that it explains; None if there is none."""
    nothing = np.zeros(len(before), np.bool_)
    if len(before) < FEWEST:
        return None, nothing
    found, _ = cv2.findHomography(
        before, after, cv2.USAC_MAGSAC, NEAR, maxIters=500, confidence=0.995
    )
    view: FloatArray = np.eye(3) if found is None else np.asarray(found, np.float64)
    explained = _off(view, before, after) < NEAR
    stands = stands_in(before, after)
    moves = _off(view, before[explained], before[explained]).max(initial=0.0) > _MOVES
    if moves and stands.mean() >= _TOGETHER and _spread(before[stands], grey):
        view, explained = np.eye(3), stands
    enough = explained.sum() >= FEWEST and _spread(before[explained], grey)
    if not enough or explained.mean() < _TOGETHER:
        return None, nothing
    kept = before[explained]
    rectangle = corners_of(np.concatenate([kept.min(axis=0), kept.max(axis=0)]))
    areas = [
        cv2.contourArea(one.astype(np.float32), oriented=True)
        for one in (rectangle, mapped(view, rectangle))
    ]
    if not 1 / _BENT < areas[1] / areas[0] < _BENT:
        return None, nothing
    return view, explained


def mapped(view: FloatArray, points: FloatArray) -> FloatArray:
    """(N, 2) points by a homography."""
    moved = points @ view[:, :2].T + view[:, 2]
    return np.asarray(moved[:, :2] / moved[:, 2:])


def _off(view: FloatArray, before: FloatArray, after: FloatArray) -> FloatArray:
    return np.asarray(np.linalg.norm(mapped(view, before) - after, axis=-1))


def stands_in(before: FloatArray, after: FloatArray) -> BoolArray:
    """(N,) whether corners are where they were."""
    return np.asarray(np.linalg.norm(after - before, axis=-1) < _STANDS)


def inside(points: FloatArray, grey: Grey) -> BoolArray:
    """(N,) whether points are in the picture, with room for half a window."""
    room = WINDOW[0] // 2
    high = np.array(grey.shape[::-1]) - 1 - room
    # A comparison with NaN is false.
    return np.asarray(((points >= room) & (points <= high)).all(axis=-1))


def cells_of(points: FloatArray, grey: Grey) -> IntArray:
    """(N,) the cell of the picture of each point."""
    across, down = (points / grey.shape[::-1] * _GRID).astype(int).T
    return np.asarray(down * _GRID[0] + across)


def _spread(points: FloatArray, grey: Grey) -> bool:
    return len(np.unique(cells_of(points, grey))) >= _LEAST_CELLS
