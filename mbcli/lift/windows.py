"""Cutting a track into overlapping windows, and the weights that cross-fade them."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mbcli.timeline import clock_of, runs
from mbcli.types import FloatArray, IntArray, Keypoints2D


def window_starts(length: int, window: int, overlap: float) -> list[int]:
    """First frames of the windows over a run.

    The windows are spread evenly: the last one is as full as the others, and neighbours overlap
    by at least ``overlap``. A run no longer than a window becomes one shorter window.

    Args:
        length: frames in the run, at least 1.
        window: frames per window, at least 1.
        overlap: smallest share of a window that the next one also covers, 0 to less than 1.
    """
    if length <= window:
        return [0]
    hop = max(1, math.floor(window * (1 - overlap)))
    count = math.ceil((length - window) / hop) + 1
    # Exact positions are at most hop, a whole number, apart; hence rounded ones are too.
    return [i * (length - window) // (count - 1) for i in range(count)]


@dataclass(frozen=True)
class Cutting:
    """How tracks of a given frame rate are cut.

    Attributes:
        window: frames per window.
        max_gap: longest absence in frames that a window may span.
        stride: source frames from one frame of a window to the next.
    """

    window: int
    max_gap: int
    stride: int


def cut_tracks(
    keypoints: Keypoints2D, cutting: Callable[[float], Cutting], overlap: float
) -> dict[int, list[tuple[int, IntArray]]]:
    """All windows over the tracks of several people; none spans a pause.

    Args:
        keypoints: the tracks.
        cutting: maps frames per second to the way of cutting.
        overlap: see :func:`window_starts`.

    Returns:
        The windows as (person, frames), grouped by length; -1 is a dropped frame, see
        `mbcli.timeline`.
    """
    jobs: dict[int, list[tuple[int, IntArray]]] = defaultdict(list)
    there = keypoints.there
    for stretch in clock_of(keypoints):
        rule = cutting(stretch.fps)
        frames = np.full(stretch.length, -1)
        frames[stretch.slots] = np.arange(stretch.start, stretch.stop)
        for who in there.spans.people_in(slice(stretch.start, stretch.stop)).tolist():
            seen = there.spans.frames_of(who)
            first, last = max(seen.start, stretch.start), min(seen.stop, stretch.stop) - 1
            begin, end = stretch.slots[[first - stretch.start, last - stretch.start]].tolist()
            mine = frames[begin : end + 1]
            present = (mine >= 0) & there[who][mine - seen.start]
            for phase in range(min(rule.stride, len(frames))):
                # Slots are counted from the beginning of the stretch, for everybody alike.
                shift = (phase - begin) % rule.stride
                slots = mine[shift :: rule.stride]
                for start, stop in runs(present[shift :: rule.stride], rule.max_gap):
                    length = min(stop - start, rule.window)
                    for offset in window_starts(stop - start, length, overlap):
                        first = start + offset
                        jobs[length].append((who, slots[first : first + length]))
    return jobs


def held(track: FloatArray, frames: IntArray) -> FloatArray:
    """(t, J, 3) the frames of a window of a track (T, J, 3); frames of -1 are missing."""
    window = track[frames]
    window[frames < 0] = (np.nan, np.nan, 0.0)
    return window


def fade(length: int) -> FloatArray:
    """(length,) weight of each frame of a window: sine squared, never quite 0.

    Divided by the sum over all windows that cover a frame, these form a smooth partition of unity.
    A frame at the edge of one window, with context on one side only, gives way to the window that
    has it in the middle.
    """
    return np.sin(np.pi * (np.arange(length) + 0.5) / length) ** 2
