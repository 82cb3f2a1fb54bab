"""Joints that are lost for a moment: unsure and off, or missing, between two good sightings."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from mbcli.kinematics.bones import known_medians
from mbcli.skeleton import Skeleton
from mbcli.types import BoolArray, FloatArray

# Seconds from the sighting before to the one after: 0.2 s lost at 30 frames a second. A hundredth
# is for the rounding of time stamps.
MAX_SPAN = 0.26
SURE = 0.3  # confidence from which a joint counts as sighted
MIN_JUMP = 0.06  # body lengths, both off the line between the sightings and from frame to frame
LONGEST_BONE = 1.4  # times the person's median: a longer one ends at something that is not theirs
TORN_BONE = 2.5  # the same, for a joint that the detector is sure of ...
LONGEST_LIMB = 0.45  # ... and body lengths: thighs have 0.25 standing, and 0.4 crouching
CONFIDENCE_KEPT = 0.5  # of the less sure of the two sightings: a bridge is a guess


def bridge_flickers(
    data: FloatArray, times: FloatArray, sizes: FloatArray, skeleton: Skeleton
) -> tuple[FloatArray, BoolArray]:
    """Put lost joints on the straight line between the sightings before and after.

    A sighting is a joint of a confidence of `SURE` or more, unless a bone of more than `TORN_BONE`
    and `LONGEST_LIMB` ties it to its parent. A joint is lost in the frames between two sightings
    that are at most `MAX_SPAN` apart, if it is missing in any of these frames, or jumps away and
    back: it gets further off the line than `MIN_JUMP` and than the line is long, and moves by
    `MIN_JUMP` from one frame to the next. So a limb that is only fast or blurred is left alone,
    and so is what lies between two sightings that contradict each other, one of which must be
    wrong.

    Both sightings must be likely: hung on a parent joint that is sighted too, by a bone no longer
    than `LONGEST_BONE` allows. A detector that has taken up somebody else's hand is often sure of
    it, and the unsure moments are those in which it still sees the right one.

    The line is straight, so that nothing but these two sightings counts, and mending twice is
    mending once. With good stretches of real tracks taken out and put back, of somebody walking
    330 pixels tall at 30 frames a second, it was off by 2.6, 3.3 and 5.5 pixels over 1, 2 and 4
    frames; PCHIP was off by 2.5, 2.9 and 4.2, and at 60 a second by the same; a Catmull-Rom
    spline was worse by a third there, since it leans on the noise of its end slopes.

    A bridged joint gets half the confidence of the less sure of its two sightings: it is a guess,
    and the further stages shall see that it is one.

    Args:
        data: (T, P, J, 3) x, y, confidence; missing = (NaN, NaN, 0).
        times: (T,) seconds, ascending.
        sizes: (T, P) body lengths in pixels.
        skeleton: of the J joints; its parents tell the bones.

    Returns:
        The data with the bridges, and (T, P, J) where they are. Frames in which nothing of a
        person is known stay empty.
    """
    bridged = np.zeros(data.shape[:3], dtype=bool)
    finite: BoolArray = np.all(np.isfinite(data[..., :2]), axis=-1)  # (T, P, J)
    sure = finite & (data[..., 2] >= SURE)
    parents = np.array(skeleton.parents)
    seen, both = (known & known[:, :, parents] & (parents >= 0) for known in (sure, finite))
    apart = np.linalg.norm(data[..., :2] - data[:, :, parents, :2], axis=-1) / sizes[..., None]
    lengths = np.where(both, apart, np.nan)  # (T, P, J) body lengths, from the parent
    bones = lengths / _medians(np.where(seen, lengths, np.nan))
    # A parent that the detector is not sure of may be the one that is off; its child then does
    # not jump.
    sure &= ~((bones > TORN_BONE) & (lengths > LONGEST_LIMB))  # (T, P, J); NaN is not torn
    before, after = _nearest(sure)
    present = finite.any(axis=-1, keepdims=True)
    lost = ~sure & present & (before >= 0) & (after < len(times))
    # Few frames are lost: what follows is about these alone, N keypoints in all.
    frame, person, joint = np.nonzero(lost)
    start, end = before[lost], after[lost]
    likely = (seen & (bones <= LONGEST_BONE)) | ~seen.any(axis=0)
    good = times[end] - times[start] <= MAX_SPAN
    good &= likely[start, person, joint] & likely[end, person, joint]
    frame, person, joint, start, end = (a[good] for a in (frame, person, joint, start, end))
    if not len(frame):
        return data, bridged

    first = data[start, person, joint].astype(np.float64)  # (N, 3)
    final = data[end, person, joint].astype(np.float64)  # (N, 3)
    share = ((times[frame] - times[start]) / (times[end] - times[start]))[:, None]
    line = first[:, :2] + share * (final[:, :2] - first[:, :2])  # (N, 2)
    length = np.linalg.norm(final[:, :2] - first[:, :2], axis=-1)
    here = data[frame, person, joint, :2]
    off = np.linalg.norm(here - line, axis=-1)
    step = np.fmax(
        np.linalg.norm(here - data[frame - 1, person, joint, :2], axis=-1),
        np.linalg.norm(here - data[frame + 1, person, joint, :2], axis=-1),
    )
    least = MIN_JUMP * sizes[frame, person]
    missing = ~finite[frame, person, joint]

    # A joint that is lost in one frame between two sightings is taken for lost in all of them.
    _, stretch = np.unique(np.stack([person, joint, start]), axis=1, return_inverse=True)
    strays = np.bincount(stretch, weights=missing | (off > least + length))
    jumps = np.bincount(stretch, weights=missing | (step > least))
    chosen = ((strays > 0) & (jumps > 0))[stretch]
    frame, person, joint = frame[chosen], person[chosen], joint[chosen]
    result = data.copy()
    result[frame, person, joint, :2] = line[chosen]
    result[frame, person, joint, 2] = CONFIDENCE_KEPT * np.minimum(first[:, 2], final[:, 2])[chosen]
    bridged[frame, person, joint] = True
    return result, bridged


def _medians(lengths: FloatArray) -> FloatArray:
    """(P, J) over time, NaN where nothing but NaN or 0 is to be had."""
    usual = known_medians(lengths)
    return np.where(usual > 0, usual, np.nan)


def _nearest(known: BoolArray) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """For each frame the last known one before it, and the first one after it.

    Args:
        known: (T, ...) whether something is known in a frame.

    Returns:
        Two arrays of the same shape, frame numbers: -1 where there is none before, T where
        there is none after.
    """
    frames = len(known)
    numbers = np.arange(frames).reshape(-1, *[1] * (known.ndim - 1))
    before = np.full(known.shape, -1)
    after = np.full(known.shape, frames)
    upto = np.maximum.accumulate(np.where(known, numbers, -1), axis=0)
    onwards = np.minimum.accumulate(np.where(known, numbers, frames)[::-1], axis=0)[::-1]
    before[1:], after[:-1] = upto[:-1], onwards[1:]
    return before, after
