"""Detecting joints at impossible positions."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mbcli.kinematics.bones import bone_lengths, usual_lengths
from mbcli.skeleton import Skeleton
from mbcli.types import FloatArray

# What a body can do: below this nothing is suspected, however calm the track is. For a joint:
# every bone between it and the pelvis rotates at this rate in one direction, and the pelvis itself
# is measured this badly. Of 430000 joints of dancers, fighters and athletes recorded by motion
# capture (CMU, HDM05; 30 frames per second) 71 are suspected.
_TURN = 8.0  # radians per second
_DRIFT = 1.5  # metres per second
_RUN = 10.0  # metres per second, of the pelvis
_ANYWHERE = 1.0  # seconds
# Limit from the track itself, in robust standard deviations above its median.
_SPREAD = 8.0
# Bones: off by this share of their length, and by these metres, the size of a thick joint.
_LENGTH_SHARE = 0.35
_LENGTH_METRES = 0.06


def find_outliers(
    positions: FloatArray, root: FloatArray, timestamps: FloatArray, skeleton: Skeleton
) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Joints of one person that jump or whose bones have the wrong length.

    By speed, of each joint relative to the pelvis, and of the pelvis in the camera's frame: the
    largest set of frames is kept in which the joint gets from each frame to the next without
    exceeding its speed limit. A single frame that jumps away and back is thus an outlier; if a
    track jumps once, only the few frames on the shorter side that are too close to the jump are.
    The limit is the larger of two. One is what a body can do: 1.5 m/s plus 8 radians per second in
    every bone between the joint and the pelvis (about 12 m/s for a wrist, 2 for a hip, 10 for the
    pelvis in the camera's frame). The other is the joint's own median speed plus 8 robust standard
    deviations.

    By length: a bone that deviates from the track's median by more than 35 %, 6 cm and 8 robust
    standard deviations. Of its two ends, the outlier is the one whose bones deviate more in total;
    in a tie, the one farther from the pelvis.

    Args:
        positions: (T, J, 3) metres from the pelvis, NaN where unknown.
        root: (T, 3) metres, NaN where unknown.
        timestamps: (T,) seconds.
        skeleton: skeleton of the joints; its root is the pelvis.

    Returns:
        (T, J) whether a joint is an outlier, never the pelvis; (T,) whether the root is.
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
    """(T,) frames of a track (T, 3) outside the largest possible set."""
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
    """(n,) the largest set of points (n, 3) in which each is reachable from the previous one."""
    # Of the largest set that ends with each point; the last one is that of no points.
    size = np.append(np.ones(len(points), dtype=np.int64), 0)
    before = np.full(len(points), -1)
    # A second is enough to get anywhere: of older points, the largest set suffices.
    recent = np.searchsorted(times, times - _ANYWHERE)
    oldest = -1
    for this in range(1, len(points)):
        first = int(recent[this])
        for older in range(int(recent[this - 1]), first):
            if size[older] >= size[oldest]:
                oldest = older
        distance = np.linalg.norm(points[this] - points[first:this], axis=-1)
        possible = np.flatnonzero(distance <= limit * (times[this] - times[first:this])) + first
        # On ties the last, so that a set has no needless gaps.
        best = int(possible[::-1][np.argmax(size[possible[::-1]])]) if len(possible) else oldest
        if size[oldest] > size[best]:
            best = oldest
        before[this], size[this] = best, size[best] + 1
    kept = np.zeros(len(points), dtype=np.bool_)
    this = len(points) - 1 - int(np.argmax(size[-2::-1]))
    while this >= 0:
        kept[this] = True
        this = int(before[this])
    return kept


def _off_length(positions: FloatArray, skeleton: Skeleton) -> npt.NDArray[np.bool_]:
    """(T, J) joints (T, J, 3) responsible for bones of the wrong length."""
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
            blame[skeleton.root] = 0  # the others are relative to the pelvis
            # On ties the last, which is farther out.
            worst = len(blame) - 1 - int(np.argmax(blame[::-1]))
            found[frame, worst] = True
            left[worst] = 0
            left[parents == worst] = 0
    return found


def _upper(values: FloatArray) -> float:
    """Median plus `_SPREAD` robust standard deviations of the known values."""
    known = values[np.isfinite(values)]
    middle = float(np.median(known))
    return middle + _SPREAD * 1.4826 * float(np.median(np.abs(known - middle)))
