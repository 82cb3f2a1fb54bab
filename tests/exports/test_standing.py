"""Feet that stand in exported skeletons, read back from the files."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from motions import standing_feet, walking

from mbcli.data.recordings.bvh import read_bvh
from mbcli.exports.export import export, exported
from mbcli.exports.options import ExportOptions
from mbcli.motion import Motion3D
from mbcli.refinement.options import RefineOptions
from mbcli.refinement.refine import refine
from mbcli.skeleton import H36M17

ANKLES = [H36M17.index("right_ankle"), H36M17.index("left_ankle")]


@pytest.fixture(scope="module")
def motion() -> Motion3D:
    """A person who walks, as a lifter sees it: distances swing, and legs differ in length."""
    motion = walking(90)
    times = motion.timestamps[:, None, None]
    root = motion.root + np.array([0.0, 0.0, 0.06]) * np.sin(5 * times)
    positions = motion.positions * (1 + 0.02 * np.sin(7 * times))[..., None]
    return replace(motion, root=root.astype(np.float32), positions=positions.astype(np.float32))


def ankles(path: Path) -> np.ndarray:
    """(T, 2, 3) metres of the ankles in a BVH, right and left."""
    recording = read_bvh(path)
    places, _ = recording.forward()
    names = list(recording.hierarchy.names)
    return np.asarray(places[:, [names.index("right_ankle"), names.index("left_ankle")]])


def slide(places: np.ndarray) -> np.ndarray:
    """Millimetres between neighbouring frames in which the same foot stands."""
    stands = standing_feet(len(places))
    # The first and the last frames of a stance may be seen as swing.
    inner = stands[2:-2] & stands[:-4] & stands[4:] & stands[1:-3] & stands[3:-1]
    apart = 1000 * np.linalg.norm(np.diff(places, axis=0), axis=-1)[1:-2]
    return apart[inner]


def test_feet_stand_in_a_bvh_unless_told_otherwise(motion: Motion3D, tmp_path: Path) -> None:
    before = motion.positions.copy()
    (standing,) = export(motion, tmp_path / "stands.bvh")
    (sliding,) = export(motion, tmp_path / "slides.bvh", ExportOptions(feet=False))
    assert slide(ankles(sliding)).mean() > 5
    assert slide(ankles(standing)).mean() < 0.5
    assert slide(ankles(standing)).max() < 1.0
    np.testing.assert_array_equal(motion.positions, before)
    assert motion.refinement is None
    assert "feet kept from sliding" in standing_notes(motion, tmp_path)


def standing_notes(motion: Motion3D, folder: Path) -> str:
    return "; ".join(exported(motion, folder / "noted.bvh").notes)


def test_markers_stay_as_they_are_unless_asked(motion: Motion3D, tmp_path: Path) -> None:
    asked = ExportOptions(feet=True)
    (plain,), (stands,) = (
        export(motion, tmp_path / f"{name}.trc", options)
        for name, options in (("plain", ExportOptions()), ("stands", asked))
    )
    (off,) = export(motion, tmp_path / "off.trc", ExportOptions(feet=False))
    assert plain.read_text().splitlines()[3:] == off.read_text().splitlines()[3:]
    assert plain.read_text().splitlines()[6:] != stands.read_text().splitlines()[6:]


def test_what_refinement_has_done_stays(motion: Motion3D, tmp_path: Path) -> None:
    smooth = refine(motion, RefineOptions(filter="butterworth", cutoff=4.0))
    notes = "; ".join(exported(smooth, tmp_path / "smooth.bvh").notes)
    assert "butterworth at 4 Hz" in notes
    assert "feet kept from sliding" in notes
    done = refine(motion, RefineOptions(feet=True))
    again = "; ".join(exported(done, tmp_path / "done.bvh").notes)
    assert "bone lengths" not in again  # as it was


def test_clips_that_do_not_tell_say_why(motion: Motion3D, tmp_path: Path) -> None:
    cut = replace(motion, keypoints=replace(motion.keypoints, cuts=np.array([40])))
    assert "feet are left as they are: the clip has cuts" in standing_notes(cut, tmp_path)
    camera = motion.camera.posed(motion.camera.world_from_camera, motion="moving")
    moving = replace(motion, camera=camera)
    other = tmp_path / "moving"
    other.mkdir()
    assert "the camera moves on an unknown way" in standing_notes(moving, other)
    (path,) = export(moving, tmp_path / "moving.bvh")
    assert slide(ankles(path)).mean() > 5


def test_feet_stand_where_the_way_of_a_camera_is_known(motion: Motion3D, tmp_path: Path) -> None:
    poses = np.tile(np.eye(4), (90, 1, 1))
    poses[:, 0, 3] = motion.timestamps
    camera = motion.camera.posed(poses, motion="moving")
    in_camera = camera.from_world(motion.in_world)
    root = in_camera[:, :, 0]
    seen = replace(motion, camera=camera, positions=in_camera - root[:, :, None], root=root)
    (path,) = export(seen, tmp_path / "known.bvh")
    assert slide(ankles(path)).mean() < 1
