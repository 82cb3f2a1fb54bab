"""Squares of a picture in which networks of one person look, and how they follow the person.

Coordinates are continuous: the picture spans 0..width and 0..height, the centre of the first
pixel is (0.5, 0.5).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from mbcli.pose2d.overlap import keypoint_box
from mbcli.skeleton import COCO17
from mbcli.types import FloatArray

Image = npt.NDArray[np.uint8]

CROP_SIDE = 256  # pixels of a crop as the networks see it: both Thunder and BlazePose fix it
# Keypoint confidence from which a joint shapes crops, boxes and comparisons: that of the crops in
# MoveNet's tutorial (TensorFlow Hub, 2021).
SURE = 0.2

_LEANING = math.radians(10), math.radians(30)  # the crop starts to rotate, and rotates fully
_SHORT_TRUNK = 0.12, 0.22  # trunk over reach: below, the lean is unknown; above, it is known

_TORSO = [
    COCO17.index(f"{side}_{part}") for side in ("left", "right") for part in ("shoulder", "hip")
]
# The trunk over the distance between the shoulders, and over that of the nose from their middle: of
# six people who face a camera, the medians were 1.2 to 1.5 and 2.4 to 2.9 (MoveNet).
_TRUNK_TO_SHOULDERS, _TRUNK_TO_NECK = 1.3, 2.5

_NOSE = COCO17.index("nose")
_SHOULDERS = [COCO17.index("left_shoulder"), COCO17.index("right_shoulder")]
_KNEES = [COCO17.index("left_knee"), COCO17.index("right_knee")]
_HIPS = [COCO17.index("left_hip"), COCO17.index("right_hip")]


@dataclass(frozen=True)
class Square:
    """A square of the picture in whole pixels; it may extend beyond the border.

    With whole pixels the crop needs no interpolation, so that only the downscaling resamples.

    Attributes:
        left: its left edge before rotation.
        top: its upper edge before rotation.
        side: its side length.
        turn: radians by which it is rotated about its middle, clockwise on screen.
    """

    left: int
    top: int
    side: int
    turn: float = 0.0

    @property
    def middle(self) -> FloatArray:
        """(2,) x, y."""
        return np.array([self.left + self.side / 2, self.top + self.side / 2])

    def inside(self, points: FloatArray) -> FloatArray:
        """(..., 2) pixels of the picture to pixels of the networks' input."""
        turned: FloatArray = (points - self.middle) @ self.axes
        return turned * (CROP_SIDE / self.side) + CROP_SIDE / 2

    def outside(self, points: FloatArray) -> FloatArray:
        """(..., 2) pixels of the networks' input to pixels of the picture."""
        scaled = (points - CROP_SIDE / 2) * (self.side / CROP_SIDE)
        return scaled @ self.axes.T + self.middle

    @property
    def axes(self) -> FloatArray:
        """(2, 2) columns: the square's own x and y axes in the picture."""
        c, s = np.cos(self.turn), np.sin(self.turn)
        return np.array([[c, -s], [s, c]])


def crop_square(keypoints: FloatArray, trunks: float = 0.0) -> Square:
    """The square in which a network locates a person, from keypoints of the previous frame.

    The size follows the rule published with MoveNet (TensorFlow Hub tutorial, 2021): 1.9 times the
    reach of the torso, or 1.2 times that of all confident keypoints if larger. The published centre
    is the hips. Here it is half-way between them and the middle of the body: for 54 people in real
    pictures, with crops shifted and scaled at random, keypoints then scattered a tenth less than
    with either centre.

    Args:
        keypoints: (J, 3) x, y in pixels and confidence, COCO-17 first.
        trunks: where a knee is unsure, the side is at least as many lengths of the trunk, for
            networks that want room for the whole body wherever the picture ends.
    """
    sure = keypoints[:, 2] >= SURE
    level = Square(0, 0, 0, _lean(keypoints))
    points = keypoints[:, :2] @ level.axes  # (17, 2) along the crop's own axes
    low, high = keypoint_box(np.column_stack([points, keypoints[:, 2]]), SURE).reshape(2, 2)
    centre = (low + high) / 2
    if sure[_HIPS].all():
        centre = (centre + points[_HIPS].mean(axis=0)) / 2
    reach = 1.2 * float(np.maximum(high - centre, centre - low).max())
    if sure[_TORSO].all():
        reach = max(reach, 1.9 * float(np.abs(points[_TORSO] - centre).max()))
    if trunks and not sure[_KNEES].all():
        reach = max(reach, trunks * _trunk(keypoints) / 2)
    side = max(round(2 * reach), 16)
    left, top = np.rint(level.axes @ centre - side / 2).astype(int)
    return Square(int(left), int(top), side, level.turn)


