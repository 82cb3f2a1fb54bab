"""Joints that cannot be where they are said to be."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mbcli.kinematics.bones import bone_lengths, usual_lengths
from mbcli.skeleton import Skeleton
from mbcli.types import FloatArray

# What a body can do, as a floor below which nothing is suspected however calm the track is. Of
# a joint: every bone between it and the pelvis turns at this rate in the same direction, and
# the pelvis itself is measured this badly. Of 430000 joints of dancers, fighters and athletes
# recorded by motion capture (CMU, HDM05; 30 frames a second) 71 are suspected.
_TURN = 8.0  # radians a second
_DRIFT = 1.5  # metres a second
_RUN = 10.0  # metres a second, of the pelvis
_ANYWHERE = 1.0  # seconds
# What the track itself says, in robust standard deviations above its median.
_SPREAD = 8.0
# Bones: by this share of their length, and by these metres, which a thick joint hides.
_LENGTH_SHARE = 0.35
_LENGTH_METRES = 0.06


def find_outliers(
    positions: FloatArray, root: FloatArray, timestamps: FloatArray, skeleton: Skeleton
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Joints of one person that jump, or whose bones are of a wrong length.

    By speed, each joint against the pelvis, and the pelvis in the camera's frame: of the frames
    of a joint the largest set is kept in which it gets from each to the next without being
    faster than its limit. So one frame that jumps away and back is out, and of a track that
    jumps once only the few frames are, on the shorter side, that lie too near to the jump.
    The limit is the larger of what a body can do, which is 1.5 m/s and 8 radians a second in
    every bone between the joint and the pelvis (a wrist some 12 m/s, a hip 2; the pelvis in the
    camera's frame 10), and the joint's own median speed plus 8 robust standard deviations.

    By length: a bone that is off the median of the track by more than 35 %, 6 cm and 8 robust
    standard deviations. Of its two ends the one is out whose bones are off by more in all; on a
    tie, the one farther from the pelvis.

    Args:
        positions: (T, J, 3) metres from the pelvis, NaN where unknown.
        root: (T, 3) metres, NaN where unknown.
        timestamps: (T,) seconds.
        skeleton: whose joints they are; its root is the pelvis.

    Returns:
        (T, J) joints that are outliers, never the pelvis, and (T,) frames whose root is one.
    """
    found = np.zeros(positions.shape[:2], dtype=np.bool_)
    usual = usual_lengths(positions, skeleton, symmetric=False)
    reach = np.zeros(len(skeleton))
    for parent, child in skeleton.bones:
        reach[child] = reach[parent] + np.nan_to_num(usual[child])
    for _, joint in skeleton.bones:
        found[:, joint] = _too_fast(positions[:, joint], timestamps, _TURN * reach[joint] + _DRIFT)
    jumped = _too_fast(root, timestamps, _RUN)
    checked = np.where(found[..., None], np.nan, positions)
    return found | _off_length(checked, skeleton), jumped


def _too_fast(track: FloatArray, timestamps: FloatArray, floor: float) -> npt.NDArray[np.bool_]:
    """(T,) frames of a track (T, 3) that are not of the largest possible set."""
    found = np.zeros(len(track), dtype=np.bool_)
    known = np.flatnonzero(np.isfinite(track).all(axis=-1))
    if len(known) < 3:
        return found
    points, times = track[known].astype(np.float64), timestamps[known]
    speed = np.linalg.norm(np.diff(points, axis=0), axis=-1) / np.diff(times)
    limit = max(floor, _upper(speed))
    if (speed > limit).any():
        found[known] = ~_largest_set(points, times, limit)
    return found


def _largest_set(points: FloatArray, times: FloatArray, limit: float) -> npt.NDArray[np.bool_]:
    """(n,) the most points (n, 3) of which each can be reached in time from the one before."""
    size = np.ones(len(points), dtype=np.int64)  # of the largest set that ends with this point
    before = np.full(len(points), -1)
    # A second is long enough to be anywhere, so that of what is older the largest set will do.
    recent = np.searchsorted(times, times - _ANYWHERE)
    oldest = -1
    for this in range(1, len(points)):
        first = int(recent[this])
        if first and (oldest < 0 or size[first - 1] >= size[oldest]):
            oldest = first - 1
        distance = np.linalg.norm(points[this] - points[first:this], axis=-1)
        possible = np.flatnonzero(distance <= limit * (times[this] - times[first:this])) + first
        # Of equals the last, so that a set has no needless holes.
        best = int(possible[::-1][np.argmax(size[possible[::-1]])]) if len(possible) else oldest
        if oldest >= 0 and size[oldest] > size[best]:
            best = oldest
        if best >= 0:
            before[this], size[this] = best, size[best] + 1
    kept = np.zeros(len(points), dtype=np.bool_)
    this = len(points) - 1 - int(np.argmax(size[::-1]))
    while this >= 0:
        kept[this] = True
        this = int(before[this])
    return kept


def _off_length(positions: FloatArray, skeleton: Skeleton) -> npt.NDArray[np.bool_]:
    """(T, J) joints to blame for bones (T, J, 3) of a wrong length."""
    found = np.zeros(positions.shape[:2], dtype=np.bool_)
    lengths = bone_lengths(positions, skeleton)
    usual = usual_lengths(positions, skeleton, symmetric=False)
    off = np.abs(lengths - usual)
    limit = np.maximum(_LENGTH_SHARE * usual, _LENGTH_METRES)
    for joint in np.flatnonzero(np.isfinite(usual)):
        limit[joint] = max(limit[joint], _upper(off[:, joint]))
    excess = np.where(off > limit, off / limit, 0.0)  # NaN compares as false
    parents = np.array(skeleton.parents)
    for frame in np.flatnonzero(excess.any(axis=-1)):
        left = excess[frame]  # (J,) of the bone that ends in each joint
        while left.any():
            blame = left.copy()
            for parent, child in skeleton.bones:
                blame[parent] += left[child]
            blame[skeleton.root] = 0  # the pelvis is where the others are counted from
            # Of equals the last, which is farther out.
            worst = len(blame) - 1 - int(np.argmax(blame[::-1]))
            found[frame, worst] = True
            left[worst] = 0
            left[parents == worst] = 0
    return found


def _upper(values: FloatArray) -> float:
    """Median plus `_SPREAD` robust standard deviations of what is known."""
    known = values[np.isfinite(values)]
    middle = float(np.median(known))
    return middle + _SPREAD * 1.4826 * float(np.median(np.abs(known - middle)))
