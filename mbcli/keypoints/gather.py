"""From what a file says of people to a `KeypointFile`: sorted, without what cannot be used.

Nothing here refuses a file for a few poor lines; what is left out or taken otherwise is said.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mbcli.errors import InputError
from mbcli.keypoints.cleaning import cleaned
from mbcli.keypoints.clock import Clock, clock_of, sound_rate
from mbcli.keypoints.exchanges import exchanged
from mbcli.keypoints.records import MAX_FRAMES, KeypointFile
from mbcli.skeleton import Skeleton
from mbcli.types import FloatArray, IntArray

# Nobody is seen further outside the picture than this, in widths of the picture; in pixels, no body
# is as small.
_LARGEST_FRACTION = 2.0


@dataclass(frozen=True, eq=False)
class Times:
    """What a file says of the time of some frames.

    Attributes:
        frames: (R,) the frames.
        seconds: (R,) when they are, in `unit`; NaN where it does not say.
        unit: in seconds; None if the numbers decide.
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
    """Make a `KeypointFile` of poses in any order.

    Args:
        path: the file or folder.
        format: its key in `mbcli.keypoints.FORMATS`.
        skeleton: names of the J joints.
        frames: (N,) frame of each pose.
        points: (N, J, 3) x, y and confidence as the file has them, of the first joints or all. NaN
            and infinity are missing, and so is the corner of the picture, (0, 0), which is what
            most programs write for it. A keypoint that is there but has no confidence counts fully.
        ids: (N,) who it is, None where the file does not say; they count only if all have one and
            nobody is twice in a frame. Names are numbered as they come.
        boxes: (N, 4) x1 y1 x2 y2.
        count: frames of the video as far as the file says; 0 if it does not.
        size: (width, height) of the pictures, if the file says so.
        fps: frames per second, if the file says so.
        times: its clock, whose rate is taken where the file says no other.
        numbered: see `KeypointFile`.
        counts_from: see `KeypointFile`.
        fractions: the format has fractions of the picture as a rule, so that it needs no word.
        pictures: see `KeypointFile`.
        slots: the identities may be no more than places in a list.
        notes: what there is to say besides.

    Raises:
        InputError: nobody is there, a frame number beyond all reason, or confidences that are none.
    """
    said = list(notes)
    lacking = np.full((len(points), len(skeleton) - points.shape[1], 3), np.nan)
    points = np.concatenate([points, lacking], axis=1)
    index = _bounded(frames)
    there, found = cleaned(points, index, path)
    said += found
    relative = bool(there.any()) and (
        float(np.median(np.abs(points[there][:, :2]))) < _LARGEST_FRACTION
    )
    if relative and not fractions:
        said.append("coordinates are taken as fractions of the picture")
    names = None if ids is None else _numbers_of(list(ids))
    seen = np.flatnonzero(there.any(axis=1))
    rows = _once(index, points, seen, said)
    rows = rows[np.argsort(index[rows], kind="stable")]
    identities = None
    if names is not None:
        identities = _identities(index[rows], [names[row] for row in rows], said)
    if identities is not None and exchanged(index[rows], points[rows], identities, slots):
        said.append("identities are not used: people jump from one to another; tracked anew")
        identities = None
    last = int(index[rows[-1]]) + 1 if len(rows) else 0
    frames_told = max(count, last, int(_bounded(times.frames).max(initial=-1)) + 1 if times else 0)
    if frames_told > MAX_FRAMES:
        raise InputError(
            f"{path} must number frames from 0 to {MAX_FRAMES}, got frame {frames_told - 1}"
        )
    clock = Clock()
    if times is not None and len(rows) and index[rows[0]] >= 0:
        clock = clock_of(times.seconds, _bounded(times.frames), frames_told, times.unit)
    untimed = clock.problem
    if fps is not None and not sound_rate(fps):
        fps, untimed = None, f"it says {fps:g} frames/s"
    return KeypointFile(
        path=path,
        format=format,
        skeleton=skeleton,
        frame_index=index[rows],
        keypoints=points[rows],
        frames=frames_told,
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
        warnings=(*said, *clock.notes),
    )


def _bounded(frames: Sequence[int] | IntArray) -> IntArray:
    """Frame numbers as an array; those beyond all reason are just beyond `MAX_FRAMES`."""
    if isinstance(frames, np.ndarray):
        return frames.astype(np.int64)
    limit = MAX_FRAMES + 1
    return np.array([max(-limit, min(limit, number)) for number in frames], np.int64)


def _once(index: IntArray, points: FloatArray, rows: IntArray, said: list[str]) -> IntArray:
    """The rows but for poses that are repeated in their frame, number for number."""
    seen: set[tuple[int, bytes]] = set()
    kept = []
    for row in rows.tolist():
        pose = (int(index[row]), points[row].tobytes())
        if pose not in seen:
            seen.add(pose)
            kept.append(row)
    if len(kept) < len(rows):
        said.append(f"{len(rows) - len(kept)} poses are repeated, number for number: taken once")
    return np.array(kept, np.int64)


def _numbers_of(ids: list[int | str | None]) -> list[int | None]:
    """Identities as numbers; with a name among them, all are numbered in the order they come."""
    if not any(isinstance(who, str) for who in ids):
        return [None if who is None else int(who) for who in ids]
    order = {who: n for n, who in enumerate(dict.fromkeys(who for who in ids if who is not None))}
    return [None if who is None else order[who] for who in ids]


def _identities(index: IntArray, ids: list[int | None], said: list[str]) -> IntArray | None:
    """The identities, or None where they cannot be used."""
    known = [number for number in ids if number is not None]
    if not known:
        return None
    if len(known) < len(ids):
        said.append(
            f"identities are not used: {len(known)} of {len(ids)} poses have one, which must be all"
        )
        return None
    found = np.array(known, np.int64)
    pairs, times = np.unique(np.stack([index, found], axis=1), axis=0, return_counts=True)
    if (times > 1).any():
        frame, person = pairs[times > 1][0].tolist()
        frames = len(np.unique(pairs[times > 1][:, 0]))
        said.append(
            f"identities are not used: person {person} is twice in frame {frame}"
            + (f", and so in {frames} frames" if frames > 1 else "")
            + "; people are tracked anew"
        )
        return None
    return found
