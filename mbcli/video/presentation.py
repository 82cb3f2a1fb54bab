"""Presentation of decoded frames: orientation and time."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction

import cv2
import numpy as np
import numpy.typing as npt

RgbImage = npt.NDArray[np.uint8]

_QUARTER_TURNS = (
    None,
    cv2.ROTATE_90_CLOCKWISE,
    cv2.ROTATE_180,
    cv2.ROTATE_90_COUNTERCLOCKWISE,
)
# A larger jump back is the start of another recording, not a stamp out of order.
_JUMP_SECONDS = 1.0


@dataclass(frozen=True)
class Orientation:
    """Transformation from a stored picture to an upright one: first mirroring, then rotation.

    Attributes:
        mirrored: swap left and right of the stored picture.
        turns: quarter turns clockwise, 0..3.
    """

    mirrored: bool = False
    turns: int = 0

    @classmethod
    def from_matrix(cls, matrix: Sequence[int]) -> Orientation:
        """Read a display matrix; an angle is rounded to the nearest quarter turn.

        Args:
            matrix: 9 integers, a b u c d v x y w, as in ISO/IEC 14496-12 (matrix of the track
                header): the stored point (p, q), y down, is displayed at
                (a p + c q + x, b p + d q + y).
        """
        a, b, _, c, d = matrix[:5]
        mirrored = a * d - b * c < 0
        sign = -1 if mirrored else 1
        angle = math.atan2(sign * b, sign * a)
        return cls(mirrored=mirrored, turns=round(angle / (math.pi / 2)) % 4)

    def turned(self, turns: int) -> Orientation:
        """This orientation, followed by a number of clockwise quarter turns."""
        return Orientation(self.mirrored, (self.turns + turns) % 4)

    def upright(self, image: RgbImage) -> RgbImage:
        """Mirror and rotate a picture, (H, W, 3) uint8; odd numbers of turns swap H and W."""
        if self.mirrored:
            image = np.asarray(cv2.flip(image, 1), dtype=np.uint8)
        code = _QUARTER_TURNS[self.turns]
        return image if code is None else np.asarray(cv2.rotate(image, code), dtype=np.uint8)

    def upright_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """(width, height) of the upright picture."""
        return (size[1], size[0]) if self.turns % 2 else size


class FrameClock:
    """Converts the time stamps of decoded frames to strictly increasing seconds.

    A missing stamp is set one frame after the previous one. A stamp that repeats or goes back a
    little is set half a frame after the previous one, so that intact neighbours keep their time. A
    jump back by more than a second (joined recordings) starts a new section one frame after the old
    one. Gaps forward are kept: nothing was recorded in that time.

    Attributes:
        mended: number of times that differ from their stamps.
    """

    def __init__(self, *, zero: int | None, time_base: Fraction, fps: float) -> None:
        """Start a clock in which stamp ``zero`` is 0 s; None uses the first stamp."""
        self.mended = 0
        self._base = float(time_base)
        self._step = 1.0 / fps
        self._zero = zero
        self._shift = 0.0
        self._stamped: float | None = None
        self._last: float | None = None

    def tick(self, stamp: int | None) -> float:
        """Seconds of the next frame, whose time stamp is ``stamp``, in units of the time base."""
        coming = 0.0 if self._last is None else self._last + self._step
        time = coming if stamp is None else self._stamped_time(stamp, coming)
        self.mended += stamp is None
        if self._last is not None and time <= self._last:
            time = self._last + self._step / 2
            self.mended += 1
        self._last = time
        return time

    def _stamped_time(self, stamp: int, coming: float) -> float:
        if self._zero is None:
            self._zero, self._shift = stamp, coming
        seconds = (stamp - self._zero) * self._base
        if self._stamped is not None and seconds < self._stamped - _JUMP_SECONDS:
            self._shift = coming - seconds
            self.mended += 1
        self._stamped = seconds
        return seconds + self._shift
