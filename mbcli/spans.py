"""Who is in a clip when, and values of people kept for that time only.

An array of T frames and everybody who is ever seen, (T, P, ...), grows with the square of the
length where people come and go. Kept by person, from the first frame to the last, it grows with
the people seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[Any]
Numbers = npt.NDArray[np.integer[Any]]


@dataclass(frozen=True, eq=False)
class Spans:
    """The first and the last frame of each person of a clip.

    The rows of values are sorted by person, then by frame, without a gap.

    Attributes:
        frames: T, number of frames of the clip.
        first: (P,) int64, each person's first frame; 0 for somebody who is never seen.
        stop: (P,) int64, the frame after the last; 0 for somebody who is never seen.
    """

    frames: int
    first: Numbers
    stop: Numbers

    @classmethod
    def of(cls, frames: int, people: int, frame: Numbers, person: Numbers) -> Spans:
        """The spans that contain some sightings, each a frame and a person (a column)."""
        first, stop = np.full(people, frames), np.zeros(people, np.int64)
        np.minimum.at(first, person, frame)
        np.maximum.at(stop, person, frame + 1)
        return cls(frames, np.where(stop > 0, first, 0), stop)

    def __len__(self) -> int:
        return len(self.first)

    @cached_property
    def offsets(self) -> Numbers:
        """(P + 1,) the first row of each person, and the number of rows."""
        return np.concatenate([[0], np.cumsum(self.stop - self.first)])

    @property
    def rows(self) -> int:
        """N, number of rows."""
        return int(self.offsets[-1])

    @property
    def frame(self) -> Numbers:
        """(N,) the frame of each row."""
        shift = self.offsets[:-1] - self.first
        return np.arange(self.rows) - np.repeat(shift, self.stop - self.first)

    @property
    def person(self) -> Numbers:
        """(N,) the person of each row, as a column."""
        return np.repeat(np.arange(len(self)), self.stop - self.first)

    def frames_of(self, person: int) -> slice:
        """The frames of a person."""
        return slice(int(self.first[person]), int(self.stop[person]))

    def rows_of(self, person: int) -> slice:
        """The rows of a person."""
        return slice(int(self.offsets[person]), int(self.offsets[person + 1]))

    def row(self, frame: Numbers | int, person: Numbers | int) -> Numbers:
        """The rows of people in frames within their spans."""
        return np.asarray(self.offsets[person] + frame - self.first[person])

    def people_in(self, frames: slice) -> Numbers:
        """Columns of the people whose spans contain any of some frames."""
        inside = (self.first < frames.stop) & (self.stop > frames.start)
        return np.flatnonzero(inside & (self.stop > self.first))

    def part(self, frames: slice, columns: Sequence[int] | Numbers) -> Spans:
        """The spans of some people in a section of the clip, counted from its first frame."""
        some = np.asarray(columns, np.int64)
        first = np.clip(self.first[some], frames.start, frames.stop) - frames.start
        stop = np.clip(self.stop[some], frames.start, frames.stop) - frames.start
        empty = stop <= first
        return Spans(
            frames.stop - frames.start, np.where(empty, 0, first), np.where(empty, 0, stop)
        )

    def same(self, other: Spans) -> bool:
        """Whether both have the same rows."""
        return self is other or (
            self.frames == other.frames
            and np.array_equal(self.first, other.first)
            and np.array_equal(self.stop, other.stop)
        )

    def union(self, other: Spans) -> Spans:
        """The spans that contain both."""
        if self.same(other):
            return self
        alone, its_alone = self.stop == 0, other.stop == 0
        first = np.minimum(self.first, other.first)
        first = np.where(alone, other.first, np.where(its_alone, self.first, first))
        return Spans(self.frames, first, np.maximum(self.stop, other.stop))


@dataclass(frozen=True, eq=False)
class PerPerson:
    """Values of people, (T, P, ...), of which only the frames of each person's span are kept.

    Attributes:
        spans: the frames that are kept.
        rows: (N, ...) the values, read-only; taken over, not copied.
        fill: the value in all other frames.
    """

    spans: Spans
    rows: Values
    fill: Any

    def __post_init__(self) -> None:
        assert len(self.rows) == self.spans.rows, (self.rows.shape, self.spans.rows)
        self.rows.setflags(write=False)

    @classmethod
    def of(cls, dense: Values, fill: Any) -> PerPerson:
        """Keep what differs from ``fill`` in an array (T, P, ...), and all between."""
        frames, people = dense.shape[:2]
        first, stop = np.zeros(people, np.int64), np.zeros(people, np.int64)
        for person in range(people):
            there = np.flatnonzero(_differs(dense[:, person], fill))
            if len(there):
                first[person], stop[person] = there[0], there[-1] + 1
        spans = Spans(frames, first, stop)
        rows = np.empty((spans.rows, *dense.shape[2:]), dense.dtype)
        for person in range(people):
            rows[spans.rows_of(person)] = dense[spans.frames_of(person), person]
        return cls(spans, rows, fill)

    @property
    def shape(self) -> tuple[int, ...]:
        """(T, P, ...)."""
        return (self.spans.frames, len(self.spans), *self.rows.shape[1:])

    @property
    def ndim(self) -> int:
        """Number of axes of (T, P, ...)."""
        return self.rows.ndim + 1

    @property
    def nbytes(self) -> int:
        """Bytes of (T, P, ...)."""
        return int(np.prod(self.shape, dtype=np.float64)) * self.rows.itemsize

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PerPerson):
            return NotImplemented
        if self.shape != other.shape or self.rows.dtype != other.rows.dtype:
            return False
        both = self.spans.union(other.spans)
        floats = self.rows.dtype.kind == "f"
        one, two = self.within(both).rows, other.within(both).rows
        return np.array_equal(one, two, equal_nan=floats)

    def __hash__(self) -> int:
        return hash(self.shape)

    def __getitem__(self, person: int) -> Values:
        """(n, ...) the values of a person's span."""
        return self.rows[self.spans.rows_of(person)]

    def whole(self, person: int) -> Values:
        """(T, ...) the values of a person in all frames."""
        return self.part(slice(0, self.spans.frames), [person]).dense()[:, 0]

    def at(self, frame: int, columns: Numbers) -> Values:
        """(P', ...) the values of some people in a frame within their spans."""
        return self.rows[self.spans.row(frame, columns)]

    def dense(self) -> Values:
        """(T, P, ...) read-only; of a single person throughout a view, else a copy."""
        spans, (frames, people) = self.spans, self.shape[:2]
        if people == 1 and spans.rows == frames:
            return self.rows[:, None]
        out = np.empty(self.shape, self.rows.dtype)
        out[...] = self.fill
        for person in range(people):
            out[spans.frames_of(person), person] = self[person]
        out.setflags(write=False)
        return out

    def part(self, frames: slice, columns: Sequence[int] | Numbers) -> PerPerson:
        """The values of some people in a section of the clip, counted from its first frame."""
        spans, old = self.spans.part(frames, columns), self.spans
        sections = []
        for column, start, stop in zip(
            np.asarray(columns).tolist(), spans.first.tolist(), spans.stop.tolist(), strict=True
        ):
            shift = int(old.offsets[column] - old.first[column]) + frames.start
            sections.append(slice(start + shift, stop + shift) if stop else slice(0, 0))
        return PerPerson(spans, _joined(self.rows, sections), self.fill)

    def select(self, columns: Sequence[int] | Numbers) -> PerPerson:
        """The values of some people in all frames."""
        return self.part(slice(0, self.spans.frames), columns)

    def within(self, spans: Spans) -> PerPerson:
        """These values, kept for wider spans."""
        if self.spans.same(spans):
            return self
        rows = np.empty((spans.rows, *self.rows.shape[1:]), self.rows.dtype)
        rows[...] = self.fill
        for person in range(len(spans)):
            start = int(spans.row(int(self.spans.first[person]), person))
            mine = self[person]
            rows[start : start + len(mine)] = mine
        return PerPerson(spans, rows, self.fill)

    def filled_with(self, rows: Values) -> PerPerson:
        """Other values of the same people and kind."""
        return PerPerson(self.spans, rows, self.fill)


def aligned(values: Sequence[PerPerson]) -> list[PerPerson]:
    """These values, all kept for the smallest spans that contain those of each."""
    spans = reduce(Spans.union, (value.spans for value in values))
    return [value.within(spans) for value in values]


def _differs(values: Values, fill: Any) -> npt.NDArray[np.bool_]:
    """(T,) whether any of (T, ...) is not the fill; NaN equals NaN."""
    other = values != fill
    if values.dtype.kind == "f":
        other &= ~(np.isnan(values) & np.isnan(fill))
    return np.asarray(other.any(axis=tuple(range(1, values.ndim))))


def _joined(rows: Values, sections: list[slice]) -> Values:
    """The sections of rows, one after the other; a view where they are contiguous."""
    kept = [section for section in sections if section.stop > section.start]
    if not kept:
        return rows[:0]
    if all(a.stop == b.start for a, b in pairwise(kept)):
        return rows[kept[0].start : kept[-1].stop]
    return np.concatenate([rows[section] for section in kept])
