"""Exports that stand on the floor, where the floor is known, and those that do not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from motions import ANKLE_HEIGHT, hidden, panned, walking

from mbcli.data.recordings.bvh import read_bvh
from mbcli.data.recordings.trc import read_trc
from mbcli.errors import ConfigError
from mbcli.exports.axes import vertical
from mbcli.exports.export import export, exported
from mbcli.exports.options import ExportOptions
from mbcli.exports.space import in_space
from mbcli.motion import Motion3D
from mbcli.refinement.ground import with_world
from mbcli.skeleton import H36M17
from mbcli.values import changed

ANKLES = ["right_ankle", "left_ankle"]
WORLD, CAMERA = ExportOptions(space="world"), ExportOptions(space="camera")


def seen(motion: Motion3D, degrees: float = 12.0) -> Motion3D:
    """Filmed by a camera that looks down by some degrees."""
    angle = np.radians(-degrees)
    turn = np.array(
        [[1, 0, 0], [0, np.cos(angle), np.sin(angle)], [0, -np.sin(angle), np.cos(angle)]]
    )
    return replace(motion, positions=motion.positions @ turn.T, root=motion.root @ turn.T)


@pytest.fixture(scope="module")
def clip() -> Motion3D:
    """A result of two people, as `mbcli infer` makes it."""
    found = with_world(seen(walking(90, people=2)))
    assert found.camera.grounded
    return found


def places(path: Path, *names: str) -> np.ndarray:
    """(T, N, 3) metres of joints in a BVH."""
    recording = read_bvh(path)
    points, _ = recording.forward()
    order = list(recording.hierarchy.names)
    return np.asarray(points[:, [order.index(name) for name in names]])


def markers(path: Path) -> np.ndarray:
    """(T, 17, 3) millimetres of the markers in a C3D, read by ezc3d."""
    ezc3d = pytest.importorskip("ezc3d")
    points = ezc3d.c3d(str(path))["data"]["points"]
    return np.moveaxis(points[:3], 0, -1).swapaxes(0, 1)


def test_a_floor_that_nobody_shows_is_not_called_found() -> None:
    clip = walking(60)
    fallen = changed(clip, positions=clip.positions * [1, -1, -1], root=clip.root * [1, -1, 1])
    assert "no world was estimated" in vertical(fallen)
    asked = vertical(in_space(fallen, WORLD))
    assert "taken to be level: the floor was not found: nobody is seen standing upright" in asked
    assert "gravity" not in asked


def test_a_skeleton_begins_over_the_origin_with_feet_on_the_floor(
    clip: Motion3D, tmp_path: Path
) -> None:
    first, second = export(clip, tmp_path / "walk.bvh")
    hips = places(first, "pelvis")[:, 0]
    np.testing.assert_allclose(hips[0, [0, 2]], 0, atol=0.02)
    ankles = places(first, *ANKLES)[..., 1]
    assert np.median(ankles.min(axis=1)) == pytest.approx(ANKLE_HEIGHT, abs=0.01)
    # People of a clip keep their places beside each other.
    apart = np.linalg.norm(clip.in_world[0, 1, 0] - clip.in_world[0, 0, 0])
    beside = np.linalg.norm(places(second, "pelvis")[0, 0] - hips[0])
    assert beside == pytest.approx(apart, abs=0.05)
    # They walk on the level, which they do not in the axes of a camera that looks down.
    assert np.ptp(places(second, "pelvis")[:, 0, 1]) < 0.1
    tilted = export(clip, tmp_path / "camera.bvh", CAMERA)[1]
    assert np.ptp(places(tilted, "pelvis")[:, 0, 1]) > 0.3


@pytest.mark.parametrize("up", ["y", "z"])
def test_markers_stand_on_the_floor_too(clip: Motion3D, tmp_path: Path, up: str) -> None:
    options = ExportOptions(up=up, person="1")  # type: ignore[arg-type]
    (trc,), (c3d,) = (export(clip, tmp_path / f"walk.{kind}", options) for kind in ("trc", "c3d"))
    axis = {"y": 1, "z": 2}[up]
    ankles = [H36M17.index(name) for name in ANKLES]
    heights = markers(c3d)[:, ankles, axis].min(axis=1)
    assert np.median(heights) == pytest.approx(1000 * ANKLE_HEIGHT, abs=15)
    _, points, *_ = read_trc(trc)
    np.testing.assert_allclose(points, markers(c3d), atol=0.01)


@pytest.mark.parametrize("suffix", ["bvh", "glb", "usda", "trc", "csv", "json", "sto", "mot"])
def test_in_the_axes_of_the_camera_files_are_what_they_were(
    clip: Motion3D, tmp_path: Path, suffix: str
) -> None:
    if suffix == "usda":
        pytest.importorskip("pxr")
    before = replace(clip, camera=clip.camera.ungrounded)
    options = replace(CAMERA, person="1", feet=False)
    (one,), (other,), (world,) = (
        export(motion, tmp_path / f"{name}.{suffix}", chosen)
        for name, motion, chosen in (
            ("camera", clip, options),
            ("before", before, replace(options, space="auto")),
            ("world", clip, replace(options, space="auto")),
        )
    )
    assert one.read_bytes() == other.read_bytes()
    assert world.read_bytes() != one.read_bytes()


def test_notes_say_how_sure_the_floor_is_or_why_there_is_none(
    clip: Motion3D, tmp_path: Path
) -> None:
    def said(name: str, motion: Motion3D, options: ExportOptions | None = None) -> str:
        return "; ".join(exported(motion, tmp_path / f"{name}.trc", options).notes)

    degrees = clip.meta["world"]["spread_degrees"]
    assert f"along the estimated gravity to within {degrees:.1f} degrees" in said("sure", clip)
    assert "taken to be level (--space camera)" in said("asked", clip, CAMERA)
    old = seen(walking(90))
    unsure = with_world(replace(old, keypoints=replace(old.keypoints, cuts=np.array([40]))))
    why = "taken to be level (the floor was not found: each of the 2 shots has its own camera)"
    assert why in said("unsure", unsure)
    assert "no world was estimated" in said("old", walking(20))


def test_the_world_of_an_old_or_doubtful_result_on_request(tmp_path: Path) -> None:
    old = seen(walking(90))
    (asked,) = export(old, tmp_path / "asked.bvh", WORLD)
    heights = places(asked, *ANKLES)[..., 1].min(axis=1)
    assert np.median(heights) == pytest.approx(ANKLE_HEIGHT, abs=0.015)
    assert not old.camera.grounded
    cut = replace(old, keypoints=replace(old.keypoints, cuts=np.array([40])))
    with pytest.raises(ConfigError, match=r"--space must be auto or camera .* 2 shots"):
        export(cut, tmp_path / "cut.bvh", WORLD)
    assert not (tmp_path / "cut.bvh").exists()


@pytest.mark.parametrize("space", ["world", "camera"])
@pytest.mark.parametrize(("up", "forward"), [("y", (2, 1)), ("z", (1, -1))])
def test_the_first_person_faces_forward_on_request(
    clip: Motion3D, tmp_path: Path, space: str, up: str, forward: tuple[int, int]
) -> None:
    options = ExportOptions(person="2", up=up, space=space, feet=False)  # type: ignore[arg-type]
    paths = [
        export(clip, tmp_path / f"{heading}.bvh", replace(options, heading=heading))[0]
        for heading in ("camera", "person")
    ]
    before, after = (places(path, "pelvis")[:, 0] for path in paths)
    np.testing.assert_allclose(after[0], before[0], atol=1e-3)
    if space == "world":  # over the origin, though they are not the first of the clip
        np.testing.assert_allclose(np.delete(after[0], {"y": 1, "z": 2}[up]), 0, atol=0.02)
    axis, sign = forward
    way, vertical = after[-1] - after[0], {"y": 1, "z": 2}[up]
    length = np.linalg.norm(np.delete(before[-1] - before[0], vertical))
    # Who walks straight ahead goes where they face.
    assert sign * way[axis] == pytest.approx(length, rel=0.01)
    np.testing.assert_allclose(after[:, vertical], before[:, vertical], atol=1e-3)


def test_a_camera_that_turns_carries_nobody_along(tmp_path: Path) -> None:
    still, turning = walking(90, people=2), panned(walking(90, people=2), 40)
    paths = [
        export(with_world(seen(motion, 0.0)), tmp_path / f"{name}.trc", ExportOptions(person="1"))
        for name, motion in (("still", still), ("turning", turning))
    ]
    (_, one, *_), (_, other, *_) = (read_trc(path) for (path,) in paths)
    np.testing.assert_allclose(one, other, atol=5)


def test_nobody_to_turn_to_and_formats_of_the_picture(clip: Motion3D, tmp_path: Path) -> None:
    late = hidden(clip, slice(0, 60))
    options = ExportOptions(heading="person", person="1", feet=False)
    _, points, *_ = read_trc(export(late, tmp_path / "late.trc", options)[0])
    way = points[-1, 0] - points[0, 0]
    assert way[2] == pytest.approx(np.linalg.norm(way[[0, 2]]), rel=0.01)
    for option in ("space", "heading"):
        value = {"space": "world", "heading": "person"}[option]
        chosen = replace(ExportOptions(), **{option: value})  # type: ignore[arg-type]
        with pytest.raises(ConfigError, match=f"--{option} {value} applies to .* files, got x3d"):
            export(clip, tmp_path / "picture.npy", chosen)
