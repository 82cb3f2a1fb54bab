"""From detections and identities in every frame to tracks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mbcli.skeleton import Skeleton
from mbcli.spans import PerPerson, Spans
from mbcli.types import FloatArray, FramePoses, IntArray, Keypoints2D
from mbcli.values import build

_MISSING = (np.nan, np.nan, 0.0)


def gathered(
    poses: Sequence[FramePoses],
    columns: Sequence[IntArray],
    *,
    track_ids: IntArray,
    skeleton: Skeleton,
    fps: float,
    size: tuple[int, int],
    cuts: IntArray,
) -> Keypoints2D:
    """Collect detections into tracks with one column per person.

    Args:
        poses: of every frame, in order.
        columns: for each frame the column of each of its people; -1 drops a person.
        track_ids: (P,) the identity of each column.
        skeleton: of the poses.
        fps: frames per second.
        size: (width, height) of the pictures in pixels.
        cuts: numbers of frames at which a new shot begins.
    """
    person = np.concatenate([*columns, np.zeros(0, np.int64)]).astype(np.int64)
    frame = np.repeat(np.arange(len(poses)), [len(column) for column in columns])
    seen = person >= 0
    spans = Spans.of(len(poses), len(track_ids), frame[seen], person[seen])
    data, boxes = _empty(spans, len(skeleton))
    for place, (pose, column) in enumerate(zip(poses, columns, strict=True)):
        kept = column >= 0
        rows = spans.row(place, column[kept])
        data[rows], boxes[rows] = pose.keypoints[kept], pose.boxes[kept]
    return build(
        Keypoints2D,
        data=PerPerson(spans, data, _MISSING),
        skeleton=skeleton,
        fps=fps,
        timestamps=np.array([pose.time for pose in poses], dtype=np.float64),
        size=size,
        track_ids=track_ids,
        boxes=PerPerson(spans, boxes, np.nan),
        frame_index=np.array([pose.index for pose in poses], dtype=np.int64),
        cuts=cuts,
    )


def by_person(
    spans: Spans, frame: IntArray, person: IntArray, points: FloatArray, boxes: FloatArray
) -> tuple[PerPerson, PerPerson]:
    """Poses in any order as keypoints and boxes of people.

    Args:
        spans: spans that contain the poses.
        frame: (N,) of each pose, its place in the clip.
        person: (N,) of each pose, a column.
        points: (N, J, 3) x, y and confidence.
        boxes: (N, 4) pixels.
    """
    data, around = _empty(spans, points.shape[1])
    rows = spans.row(frame, person)
    data[rows], around[rows] = points, boxes
    return PerPerson(spans, data, _MISSING), PerPerson(spans, around, np.nan)


def _empty(spans: Spans, joints: int) -> tuple[FloatArray, FloatArray]:
    data = np.empty((spans.rows, joints, 3), np.float32)
    data[...] = _MISSING
    return data, np.full((spans.rows, 4), np.nan, np.float32)
