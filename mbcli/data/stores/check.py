"""Validation of stores: clips with implausible motion or camera data, and the reasons.

The limits are far beyond the values of sound data, so every report means a fault in the data: a
wrong unit, a wrong joint order, swapped markers, or a cut within a clip.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from mbcli.data.stores.folder import Rows
from mbcli.data.stores.quality import (
    FPS,
    HUMAN_HEIGHT,
    TOP_SPEED,
    face_turned_away,
    human_pieces,
    standing_height,
)
from mbcli.data.stores.sequences import KEYPOINTS, Sequence, SequenceStore
from mbcli.data.stores.store import ClipStore
from mbcli.errors import DataError
from mbcli.kinematics.bones import distances
from mbcli.skeleton import BODY21, H36M17, Skeleton
from mbcli.types import FloatArray

LIMB_CHANGE = 0.25
"""Largest allowed spread of a limb's length, 5th to 95th percentile, as a share of its median."""
SIDES = 1.5
"""Largest allowed ratio between the lengths of the left and the right limb, either way."""
OUTSIDE = 3.0
"""How far a confident keypoint may lie outside the picture, in picture sizes."""
APART = 1.0
"""Largest allowed median distance between keypoints and target, in body sizes."""

_LIMBS = (("hip", "knee"), ("knee", "ankle"), ("shoulder", "elbow"), ("elbow", "wrist"))
_CONFIDENT = 0.3  # below it, a keypoint is wrong more often than right (`research.noise`)
_MOSTLY = 0.5  # share of the clips; some people do stand on their hands
_BELOW = 0.3  # metres by which the head of a lying person may be below the feet


def check_store(opened: ClipStore | SequenceStore) -> Iterator[tuple[str, str]]:
    """Check every clip.

    Yields:
        (name, reason) of each fault; a fault of the whole store comes last, with an empty name.
    """
    if isinstance(opened, ClipStore):
        yield from _check_clips(opened)
    else:
        yield from _check_sequences(opened)


def _check_clips(opened: ClipStore) -> Iterator[tuple[str, str]]:
    fallen = 0
    for clip in opened.clips:
        body = opened.joints(clip)
        reasons = list(clip_faults(body, clip.fps))
        yield from ((clip.name, reason) for reason in reasons)
        head, ankles = body[:, BODY21.index("head"), 1], _ankles(body, BODY21)[..., 1]
        fallen += bool(np.median(head) < np.median(ankles) - _BELOW)
    if opened.clips and fallen > _MOSTLY * len(opened.clips):
        yield "", f"y must point up, but the head is below the feet in {fallen} clips"


def clip_faults(body: Rows, fps: float) -> Iterator[str]:
    """What is wrong with a clip; imports leave such clips out.

    Args:
        body: (F, 21, 3) metres, y up.
        fps: frames per second.
    """
    if not FPS[0] <= fps <= FPS[1]:
        yield f"fps must be within {FPS[0]:g}..{FPS[1]:g}, got {fps:g}"
    try:
        _, note = human_pieces(body, fps)
    except DataError as error:
        yield str(error)
        return
    if note:
        yield f"joints jump: an import would have {note}"
    yield from _limb_faults(body, BODY21)
    if face_turned_away(body):
        yield "the face must look where the trunk does, but looks behind it in most frames"


def _check_sequences(opened: SequenceStore) -> Iterator[tuple[str, str]]:
    fallen = upright = 0
    for sequence in opened.sequences:
        points = opened.array(KEYPOINTS, sequence)
        for reason in (*_keypoint_faults(sequence, points), *_array_faults(opened, sequence)):
            yield sequence.name, reason
        person = points[:, 0]
        with np.errstate(invalid="ignore"):
            below = person[:, H36M17.index("head"), 1] - _ankles(person, H36M17)[..., 1]
        below = below[np.isfinite(below)]
        if len(below):
            fallen += bool(np.median(below) > 0)
            upright += bool(np.median(below) <= 0)
    if fallen > upright:
        yield "", f"y must point down, but the head is below the feet in {fallen} sequences"


def _keypoint_faults(sequence: Sequence, points: Rows) -> Iterator[str]:
    if not FPS[0] <= sequence.fps <= FPS[1]:
        yield f"fps must be within {FPS[0]:g}..{FPS[1]:g}, got {sequence.fps:g}"
    places, score = points[..., :2], points[..., 2]
    missing = np.isnan(places).any(-1)
    if np.isinf(points).any() or np.isnan(score).any():
        yield "keypoints must be finite, or (NaN, NaN, 0) where missing"
        return
    if (score < 0).any() or (score > 1).any():
        yield f"confidences must be within 0..1, got {score.min():g}..{score.max():g}"
    if score[missing].any():
        yield "a missing keypoint (NaN) must have confidence 0"
    if missing.all():
        yield "all keypoints are missing"
        return
    sure = score >= _CONFIDENT
    if sequence.size != (0, 0) and sure.any():
        size = np.array(sequence.size, float)
        far = (np.abs(places - size / 2) > (OUTSIDE + 0.5) * size.max()).any(-1) & sure
        if far.any():
            frame = int(np.argwhere(far)[0, 0])
            width, height = sequence.size
            yield f"keypoints must be pixels of {width}x{height}, but are not in frame {frame}"
    extent = _extent(places)
    if not np.nanmax(extent, initial=0) > 0:
        yield "all keypoints of a body coincide"
        return
    with np.errstate(invalid="ignore"):
        middle = _nanmedian(places)  # (F, M, 2)
        steps = np.linalg.norm(np.diff(middle, axis=0), axis=-1)
        jumps = steps > 2 * np.fmax(extent[1:], extent[:-1])
    if jumps.any():
        frame = int(np.argwhere(jumps)[0, 0]) + 1
        yield f"the body jumps by {steps[jumps].max():.0f} pixels, first at frame {frame}"


