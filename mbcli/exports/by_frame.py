"""The rows of a table of everybody, frame by frame."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from mbcli.motion import Motion3D
from mbcli.spans import PerPerson
from mbcli.types import FloatArray, IntArray


@dataclass(frozen=True, eq=False)
class TableRows:
    """Some rows of a table, sorted by frame, then by person.

    Attributes:
        frame: (K,) of each row, the place of its frame in the motion.
        person: (K,) of each row, the column of its person.
    """

    frame: IntArray
    person: IntArray

    def __len__(self) -> int:
        return len(self.frame)

    def of(self, values: PerPerson) -> FloatArray:
        """(K, ...) the values of the rows."""
        spans, frame, person = values.spans, self.frame, self.person
        inside = (spans.first[person] <= frame) & (frame < spans.stop[person])
        found = np.empty((len(frame), *values.rows.shape[1:]), values.rows.dtype)
        found[...] = values.fill
        found[inside] = values.rows[spans.row(frame[inside], person[inside])]
        return found


def table_rows(motion: Motion3D, at_once: int) -> Iterator[TableRows]:
    """The rows of a table, about ``at_once`` at a time.

    Everybody has a row for each frame. Where that would be more than a motion's arrays may hold,
    people have rows from their first frame to their last.
    """
    spans, people = motion.spans, np.arange(len(motion.track_ids))
    if motion.fits_dense:
        count = max(1, at_once // max(len(people), 1))
        for start in range(0, spans.frames, count):
            frames = np.arange(start, min(start + count, spans.frames))
            yield TableRows(np.repeat(frames, len(people)), np.tile(people, len(frames)))
        return
    order = np.argsort(spans.frame, kind="stable")
    frame, person = spans.frame[order], spans.person[order]
    for start in range(0, len(order), at_once):
        part = slice(start, start + at_once)
        yield TableRows(frame[part], person[part])
