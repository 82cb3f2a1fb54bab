"""Two people meet: tracks that left with each other's person are found, and right ones are not."""

from __future__ import annotations

import numpy as np
import pytest

from mbcli.tracks.encounters import Path, _Side, exchange_time
from mbcli.types import FloatArray, IntArray

FPS = 30.0
SIZE = 200.0  # body length in pixels
RED, BLUE = (55.0, 70, 50, 30, 0, 0), (35.0, 20, -60, 60, 5, 10)


def path(places: FloatArray, looks: tuple[float, ...] | None, *gone: slice) -> Path:
    """A track of a person at (N, 2) places in body lengths, less the frames in which it is lost."""
    rng = np.random.default_rng(len(places))
    kept = np.ones(len(places), dtype=bool)
    for lost in gone:
        kept[lost] = False
    worn = np.full((len(places), 6), np.nan) if looks is None else np.tile(looks, (len(places), 1))
    worn = worn + rng.normal(0, 6, worn.shape)
    places = places * SIZE + rng.normal(0, 0.02 * SIZE, places.shape)
    return Path(np.arange(len(kept))[kept] / FPS, places[kept], SIZE, worn[kept])


def exchanged(first: Path, second: Path, when: float) -> tuple[Path, Path]:
    def mixed(a: Path, b: Path) -> Path:
        early, late = a.times < when, b.times >= when
        return Path(
            np.concatenate([a.times[early], b.times[late]]),
            np.concatenate([a.places[early], b.places[late]]),
            SIZE,
            np.concatenate([a.looks[early], b.looks[late]]),
        )

    return mixed(first, second), mixed(second, first)


def crossing(speed: float) -> tuple[FloatArray, FloatArray]:
    """Two people who walk past one another; they are level after two seconds."""
    t = (np.arange(120) / FPS - 2.0) * speed
    return np.stack([t, 0 * t], axis=-1), np.stack([-t, 0 * t + 0.03], axis=-1)


def turning_back(nearest: float) -> tuple[FloatArray, FloatArray]:
    """Two people who come, stand a moment at ``nearest`` body lengths, and go back."""
    t = np.arange(120) / FPS - 2.0
    x = np.maximum(np.abs(t) - 0.3, 0) * 0.8 + nearest / 2
    return np.stack([-x, 0 * x], axis=-1), np.stack([x, 0 * x], axis=-1)


@pytest.mark.parametrize("speed", [0.4, 0.8, 1.5])
@pytest.mark.parametrize("looks", [(None, None), (RED, RED), (RED, BLUE)])
@pytest.mark.parametrize("gone", [(), (slice(50, 72),)])
def test_people_who_cross(
    speed: float, looks: tuple[tuple[float, ...] | None, ...], gone: tuple[slice, ...]
) -> None:
    ways = crossing(speed)
    right = path(ways[0], looks[0]), path(ways[1], looks[1], *gone)
    assert exchange_time(*right) is None
    when = exchange_time(*exchanged(*right, 2.0))
    assert when is not None
    assert 1.4 < when < 2.6


@pytest.mark.parametrize("nearest", [0.1, 0.3])
def test_clothes_tell_who_turned_back(nearest: float) -> None:
    ways = turning_back(nearest)
    right = path(ways[0], RED), path(ways[1], BLUE)
    assert exchange_time(*right) is None
    assert exchange_time(*exchanged(*right, 2.0)) is not None


@pytest.mark.parametrize("nearest", [0.4, 0.6])
def test_people_who_shake_hands_keep_their_tracks(nearest: float) -> None:
    ways = turning_back(nearest)
    assert exchange_time(path(ways[0], None), path(ways[1], None)) is None


def test_people_who_walk_side_by_side() -> None:
    t = np.arange(120) / FPS
    for apart in (0.1, 0.3, 0.6):
        ways = np.stack([t, 0 * t], axis=-1), np.stack([t + apart, 0.1 * np.sin(t)], axis=-1)
        assert exchange_time(path(ways[0], RED), path(ways[1], BLUE)) is None


# The limits of each rule, by two people who walk side by side and are mixed up on the way.


