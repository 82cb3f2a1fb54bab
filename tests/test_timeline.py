from __future__ import annotations

import numpy as np
import pytest

from mbcli.timeline import known_together, runs, stretches, usual_rate
from mbcli.types import FloatArray


def stamps(*parts: tuple[float, int]) -> FloatArray:
    """Time stamps of so many frames at so many frames a second, one part after the other."""
    steps = np.concatenate([np.full(count, 1 / fps) for fps, count in parts])
    return np.cumsum(np.concatenate([[0.0], steps[:-1]]))


def test_an_even_clip_is_one_stretch_of_its_claimed_rate() -> None:
    rounded = np.round(stamps((30, 300)), 3)  # as a container of milliseconds says it
    (only,) = stretches(rounded, 29.97)
    assert (only.start, only.stop, only.fps, only.length) == (0, 300, 29.97, 300)
    assert np.array_equal(only.slots, np.arange(300))


def test_dropped_frames_leave_empty_slots() -> None:
    kept = [*range(20), *range(24, 60)]
    (only,) = stretches(stamps((30, 60))[kept], 28.0)
    assert only.fps == pytest.approx(30)
    assert only.slots.tolist() == kept
    assert np.isnan(only.spread(np.zeros(len(kept)))[20:24]).all()
    assert only.length == 60


def test_a_pause_ends_a_stretch() -> None:
    times = stamps((30, 60))
    times[40:] += 1.5
    first, second = stretches(times, 60 / times[-1])
    assert (first.start, first.stop, second.start, second.stop) == (0, 40, 40, 60)
    assert first.fps == pytest.approx(30)
    assert second.fps == pytest.approx(30)


def test_pictures_that_are_seconds_apart_are_no_pauses() -> None:
    (only,) = stretches(stamps((0.5, 20)), 0.5)
    assert only.length == 20


def test_half_60_and_half_15_frames_a_second() -> None:
    times = stamps((60, 90), (15, 40))
    fast, slow = stretches(times, 30.0)
    assert (fast.start, fast.stop, slow.stop) == (0, 91, 130) or (fast.stop, slow.stop) == (90, 130)
    assert fast.fps == pytest.approx(60)
    assert slow.fps == pytest.approx(15)


def test_a_stutter_is_not_another_rate() -> None:
    rng = np.random.default_rng(0)
    steps = rng.uniform(0.8, 1.2, 200) / 30
    steps[50:53] *= 2.2
    (only,) = stretches(np.cumsum(steps), 30.0)
    assert only.slots[-1] == 199 + 3


def test_one_frame_and_none() -> None:
    (only,) = stretches(np.array([3.0]), 25.0)
    assert (only.start, only.stop, only.fps, only.length) == (0, 1, 25.0, 1)
    assert stretches(np.empty(0), 25.0) == []


def test_an_eleven_hour_jump_costs_no_memory() -> None:
    times = np.array([*stamps((30, 30)), 40_000.0, 40_000.04])
    assert [part.length for part in stretches(times, 30.0)] == [30, 2]


def test_the_usual_rate_knows_no_pauses() -> None:
    times = stamps((30, 60))
    times[40:] += 1.5
    assert usual_rate(times, 1.0) == pytest.approx(30)
    assert usual_rate(stamps((30, 60))[[*range(20), *range(25, 60)]], 1.0) == pytest.approx(30)
    assert usual_rate(np.array([0.0]), 25.0) == 25.0


def test_runs() -> None:
    flags = np.array([0, 1, 1, 0, 0, 1, 0, 0, 0, 1, 0], dtype=bool)
    assert runs(flags) == [(1, 3), (5, 6), (9, 10)]
    assert runs(flags, 2) == [(1, 6), (9, 10)]
    assert runs(flags, 3) == [(1, 10)]
    assert runs(~flags) == [(0, 1), (3, 5), (6, 9), (10, 11)]
    assert runs(np.zeros(4, dtype=bool), 2) == runs(np.zeros(0, dtype=bool)) == []
    assert runs(np.ones(4, dtype=bool)) == [(0, 4)]


def test_tracks_known_together() -> None:
    known = np.array([[1, 0, 1, 0], [1, 1, 1, 0], [0, 1, 0, 0]], dtype=bool)
    groups = {tuple(members.tolist()): mask.tolist() for mask, members in known_together(known)}
    assert groups == {
        (0, 2): [True, True, False],
        (1,): [False, True, True],
        (3,): [False, False, False],
    }
    assert list(known_together(known[:, :0])) == []
