from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from mbcli.data.stores.quality import human_pieces, standing_height
from mbcli.errors import DataError
from mbcli.skeleton import BODY21

FPS = 100.0
Body = npt.NDArray[np.float32]


@pytest.fixture
def walk(standing: Body) -> Body:
    """(300, 21, 3) somebody gliding along z at 1 m/s."""
    body = np.repeat(standing[None], 300, axis=0)
    body[..., 2] += (np.arange(300, dtype=np.float32) / FPS)[:, None]
    return body


def test_a_sound_motion_stays_as_it_is(walk: Body) -> None:
    pieces, note = human_pieces(walk, FPS)
    assert note == ""
    assert len(pieces) == 1
    np.testing.assert_array_equal(pieces[0], walk)
    assert standing_height(walk) == pytest.approx(1.75, abs=0.03)


def test_a_calibration_pose_and_its_wake_are_dropped(walk: Body) -> None:
    walk[0, :, 0] += 5.0
    pieces, note = human_pieces(walk, FPS)
    assert len(pieces) == 1
    np.testing.assert_array_equal(pieces[0], walk[26:])
    assert "calibration pose" in note


@pytest.mark.parametrize("metres", [0.6, 0.07])
def test_a_jump_cuts_the_motion_in_two(walk: Body, metres: float) -> None:
    # Seven centimetres to and fro within a hundredth of a second are slow enough, but no person
    # can turn a knee round so suddenly.
    walk[150, BODY21.index("left_knee"), 0] += metres
    pieces, note = human_pieces(walk, FPS)
    assert [len(p) for p in pieces] == pytest.approx([140, 139], abs=2)
    np.testing.assert_array_equal(pieces[0], walk[: len(pieces[0])])
    np.testing.assert_array_equal(pieces[1], walk[-len(pieces[1]) :])
    assert "jumps" in note


def test_pieces_that_are_too_short_are_dropped(walk: Body) -> None:
    walk[30:, :, 0] += 3.0
    pieces, _ = human_pieces(walk, FPS)
    assert len(pieces) == 1
    assert len(pieces[0]) > 250


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda body: body[:40], r"0.5 s or more must be left of a motion, got 0.40 s"),
        (lambda body: body * 100, r"1.3..2.1 m tall, got 1\d\d.\d\d m; see the scale"),
        (lambda body: body * 0.5, r"tall, got 0.9\d m"),
        (lambda body: np.where(np.arange(len(body)) == 7, np.nan, body.T).T, "finite numbers"),
    ],
)
def test_what_no_person_is_gets_refused(walk: Body, change: object, message: str) -> None:
    assert callable(change)
    with pytest.raises(DataError, match=message):
        human_pieces(change(walk), FPS)
