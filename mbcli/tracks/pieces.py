"""A person over some frames, as tracks are put together from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mbcli.types import FloatArray, IntArray

# Section at an end of a track that determines its size and velocity there: half a stride, so that
# swinging arms and legs average out.
_EDGE_SECONDS = 0.5


@dataclass(frozen=True, eq=False)
class Piece:
    """A person over some frames.

    Attributes:
        frames: (N,) ascending positions in the clip.
        rows: (N,) the person's rows among all sightings.
        times: (N,) seconds.
        boxes: (N, 4) x1 y1 x2 y2 pixels.
    """

    frames: IntArray
    rows: IntArray
    times: FloatArray
    boxes: FloatArray

    def then(self, later: Piece) -> Piece:
        """This track, continued by another that begins after its end."""
        return Piece(
            np.concatenate([self.frames, later.frames]),
            np.concatenate([self.rows, later.rows]),
            np.concatenate([self.times, later.times]),
            np.concatenate([self.boxes, later.boxes]),
        )

    def merged(self, other: Piece) -> Piece:
        """Both, which have no frame in common, in the order of time."""
        both = self.then(other)
        order = np.argsort(both.times, kind="stable")
        return Piece(both.frames[order], both.rows[order], both.times[order], both.boxes[order])

    def parted(self, when: float) -> tuple[Piece, Piece]:
        """The parts before and after ``when`` seconds."""
        cut = int(np.searchsorted(self.times, when))

        def part(which: slice) -> Piece:
            return Piece(self.frames[which], self.rows[which], self.times[which], self.boxes[which])

        return part(slice(cut)), part(slice(cut, None))

    def size_near(self, end: int) -> tuple[float, float]:
        """Longest side and largest area of the boxes near the first (0) or last (-1) frame.

        The largest is used because a box shrinks while its person leaves the picture.
        """
        near = np.abs(self.times - self.times[end]) <= _EDGE_SECONDS
        sides = self.boxes[near, 2:] - self.boxes[near, :2]
        return float(sides.max()), float(np.prod(sides, axis=1).max())

    def centre(self, end: int) -> FloatArray:
        """(2,) centre of the first or last box."""
        return (self.boxes[end, :2] + self.boxes[end, 2:]) / 2

    def leaving_velocity(self) -> FloatArray:
        """(2,) pixels per second at the end; 0 for a single frame."""
        start = int(np.argmax(self.times >= self.times[-1] - _EDGE_SECONDS))
        elapsed = self.times[-1] - self.times[start]
        return (self.centre(-1) - self.centre(start)) / elapsed if elapsed > 0 else np.zeros(2)
