"""Two people meet: tracks that left with each other's person are found, and right ones are not."""

from __future__ import annotations

import numpy as np
import pytest

from mbcli.skeleton import COCO17
from mbcli.tracks.encounters import Path, exchange_time
from mbcli.tracks.looks import looks_of
from mbcli.types import FloatArray, FramePoses

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


def test_the_colours_of_trunk_and_thighs() -> None:
    image = np.zeros((200, 100, 3), np.uint8)
    image[20:100] = 200, 30, 30
    image[100:] = 30, 30, 200
    keypoints = np.zeros((2, 17, 3), np.float32)
    for side, x in (("right", 30), ("left", 70)):
        for joint, y in (("shoulder", 30), ("hip", 99), ("knee", 150)):
            keypoints[0, COCO17.index(f"{side}_{joint}")] = x, y, 0.9
    keypoints[1] = keypoints[0]
    keypoints[1, COCO17.index("left_knee"), 2] = 0.1
    poses = FramePoses(0, 0.0, np.tile(np.array([20, 10, 80, 190], np.float32), (2, 1)), keypoints)
    looks = looks_of(image, poses, COCO17)
    assert looks[0, 1] > 50  # red trunk: a* is large
    assert looks[0, 5] < -50  # blue thighs: b* is small
    assert np.array_equal(looks[1, :3], looks[0, :3])
    assert np.isnan(looks[1, 3:]).all()
