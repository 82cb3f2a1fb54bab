"""Which joints a list of keypoints holds, by its length: one table for all formats.

    17   COCO                      26   Halpe
    18   OpenPose COCO             33   MediaPipe BlazePose
    23   COCO's body and feet      68   Halpe and hands
    25   OpenPose BODY_25 or 25B   135  OpenPose BODY_135
    133  COCO-WholeBody            136  Halpe, face and hands
    308  Goliath of Sapiens        70   Goliath without the face

Of the long lists only body and feet are read, since hands and faces are not lifted, and of
COCO-WholeBody and Goliath the knuckles of index and little finger, which tell how a hand is turned.
BODY_25B (and BODY_135, which begins with it) has COCO's joints in COCO's order, then upper neck,
head top and feet, while BODY_25 has neck and pelvis in between. They are told apart by which
reading puts the points of the face together and those of the trunk where they belong. In Goliath
(Khirodkar et al. 2024) the wrists are among the hands.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np

from mbcli.errors import InputError
from mbcli.keypoints.joint_names import skeleton_of
from mbcli.skeleton import (
    BLAZEPOSE33,
    BODY25,
    COCO17,
    HALPE26,
    OPENPOSE18,
    WHOLEBODY23,
    WHOLEBODY27,
    WHOLEBODY_PLACES,
    Skeleton,
)
from mbcli.types import FloatArray


@dataclass(frozen=True)
class Layout:
    """Positions of a skeleton's joints in a list of keypoints.

    Attributes:
        count: length of the list.
        skeleton: names of the joints.
        places: position of each joint in the list.
    """

    count: int
    skeleton: Skeleton
    places: tuple[int, ...]


def _first(count: int, skeleton: Skeleton) -> Layout:
    """A list whose first entries are the joints of a skeleton."""
    return Layout(count, skeleton, tuple(range(len(skeleton))))


_CLEARLY = 0.5  # ratio to the other list's spread; bodies give a tenth of it, noise as much
_LARGEST = 1e6  # pixels; anything further out is in no picture
_FACE = ("nose", "left_eye", "right_eye", "left_ear", "right_ear")
_FEET = WHOLEBODY23.joints[len(COCO17) :]
BODY25B = skeleton_of((*COCO17.joints, "upper_neck", "head_top", *_FEET), "body25b")
BODY_25B = _first(25, BODY25B)
_GOLIATH = (*range(9), 62, 41, *range(9, 21), 49, 61, 28, 40)

LAYOUTS: dict[int, Layout] = {
    layout.count: layout
    for layout in (
        _first(17, COCO17),
        _first(18, OPENPOSE18),
        _first(23, WHOLEBODY23),
        _first(25, BODY25),
        _first(26, HALPE26),
        _first(33, BLAZEPOSE33),
        _first(68, HALPE26),
        Layout(70, WHOLEBODY27, _GOLIATH),
        Layout(133, WHOLEBODY27, WHOLEBODY_PLACES),
        _first(135, BODY25B),
        _first(136, HALPE26),
        Layout(308, WHOLEBODY27, _GOLIATH),
    )
}
# The body is within so many keypoints of each list.
BODY = 1 + max(place for layout in LAYOUTS.values() for place in layout.places)


def layout_of(points: FloatArray, count: int, what: str) -> Layout:
    """Find the layout of a file's keypoints.

    Args:
        points: (N, K, 3) everybody's x, y and confidence, of the first `BODY` keypoints or all;
            NaN or (0, 0) if missing.
        count: number of keypoints per person.
        what: the file, for the error.

    Raises:
        InputError: no layout has this number of keypoints.
    """
    if count not in LAYOUTS:
        choices = ", ".join(f"{n} ({layout.skeleton.name})" for n, layout in LAYOUTS.items())
        raise InputError(
            f"{what} must hold one of these numbers of keypoints a person: {choices}; got {count}"
        )
    if count == BODY_25B.count:
        usual, other = LAYOUTS[count], BODY_25B
        return other if _spread(points, other) < _CLEARLY * _spread(points, usual) else usual
    return LAYOUTS[count]


def _spread(points: FloatArray, layout: Layout) -> float:
    """Spread of the face's points, and deviation of the trunk's from where they belong.

    In body sizes; 0 if nobody shows any of them.
    """
    places = points[..., :2].copy()  # (N, K, 2)
    wild = ~(np.abs(places) < _LARGEST).all(axis=-1)  # NaN too
    places[(places == 0).all(axis=-1) | wild] = np.nan
    at = {j: places[:, n] for j, n in zip(layout.skeleton.joints, layout.places, strict=True)}
    face = np.stack([at[joint] for joint in _FACE])  # (F, N, 2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # people without a face
        off = list(face - np.nanmean(face, axis=0))
        size = (np.nanmax(places, axis=1) - np.nanmin(places, axis=1)).max(axis=-1)  # (N,)
    for middle, pair in (("pelvis", "hip"), ("neck", "shoulder"), ("upper_neck", "shoulder")):
        if middle in at:
            off.append(at[middle] - (at[f"left_{pair}"] + at[f"right_{pair}"]) / 2)
    far = np.linalg.norm(off, axis=-1) / np.where(size > 0, size, np.nan)
    known = far[np.isfinite(far)]
    return float(np.median(known)) if len(known) else 0.0