def _array_faults(opened: SequenceStore, sequence: Sequence) -> Iterator[str]:
    arrays = {name: opened.array(name, sequence) for name in opened.arrays if name != KEYPOINTS}
    for name, rows in arrays.items():
        if np.isinf(rows).any():
            yield f"{name} must be finite, or NaN where unknown"
            return
    if "truth" in arrays:
        yield from _truth_faults(sequence, arrays["truth"])
    if "factor" in arrays and (arrays["factor"] <= 0).any():
        yield f"factor must be positive, got {np.nanmin(arrays['factor']):g}"
    if "target" in arrays:
        points = opened.array(KEYPOINTS, sequence)[:, 0]
        sure = points[..., 2] >= _CONFIDENT
        apart = np.linalg.norm(arrays["target"][..., :2] - points[..., :2], axis=-1)
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = (apart / _extent(points[..., :2])[:, None])[sure]
        apart = apart[np.isfinite(apart)]
        if len(apart) and np.median(apart) > APART:
            yield (
                f"target must lie on the keypoints, but is {np.median(apart):.1f} body sizes off: "
                "another unit or camera"
            )
    if "pose" in arrays:
        turns = np.linalg.norm(arrays["pose"].reshape(-1, 24, 3), axis=-1)
        if np.nanmax(turns, initial=0) > 4 * np.pi:
            yield f"pose must be axis times angle in radians, got {np.nanmax(turns):.0f}"
    if "shape" in arrays and np.nanmax(np.abs(arrays["shape"]), initial=0) > 20:
        yield f"shape must be betas, got {np.nanmax(np.abs(arrays['shape'])):.0f}"


def _truth_faults(sequence: Sequence, truth: Rows) -> Iterator[str]:
    known = np.isfinite(truth).all(-1)
    if not known.any():
        return
    total = 1000 * standing_height(truth / 1000, H36M17)
    low, high = (1000 * limit for limit in HUMAN_HEIGHT)
    # Costumes must pass; another unit must not.
    if np.isfinite(total) and not low <= total <= 1.5 * high:
        yield (
            f"truth must be millimetres of a person {low:.0f}..{1.5 * high:.0f} tall, "
            f"got {total:.4g}"
        )
        return
    speeds = np.linalg.norm(np.diff(truth - truth[:, :1], axis=0), axis=-1) * sequence.fps / 1000
    if np.nanmax(speeds, initial=0) > TOP_SPEED:
        frame = int(np.argwhere(speeds > TOP_SPEED)[0, 0]) + 1
        yield f"joints jump at up to {np.nanmax(speeds):.0f} m/s, first at frame {frame}"
    yield from _limb_faults(truth, H36M17)


def _limb_faults(body: Rows, skeleton: Skeleton) -> Iterator[str]:
    for a, b in _LIMBS:
        medians = []
        for side in ("left", "right"):
            lengths = _bone(body, skeleton, f"{side}_{a}", f"{side}_{b}")
            if not len(lengths):
                continue
            low, median, high = np.percentile(lengths, (5, 50, 95))
            medians.append(median)
            if high - low > LIMB_CHANGE * median:
                yield (
                    f"bones must keep their length, but {side} {a} to {b} goes from {low:.4g} "
                    f"to {high:.4g}"
                )
        if len(medians) == 2 and max(medians) > SIDES * min(medians):
            yield (
                f"both sides must be equal, but {a} to {b} is {medians[0]:.4g} on the left and "
                f"{medians[1]:.4g} on the right"
            )


def _bone(body: Rows, skeleton: Skeleton, a: str, b: str) -> FloatArray:
    """(F',) lengths of a bone in the frames where both of its joints are known."""
    lengths = distances(body.astype(np.float64), skeleton, [(a, b)])[:, 0]
    return lengths[np.isfinite(lengths)]


def _ankles(body: Rows, skeleton: Skeleton) -> FloatArray:
    left, right = body[:, skeleton.index("left_ankle")], body[:, skeleton.index("right_ankle")]
    return (left + right) / 2


def _extent(places: Rows) -> FloatArray:
    """(..., J, 2) -> (...,) longer side of the bounding box of known joints, NaN if none."""
    with np.errstate(invalid="ignore"):
        side = np.fmax.reduce(places, axis=-2) - np.fmin.reduce(places, axis=-2)
    return side.max(-1)


def _nanmedian(places: Rows) -> FloatArray:
    """(..., J, 2) -> (..., 2) median of the known joints; NaN if there are none."""
    ordered = np.sort(places, axis=-2)  # NaN last
    count = np.isfinite(places).sum(-2, keepdims=True)
    middle: FloatArray = np.take_along_axis(ordered, np.maximum(count - 1, 0) // 2, axis=-2)
    return middle[..., 0, :]
