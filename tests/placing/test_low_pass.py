"""The Butterworth low-pass, against SciPy's."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.signal import butter, sosfiltfilt

from mbcli.placing.low_pass import butterworth


@pytest.mark.parametrize("order", [2, 4, 6, 12])
@pytest.mark.parametrize("cutoff", [0.5, 6.0, 13.0])
@pytest.mark.parametrize("frames", [2, 5, 200])
def test_it_is_scipys_filter_forward_and_backward(order: int, cutoff: float, frames: int) -> None:
    tracks = np.random.default_rng(0).normal(size=(frames, 4, 3)).cumsum(axis=0)
    once, cycles = order // 2, cutoff / 32  # an exact rate
    # Both passes together are 3 dB down at the cut-off (Winter, section 3.4.4.2).
    bent = math.tan(math.pi * cycles) / (math.sqrt(2) - 1) ** (1 / (2 * once))
    sections = butter(once, 2 * math.atan(bent) / math.pi, output="sos")
    padding = min(max(math.ceil(1 / cycles), 3 * (once + 1)), frames - 1)
    expected = sosfiltfilt(sections, tracks, axis=0, padlen=padding)

    smooth = butterworth(tracks, np.arange(frames) / 32, cutoff=cutoff, order=order)

    assert np.allclose(smooth, expected, atol=1e-9)
    assert not np.allclose(smooth, tracks, atol=1e-3)


def test_half_the_amplitude_is_left_at_the_cutoff() -> None:
    times = np.arange(600) / 60
    wave = np.sin(2 * np.pi * 6 * times)[:, None, None] * np.ones(3)
    smooth = butterworth(wave, times, cutoff=6, order=4)
    middle = slice(120, 480)
    assert np.ptp(smooth[middle]) / np.ptp(wave[middle]) == pytest.approx(math.sqrt(0.5), abs=0.01)
