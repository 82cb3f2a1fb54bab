from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pytest

from mbcli.data.stores.quality import face_turned_away, human_pieces, standing_height
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
        (lambda body: body * 100, r"0.7..2.3 m tall, got 1\d\d.\d\d m; see the scale"),
        (lambda body: body * 0.3, r"tall, got 0.6\d m"),
        (lambda body: body * np.nan, "a frame must hold all joints as finite numbers, got none"),
    ],
)
def test_what_no_person_is_gets_refused(walk: Body, change: object, message: str) -> None:
    assert callable(change)
    with pytest.raises(DataError, match=message):
        human_pieces(change(walk), FPS)


def test_frames_in_which_a_joint_is_missing_are_left_out(walk: Body) -> None:
    walk[120:130, BODY21.index("left_knee")] = np.nan
    pieces, note = human_pieces(walk, FPS)
    assert [len(piece) for piece in pieces] == [120, 170]
    assert note == "left out 0.10 s in which joints are missing"


def test_a_child_is_a_person(walk: Body) -> None:
    pieces, _ = human_pieces(0.45 * walk, FPS)
    assert standing_height(pieces[0]) == pytest.approx(0.86, abs=0.03)


def test_a_face_behind_the_trunk_is_noticed(walk: Body) -> None:
    assert not face_turned_away(walk)
    behind = walk.copy()
    behind[:200, BODY21.index("nose"), 2] -= 0.3
    assert face_turned_away(behind)
    turned = walk.copy()
    face = [BODY21.index(name) for name in ("nose", "left_ear", "right_ear")]
    middle = walk[:, [BODY21.index("head")]]
    turned[:, face] = middle + (walk[:, face] - middle) * np.array([-1, 1, -1], dtype=np.float32)
    assert face_turned_away(turned)
    back = walk.copy()
    face = [*face, BODY21.index("head")]
    bent = (walk[:, face] - walk[:, [BODY21.index("thorax")]])[..., [0, 2, 1]]
    back[:, face] = walk[:, [BODY21.index("thorax")]] + bent * np.array(
        [1, 1, -1], dtype=np.float32
    )
    assert not face_turned_away(back), "a head that is thrown back is no fault"