def beside(
    *,
    apart: float = 0.6,
    nearest: float = 0.2,
    frames: tuple[int, int, int] = (30, 3, 30),
    colour: float = 100.0,
    fps: float = FPS,
    gone: IntArray | None = None,
    sizes: tuple[float, float] = (SIZE, SIZE),
) -> tuple[Path, Path]:
    """Tracks that trade their people's clothes in an encounter.

    Args:
        apart: body lengths between the two, before and after.
        nearest: between them in the encounter.
        frames: before it, in it and after it.
        colour: L* of the first one's clothes at first, and of the second one's afterwards; 0 of
            the other.
        fps: frames per second.
        gone: frames in which the second one is out of sight.
        sizes: pixels, of both; the body length is their mean.
    """
    before, during, _ = frames
    half = np.repeat([apart, nearest, apart], frames) / 2 * np.mean(sizes)
    half[before + during // 2] -= 1e-3 * during
    times = np.arange(len(half)) / fps
    worn = np.repeat([colour, colour, 0.0], frames)
    tracks = []
    for sign, light, size in ((-1, worn, sizes[0]), (1, colour - worn, sizes[1])):
        looks = np.full((len(times), 6), np.nan)
        looks[:, [0, 3]], looks[:, 1:3], looks[:, 4:] = light[:, None], 0, 0
        places = np.stack([100 + 80 * times, 300 + sign * half], axis=-1)
        tracks.append(Path(times, places, size, looks))
    if gone is None:
        return tracks[0], tracks[1]
    there = np.delete(np.arange(len(times)), gone)
    last = tracks[1]
    return tracks[0], Path(last.times[there], last.places[there], last.size, last.looks[there])


def test_an_exchange_is_when_they_were_nearest() -> None:
    assert exchange_time(*beside(frames=(30, 9, 30))) == pytest.approx(34 / FPS)
    assert exchange_time(*beside(frames=(30, 1, 30))) == pytest.approx(30 / FPS)
    assert exchange_time(*beside(frames=(30, 9, 30), colour=0)) is None


def test_an_encounter_is_nearer_than_0_3_body_lengths() -> None:
    assert exchange_time(*beside(nearest=0.29)) is not None
    assert exchange_time(*beside(nearest=0.31)) is None
    assert exchange_time(*beside(apart=0.31)) is not None
    assert exchange_time(*beside(apart=0.29)) is None
    # Of people of unequal size, in the mean of their lengths.
    assert exchange_time(*beside(nearest=0.29, sizes=(300, 100))) is not None
    assert exchange_time(*beside(nearest=0.31, sizes=(300, 100))) is None


def test_an_encounter_lasts_three_seconds_at_most() -> None:
    assert exchange_time(*beside(frames=(30, 86, 30))) is not None
    assert exchange_time(*beside(frames=(30, 92, 30))) is None


def test_an_exchange_must_fit_better_by_0_4_body_lengths() -> None:
    """Clothes count 1 for 25 of difference; to have changed sides counts 0.6 against it."""
    assert exchange_time(*beside(colour=25 * 0.82)) is not None
    assert exchange_time(*beside(colour=25 * 0.78)) is None


def test_people_are_compared_over_four_frames_or_more() -> None:
    assert exchange_time(*beside(frames=(4, 1, 4))) is not None
    assert exchange_time(*beside(frames=(3, 1, 9))) is None
    assert exchange_time(*beside(frames=(9, 1, 3))) is None
    # Of 4.3 frames a second, the fourth is 0.7 s away.
    assert exchange_time(*beside(frames=(9, 1, 9), fps=30 / 7)) is not None
    assert exchange_time(*beside(frames=(9, 1, 9), fps=4)) is None


def test_people_are_compared_by_0_7_seconds() -> None:
    """Whatever they wore before and later."""
    for far in (slice(0, 15), slice(-15, None)):
        first, second = beside(frames=(36, 3, 36), colour=30)
        first.looks[far], second.looks[far] = second.looks[far].copy(), first.looks[far].copy()
        assert exchange_time(first, second) is not None


def test_clothes_that_are_seldom_seen_count_as_much() -> None:
    first, second = beside(colour=25 * 0.82)
    for path_ in (first, second):
        path_.looks[::2] = np.nan
        path_.looks[:, 3:] = np.nan
    assert exchange_time(first, second) is not None


def test_who_is_out_of_sight_for_three_frames_may_come_back_as_the_other() -> None:
    for lost, found in ((2, False), (3, True)):
        gone = np.arange(30, 30 + lost)
        when = exchange_time(*beside(nearest=0.6, frames=(30, lost, 30), gone=gone))
        assert when == (pytest.approx((29 + 30 + lost) / 2 / FPS) if found else None)
    # Four frames on either side are enough, and not a frame less.
    assert exchange_time(*beside(nearest=0.6, frames=(4, 3, 4), gone=np.arange(4, 7))) is not None
    assert exchange_time(*beside(nearest=0.6, frames=(4, 3, 3), gone=np.arange(4, 7))) is None


def test_how_unlike_two_sightings_are() -> None:
    nothing = np.full(6, np.nan)

    def unlike(
        place: tuple[float, float],
        velocity: tuple[float, float] = (100, 0),
        before: FloatArray = nothing,
        after: FloatArray = nothing,
    ) -> float:
        """Two seconds after somebody went at (100, 0) pixels a second."""
        first = _Side(1.0, np.zeros(2), np.array([100.0, 0]), before)
        return first.unlike(_Side(3.0, np.array(place), np.array(velocity), after), SIZE)

    assert unlike((200, 0)) == 0
    assert unlike((200, 100)) == 0.5
    assert unlike((100, 0)) == 0.5
    assert unlike((200, 900)) == 1.5  # at most
    # Who turns is expected in between, and half a second's way counts.
    assert unlike((200, 200), (100, 200)) == 0.5
    assert unlike((0, 0), (-100, 0)) == 0.5
    # Trunk and thighs count alike, and together no more than two body lengths.
    worn = np.array([50.0, 0, 0, 50, 0, 0])
    assert unlike((200, 0), before=worn, after=worn + np.array([0, 15, 20, 0, 0, 0])) == 0.5
    assert unlike((200, 0), before=worn, after=np.array([50, 25, 0, *nothing[3:]])) == 1
    assert unlike((200, 0), before=worn, after=worn + 90) == 2
    assert unlike((200, 0), before=worn) == 0
