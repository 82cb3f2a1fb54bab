from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from motions import ANKLE_HEIGHT, CAMERA_HEIGHT, grounded, hidden, panned, walking

from mbcli.errors import ConfigError
from mbcli.exports.axes import assumptions, place, turn
from mbcli.exports.options import ExportOptions, Up
from mbcli.refinement.options import RefineOptions
from mbcli.refinement.refine import refine
from mbcli.skeleton import H36M17

UP = {"y": 1, "z": 2}


@pytest.mark.parametrize("up", ["y", "z"])
def test_turns_keep_left_on_the_left(up: Up) -> None:
    matrix = turn(up)
    assert np.linalg.det(matrix) == 1
    np.testing.assert_array_equal(matrix @ matrix.T, np.eye(3))
    assert (matrix @ [0, -1, 0])[UP[up]] == 1


def test_somebody_who_faces_the_camera_looks_along_the_front_of_each_system() -> None:
    towards_camera = np.array([0, 0, -1])
    assert (turn("y") @ towards_camera).tolist() == [0, 0, 1]
    assert (turn("z") @ towards_camera).tolist() == [0, -1, 0]


def test_units_and_scale() -> None:
    motion = walking(3)
    metres = place(motion, ExportOptions()).positions
    millimetres = place(motion, ExportOptions(), "mm")
    np.testing.assert_allclose(millimetres.positions, 1000 * metres)
    assert "units: millimetres" in millimetres.notes
    assert "units: centimetres" in place(motion, ExportOptions(scale=100)).notes
    odd = place(motion, ExportOptions(scale=0.5), "mm")
    np.testing.assert_allclose(odd.positions, 500 * metres)
    assert "units: 1/500 of a metre" in odd.notes


def test_without_a_world_the_camera_is_origin_and_taken_to_be_level() -> None:
    placed = place(walking(3), ExportOptions())
    ankles = placed.positions[..., [H36M17.index("left_ankle"), H36M17.index("right_ankle")], 1]
    assert ankles.min() == pytest.approx(ANKLE_HEIGHT - CAMERA_HEIGHT, abs=1e-6)
    assert "taken to be level" in " ".join(placed.notes)
    assert "body height: 1.65 m, given" in placed.notes
    assert "focal length: 1000.0 pixels, assumed" in placed.notes
    assert "not refined" in placed.notes


@pytest.mark.parametrize("up", ["y", "z"])
def test_the_estimated_world_levels_a_tilted_camera(up: Up) -> None:
    level = walking(20)
    tilt = np.deg2rad(25)
    camera = np.array(  # its axes, turned about x
        [[1, 0, 0], [0, np.cos(tilt), np.sin(tilt)], [0, -np.sin(tilt), np.cos(tilt)]]
    )
    tilted = replace(level, positions=level.positions @ camera.T, root=level.root @ camera.T)
    world = np.eye(4)
    world[:3, :3], world[:3, 3] = camera.T, [0, -CAMERA_HEIGHT, 0]
    placed = place(grounded(tilted, world), ExportOptions(up=up))
    ankles = placed.positions[..., [H36M17.index("left_ankle"), H36M17.index("right_ankle")], :]
    assert ankles[..., UP[up]].min() == pytest.approx(ANKLE_HEIGHT, abs=1e-6)
    np.testing.assert_allclose(
        placed.positions, (level.in_camera - [0, CAMERA_HEIGHT, 0]) @ turn(up).T, atol=1e-6
    )
    assert "the camera stands still" in " ".join(placed.notes)


def test_a_camera_that_turns_does_not_carry_people_along() -> None:
    still, turning = walking(20), panned(walking(20), 40)
    assert np.abs(turning.in_camera - still.in_camera).max() > 1
    placed = place(turning, ExportOptions(up="z"))
    expected = place(still, ExportOptions(up="z"))
    np.testing.assert_allclose(placed.positions, expected.positions, atol=1e-6)
    assert "origin at the first frame's camera" in " ".join(placed.notes)


def test_an_absent_person_stays_absent() -> None:
    motion = walking(4)
    positions = motion.positions.copy()
    positions[2] = np.nan
    assert np.isnan(replace(motion, positions=positions).in_world[2]).all()


def test_a_motion_that_knows_nothing_of_itself() -> None:
    placed = place(replace(walking(2), meta={}), ExportOptions())
    assert placed.notes[0] == "units: metres"
    assert not any("height" in note for note in placed.notes)


def test_only_what_refinement_has_changed_is_said() -> None:
    """Outliers at both ends cannot be replaced, and where nobody is missing no gap is filled."""
    truth = walking(60)
    wrist = H36M17.index("right_wrist")
    options = RefineOptions(outliers=True, max_gap=0.25)

    def said(jumps: list[int]) -> str:
        positions = truth.positions.copy()
        positions[jumps, 0, wrist] += [0.9, 0, 0]
        return assumptions(refine(replace(truth, positions=positions), options))[-1]

    assert said([0, 59]) == "refined: no joint was changed"
    assert said([20]) == "refined: outliers replaced"
    gone = hidden(truth, slice(30, 34))
    assert assumptions(refine(gone, options))[-1] == "refined: gaps up to 0.25 s filled"
    assert assumptions(truth)[-1] == "not refined"


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("up", "x", "--up must be y or z, got 'x'"),
        ("shape", "tall", "--shape must be wide or long, got 'tall'"),
        ("scale", 0.0, "--scale must be a positive number, got 0"),
        ("fps", float("nan"), "--fps must be 0.1..10000 frames/s, got nan"),
        ("person", "bob", "--person must be all, largest or ids such as 1 or 1,3, got 'bob'"),
        ("person", "", "--person must be a text, got ''"),
    ],
)
def test_options_state_their_rule(option: str, value: object, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        ExportOptions(**{option: value})  # type: ignore[arg-type]
    assert str(caught.value) == message
