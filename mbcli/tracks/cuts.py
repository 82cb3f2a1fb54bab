"""Detection of scene cuts."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from mbcli.types import FloatArray, Frame

_THUMBNAIL = (32, 32)  # pixels
# Mean difference of thumbnails, of 255, between consecutive frames. A cut between two cameras in
# one place has 36; footage without cuts stays below 19, a pan of 60 pixels per frame below 20.
_DIFFERENCE = 20.0
_STANDS_OUT = 3.0  # times the adjacent differences: a whip pan lasts for several frames
_STAYS = 0.7  # share of the difference that remains in later frames: after a flash it is gone
_BESIDE = 3  # frames to compare before a cut: a flash of two frames returns to them ...
_AHEAD = 2  # ... and frames after it
# Frames before one on which its mark depends: those compared, and those before a cut among them.
BEFORE = 4 * _BESIDE


def with_cuts(frames: Iterable[Frame]) -> Iterator[Frame]:
    """Mark the frames at which a new shot begins; the first frame is not marked.

    The output lags two frames behind, to tell cuts from flashes and from fast pans.
    """
    waiting: deque[tuple[Frame, FloatArray]] = deque()
    before: deque[FloatArray] = deque(maxlen=_BESIDE)  # thumbnails of frames already yielded

    def first() -> Frame:
        frame, small = waiting.popleft()
        cut = _is_cut([*before], small, [after for _, after in waiting])
        if cut:
            before.clear()
        before.append(small)
        return replace(frame, cut=True) if cut else frame

    for frame in frames:
        waiting.append((frame, _thumbnail(frame.small)))
        if len(waiting) > _AHEAD:
            yield first()
    while waiting:
        yield first()


def _thumbnail(image: npt.NDArray[np.uint8]) -> FloatArray:
    small = cv2.resize(image, _THUMBNAIL, interpolation=cv2.INTER_AREA)
    return np.asarray(small, dtype=np.float32)


def _is_cut(before: list[FloatArray], here: FloatArray, after: list[FloatArray]) -> bool:
    """Whether a shot begins between ``before`` and ``here``; thumbnails are in order of time."""
    if not before:
        return False
    change = _apart(here, before[-1])
    if change < _DIFFERENCE:
        return False
    beside = [_apart(before[-1], before[-2])] if len(before) > 1 else []
    beside += [_apart(here, after[0])] if after else []
    least = _STAYS * change
    stays = all(_apart(later, before[-1]) >= least for later in after)
    new = all(_apart(here, earlier) >= least for earlier in before)
    return stays and new and change >= _STANDS_OUT * max(beside, default=0.0)


def _apart(first: FloatArray, second: FloatArray) -> float:
    return float(np.abs(first - second).mean())
