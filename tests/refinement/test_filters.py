from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy.signal import butter, savgol_coeffs, savgol_filter, sosfiltfilt

from mbcli.errors import ConfigError
from mbcli.placing.low_pass import butterworth, low_pass
from mbcli.refinement.filters import one_euro, savgol, savgol_window

FPS = 60.0
Filter = Callable[[np.ndarray, np.ndarray], np.ndarray]
FILTERS: dict[str, Filter] = {
    "one-euro": lambda x, t: one_euro(x, t, cutoff=2, beta=6),
    "savgol": lambda x, t: savgol(x, t, cutoff=6, order=3),
    "butterworth": lambda x, t: butterworth(x, t, cutoff=6, order=4),
}
every_filter = pytest.mark.parametrize("filter_", FILTERS.values(), ids=FILTERS)


def wave(hertz: float, seconds: float = 10.0, fps: float = FPS) -> tuple[np.ndarray, np.ndarray]:
    """(T, 1, 3) a sine in x, and its time stamps."""
    times = np.arange(round(seconds * fps)) / fps
    track = np.zeros((len(times), 1, 3))
    track[:, 0, 0] = np.sin(2 * np.pi * hertz * times)
    return track, times


def gain(before: np.ndarray, after: np.ndarray) -> float:
    middle = slice(len(before) // 4, -len(before) // 4)
    return float(np.std(after[middle, 0, 0]) / np.std(before[middle, 0, 0]))


@pytest.mark.parametrize("order", [2, 4, 8])
@pytest.mark.parametrize("cutoff", [3.0, 6.0, 20.0])
def test_butterworth_is_3_db_down_at_the_cutoff(cutoff: float, order: int) -> None:
    track, times = wave(cutoff)
    after = butterworth(track, times, cutoff=cutoff, order=order)
    assert gain(track, after) == pytest.approx(np.sqrt(0.5), abs=0.01)


@pytest.mark.parametrize(
    ("cutoff", "frames", "padding"), [(20.0, 90, 9), (4.5, 90, 14), (4.5, 7, 6)]
)
def test_butterworth_pads_its_ends_by_a_period(cutoff: float, frames: int, padding: int) -> None:
    """By SciPy's own least number of frames if that is more, by all there are if they are fewer."""
    times = np.arange(frames) / FPS
    track = np.random.default_rng(8).normal(0, 1, (frames, 2, 3))
    bent = np.tan(np.pi * cutoff / FPS) / (np.sqrt(2) - 1) ** 0.25
    sections = butter(2, 2 * np.arctan(bent) / np.pi, output="sos")
    wanted = sosfiltfilt(sections, track, axis=0, padlen=padding)
    after = butterworth(track, times, cutoff=cutoff, order=4)
    np.testing.assert_allclose(after, wanted, atol=1e-12)
    if padding == 9:
        np.testing.assert_allclose(sosfiltfilt(sections, track, axis=0), wanted)


@pytest.mark.parametrize("order", [2, 3, 4])
@pytest.mark.parametrize("cutoff", [3.0, 6.0])
def test_savgol_is_3_db_down_near_the_cutoff(cutoff: float, order: int) -> None:
    track, times = wave(savgol_window(wave(1)[1], cutoff, order)[1])
    after = savgol(track, times, cutoff=cutoff, order=order)
    assert gain(track, after) == pytest.approx(np.sqrt(0.5), abs=0.01)
    assert savgol_window(times, cutoff, order)[1] == pytest.approx(cutoff, rel=0.2)


@pytest.mark.parametrize("name", ["savgol", "butterworth"])
def test_no_lag_and_slow_movement_kept(name: str) -> None:
    track, times = wave(1.0)
    after = FILTERS[name](track, times)
    np.testing.assert_allclose(after[60:-60], track[60:-60], atol=0.01)


@every_filter
def test_noise_shrinks(filter_: Filter) -> None:
    rng = np.random.default_rng(1)
    track, times = wave(0.5)
    noisy = track + rng.normal(0, 0.02, track.shape)
    jerk = [np.std(np.diff(x, 3, axis=0)) for x in (noisy, filter_(noisy, times))]
    assert jerk[1] < 0.6 * jerk[0]
    assert np.abs(filter_(noisy, times) - track).mean() < 0.05


def test_one_euro_step_response() -> None:
    """At rest it is the exponential mean of its cut-off; the first value is taken as it is."""
    times = np.arange(40) / FPS
    track = np.zeros((40, 1, 3))
    track[1:, 0, 1] = 1.0
    after = one_euro(track, times, cutoff=2, beta=0)[:, 0, 1]
    turn = 2 * np.pi * 2 / FPS
    share = turn / (1 + turn)
    np.testing.assert_allclose(after, 1 - (1 - share) ** np.arange(40))


def test_one_euro_lags_as_it_says() -> None:
    times = np.arange(600) / FPS
    ramp = np.tile((0.3 * times)[:, None, None], (1, 1, 3))
    after = one_euro(ramp, times, cutoff=2, beta=0)
    lag = (ramp - after)[-1, 0, 0] / 0.3
    assert lag == pytest.approx(1 / (2 * np.pi * 2), rel=0.01)
    # The faster it goes, the less it lags.
    assert np.all(ramp - one_euro(ramp, times, cutoff=2, beta=6) < ramp - after + 1e-9)


def test_one_euro_looks_at_the_past_alone() -> None:
    track, times = wave(1.0, 1.0)
    changed = track.copy()
    changed[30:] = 9.0
    both = [one_euro(x, times, cutoff=2, beta=6) for x in (track, changed)]
    np.testing.assert_array_equal(both[0][:30], both[1][:30])


def test_one_euro_is_that_of_the_paper() -> None:
    """Equations 1 to 6 for one number at uneven times; the derivative is filtered at 1 Hz."""
    rng = np.random.default_rng(6)
    times = np.cumsum(rng.uniform(0.5, 1.5, 80)) / FPS
    track = np.zeros((80, 1, 3))
    track[:, 0, 1] = np.sin(6 * times) + rng.normal(0, 0.05, 80)
    track[40:43] = np.nan

    def share(hertz: float, step: float) -> float:
        return 1 / (1 + 1 / (2 * np.pi * hertz) / step)

    wanted: list[float] = []
    speed, before = 0.0, np.nan
    for now, value in enumerate(track[:, 0, 1]):
        if np.isnan(value) or np.isnan(before):
            speed, before = 0.0, value
        else:
            step = times[now] - times[now - 1]
            speed += share(1.0, step) * ((value - before) / step - speed)
            before += share(2.0 + 0.7 * abs(speed), step) * (value - before)
        wanted.append(before)
    after = one_euro(track, times, cutoff=2.0, beta=0.7)
    np.testing.assert_allclose(after[:, 0, 1], wanted, atol=1e-12)


@pytest.mark.parametrize("order", [0, 1, 2, 3, 5])
def test_the_window_of_savgol_is_the_nearest_of_all(order: int) -> None:
    times = np.arange(121) / FPS
    shortest = order + 1 + order % 2
    halves = {  # where each window is 3 dB down, found by trying frequencies
        window: _three_db_down(window, order) for window in range(shortest, 42, 2)
    }
    for cutoff in (4.0, 5.0, 6.5, 9.0, 14.0, 21.0, 29.0):
        window, found = savgol_window(times, cutoff, order)
        wanted = min(halves, key=lambda one: abs(halves[one] - cutoff))
        assert abs(halves[window] - cutoff) <= abs(halves[wanted] - cutoff) + 0.02
        assert found == pytest.approx(halves[window], abs=0.02)


def _three_db_down(window: int, order: int) -> float:
    """Hz at 60 frames a second; half the frame rate if it never is."""
    weights = savgol_coeffs(window, order)
    places = np.arange(window) - window // 2
    for hertz in np.arange(0.01, 30, 0.01):
        if float(weights @ np.cos(2 * np.pi * hertz / FPS * places)) < np.sqrt(0.5):
            return float(hertz)
    return FPS / 2


def test_one_euro_does_not_mind_the_axes() -> None:
    rng = np.random.default_rng(2)
    track = np.cumsum(rng.normal(0, 0.02, (50, 2, 3)), axis=0)
    times = np.arange(50) / FPS
    turn, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    np.testing.assert_allclose(
        one_euro(track @ turn, times, cutoff=2, beta=6),
        one_euro(track, times, cutoff=2, beta=6) @ turn,
        atol=1e-12,
    )


@every_filter
def test_each_stretch_is_filtered_alone(filter_: Filter) -> None:
    rng = np.random.default_rng(3)
    times = np.arange(100) / FPS
    track = rng.normal(0, 1, (100, 2, 3))
    track[40:44, 0] = np.nan
    after = filter_(track, times)
    np.testing.assert_array_equal(np.isnan(after), np.isnan(track))
    for part in (slice(0, 40), slice(44, 100)):
        alone = filter_(track[part, :1], times[part])
        np.testing.assert_allclose(after[part, :1], alone, atol=1e-12)
    np.testing.assert_allclose(after[:, 1:], filter_(track[:, 1:], times), atol=1e-12)


@every_filter
@pytest.mark.parametrize("frames", range(9))
def test_short_stretches(filter_: Filter, frames: int) -> None:
    track = np.full((20, 1, 3), np.nan)
    track[5 : 5 + frames] = np.arange(frames)[:, None, None] * 0.01
    after = filter_(track, np.arange(20) / FPS)
    np.testing.assert_array_equal(np.isnan(after), np.isnan(track))
    if frames:
        assert np.nanmax(np.abs(after - track)) < 0.05
    assert filter_(track[5:6], np.zeros(1)).shape == (1, 1, 3)
    assert filter_(track[:0], np.zeros(0)).shape == (0, 1, 3)


@every_filter
def test_uneven_time_stamps(filter_: Filter) -> None:
    """Frames that were dropped leave a movement where it is at its own times."""
    even, times = wave(1.0, 4.0)
    keep = np.sort(np.random.default_rng(4).choice(len(times), 180, replace=False))
    after = filter_(even[keep], times[keep])
    inner = (times[keep] > 0.3) & (times[keep] < 3.7)
    expected = filter_(even, times)[keep]
    assert np.abs(after - expected)[inner].max() < 0.06


@pytest.mark.parametrize("cutoff", [15.0, 99.0])
def test_cutoffs_beyond_nyquist(cutoff: float) -> None:
    track, times = wave(1.0, 1.0, fps=30)
    message = "below half the frame rate, 15 Hz at 30 frames per second, got"
    with pytest.raises(ConfigError, match=message):
        butterworth(track, times, cutoff=cutoff, order=4)
    with pytest.raises(ConfigError, match=message):
        savgol(track, times, cutoff=cutoff, order=3)
    with pytest.raises(ConfigError, match=message):
        one_euro(track, times, cutoff=cutoff, beta=1)
    with pytest.raises(ConfigError, match=message):  # two frames have a rate
        butterworth(track[:2], times[:2], cutoff=cutoff, order=4)


def test_low_pass_removes_jitter_and_keeps_movement() -> None:
    slow, times = wave(2.0)
    fast, _ = wave(20.0)
    poses = np.tile(slow + 0.1 * fast, (1, 6, 1)).reshape(-1, 2, 3, 3).astype(np.float32)
    after = low_pass(poses, times, 10.0)
    assert after.shape == poses.shape
    assert after.dtype == np.float32
    middle = slice(60, -60)
    wanted = np.broadcast_to(slow[:, :, None], poses.shape)
    assert np.abs(after - wanted)[middle].max() < 0.01
    assert np.abs(poses - wanted)[middle].max() > 0.08


def test_low_pass_keeps_what_it_cannot_filter() -> None:
    track, times = wave(2.0, fps=20.0)
    assert low_pass(track, times, 10.0) is track
    assert len(low_pass(track[:1], times[:1], 10.0)) == 1
    fine, times = wave(2.0)
    assert low_pass(fine, times, 0.0) is fine
    fine[100:130] = np.nan
    after = low_pass(fine, times, 10.0)
    assert np.array_equal(np.isnan(after), np.isnan(fine))


@pytest.mark.parametrize("order", range(8))
def test_polynomials_are_those_of_scipy_where_it_has_digits(order: int) -> None:
    track, times = wave(0.5)
    window, _ = savgol_window(times, 3.0, order)
    assert window < 50
    np.testing.assert_allclose(
        savgol(track, times, cutoff=3.0, order=order),
        savgol_filter(track, window, order, axis=0, mode="interp"),
        atol=1e-9,
    )


@pytest.mark.parametrize("order", range(8))
def test_long_windows_keep_polynomials_and_halve_the_power_at_the_cutoff(order: int) -> None:
    times = np.arange(4001) / 240
    window, cutoff = savgol_window(times, 0.5, order)
    assert window > 201
    assert cutoff == pytest.approx(0.5, rel=0.01)
    path = np.polynomial.Polynomial([1.0] * (order + 1))(times / times[-1])
    curve = np.tile(path[:, None, None], (1, 1, 3))
    np.testing.assert_allclose(savgol(curve, times, cutoff=0.5, order=order), curve, atol=1e-9)
    moving = np.tile(np.sin(2 * np.pi * cutoff * times)[:, None, None], (1, 1, 3))
    left = savgol(moving, times, cutoff=0.5, order=order)[1500:2500]
    assert left.max() == pytest.approx(np.sqrt(0.5), rel=0.01)


@pytest.mark.parametrize(("fps", "cutoff"), [(30.0, 0.01), (240.0, 0.1), (30.0, 1e-12)])
def test_a_cutoff_below_that_of_the_whole_clip_is_that_one(fps: float, cutoff: float) -> None:
    times = np.arange(61) / fps
    window, found = savgol_window(times, cutoff, 3)
    assert window == 61
    assert found == pytest.approx(1.065 * fps / 61, rel=0.01)
    track = np.random.default_rng(5).normal(0, 1, (61, 2, 3))
    after = savgol(track, times, cutoff=cutoff, order=3)
    line = np.polynomial.Polynomial.fit(times, track[:, 1, 2], 3)(times)
    np.testing.assert_allclose(after[:, 1, 2], line, atol=1e-9)


@pytest.mark.parametrize("filter_", [butterworth, savgol])
def test_no_filter_reaches_over_a_pause(filter_: Callable[..., np.ndarray]) -> None:
    rng = np.random.default_rng(5)
    times = np.arange(90) / 30
    times[50:] += 1.5
    tracks = rng.normal(size=(90, 2, 3))
    both = filter_(tracks, times, cutoff=6.0, order=4)
    assert np.allclose(both[:50], filter_(tracks[:50], times[:50], cutoff=6.0, order=4))
    assert np.allclose(both[50:], filter_(tracks[50:], times[50:], cutoff=6.0, order=4))
