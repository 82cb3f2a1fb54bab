"""Gather a file's poses into a `KeypointFile`: sorted, and without unusable ones.

No file is refused for a few bad poses; notes say what was left out or interpreted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mbcli.bounds import MAX_FRAMES
from mbcli.errors import InputError
from mbcli.keypoints.cleaning import cleaned
from mbcli.keypoints.clock import Clock, clock_of, sound_rate
from mbcli.keypoints.exchanges import exchanged
from mbcli.keypoints.records import KeypointFile
from mbcli.skeleton import Skeleton
from mbcli.types import FloatArray, IntArray

# Fractions of the picture: nobody is seen further outside it. Pixels: no body is as small.
_LARGEST_FRACTION = 2.0


@dataclass(frozen=True, eq=False)
class Times:
    """Times of some frames in a file.

    Attributes:
        frames: (R,) the frames.
        seconds: (R,) their times in `unit`; NaN if unknown.
        unit: the unit in seconds; None if it is to be inferred.
    """

    frames: Sequence[int] | IntArray
    seconds: FloatArray
    unit: float | None = None


def gathered(
    path: Path,
    format: str,
    skeleton: Skeleton,
    frames: Sequence[int] | IntArray,
    points: FloatArray,
    *,
    ids: Sequence[int | str | None] | IntArray | None = None,
    boxes: FloatArray | None = None,
    count: int = 0,
    size: tuple[int, int] | None = None,
    fps: float | None = None,
    times: Times | None = None,
    numbered: bool = True,
    counts_from: int | None = 0,
    slots: bool = False,
    fractions: bool = False,
    pictures: Mapping[str, int] | None = None,
    notes: Iterable[str] = (),
) -> KeypointFile:
    """Make a `KeypointFile` from poses in any order.

    Args:
        path: the file or folder.
        format: its key in `mbcli.keypoints.FORMATS`.
        skeleton: names of the J joints.
        frames: (N,) frame of each pose.
        points: (N, J, 3) x, y and confidence as in the file, of the first joints or all. NaN and
            infinity mean missing, as does the corner of the picture, (0, 0), which most programs
            write for missing keypoints. A keypoint without confidence counts fully.
        ids: (N,) identities, None if the file has none; they are used only if every pose has one
            and nobody is twice in a frame. Names are numbered in order of appearance.
        boxes: (N, 4) x1 y1 x2 y2.
        count: number of frames of the video, if the file has it; otherwise 0.
        size: (width, height) of the pictures, if the file has it.
        fps: frames per second, if the file has it.
        times: the clock, which also gives the rate if ``fps`` is None.
        numbered: see `KeypointFile`.
        counts_from: see `KeypointFile`.
        fractions: the format usually has fractions of the picture, so that no note is needed.
        pictures: see `KeypointFile`.
        slots: the identities may be mere positions in a list.
        notes: further notes, one line each.

    Raises:
        InputError: there is nobody, a frame number is too large, or values cannot be confidences.
    """
    remarks = list(notes)
    lacking = np.full((len(points), len(skeleton) - points.shape[1], 3), np.nan)
    points = np.concatenate([points, lacking], axis=1)
    index = _bounded(frames)
    there, found = cleaned(points, index, path)
    remarks += found
    relative = bool(there.any()) and (
        float(np.median(np.abs(points[there][:, :2]))) < _LARGEST_FRACTION
    )
    if relative and not fractions:
        remarks.append("coordinates are taken as fractions of the picture")
    names = None if ids is None else _numbers_of(list(ids))
    seen = np.flatnonzero(there.any(axis=1))
    rows = _once(index, points, seen, remarks)
    rows = rows[np.argsort(index[rows], kind="stable")]
    identities = None
    if names is not None:
        identities = _identities(index[rows], [names[row] for row in rows], remarks)
    if identities is not None and exchanged(index[rows], points[rows], identities, slots):
        remarks.append("identities are not used: people jump from one to another; tracked anew")
        identities = None
    last = int(index[rows[-1]]) + 1 if len(rows) else 0
    video_frames = max(count, last, int(_bounded(times.frames).max(initial=-1)) + 1 if times else 0)
    if video_frames > MAX_FRAMES:
        raise InputError(
            f"{path} must number frames from 0 to {MAX_FRAMES}, got frame {video_frames - 1}"
        )
    clock = Clock()
    if times is not None and len(rows) and index[rows[0]] >= 0:
        clock = clock_of(times.seconds, _bounded(times.frames), video_frames, times.unit)
    untimed = clock.problem
    if fps is not None and not sound_rate(fps):
        fps, untimed = None, f"it says {fps:g} frames/s"
    return KeypointFile(
        path=path,
        format=format,
        skeleton=skeleton,
        frame_index=index[rows],
        keypoints=points[rows],
        frames=video_frames,
        ids=identities,
        boxes=None if boxes is None else boxes[rows],
        size=size,
        fps=clock.fps if fps is None else fps,
        timestamps=clock.timestamps,
        untimed=untimed,
        numbered=numbered,
        counts_from=counts_from,
        pictures=pictures or {},
        relative=relative,
        warnings=(*remarks, *clock.notes),
    )


def _bounded(frames: Sequence[int] | IntArray) -> IntArray:
    """Frame numbers as an array; those beyond `MAX_FRAMES` become ``MAX_FRAMES + 1``."""
    if isinstance(frames, np.ndarray):
        return frames.astype(np.int64)
    limit = MAX_FRAMES + 1
    return np.array([max(-limit, min(limit, number)) for number in frames], np.int64)


def _once(index: IntArray, points: FloatArray, rows: IntArray, remarks: list[str]) -> IntArray:
    """The rows without poses that repeat another one of their frame exactly."""
    seen: set[tuple[int, bytes]] = set()
    kept = []
    for row in rows.tolist():
        pose = (int(index[row]), points[row].tobytes())
        if pose not in seen:
            seen.add(pose)
            kept.append(row)
    if len(kept) < len(rows):
        remarks.append(f"{len(rows) - len(kept)} poses are repeated, number for number: taken once")
    return np.array(kept, np.int64)


def _numbers_of(ids: list[int | str | None]) -> list[int | None]:
    """Identities as numbers; if any is a name, all are numbered in order of appearance."""
    if not any(isinstance(who, str) for who in ids):
        return [None if who is None else int(who) for who in ids]
    order = {who: n for n, who in enumerate(dict.fromkeys(who for who in ids if who is not None))}
    return [None if who is None else order[who] for who in ids]


def _identities(index: IntArray, ids: list[int | None], remarks: list[str]) -> IntArray | None:
    """The identities, or None if they cannot be used."""
    known = [number for number in ids if number is not None]
    if not known:
        return None
    if len(known) < len(ids):
        remarks.append(
            f"identities are not used: {len(known)} of {len(ids)} poses have one, which must be all"
        )
        return None
    found = np.array(known, np.int64)
    pairs, times = np.unique(np.stack([index, found], axis=1), axis=0, return_counts=True)
    if (times > 1).any():
        frame, person = pairs[times > 1][0].tolist()
        frames = len(np.unique(pairs[times > 1][:, 0]))
        remarks.append(
            f"identities are not used: person {person} is twice in frame {frame}"
            + (f", and so in {frames} frames" if frames > 1 else "")
            + "; people are tracked anew"
        )
        return None
    return found
