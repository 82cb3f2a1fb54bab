"""Painting over the other people in a person's crop.

A single-person network uses whichever limb is most visible, so the arm of somebody in front becomes
the arm of the person behind. The regions covered by other people are therefore filled with a plain
colour before the network runs. Where two bodies overlap, a region belongs to the limb with the
higher confidence.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from mbcli.pose2d.overlap import keypoint_box
from mbcli.skeleton import COCO17
from mbcli.types import FloatArray

Image = npt.NDArray[np.uint8]

_AT = COCO17.index
_BONES = (("shoulder", "elbow"), ("elbow", "wrist"), ("hip", "knee"), ("knee", "ankle"))
_LIMBS = [
    (_AT(f"{side}_{upper}"), _AT(f"{side}_{lower}"))
    for side in ("left", "right")
    for upper, lower in _BONES
]
_TRUNK = [_AT(f"{side}_{part}") for part in ("shoulder", "hip") for side in ("left", "right")]
_HEAD = [_AT(name) for name in ("nose", "left_eye", "right_eye", "left_ear", "right_ear")]

# As shares of the person's size in the picture: half the width of a limb, and the radius about
# each point of the face. For somebody 1.7 m tall, with a reach of 1.5 m from nose to ankle, they
# are 5 cm, between a forearm and a thigh, and 13 cm, a head with hair.
_LIMB, _FACE = 0.035, 0.085
# The person's own body is drawn thinner by this factor, since keeping too much does more harm. It
# leaves 3 cm to each side of a bone, which is a forearm without sleeves.
_OWN = 0.6
# A standing person's reach from nose to ankle over shoulder to hip: 0.89 over 0.288 of the height
# (Drillis and Contini, see `mbcli.placing.metric`).
_TRUNK_TO_SIZE = 3.0


def hide_others(
    picture: Image, own: FloatArray, others: Sequence[FloatArray], sure: float
) -> Image:
    """Paint over whoever else is in a picture.

    Args:
        picture: (H, W, 3) uint8.
        own: (J, 3) keypoints of the person to keep, COCO-17 first: x, y in pixels of ``picture``,
            confidence.
        others: (J, 3) likewise, for everybody else.
        sure: minimum confidence of a keypoint to count.

    Returns:
        ``picture`` itself if nobody is in the way, else a copy in which the painted parts have the
        median colour of the rest.
    """
    claims = np.zeros(picture.shape[:2], np.float32)
    for other in others:
        _claim(claims, other, 1.0, sure)
    if not claims.any():
        return picture
    kept = np.zeros_like(claims)
    _claim(kept, own, _OWN, sure)
    covered = claims > kept
    if covered.all():
        return picture
    plain = picture.copy()
    plain[covered] = np.median(picture[~covered], axis=0)
    return plain


def _claim(canvas: npt.NDArray[np.float32], person: FloatArray, width: float, sure: float) -> None:
    """Draw a body, each part with its confidence; the part with the higher one is on top."""
    person = person[: len(COCO17)]
    size = _size(person, sure)
    if size <= 0:
        return
    points, scores = np.rint(person[:, :2]).astype(int), person[:, 2]
    limb, face = max(1, round(2 * width * _LIMB * size)), max(1, round(width * _FACE * size))
    parts = [(float(scores[list(ends)].min()), "limb", list(ends)) for ends in _LIMBS]
    parts.append((float(scores[_TRUNK].min()), "trunk", _TRUNK))
    parts += [(float(scores[at]), "face", [at]) for at in _HEAD]
    for score, kind, at in sorted(parts, key=lambda part: part[0]):
        if score < sure:
            continue
        if kind == "limb":
            cv2.line(canvas, tuple(points[at[0]]), tuple(points[at[1]]), score, limb)
        elif kind == "face":
            cv2.circle(canvas, tuple(points[at[0]]), face, score, -1)
        else:
            cv2.fillConvexPoly(canvas, cv2.convexHull(points[at].astype(np.int32)), score)


def _size(person: FloatArray, sure: float) -> float:
    """Reach of a standing person with this trunk, or the actual reach if that is more."""
    if (person[:, 2] >= sure).sum() < 2:
        return 0.0
    box = keypoint_box(person, sure)
    reach = float((box[2:] - box[:2]).max())
    if (person[_TRUNK, 2] >= sure).all():
        shoulders, hips = person[_TRUNK[:2], :2].mean(axis=0), person[_TRUNK[2:], :2].mean(axis=0)
        reach = max(reach, _TRUNK_TO_SIZE * float(np.linalg.norm(shoulders - hips)))
    return reach
