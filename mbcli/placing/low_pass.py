"""A zero-lag low-pass filter over time, against jitter from frame to frame.

No filter crosses a gap or a pause: each unbroken run of frames is filtered on its own, and NaN
stays NaN. A filter needs even time steps: if the steps of a run differ by more than a tenth, the
run is resampled to even steps with monotone cubics, and back.
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np
import numpy.typing as npt

from mbcli.errors import ConfigError
from mbcli.timeline import known_together, runs, stretches
from mbcli.types import FloatArray

_UNEVEN = 0.1  # of a step: time stamps in milliseconds are off by 0.06 at 60 frames a second
_ROOM = 1 / 2.2  # cycles a frame


def low_pass(tracks: FloatArray, timestamps: FloatArray, cutoff: float) -> FloatArray:
    """Apply `butterworth` of order 4 if the frame rate permits.

    Args:
        tracks: (T, ..., 3), NaN where missing.
        timestamps: (T,) seconds.
        cutoff: Hz; with 0, or a frame rate below 2.2 times the cut-off, nothing is filtered.

    Returns:
        (T, ..., 3) in the dtype of ``tracks``.
    """
    if cutoff == 0 or len(timestamps) < 2:
        return tracks
    if cutoff * float(np.median(np.diff(timestamps))) > _ROOM:
        return tracks
    flat = tracks.reshape(len(tracks), -1, 3)
    smooth = butterworth(flat, timestamps, cutoff=cutoff, order=4)
    return smooth.reshape(tracks.shape).astype(tracks.dtype)


def butterworth(
    tracks: FloatArray, timestamps: FloatArray, *, cutoff: float, order: int
) -> FloatArray:
    """Butterworth low-pass filter, run forward and backward for zero lag.

    Each pass has half of ``order`` and is tuned such that both together are 3 dB down at
    ``cutoff`` (Winter, "Biomechanics and Motor Control of Human Movement", section 3.4.4.2).
    Both ends of a run are padded by point reflection, over one period of the cut-off or as far as
    there are frames.

    Args:
        tracks: (T, N, 3), NaN where missing.
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
    cycles = per_frame(cutoff, timestamps)
    # The bilinear transform warps frequencies by a tangent; the correction applies before it.
    bent = math.tan(math.pi * cycles) / (math.sqrt(2) - 1) ** (1 / (2 * once))
    sections = butter(once, 2 * math.atan(bent) / math.pi, output="sos")
    period = math.ceil(1 / cycles)
    filter_ = partial(_butterworth, sections=sections, padding=max(period, 3 * (once + 1)))
    return each_stretch(tracks, timestamps, filter_)


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


def _butterworth(
    values: FloatArray, *, sections: npt.NDArray[np.float64], padding: int
) -> FloatArray:
    from scipy.signal import sosfiltfilt

    padding = min(padding, len(values) - 1)
    return sosfiltfilt(sections, values, axis=0, padlen=padding)


def each_stretch(
    tracks: FloatArray, timestamps: FloatArray, filter_: partial[FloatArray]
) -> FloatArray:
    """Apply ``filter_`` to the (n, k) values of every run without a gap."""
    out = np.array(tracks, dtype=np.float64)
    clock = stretches(timestamps, 1.0)
    for known, members in known_together(np.asarray(np.isfinite(out).all(axis=-1))):
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
    smooth = filter_(PchipInterpolator(timestamps, values)(even))
    return PchipInterpolator(even, smooth)(timestamps)
