"""Any rest pose, any axis up, any unit: the body that comes of it is one."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation
from walkers import LIMBS, bvh_of, rebound, turned, walker

from mbcli.data.recordings.body import body_positions, figure_of
from mbcli.data.recordings.figure import placed
from mbcli.data.recordings.hierarchy import Recording
from mbcli.data.recordings.importing import import_folder
from mbcli.data.recordings.units import UNITS, find_unit
from mbcli.data.recordings.upright import AXES, turn_up
from mbcli.data.stores.check import check_store
from mbcli.data.stores.quality import trunk_axes
from mbcli.data.stores.store import ClipStore
from mbcli.errors import ConfigError, DataError
from mbcli.skeleton import BODY21

FACE = [BODY21.index(name) for name in ("nose", "left_eye", "right_eye", "left_ear", "right_ear")]
J = BODY21.index


@pytest.mark.parametrize("along", [*AXES.values(), np.array([0.6, 0.0, 0.8])])
def test_any_rest_pose_gives_the_joints_of_the_motion(along: np.ndarray) -> None:
    person = walker()
    wanted = body_positions(person)
    body = body_positions(rebound(person, along))
    limbs = [BODY21.index(name) for name in LIMBS]
    np.testing.assert_allclose(body[:, limbs], wanted[:, limbs], atol=1e-5)
    # The head looks about; in the mean it looks where the trunk does, which is not exact.
    assert np.abs(body[:, FACE] - wanted[:, FACE]).max() < 0.03


def test_a_head_that_looks_behind_in_the_rest_pose_is_turned_round() -> None:
    person = walker()
    skull = person.hierarchy.index("head")
    rotations = np.array(person.rotations)
    rotations[:, skull] @= Rotation.from_euler("y", 180, degrees=True).as_matrix()
    result = placed(figure_of(replace(person, rotations=rotations)), up="y", scale=1.0)
    assert "the face looked away from where the trunk does" in result.note
    wanted = body_positions(person)
    assert np.abs(result.body[:, FACE] - wanted[:, FACE]).max() < 0.03


@pytest.mark.parametrize("up", AXES)
@pytest.mark.parametrize("usual", ["y", "z"])
def test_the_axis_that_is_up_is_found(up: str, usual: str) -> None:
    person = walker()
    away = turned(person, turn_up(up).T)
    result = placed(replace(figure_of(away), usual_up=usual))
    assert result.read_as == f"{up} up (found from the motion), m (found from the bones)"
    np.testing.assert_allclose(result.body, body_positions(person), atol=1e-5)


@pytest.mark.parametrize("up", AXES)
def test_the_turn_to_y_up_is_a_rotation(up: str) -> None:
    turn = turn_up(up)
    np.testing.assert_allclose(turn @ AXES[up], AXES["y"], atol=1e-12)
    assert np.linalg.det(turn) == pytest.approx(1)


def lying(frames: int = 90) -> Recording:
    """The walker's movements on the back, on a floor at y = 0."""
    person = turned(walker(frames), Rotation.from_euler("x", -90, degrees=True).as_matrix())
    still = np.tile([0.3, 0.12, 0.4], (frames, 1))
    return replace(person, translations={0: still})


def test_who_lies_for_a_whole_recording_goes_on_lying() -> None:
    person = lying()
    rotations = np.tile(person.rotations[:1], (len(person), 1, 1, 1))
    result = placed(figure_of(replace(person, rotations=rotations)))
    assert result.read_as.startswith("y up")


@pytest.mark.parametrize("unit", UNITS)
@pytest.mark.parametrize("height", [1.35, 1.7, 1.98])
def test_the_unit_is_found_from_the_bones(unit: str, height: float) -> None:
    found = find_unit(height / UNITS[unit])
    assert found.name == unit
    assert found.metres == UNITS[unit]


@pytest.mark.parametrize("unit", ["m", "cm", "mm"])
@pytest.mark.parametrize("height", [0.8, 1.0, 1.25])
def test_children_are_found_in_metric_units(unit: str, height: float) -> None:
    assert find_unit(height / UNITS[unit]).name == unit


def test_what_may_be_two_people_is_the_adult() -> None:
    assert find_unit(72).name == "inch"


def test_the_word_of_the_file_counts_unless_nobody_is_as_tall() -> None:
    assert find_unit(72, word=0.01) == (0.01, "cm", "by the file")
    assert find_unit(1.7, word=0.001) == (1.0, "m", "found from the bones, not mm")
    with pytest.raises(DataError, match=r"45\.6 units tall has human height in none of .*--scale"):
        find_unit(45.6)


def test_a_child_stays_a_child() -> None:
    result = placed(figure_of(turned(walker(), np.eye(3), scale=55.0)))
    assert result.read_as == "y up (found from the motion), cm (found from the bones)"
    leg = np.linalg.norm(result.body[0, J("left_hip")] - result.body[0, J("left_knee")])
    assert leg == pytest.approx(0.42 * 0.55)
    ears = np.linalg.norm(result.body[0, J("left_ear")] - result.body[0, J("right_ear")])
    assert ears == pytest.approx(0.145 * 0.55, rel=0.02)


def test_an_import_says_what_it_took_and_check_agrees(tmp_path: Path) -> None:
    for folder, up, unit in (("anna", "z", 100.0), ("bert", "y", 1000.0), ("carl", "-y", 39.37)):
        path = tmp_path / "in" / folder / "walk.bvh"
        path.parent.mkdir(parents=True)
        path.write_text(bvh_of(turned(walker(), turn_up(up).T, unit)))
    report = import_folder("bvh", tmp_path / "in", tmp_path / "s")
    found = "{} up (found from the motion), {} (found from the bones)"
    assert {*report.read_as} == {
        found.format(*pair) for pair in (("z", "cm"), ("y", "mm"), ("-y", "inch"))
    }
    store = ClipStore.open(tmp_path / "s")
    assert store.clips[0].read_as == found.format("z", "cm")
    for clip in store.clips:
        np.testing.assert_allclose(store.joints(clip), body_positions(walker()), atol=2e-4)
    assert list(check_store(store)) == []


def test_the_user_says_what_is_up(tmp_path: Path) -> None:
    (tmp_path / "a.bvh").write_text(bvh_of(turned(walker(), turn_up("z").T)))
    import_folder("bvh", tmp_path / "a.bvh", tmp_path / "s", up="-y")
    (clip,) = ClipStore.open(tmp_path / "s").clips
    assert clip.read_as == "-y up (given), m (found from the bones)"
    with pytest.raises(ConfigError, match="up must be one of x, y, z, -x, -y, -z, got up"):
        import_folder("bvh", tmp_path / "a.bvh", tmp_path / "t", up="up")
    with pytest.raises(ConfigError, match="max_fps must be at least 10, got 8"):
        import_folder("bvh", tmp_path / "a.bvh", tmp_path / "t", max_fps=8.0)


def test_the_trunk_looks_ahead() -> None:
    axes = trunk_axes(body_positions(walker())[:1])[0]
    np.testing.assert_allclose(axes, np.eye(3)[::-1], atol=0.05)
