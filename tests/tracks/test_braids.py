"""Tracks that take turns with one person, at the limits of the rule."""

from __future__ import annotations

import numpy as np
import pytest

from mbcli.tracks.braids import unbraided
from mbcli.tracks.pieces import Piece

SIZE = 100.0  # body length in pixels


def piece(frames: list[int], x: float) -> Piece:
    """Somebody who stands at ``x`` body lengths; rows are the frames, to tell them apart later."""
    box = np.array([x * SIZE, 0, x * SIZE + 40, SIZE])
    at = np.array(frames)
    return Piece(at, at, at / 30, np.tile(box, (len(at), 1)))


def frames(pieces: list[Piece]) -> list[list[int]]:
    assert all((one.rows == one.frames).all() for one in pieces)
    assert all(len(one.boxes) == len(one.times) == len(one.frames) for one in pieces)
    return [one.frames.tolist() for one in pieces]


def test_who_is_seen_by_turns_is_one_person() -> None:
    """Both are seen up to frame 4; then one, by turns until frame 10."""
    before = [*range(5)]
    tracks = [piece([*before, 5, 8, 10], 0), piece([*before, 6, 7, 9], 0.29)]
    assert frames(unbraided(tracks)) == [[*range(11)], before]
    assert frames(unbraided(tracks[::-1])) == [[*range(11)], before]


def test_four_turns_make_a_braid() -> None:
    assert frames(unbraided([piece([0, 2, 4], 0), piece([1, 3], 0)])) == [[0, 1, 2, 3, 4]]
    three = [[0, 2], [1, 3]]
    assert frames(unbraided([piece(three[0], 0), piece(three[1], 0)])) == three


@pytest.mark.parametrize(("apart", "one"), [(0.29, True), (0.31, False)])
def test_people_who_are_seen_by_turns_elsewhere_are_two(apart: float, one: bool) -> None:
    tracks = [piece([0, 2, 4], 0), piece([1, 3, 5], apart)]
    assert len(unbraided(tracks)) == (1 if one else 2)


def test_who_is_seen_together_afterwards_are_two() -> None:
    tracks = [piece([0, 2, 4, 6], 0), piece([1, 3, 5, 6], 0.1)]
    assert frames(unbraided(tracks)) == [[0, 2, 4, 6], [1, 3, 5, 6]]


def test_three_tracks_of_one_person() -> None:
    tracks = [piece([0, 3, 6, 9], 0), piece([1, 4, 7, 10], 0.1), piece([2, 5, 8, 11], 0.2)]
    assert frames(unbraided(tracks)) == [[*range(12)]]