def _trunk(keypoints: FloatArray) -> float:
    """Length of the trunk in pixels, of what is sure; at least what shoulders and neck tell."""
    sure = keypoints[:, 2] >= SURE
    if not sure[_SHOULDERS].all():
        return 0.0
    left, right = keypoints[_SHOULDERS, :2].astype(np.float64)
    shoulders, hips = _trunk_ends(keypoints)
    told = [_TRUNK_TO_SHOULDERS * np.linalg.norm(left - right)]
    if sure[_NOSE]:
        told.append(_TRUNK_TO_NECK * np.linalg.norm(keypoints[_NOSE, :2] - shoulders))
    if sure[_HIPS].all():
        told.append(np.linalg.norm(hips - shoulders))
    return float(max(told))


def _trunk_ends(keypoints: FloatArray) -> FloatArray:
    """(2, 2) x, y of the middle of the shoulders and of that of the hips."""
    return keypoints[_TORSO, :2].reshape(2, 2, 2).mean(axis=0).astype(np.float64)


def _lean(keypoints: FloatArray) -> float:
    """Radians by which a person's crop is rotated, clockwise, to make the trunk upright.

    The networks have seen few leaning people in training. The crop is not rotated for people who
    hardly lean, or whose trunk is too short in the picture to show how they lean.
    """
    if not (keypoints[_TORSO, 2] >= SURE).all():
        return 0.0
    trunk = np.subtract(*_trunk_ends(keypoints))
    sure = keypoints[keypoints[:, 2] >= SURE, :2]
    share = float(np.linalg.norm(trunk) / max(np.ptp(sure, axis=0).max(), 1e-6))
    angle = math.atan2(trunk[0], -trunk[1])
    known = np.clip((share - _SHORT_TRUNK[0]) / (_SHORT_TRUNK[1] - _SHORT_TRUNK[0]), 0, 1)
    leaning = (abs(angle) - _LEANING[0]) / (_LEANING[1] - _LEANING[0])
    return float(angle * known * np.clip(leaning, 0, 1))


def interpolation(scale: float) -> int:
    """Area averaging for downscaling, since it skips no pixels; linear for enlarging."""
    return cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR


def cut(image: Image, square: Square) -> Image:
    """The square, resized to the networks' input; black outside the picture."""
    if square.turn == 0:
        return _cut_level(image, square, CROP_SIDE)
    # An unrotated square around the rotated one, scaled first, then rotated.
    side = math.ceil(square.side * math.sqrt(2) / 2) * 2 + square.side % 2
    spare = (side - square.side) // 2
    around = Square(square.left - spare, square.top - spare, side)
    wide = round(CROP_SIDE * side / square.side)
    level = _cut_level(image, around, wide)
    scale = wide / side * square.side / CROP_SIDE
    own = square.axes * scale
    # In OpenCV the origin is the centre of the first pixel.
    shift = np.full(2, (wide - 1) / 2) - own @ np.full(2, (CROP_SIDE - 1) / 2)
    turned = cv2.warpAffine(
        level,
        np.concatenate([own, shift[:, None]], axis=1),
        (CROP_SIDE, CROP_SIDE),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
    )
    return np.asarray(turned, np.uint8)


def _cut_level(image: Image, square: Square, side: int) -> Image:
    """An unrotated square, as (side, side, 3)."""
    height, width = image.shape[:2]
    right, bottom = square.left + square.side, square.top + square.side
    inside = image[
        min(max(square.top, 0), height) : min(max(bottom, 0), height),
        min(max(square.left, 0), width) : min(max(right, 0), width),
    ]
    if not inside.size:
        return np.zeros((side, side, 3), np.uint8)
    whole = cv2.copyMakeBorder(
        inside,
        max(-square.top, 0),
        max(bottom - height, 0),
        max(-square.left, 0),
        max(right - width, 0),
        cv2.BORDER_CONSTANT,
    )
    resized = cv2.resize(whole, (side, side), interpolation=interpolation(side / square.side))
    return np.asarray(resized, np.uint8)
