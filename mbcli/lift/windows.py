"""Cutting a track into overlapping windows, and the weights that fade them into each other."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from mbcli.timeline import clock_of, runs
from mbcli.types import FloatArray, IntArray, Keypoints2D


def window_starts(length: int, window: int, overlap: float) -> list[int]:
    """Where the windows over a run begin.

    They are spread evenly, so that the last one is as full as the others and none overlaps its
    neighbour by less than ``overlap``. A run no longer than a window is one shorter window.

    Args:
        length: frames of the run, at least 1.
        window: frames of a window, at least 1.
        overlap: smallest share of a window that the next one covers too, 0..1, less than 1.
    """
    if length <= window:
        return [0]
    hop = max(1, math.floor(window * (1 - overlap)))
    count = math.ceil((length - window) / hop) + 1
    # The distance of exact positions is at most hop, a whole number; so is that of rounded ones.
    return [i * (length - window) // (count - 1) for i in range(count)]


@dataclass(frozen=True)
class Cutting:
    """How tracks of one frame rate are cut.

    Attributes:
        window: frames of a window.
        max_gap: longest absence in frames that a window reaches over.
        stride: frames of the source from one that a window holds to the next.
    """

    window: int
    max_gap: int
    stride: int


def cut_tracks(
    keypoints: Keypoints2D, cutting: Callable[[float], Cutting], overlap: float
) -> dict[int, list[tuple[int, IntArray]]]:
    """All windows over the tracks of several people; none reaches over a pause.

    Args:
        keypoints: the tracks.
        cutting: how to cut at so many frames a second.
        overlap: see :func:`window_starts`.

    Returns:
        By their length, the windows as (person, frames), where -1 is a dropped frame; see
        `mbcli.timeline`.
    """
    jobs: dict[int, list[tuple[int, IntArray]]] = defaultdict(list)
    for stretch in clock_of(keypoints):
        rule = cutting(stretch.fps)
        frames = np.full(stretch.length, -1)
        frames[stretch.slots] = np.arange(stretch.start, stretch.stop)
        present = (frames >= 0)[:, None] & keypoints.present[frames]
        for who in range(present.shape[1]):
            for phase in range(min(rule.stride, len(frames))):
                slots = frames[phase :: rule.stride]
                for start, stop in runs(present[phase :: rule.stride, who], rule.max_gap):
                    length = min(stop - start, rule.window)
                    for offset in window_starts(stop - start, length, overlap):
                        first = start + offset
                        jobs[length].append((who, slots[first : first + length]))
    return jobs


def held(track: FloatArray, frames: IntArray) -> FloatArray:
    """(t, J, 3) of a track (T, J, 3) in a window's frames; in one of -1 nothing is known."""
    window = track[frames]
    window[frames < 0] = (np.nan, np.nan, 0.0)
    return window


def fade(length: int) -> FloatArray:
    """(length,) how much each frame of a window counts: sine squared, never quite 0.

    Divided by the sum over all windows that cover a frame, these are a smooth partition of unity.
    A frame at the edge of its window, known from one side only, gives way to the window that has
    it in the middle.
    """
    return np.sin(np.pi * (np.arange(length) + 0.5) / length) ** 2
