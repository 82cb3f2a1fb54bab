"""Filters over time: One-Euro and Savitzky-Golay; Butterworth is in `mbcli.placing.low_pass`.

No filter crosses a gap or a pause: each unbroken run of frames is filtered on its own, and NaN
stays NaN.

One-Euro uses past frames only, as a live filter must, and therefore lags: by 1 / (2 pi cut-off)
seconds for slow changes, 0.08 s at 2 Hz, and less the faster a joint moves. The other two are
symmetric in time and do not lag. One-Euro uses the actual time stamps, the other two even steps.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable
from functools import partial

import numpy as np

from mbcli.placing.low_pass import Smoother, per_frame
from mbcli.refinement.gaps import known_points
from mbcli.types import FloatArray

_SPEED_CUTOFF = 1.0  # Hz, as in the One-Euro paper
_HALF_POWER = 1 / math.sqrt(2)  # 3 dB down


def one_euro(
    tracks: FloatArray, timestamps: FloatArray, *, cutoff: float, beta: float
) -> FloatArray:
    """Low-pass filter whose cut-off rises with speed (Casiez, Roussel and Vogel, CHI 2012).

    The speed is that of the point in space, not of each coordinate, so that the result does not
    depend on the orientation of the axes. It is itself low-pass filtered, at 1 Hz.

    Args:
        tracks: (T, N, 3) metres, NaN where missing.
        timestamps: (T,) seconds.
        cutoff: Hz, at rest.
        beta: Hz per metre per second.

    Returns:
        (T, N, 3) float64; lags by about 1 / (2 pi cut-off) seconds.

    Raises:
        ConfigError: the cut-off is not below half the frame rate.
    """
    return one_euro_of(timestamps, cutoff=cutoff, beta=beta)(tracks, 0)


def one_euro_of(
    timestamps: FloatArray, *, cutoff: float, beta: float
) -> Callable[[FloatArray, int], FloatArray]:
    """`one_euro` for a clip: maps tracks and their first frame to smooth ones.

    Raises:
        ConfigError: the cut-off is not below half the frame rate.
    """
    per_frame(cutoff, timestamps)

    def smooth(tracks: FloatArray, first: int) -> FloatArray:
        rows = slice(first, first + len(tracks))
        return _one_euro(tracks, timestamps[rows], cutoff, beta)

    return smooth


def _one_euro(tracks: FloatArray, timestamps: FloatArray, cutoff: float, beta: float) -> FloatArray:
    values = np.asarray(tracks, dtype=np.float64)
    known = known_points(values)
    out = np.full(values.shape, np.nan)
    before = np.full(values.shape[1:], np.nan)
    speed = np.zeros(values.shape[1:])
    for now in range(len(values)):
        going = known[now] & known_points(before)
        step = timestamps[now] - timestamps[now - 1] if now else 1.0
        # After a gap the filter restarts from the value itself, at rest.
        change = np.where(going[:, None], (values[now] - before) / step, 0.0)
        speed = np.where(
            going[:, None], speed + _share(_SPEED_CUTOFF, step) * (change - speed), 0.0
        )
        share = _share(cutoff + beta * np.linalg.norm(speed, axis=-1), step)[:, None]
        smooth = np.where(going[:, None], before + share * (values[now] - before), values[now])
        out[now] = before = np.where(known[now, :, None], smooth, np.nan)
    return out


def savgol(tracks: FloatArray, timestamps: FloatArray, *, cutoff: float, order: int) -> FloatArray:
    """Apply `savgol_of` to (T, N, 3), NaN where missing; float64.

    Raises:
        ConfigError: the cut-off is not below half the frame rate.
    """
    return savgol_of(timestamps, cutoff=cutoff, order=order)(tracks)


def savgol_of(timestamps: FloatArray, *, cutoff: float, order: int) -> Smoother:
    """Local least-squares polynomials (Savitzky and Golay 1964) over an odd window of frames.

    A run shorter than the window, `savgol_window`, gets the longest window that fits; one of
    ``order`` frames or fewer stays as it is.

    Args:
        timestamps: (T,) seconds.
        cutoff: Hz, below half the frame rate.
        order: degree of the polynomials.

    Raises:
        ConfigError: the cut-off is not below half the frame rate.
    """
    window, _ = savgol_window(timestamps, cutoff, order)
    return Smoother.of(timestamps, partial(_savgol, window=window, order=order))


def savgol_window(timestamps: FloatArray, cutoff: float, order: int) -> tuple[int, float]:
    """The odd window, in frames, whose polynomials are 3 dB down nearest to ``cutoff``.

    Windows are whole frames, so that few cut-offs are available near half the frame rate: at 30
    frames per second and order 3 the shortest window has 7.1 Hz, the next 4.9 Hz. No window is
    longer than the clip, so that no cut-off is lower than that of the whole clip.

    Args:
        timestamps: (T,) seconds.
        cutoff: Hz, below half the frame rate.
        order: degree of the polynomials.

    Returns:
        The window in frames, and the frequency in Hz at which it is 3 dB down.

    Raises:
        ConfigError: the cut-off is not below half the frame rate.
    """
    wanted = per_frame(cutoff, timestamps)
    shortest, frames = order + 1 + order % 2, len(timestamps)
    windows = range(shortest, max(shortest, frames - 1 + frames % 2) + 1, 2)
    first = bisect_left(windows, True, key=lambda window: _half_power(window, order) <= wanted)
    near = {window: _half_power(window, order) for window in windows[max(first - 1, 0) : first + 1]}
    window = min(near, key=lambda window: abs(near[window] - wanted))
    return window, near[window] * cutoff / wanted


def _half_power(window: int, order: int) -> float:
    """Cycles per frame at which polynomials over a window are 3 dB down; 0.5 if never."""
    from scipy.optimize import brentq

    basis = _polynomials(window, order)
    weights, reach = basis @ basis[window // 2], np.arange(window) - window // 2

    def above(frequency: float) -> float:
        return float(weights @ np.cos(2 * np.pi * frequency * reach)) - _HALF_POWER

    # This is at 0.44 / window for order 0 and 2.4 / window for order 7.
    steps = np.linspace(0, min(0.5, (order + 1) / window), 8 * (order + 1)).tolist()
    below = next((step for step in steps if above(step) < 0), None)
    return 0.5 if below is None else float(brentq(above, steps[steps.index(below) - 1], below))


def _polynomials(window: int, order: int) -> FloatArray:
    """(window, order + 1) orthonormal polynomials over the window.

    SciPy's ``savgol_coeffs`` uses powers of the frame number, which for order 7 and 201 frames
    leaves no correct digit.
    """
    places = np.linspace(-1, 1, window)
    return np.linalg.qr(np.polynomial.legendre.legvander(places, order))[0]


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
    # Within half a window of either end, one polynomial serves all frames.
    first, last = (basis @ (basis.T @ ends) for ends in (values[:window], values[-window:]))
    return np.concatenate([first[:half], middle, last[half + 1 :]])
