"""BVH read back by bvhio, whose kinematics are its own, and by Blender where it is installed."""

from __future__ import annotations

import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from motions import hidden, walking

from mbcli.errors import InputError, NobodyFoundError
from mbcli.exports.axes import turn
from mbcli.exports.bvh import write_bvh
from mbcli.exports.options import ExportOptions
from mbcli.kinematics.bones import usual_lengths, with_lengths
from mbcli.motion import Motion3D
from mbcli.skeleton import H36M17

HEAD = H36M17.index("head")


def wanted(motion: Motion3D, up: str = "y") -> np.ndarray:
    """(T, 17, 3) metres: the skeleton with constant bone lengths in the axes of a file."""
    points = motion.in_world[:, 0] @ turn("z" if up == "z" else "y").T
    return with_lengths(points, usual_lengths(points, H36M17, symmetric=True), H36M17)


def read(path: Path) -> tuple[np.ndarray, float]:
    """(T, 17, 3) places by bvhio, and the frame time; the head is the end of the nose's bone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # bvhio imports PyGLM by a name that is going
        bvhio = pytest.importorskip("bvhio", reason="reads back what was written")
    file = bvhio.readAsBvh(str(path))
    root = bvhio.readAsHierarchy(str(path))
    joints = {joint.Name: joint for joint, _, _ in root.layout()}
    ends = {joint.Name: joint.EndSite for joint, _, _ in file.Root.layout()}
    places = np.empty((file.FrameCount, 17, 3))
    for frame in range(file.FrameCount):
        root.loadPose(frame)
        for number, name in enumerate(H36M17.joints):
            if number == HEAD:
                # bvhio turns every joint so that its bone lies along y.
                length = float(np.linalg.norm(tuple(ends["nose"])))
                place = joints["nose"].pointToWorld((0, length, 0))
            else:
                place = joints[name].PositionWorld
            places[frame, number] = tuple(place)
    return places, file.FrameTime


@pytest.mark.parametrize("fps", [30.0, 59.94])
def test_bvhio_finds_the_positions_with_constant_lengths(tmp_path: Path, fps: float) -> None:
    motion = walking(frames=40, fps=fps)
    write_bvh(motion, tmp_path / "walk.bvh", ExportOptions())
    found, step = read(tmp_path / "walk.bvh")
    assert found.shape == (40, 17, 3)
    assert step == pytest.approx(1 / fps, rel=1e-6)
    assert np.linalg.norm(found - wanted(motion), axis=-1).max() < 1e-4
    place = dict(zip(H36M17.joints, found.mean(axis=0), strict=True))
    assert place["head"][1] > place["pelvis"][1] > place["right_ankle"][1]


def test_up_and_scale(tmp_path: Path) -> None:
    motion = walking(frames=5)
    write_bvh(motion, tmp_path / "walk.bvh", ExportOptions(up="z", scale=100))
    found, _ = read(tmp_path / "walk.bvh")
    assert np.linalg.norm(found - 100 * wanted(motion, "z"), axis=-1).max() < 0.01
    text = (tmp_path / "walk.bvh").read_text()
    height = float(text.split("JOINT spine\n")[1].split("OFFSET 0 0 ")[1].split()[0])
    assert height == pytest.approx(25, abs=0.01)  # the rest pose stands along z, too


def test_the_hierarchy_has_ends_for_head_hands_and_feet(tmp_path: Path) -> None:
    write_bvh(walking(frames=2), tmp_path / "walk.bvh", ExportOptions())
    text = (tmp_path / "walk.bvh").read_text(encoding="ascii")
    assert text.count("End Site") == 5
    assert text.count("CHANNELS 6 Xposition Yposition Zposition Zrotation Xrotation Yrotation") == 1
    assert text.count("CHANNELS 3 Zrotation Xrotation Yrotation") == 21
    assert text.startswith("HIERARCHY\nROOT pelvis\n{\n\tOFFSET 0 0 0\n")
    before = [part.split("JOINT ")[-1].split()[0] for part in text.split("End Site")[:-1]]
    assert before == ["right_ankle", "left_ankle", "nose", "left_wrist", "right_wrist"]


def test_no_channel_jumps(tmp_path: Path) -> None:
    motion = walking(frames=90)
    # Somebody who spins on the spot, three times round.
    heading = np.linspace(0, 6 * np.pi, 90)
    sine, cosine, none = np.sin(heading), np.cos(heading), np.zeros(90)
    spin = np.stack(
        [cosine, none, sine, none, none + 1, none, -sine, none, cosine], axis=-1
    ).reshape(90, 3, 3)
    positions = np.einsum("tij,tpnj->tpni", spin, motion.positions)
    spun = replace(motion, positions=positions)
    write_bvh(spun, tmp_path / "spin.bvh", ExportOptions())
    rows = np.loadtxt(tmp_path / "spin.bvh", skiprows=1 + _line(tmp_path / "spin.bvh"))
    assert rows.shape == (90, 6 + 21 * 3)
    assert np.abs(np.diff(rows[:, 3:], axis=0)).max() < 45
    assert np.ptp(rows[:, 5]) == pytest.approx(1080, abs=30)


def _line(path: Path) -> int:
    lines = path.read_text().splitlines()
    return next(n for n, line in enumerate(lines) if line.startswith("Frame Time"))


def test_gaps_are_bridged(tmp_path: Path) -> None:
    motion = hidden(hidden(walking(frames=30), slice(10, 15)), slice(27, None))
    write_bvh(motion, tmp_path / "walk.bvh", ExportOptions())
    found, _ = read(tmp_path / "walk.bvh")
    assert found.shape == (30, 17, 3)
    assert np.isfinite(found).all()
    there = motion.present[:, 0]
    assert np.linalg.norm(found - wanted(motion), axis=-1)[there].max() < 1e-4
    assert np.allclose(found[27:], found[26], atol=1e-5)


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="one person, got 2"):
        write_bvh(walking(frames=3, people=2), tmp_path / "two.bvh", ExportOptions())
    with pytest.raises(NobodyFoundError, match="got none in 3 frames"):
        write_bvh(hidden(walking(3), slice(None)), tmp_path / "none.bvh", ExportOptions())
