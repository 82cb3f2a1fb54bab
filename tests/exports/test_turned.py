"""Heads and hands that were seen to turn: in files, and in exported skeletons."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gltf import animated, at_rest
from motions import hidden, walking
from scipy.spatial.transform import Rotation

from mbcli.data.recordings.bvh import read_bvh
from mbcli.exports.axes import turn
from mbcli.exports.export import exported
from mbcli.exports.looping import looped
from mbcli.exports.options import ExportOptions
from mbcli.exports.resampling import resampled
from mbcli.kinematics.named_rigs import face_ahead
from mbcli.motion import Motion3D, load_motion
from mbcli.refinement.options import RefineOptions
from mbcli.refinement.refine import refine
from mbcli.skeleton import ORIENTED

UP = turn("y")
HEAD, LEFT, RIGHT = (ORIENTED.index(part) for part in ("head", "left_hand", "right_hand"))
# Degrees about the axes of a T-pose, y up, of head, left and right hand: a walker from left to
# right who looks to the side, palms forwards.
TURNS = {HEAD: (0.0, 60.0, 0.0), LEFT: (-30.0, 80.0, -80.0), RIGHT: (-30.0, 80.0, 80.0)}


def turned_to_camera(turns: Rotation) -> Rotation:
    return Rotation.from_matrix(UP.T @ turns.as_matrix() @ UP)


def seen(motion: Motion3D, confidence: float = 0.9) -> Motion3D:
    """A motion with turns that change a little over time."""
    frames, people = motion.positions.shape[:2]
    values = np.empty((frames, people, len(ORIENTED), 4))
    more = 10 * np.sin(np.arange(frames) / 10)
    for part, degrees in TURNS.items():
        turns = Rotation.from_euler("XYZ", degrees + more[:, None] * [0, 1, 0], degrees=True)
        values[:, :, part, :3] = turned_to_camera(turns).as_rotvec()[:, None]
    values[..., 3] = confidence
    values[~motion.present] = np.nan, np.nan, np.nan, 0
    return replace(motion, orientations=values)


def wanted(motion: Motion3D, part: int) -> np.ndarray:
    """(T, 3, 3) how a part is turned from the T-pose, y up."""
    assert motion.orientations is not None
    matrices = Rotation.from_rotvec(motion.orientations[:, 0, part, :3]).as_matrix()
    return UP @ motion.camera.world_from_camera[:, :3, :3] @ matrices @ UP.T


def degrees(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.degrees(Rotation.from_matrix(np.swapaxes(one, 1, 2) @ other).magnitude()).max())


def test_they_are_saved_and_loaded(tmp_path: Path) -> None:
    motion = seen(hidden(walking(12, people=2), slice(3, 5)))
    motion.save(tmp_path / "a.npz")
    assert load_motion(tmp_path / "a.npz") == motion
    walking(5).save(tmp_path / "none.npz")
    with np.load(tmp_path / "none.npz") as file:
        assert "orientations" not in file.files
    assert load_motion(tmp_path / "none.npz").orientations is None


@pytest.mark.parametrize(
    "wrong", [np.zeros((5, 1, 3, 3)), np.zeros((5, 1, 2, 4)), np.full((5, 1, 3, 4), 1.5)]
)
def test_what_is_no_turn_of_each_part_is_refused(wrong: np.ndarray) -> None:
    with pytest.raises(ValueError, match="orientations"):
        replace(walking(5), orientations=wrong)


def test_refinement_and_parts_keep_them() -> None:
    motion = seen(walking(40))
    assert motion.orientations is not None
    result = refine(motion, RefineOptions(filter="butterworth", bones=True)).orientations
    np.testing.assert_array_equal(result, motion.orientations)
    part = motion.part(slice(10, 20), [0]).orientations
    np.testing.assert_array_equal(part, motion.orientations[10:20])


def test_a_bvh_file_has_them(tmp_path: Path) -> None:
    motion = seen(walking(40))
    result = exported(motion, tmp_path / "a.bvh", ExportOptions())
    recording = read_bvh(result.paths[0])
    turns = recording.forward()[1]
    names = recording.hierarchy.names
    head = turns[:, names.index("nose")] @ face_ahead().T
    assert degrees(head, wanted(motion, HEAD)) < 0.1
    for part, side in ((LEFT, "left"), (RIGHT, "right")):
        assert degrees(turns[:, names.index(f"{side}_wrist")], wanted(motion, part)) < 0.1
    assert any("rotations seen in head 100%" in note for note in result.notes)


def test_joints_stay_where_they_are_and_forearms_share_the_twist(tmp_path: Path) -> None:
    plain = walking(40)
    motion = seen(plain)
    with_turns, without = (
        read_bvh(exported(one, tmp_path / f"{name}.bvh", ExportOptions()).paths[0])
        for name, one in (("seen", motion), ("plain", plain))
    )
    names = with_turns.hierarchy.names
    (places, turns), (before, by_rule) = with_turns.forward(), without.forward()
    moved = np.linalg.norm(places - before, axis=-1).max(axis=0)
    ends = ("nose_end", "left_wrist_end", "right_wrist_end")
    assert moved[[n for n, name in enumerate(names) if name not in ends]].max() < 1e-4
    assert moved[[names.index(name) for name in ends]].min() > 0.02
    for side in ("left", "right"):
        elbow, wrist = (names.index(f"{side}_{joint}") for joint in ("elbow", "wrist"))
        twists = [
            np.swapaxes(by_rule[:, elbow], 1, 2) @ other[:, joint]
            for other, joint in ((turns, elbow), (turns, wrist))
        ]
        of_arm = Rotation.from_matrix(twists[0]).as_rotvec()
        assert np.abs(of_arm[:, 1:]).max() < 1e-3  # about its length alone
        x, _, _, w = Rotation.from_matrix(twists[1]).as_quat().T
        whole = np.remainder(2 * np.arctan2(x, w) + np.pi, 2 * np.pi) - np.pi
        np.testing.assert_allclose(of_arm[:, 0], whole / 2, atol=1e-3)


def test_unsure_and_missing_turns_are_by_rule(tmp_path: Path) -> None:
    plain = walking(30)
    unsure = seen(plain, confidence=0.3)
    paths = [
        exported(one, tmp_path / f"{n}.bvh", ExportOptions()).paths[0]
        for n, one in enumerate((plain, unsure))
    ]
    assert paths[0].read_text() == paths[1].read_text()
    notes = exported(plain, tmp_path / "notes.bvh", ExportOptions()).notes
    assert any("rotations of heads and hands were not seen" in note for note in notes)
    assert not any(
        "turned" in n for n in exported(plain, tmp_path / "a.trc", ExportOptions()).notes
    )


def test_a_gap_in_the_turns_is_interpolated(tmp_path: Path) -> None:
    motion = seen(walking(40))
    assert motion.orientations is not None
    values = motion.orientations.copy()
    values[15:20, :, HEAD] = np.nan, np.nan, np.nan, 0
    gap = replace(motion, orientations=values)
    turns = read_bvh(exported(gap, tmp_path / "a.bvh", ExportOptions()).paths[0]).forward()[1]
    names = read_bvh(tmp_path / "a.bvh").hierarchy.names
    head = turns[:, names.index("nose")] @ face_ahead().T
    assert degrees(head, wanted(motion, HEAD)) < 10


@pytest.mark.parametrize(("rig", "hand"), [("mixamo", "mixamorig:LeftHand"), ("vrm", "leftHand")])
def test_rigs_of_other_programs_have_them(tmp_path: Path, rig: Any, hand: str) -> None:
    gltf = pytest.importorskip("pygltflib", reason="reads back what was written")
    motion = seen(walking(40))
    (path,) = exported(motion, tmp_path / "a.glb", ExportOptions(rig=rig)).paths
    document = gltf.GLTF2().load(str(path))
    rest = at_rest(document)
    _, moving = animated(document)
    number = next(n for n, node in enumerate(document.nodes) if node.name == hand)
    turned = moving[number][:, :3, :3] @ rest[hand][:3, :3].T
    assert degrees(turned, wanted(motion, LEFT)) < 0.5  # the rest pose is a T-pose, palms down


def test_resampling_turns_on_the_shortest_arcs() -> None:
    motion = seen(walking(40))
    there = resampled(motion, 60.0)
    assert there.orientations is not None
    assert degrees(wanted(there, HEAD)[::2], wanted(motion, HEAD)) < 0.1
    steps = np.swapaxes(wanted(there, LEFT)[:-1], 1, 2) @ wanted(there, LEFT)[1:]
    assert np.degrees(Rotation.from_matrix(steps).magnitude()).max() < 1
    np.testing.assert_allclose(there.orientations[..., 3], 0.9, atol=1e-6)


def test_a_loop_has_no_seam_in_them() -> None:
    loop = looped(seen(walking(120)))
    assert loop.orientations is not None
    assert np.isfinite(loop.orientations).all()
    for part in TURNS:
        around = wanted(loop, part)
        steps = np.swapaxes(around, 1, 2) @ np.roll(around, -1, axis=0)
        assert np.degrees(Rotation.from_matrix(steps).magnitude()).max() < 6
