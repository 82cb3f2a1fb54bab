"""Filters over time: One-Euro, Savitzky-Golay and Butterworth.

No filter reaches over a hole or a pause: each stretch of frames without one is filtered on its
own, and what is NaN stays NaN.

One-Euro looks at the past alone, as it would have to while a camera runs, and so lags behind:
by 1 / (2 pi cut-off) seconds for slow changes, 0.08 s at 2 Hz, less the faster a joint is. The
other two look at both sides alike and do not lag.

One-Euro uses the true time stamps. The other two want even steps: where the steps of a stretch
differ by more than a tenth, it is brought to even steps by the curves of `mbcli.refinement.gaps`
and back.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from functools import partial

import numpy as np
import numpy.typing as npt

from mbcli.errors import ConfigError
from mbcli.refinement.gaps import known_points
from mbcli.timeline import known_together, runs, stretches
from mbcli.types import FloatArray

_SPEED_CUTOFF = 1.0  # Hz, as the paper of One-Euro has it
_UNEVEN = 0.1  # of a step: time stamps in milliseconds are off by 0.06 at 60 frames a second
_ROOM = 1 / 2.2  # cycles a frame
_HALF_POWER = 1 / math.sqrt(2)  # 3 dB down


def one_euro(
    tracks: FloatArray, timestamps: FloatArray, *, cutoff: float, beta: float
) -> FloatArray:
    """Low-pass filter whose cut-off rises with the speed (Casiez, Roussel and Vogel, CHI 2012).

    The speed is that of the point in space, not of each coordinate on its own, so that the
    result does not depend on where the axes point. It is low-pass filtered itself, at 1 Hz.

    Args:
        tracks: (T, N, 3) metres, NaN where there is none.
        timestamps: (T,) seconds.
        cutoff: Hz, at rest.
        beta: Hz per metre a second.

    Returns:
        (T, N, 3) float64; behind by about 1 / (2 pi cut-off) seconds.

    Raises:
        ConfigError: the cut-off is not below half the frame rate.
    """
    _per_frame(cutoff, timestamps)
    values = np.asarray(tracks, dtype=np.float64)
    known = known_points(values)
    out = np.full(values.shape, np.nan)
    before = np.full(values.shape[1:], np.nan)
    speed = np.zeros(values.shape[1:])
    for now in range(len(values)):
        going = known[now] & known_points(before)
        step = timestamps[now] - timestamps[now - 1] if now else 1.0
        # Beside a hole the filter begins anew: with the value itself, at rest.
        change = np.where(going[:, None], (values[now] - before) / step, 0.0)
        speed = np.where(
            going[:, None], speed + _share(_SPEED_CUTOFF, step) * (change - speed), 0.0
        )
        share = _share(cutoff + beta * np.linalg.norm(speed, axis=-1), step)[:, None]
        smooth = np.where(going[:, None], before + share * (values[now] - before), values[now])
        out[now] = before = np.where(known[now, :, None], smooth, np.nan)
    return out


def savgol(tracks: FloatArray, timestamps: FloatArray, *, cutoff: float, order: int) -> FloatArray:
    """Local polynomials by least squares (Savitzky and Golay 1964), over an odd window of frames.

    A stretch shorter than the window, `savgol_window`, gets the longest window that fits; one of
    ``order`` frames or fewer stays as it is.

    Args:
        tracks: (T, N, 3), NaN where there is none.
        timestamps: (T,) seconds.
        cutoff: Hz, below half the frame rate.
        order: degree of the polynomials.

    Returns:
        (T, N, 3) float64.

    Raises:
        ConfigError: the cut-off is not below half the frame rate.
    """
    window, _ = savgol_window(timestamps, cutoff, order)
    return _each_stretch(tracks, timestamps, partial(_savgol, window=window, order=order))


def butterworth(
    tracks: FloatArray, timestamps: FloatArray, *, cutoff: float, order: int
) -> FloatArray:
    """Butterworth low-pass filter run forward and backward, so that it does not lag.

    Each pass has half of ``order`` and is tuned such that both together are 3 dB down at
    ``cutoff`` (Winter, "Biomechanics and Motor Control of Human Movement", section 3.4.4.2).
    Before the first and after the last frame a stretch is carried on by its own point
    reflection, for one period of the cut-off or as far as there are frames.

    Args:
        tracks: (T, N, 3), NaN where there is none.
        timestamps: (T,) seconds.
        cutoff: Hz, below half the frame rate.
        order: of both passes together, even.

    Returns:
        (T, N, 3) float64.

    Raises:
        ConfigError: the cut-off is not below half the frame rate.
    """
    from scipy.signal import butter

    once = order // 2
    per_frame = _per_frame(cutoff, timestamps)
    # The bilinear transform bends frequencies by a tangent; the correction holds before it.
    bent = math.tan(math.pi * per_frame) / (math.sqrt(2) - 1) ** (1 / (2 * once))
    sections = butter(once, 2 * math.atan(bent) / math.pi, output="sos")
    period = math.ceil(1 / per_frame)
    filter_ = partial(_butterworth, sections=sections, padding=max(period, 3 * (once + 1)))
    return _each_stretch(tracks, timestamps, filter_)


def low_pass(tracks: FloatArray, timestamps: FloatArray, cutoff: float) -> FloatArray:
    """`butterworth` of order 4 where the frame rate leaves room for it, else nothing.

    Args:
        tracks: (T, ..., 3), NaN where there is none.
        timestamps: (T,) seconds.
        cutoff: Hz; 0 = do nothing, as does a frame rate below 2.2 times the cut-off.

    Returns:
        (T, ..., 3) of the type of ``tracks``.
    """
    if cutoff == 0 or len(timestamps) < 2:
        return tracks
    if cutoff * float(np.median(np.diff(timestamps))) > _ROOM:
        return tracks
    flat = tracks.reshape(len(tracks), -1, 3)
    smooth = butterworth(flat, timestamps, cutoff=cutoff, order=4)
    return smooth.reshape(tracks.shape).astype(tracks.dtype)


def savgol_window(timestamps: FloatArray, cutoff: float, order: int) -> tuple[int, float]:
    """The odd number of frames over which polynomials are 3 dB down nearest to ``cutoff``.

    Windows are whole frames, so that few cut-offs are to be had near half the frame rate: at 30
    frames per second and order 3 the shortest has 7.1 Hz, the next 4.9 Hz. None is longer than
    the clip, so that no cut-off is lower than that of the whole clip.

    Args:
        timestamps: (T,) seconds.
        cutoff: Hz, below half the frame rate.
        order: degree of the polynomials.

    Returns:
        The window in frames, and where it is 3 dB down, in Hz.

    Raises:
        ConfigError: the cut-off is not below half the frame rate.
    """
    wanted = _per_frame(cutoff, timestamps)
    shortest, frames = order + 1 + order % 2, len(timestamps)
    windows = range(shortest, max(shortest, frames - 1 + frames % 2) + 1, 2)
    first = bisect_left(windows, True, key=lambda window: _half_power(window, order) <= wanted)
    near = {window: _half_power(window, order) for window in windows[max(first - 1, 0) : first + 1]}
    window = min(near, key=lambda window: abs(near[window] - wanted))
    return window, near[window] * cutoff / wanted


def _half_power(window: int, order: int) -> float:
    """Cycles a frame at which polynomials over a window are 3 dB down; 0.5 if they never are."""
    from scipy.optimize import brentq

    basis = _polynomials(window, order)
    weights, reach = basis @ basis[window // 2], np.arange(window) - window // 2

    def above(frequency: float) -> float:
        return float(weights @ np.cos(2 * np.pi * frequency * reach)) - _HALF_POWER

    # That is at 0.44 / window for order 0 and 2.4 / window for order 7.
    steps = np.linspace(0, min(0.5, (order + 1) / window), 8 * (order + 1)).tolist()
    below = next((step for step in steps if above(step) < 0), None)
    return 0.5 if below is None else float(brentq(above, steps[steps.index(below) - 1], below))


def _polynomials(window: int, order: int) -> FloatArray:
    """(window, order + 1) orthonormal polynomials over the window.

    SciPy's ``savgol_coeffs`` takes powers of the frame number, from which for order 7 and 201
    frames no more than 0 digits are right.
    """
    places = np.linspace(-1, 1, window)
    return np.linalg.qr(np.polynomial.legendre.legvander(places, order))[0]


def _per_frame(cutoff: float, timestamps: FloatArray) -> float:
    """The cut-off in cycles a frame.

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


