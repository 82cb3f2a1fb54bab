"""From the people of every frame, and who they are, to tracks."""

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
    """Tracks with one column a person.

    Args:
        poses: of every frame, in order.
        columns: for each frame the column of each of its people; -1 leaves one out.
        track_ids: (P,) the identity of each column.
        skeleton: of the poses.
        fps: frames per second.
        size: (width, height) of the pictures in pixels.
        cuts: numbers of frames with which a new shot begins.
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
