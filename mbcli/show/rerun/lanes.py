"""Under which name and in which frames a person is logged in a Rerun recording."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mbcli.motion import Motion3D


class Lane(NamedTuple):
    """Where a person is logged.

    Attributes:
        name: the last part of their entities' paths.
        number: of the lane, from 0, which chooses its colour.
    """

    name: str
    number: int

    @property
    def words(self) -> str:
        """Its name in a legend."""
        return self.name.replace("_", " ")


def lanes_of(motion: Motion3D) -> list[Lane]:
    """The lane of each person: their own; in a long motion people who never meet share one.

    Rerun cannot read a recording with entities for each of a thousand people.
    """
    if motion.fits_dense:
        return [Lane(f"person_{number}", n) for n, number in enumerate(motion.track_ids)]
    spans, ends = motion.spans, list[int]()
    lanes = [0] * len(spans)
    for column in np.argsort(spans.first, kind="stable").tolist():
        free = (n for n, end in enumerate(ends) if end < spans.first[column])
        lanes[column] = lane = next(free, len(ends))
        ends[lane:] = [int(spans.stop[column]), *ends[lane + 1 :]]
    return [Lane(f"people_{lane + 1}", lane) for lane in lanes]


def frames_of(motion: Motion3D, column: int) -> slice:
    """The frames in which a person is logged: all; of a long motion, their own and one more.

    The one more is empty, so that they do not stay on the screen.
    """
    if motion.fits_dense:
        return slice(0, motion.spans.frames)
    frames = motion.spans.frames_of(column)
    return slice(frames.start, min(frames.stop + 1, motion.spans.frames))