def _share(cutoff: FloatArray | float, step: float) -> FloatArray:
    """Share of the new value in the mean: equations 4 and 5 of the One-Euro paper."""
    turn = 2 * np.pi * np.asarray(cutoff) * step
    return turn / (turn + 1)


def _savgol(values: FloatArray, *, window: int, order: int) -> FloatArray:
    from scipy.signal import oaconvolve

    window = min(window, len(values) - 1 + len(values) % 2)
    if window <= order:
        return values
    basis, half = _polynomials(window, order), window // 2
    middle = oaconvolve(values, (basis @ basis[half])[:, None], mode="valid", axes=0)
    # Half a window from either end there is one polynomial for all.
    first, last = (basis @ (basis.T @ ends) for ends in (values[:window], values[-window:]))
    return np.concatenate([first[:half], middle, last[half + 1 :]])


def _butterworth(
    values: FloatArray, *, sections: npt.NDArray[np.float64], padding: int
) -> FloatArray:
    from scipy.signal import sosfiltfilt

    padding = min(padding, len(values) - 1)
    return sosfiltfilt(sections, values, axis=0, padlen=padding)


def _each_stretch(
    tracks: FloatArray, timestamps: FloatArray, filter_: partial[FloatArray]
) -> FloatArray:
    """Apply ``filter_`` to the (n, k) values of every stretch without a hole."""
    out = np.array(tracks, dtype=np.float64)
    clock = stretches(timestamps, 1.0)
    for known, members in known_together(known_points(out)):
        unbroken = [
            (part.start + first, part.start + stop)
            for part in clock
            for first, stop in runs(known[part.start : part.stop])
        ]
        for first, stop in unbroken:
            values = out[first:stop, members].reshape(stop - first, -1)
            smooth = _evenly(values, timestamps[first:stop], filter_)
            out[first:stop, members] = smooth.reshape(stop - first, -1, 3)
    return out


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
    smooth = filter_(PchipInterpolator(timestamps, values, axis=0)(even))
    return PchipInterpolator(even, smooth, axis=0)(timestamps)
