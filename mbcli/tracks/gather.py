"""Everybody who was seen in a clip, in few arrays; and from these to tracks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mbcli.skeleton import Skeleton
from mbcli.spans import PerPerson, Spans
from mbcli.tracks.looks import LOOKS
from mbcli.types import FloatArray, FramePoses, IntArray, Keypoints2D
from mbcli.values import build

_MISSING = (np.nan, np.nan, 0.0)


@dataclass(frozen=True, eq=False)
class Sightings:
    """Who was seen in T frames, N times in all; an hour of frames takes a few arrays.

    Attributes:
        times: (T,) seconds of the frames.
        numbers: (T,) of the frames in their source.
        frame: (N,) ascending: the place of each one's frame among the T.
        ids: (N,) who it is: the number of a track, or a column; -1 for nobody known.
        boxes: (N, 4) x1 y1 x2 y2 pixels.
        points: (N, J, 3) keypoints: x, y in pixels and confidence.
        looks: (N, 6) colours of clothes, see `mbcli.tracks.looks`; None if nobody looked.
    """

    times: FloatArray
    numbers: IntArray
    frame: IntArray
    ids: IntArray
    boxes: FloatArray
    points: FloatArray
    looks: FloatArray | None = None

    @classmethod
    def of(
        cls,
        poses: Sequence[FramePoses],
        ids: Sequence[IntArray],
        looks: Sequence[FloatArray] | None = None,
    ) -> Sightings:
        """What frames show, in order.

        Args:
            poses: of every frame, at least one.
            ids: (P,) of each frame.
            looks: (P, 6) of each frame; None if nobody looked.
        """
        people = [len(one) for one in poses]
        assert people == [len(one) for one in ids], "one identity for each person is needed"
        return cls(
            np.array([one.time for one in poses], np.float64),
            np.array([one.index for one in poses], np.int64),
            np.repeat(np.arange(len(poses)), people),
            np.concatenate(ids).astype(np.int64),
            np.concatenate([one.boxes for one in poses]),
            np.concatenate([one.keypoints for one in poses]),
            None if looks is None else np.concatenate(looks).reshape(-1, LOOKS).astype(np.float32),
        )

    @classmethod
    def joined(cls, parts: Sequence[Sightings]) -> Sightings:
        """One part after the other, at least one."""
        starts = np.cumsum([0, *(len(part.times) for part in parts)])
        looks = [part.looks for part in parts if part.looks is not None]
        return cls(
            np.concatenate([part.times for part in parts]),
            np.concatenate([part.numbers for part in parts]),
            np.concatenate([one.frame + n for one, n in zip(parts, starts, strict=False)]),
            np.concatenate([part.ids for part in parts]),
            np.concatenate([part.boxes for part in parts]),
            np.concatenate([part.points for part in parts]),
            np.concatenate(looks) if looks else None,
        )


def gathered(
    people: Sightings,
    columns: IntArray,
    *,
    track_ids: IntArray,
    skeleton: Skeleton,
    fps: float,
    size: tuple[int, int],
    cuts: IntArray,
) -> Keypoints2D:
    """Collect sightings into tracks with one column per person.

    Args:
        people: those who were seen.
        columns: (N,) the column of each; -1 drops a sighting.
        track_ids: (P,) the identity of each column.
        skeleton: of the keypoints.
        fps: frames per second.
        size: (width, height) of the pictures in pixels.
        cuts: numbers of frames at which a new shot begins.
    """
    kept = columns >= 0
    spans = Spans.of(len(people.times), len(track_ids), people.frame[kept], columns[kept])
    data = np.empty((spans.rows, len(skeleton), 3), np.float32)
    data[...] = _MISSING
    boxes = np.full((spans.rows, 4), np.nan, np.float32)
    rows = spans.row(people.frame[kept], columns[kept])
    data[rows], boxes[rows] = people.points[kept], people.boxes[kept]
    return build(
        Keypoints2D,
        data=PerPerson(spans, data, _MISSING),
        skeleton=skeleton,
        fps=fps,
        timestamps=people.times,
        size=size,
        track_ids=track_ids,
        boxes=PerPerson(spans, boxes, np.nan),
        frame_index=people.numbers,
        cuts=cuts,
    )
