"""Looking at some frames of a fast video, and filling in the keypoints of those between."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np

from mbcli.spans import PerPerson, Spans
from mbcli.types import FloatArray, Frame, FramePoses, IntArray, Keypoints2D
from mbcli.values import changed, kept

_SLACK = 0.25  # of a frame: rounding of time stamps


def stride(fps: float, rate: float) -> int:
    """Number of frames from one that is looked at to the next.

    Args:
        fps: frames per second of the video.
        rate: frames per second to look at, about; 0 means all.

    Returns:
        2 from 1.5 times the rate on, such as 50 frames a second with a rate of 30.
    """
    return max(1, int(fps / rate + 0.5)) if rate else 1


def sampled(
    frames: Iterable[Frame], fps: float, every: int, last: float = -np.inf
) -> Iterator[tuple[Frame, bool]]:
    """Frames, and whether to look at them.

    Those to look at are ``every`` frames apart, in time. So that what lies between is never further
    than that from both, the first and the last frame of each shot are among them, and those before
    and after a pause.

    Args:
        frames: in order.
        fps: frames per second.
        every: from :func:`stride`.
        last: seconds of the last frame before these that was looked at.
    """
    step = (every - _SLACK) / fps
    waiting: Frame | None = None  # until the next frame tells whether a shot ends with it
    for frame in frames:
        if waiting is not None:
            ends = frame.cut or frame.time - waiting.time > (every + _SLACK) / fps
            yield waiting, ends
            if ends:
                last = waiting.time
        waiting = None
        if frame.cut or frame.time >= last + step:
            last = frame.time
            yield frame, True
        else:
            waiting = frame
    if waiting is not None:
        yield waiting, True


def nobody(frame: Frame, joints: int) -> FramePoses:
    """The poses of a frame that is not looked at: none, of ``joints`` keypoints each."""
    return FramePoses(frame.index, frame.time, np.empty((0, 4)), np.empty((0, joints, 3)))


def filled(keypoints: Keypoints2D, times: FloatArray, numbers: IntArray, fps: float) -> Keypoints2D:
    """Tracks in all frames, from those in the frames that were looked at.

    Between two frames a person is on the line between both, in time, as confident as the less
    confident of both. Keypoints and people that are missing in either are missing between them:
    nobody begins earlier or ends later, and no track crosses a cut.

    On views of people who move fast (60 frames a second, every second one left out), keypoints in
    between were off by 0.53 % of the box's diagonal on average with lines and by 0.55 % with cubics
    (Catmull-Rom), and the joints lifted from them differed by 6.6 and 6.5 mm.

    Args:
        keypoints: in the frames that were looked at, the first and the last of ``numbers`` among
            them.
        times: (T,) seconds of all frames.
        numbers: (T,) their numbers in the source, ascending.
        fps: of all frames.
    """
    data, boxes = kept(keypoints, "data"), kept(keypoints, "boxes")
    places = np.searchsorted(numbers, keypoints.frame_index)  # of the frames that were looked at
    old = data.spans
    seen = old.stop > 0
    first = np.where(seen, places[old.first], 0)
    stop = np.where(seen, places[old.stop - 1] + 1, 0)
    spans = Spans(len(numbers), first, stop)
    points = np.empty((spans.rows, *data.rows.shape[1:]), np.float32)
    around = np.empty((spans.rows, 4), np.float32)
    for person in np.flatnonzero(seen).tolist():
        rows, mine = spans.rows_of(person), data[person]
        looked = keypoints.timestamps[old.frames_of(person)]
        wanted = times[spans.frames_of(person)]
        before = np.searchsorted(looked, wanted, side="right") - 1
        after = np.where(looked[before] == wanted, before, before + 1)
        step = np.where(after > before, looked[after] - looked[before], 1.0)
        share = (wanted - looked[before]) / step  # of the way; 0 in a frame that was looked at
        points[rows, :, :2] = _between(mine[..., :2], before, after, share[:, None, None])
        points[rows, :, 2] = np.minimum(mine[before, :, 2], mine[after, :, 2])
        around[rows] = _between(boxes[person], before, after, share[:, None])
    points[np.isnan(points[..., :2]).any(axis=-1)] = np.nan, np.nan, 0
    return changed(
        keypoints,
        data=PerPerson(spans, points, data.fill),
        boxes=PerPerson(spans, around, boxes.fill),
        timestamps=times,
        frame_index=numbers,
        fps=fps,
    )


def _between(
    values: FloatArray, before: IntArray, after: IntArray, share: FloatArray
) -> FloatArray:
    """What lies between some frames and others; exactly the former where the share is 0."""
    start, end = values[before], values[after]
    return np.where(share == 0, start, start + share * (end - start))
