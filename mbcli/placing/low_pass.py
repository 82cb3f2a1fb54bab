"""A zero-lag low-pass filter over time, against jitter from frame to frame.

No filter crosses a gap or a pause: each unbroken run of frames is filtered on its own, and NaN
stays NaN. A filter needs even time steps: if the steps of a run differ by more than a tenth, the
run is resampled to even steps with monotone cubics, and back.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
import numpy.typing as npt

from mbcli.errors import ConfigError
from mbcli.timeline import Stretch, known_together, runs, stretches, within
from mbcli.types import FloatArray

_UNEVEN = 0.1  # of a step: time stamps in milliseconds are off by 0.06 at 60 frames a second
_ROOM = 1 / 2.2  # cycles a frame
_AT_ONCE = 100_000  # points, so that a long track takes little memory while it is filtered


@dataclass(frozen=True, eq=False)
class Smoother:
    """A filter for the frame rate of a clip, which can be applied to any section of it.

    Attributes:
        timestamps: (T,) seconds.
        clock: the stretches of the clip.
        smooth: maps (n, k) values of a run without a gap to smooth ones.
    """

    timestamps: FloatArray
    clock: Sequence[Stretch]
    smooth: partial[FloatArray]

    @classmethod
    def of(cls, timestamps: FloatArray, smooth: partial[FloatArray]) -> Smoother:
        """A filter for a clip; no run extends across a pause or a change of the rate."""
        return cls(timestamps, stretches(timestamps, 1.0), smooth)

    def __call__(self, tracks: FloatArray, first: int = 0) -> FloatArray:
        """Filter (t, N, 3), NaN where missing, of the frames from ``first`` on; float64."""
        rows = slice(first, first + len(tracks))
        out = np.array(tracks, dtype=np.float64)
        clock, times = within(self.clock, rows), self.timestamps[rows]
        for known, members in known_together(np.asarray(np.isfinite(out).all(axis=-1))):
            unbroken = [
                (part.start + start, part.start + stop)
                for part in clock
                for start, stop in runs(known[part.start : part.stop])
            ]
            for start, stop in unbroken:
                values = out[start:stop, members].reshape(stop - start, -1)
                smooth = _evenly(values, times[start:stop], self.smooth)
                out[start:stop, members] = smooth.reshape(stop - start, -1, 3)
        return out


@dataclass(frozen=True, eq=False)
class LowPass:
    """`butterworth` of order 4 if the frame rate permits; else nothing is filtered.

    Attributes:
        smoother: the filter, if any.
    """

    smoother: Smoother | None

    @classmethod
    def of(cls, timestamps: FloatArray, cutoff: float) -> LowPass:
        """A low-pass for a clip.

        Args:
            timestamps: (T,) seconds.
            cutoff: Hz; with 0, or a frame rate below 2.2 times the cut-off, nothing is filtered.
        """
        if cutoff == 0 or len(timestamps) < 2:
            return cls(None)
        if cutoff * float(np.median(np.diff(timestamps))) > _ROOM:
            return cls(None)
        return cls(butterworth_of(timestamps, cutoff=cutoff, order=4))

    def __call__(self, tracks: FloatArray, first: int = 0) -> FloatArray:
        """Filter (t, ..., 3), NaN where missing, of the frames from ``first`` on."""
        if self.smoother is None:
            return tracks
        points = tracks.reshape(len(tracks), -1, 3)
        smooth = np.empty_like(points)
        step = max(1, _AT_ONCE // max(1, len(tracks)))
        for start in range(0, points.shape[1], step):
            some = slice(start, start + step)
            smooth[:, some] = self.smoother(points[:, some], first)
        return smooth.reshape(tracks.shape)


def low_pass(tracks: FloatArray, timestamps: FloatArray, cutoff: float) -> FloatArray:
    """Apply a `LowPass` to (T, ..., 3), NaN where missing; the dtype stays."""
    return LowPass.of(timestamps, cutoff)(tracks)


def butterworth(
    tracks: FloatArray, timestamps: FloatArray, *, cutoff: float, order: int
) -> FloatArray:
    """Apply `butterworth_of` to (T, N, 3), NaN where missing; float64.

    Raises:
        ConfigError: the cut-off is not below half the frame rate.
    """
    return butterworth_of(timestamps, cutoff=cutoff, order=order)(tracks)


def butterworth_of(timestamps: FloatArray, *, cutoff: float, order: int) -> Smoother:
    """Butterworth low-pass filter, run forward and backward for zero lag.

    Each pass has half of ``order`` and is tuned such that both together are 3 dB down at
    ``cutoff`` (Winter, "Biomechanics and Motor Control of Human Movement", section 3.4.4.2).
    Both ends of a run are padded by point reflection, over one period of the cut-off or as far as
    there are frames.

    Args:
        timestamps: (T,) seconds.
        cutoff: Hz, below half the frame rate.
        order: of both passes together, even.

    Raises:
        ConfigError: the cut-off is not below half the frame rate.
    """
    once = order // 2
    cycles = per_frame(cutoff, timestamps)
    # The bilinear transform warps frequencies by a tangent; the correction applies before it.
    bent = math.tan(math.pi * cycles) / (math.sqrt(2) - 1) ** (1 / (2 * once))
    sections = _sections(once, bent)
    # Rounded first: a rate that was computed from time stamps is 30.000000000000004.
    period = math.ceil(round(1 / cycles, 6))
    smooth = partial(_butterworth, sections=sections, padding=max(period, 3 * (once + 1)))
    return Smoother.of(timestamps, smooth)


def per_frame(cutoff: float, timestamps: FloatArray) -> float:
    """The cut-off in cycles per frame.

    Raises:
        ConfigError: it is not below half the frame rate.
    """
    if len(timestamps) < 2:
        return min(cutoff, 0.25)  # no rate to compare with, and nothing to filter
    rate = 1 / float(np.median(np.diff(timestamps)))
    if cutoff > 0.4999 * rate:
        raise ConfigError(
            f"--cutoff must be below half the frame rate, {rate / 2:.4g} Hz at {rate:.4g} frames "
            f"per second, got {cutoff:g}"
        )
    return cutoff / rate


def _sections(order: int, bent: float) -> npt.NDArray[np.float64]:
    """A digital Butterworth low-pass as a cascade of filters of second order.

    SciPy's signal module has it too, but takes half a second to import. The analogue filter
    1 / (s^2 + s / Q + 1) of each pair of poles, and 1 / (s + 1) for the single pole of an odd
    order, under the bilinear transform s = (1 - 1/z) / (1 + 1/z) / ``bent``.

    Args:
        order: number of poles.
        bent: the cut-off, warped: tan(pi * cycles per frame).

    Returns:
        (S, 2, 3) coefficients of 1, 1/z and 1/z^2, of the input and of the output; each section
        leaves a constant unchanged.
    """
    found = []
    for number in range(order // 2):
        damping = 2 * math.sin(math.pi * (2 * number + 1) / (2 * order))  # 1 / Q
        square = bent * bent
        back = [1 + damping * bent + square, 2 * (square - 1), 1 - damping * bent + square]
        found.append([[square, 2 * square, square], back])
    if order % 2:
        found.append([[bent, bent, 0.0], [1 + bent, bent - 1, 0.0]])
    return np.array(found)


def _butterworth(
    values: FloatArray, *, sections: npt.NDArray[np.float64], padding: int
) -> FloatArray:
    """Filter (n, k) forward and backward, with ends padded by point reflection."""
    padding = min(padding, len(values) - 1)
    before, after = values[padding:0:-1], values[-2 : -padding - 2 : -1]
    padded = np.concatenate([2 * values[:1] - before, values, 2 * values[-1:] - after])
    there = _filtered(padded, sections)
    back = _filtered(there[::-1], sections)[::-1]
    return back[padding : len(back) - padding]


def _filtered(values: FloatArray, sections: npt.NDArray[np.float64]) -> FloatArray:
    """Filter (n, k) over time, as if the first values had been there for ever.

    The recursion is a triangular system of equations with three diagonals, solved at once.
    """
    from scipy.linalg.lapack import dtbtrs

    for forward, back in sections:
        past = np.concatenate([values[:1], values[:1], values])
        drive = forward[0] * past[2:] + forward[1] * past[1:-1] + forward[2] * past[:-2]
        # The output before the first frame is that constant too.
        drive[:1] -= (back[1] + back[2]) * values[:1]
        drive[1:2] -= back[2] * values[:1]
        values, _ = dtbtrs(np.repeat(back[:, None], len(values), axis=1), drive, uplo="L")
    return values


def _evenly(values: FloatArray, timestamps: FloatArray, filter_: partial[FloatArray]) -> FloatArray:
    steps = np.diff(timestamps)
    if not len(steps):
        return values
    usual = float(np.median(steps))
    if np.abs(steps - usual).max() <= _UNEVEN * usual:
        return filter_(values)
    from scipy.interpolate import PchipInterpolator

    count = round((timestamps[-1] - timestamps[0]) / usual) + 1
    even = np.linspace(timestamps[0], timestamps[-1], max(count, 2))
    smooth = filter_(PchipInterpolator(timestamps, values)(even))
    return PchipInterpolator(even, smooth)(timestamps)
