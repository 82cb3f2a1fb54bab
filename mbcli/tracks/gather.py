"""From detections and identities in every frame to tracks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mbcli.skeleton import Skeleton
from mbcli.types import FramePoses, IntArray, Keypoints2D


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
    data = np.full((len(poses), len(track_ids), len(skeleton), 3), (np.nan, np.nan, 0.0))
    boxes = np.full((len(poses), len(track_ids), 4), np.nan)
    for place, (pose, column) in enumerate(zip(poses, columns, strict=True)):
        kept = column >= 0
        data[place, column[kept]] = pose.keypoints[kept]
        boxes[place, column[kept]] = pose.boxes[kept]
    return Keypoints2D(
        data=data,
        skeleton=skeleton,
        fps=fps,
        timestamps=np.array([pose.time for pose in poses], dtype=np.float64),
        size=size,
        track_ids=track_ids,
        boxes=boxes,
        frame_index=np.array([pose.index for pose in poses], dtype=np.int64),
        cuts=cuts,
    )
