from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from motions import hidden, walking

from mbcli.data.recordings.importing import import_folder
from mbcli.errors import DataError
from mbcli.exports.export import export
from mbcli.exports.options import ExportOptions
from mbcli.keypoints import read_keypoints
from mbcli.motion import Motion3D
from mbcli.refinement.options import RefineOptions
from mbcli.refinement.refine import refine
from mbcli.skeleton import H36M17

KEYS = (
    "DataRate CameraRate NumFrames NumMarkers Units OrigDataRate OrigDataStartFrame OrigNumFrames"
)


def read_as_opensim(path: Path) -> tuple[dict[str, str], list[str], np.ndarray, np.ndarray]:
    """Keys, marker names, times (T,) and positions (T, M, 3), by the rules of OpenSim's reader.

    It joins tabs that follow one another, skips empty lines, and demands the keys, the names of
    the columns, the numbers below them, and a full row of cells for every frame.
    """
    lines = [line for line in path.read_text(encoding="utf-8").split("\n") if line.strip("\t\r")]
    head, *rows = [[cell for cell in line.split("\t") if cell] for line in lines]
    assert head[:3] == ["PathFileType", "4", "(X/Y/Z)"]
    assert rows[0] == KEYS.split()
    keys = dict(zip(rows[0], rows[1], strict=True))
    count = int(keys["NumMarkers"])
    assert rows[2][:2] == ["Frame#", "Time"]
    assert len(rows[2]) == count + 2
    assert rows[3] == [f"{axis}{n}" for n in range(1, count + 1) for axis in "XYZ"]
    data = np.array([[float(cell) for cell in row] for row in rows[4:]])
    assert data.shape == (int(keys["NumFrames"]), 2 + 3 * count)
    assert (np.diff(data[:, 0]) >= 1).all()
    assert data[0, 0] == int(keys["OrigDataStartFrame"])
    return keys, rows[2][2:], data[:, 1], data[:, 2:].reshape(len(data), count, 3)


def written(motion: Motion3D, folder: Path, **options: object) -> Path:
    (path,) = export(motion, folder / "a.trc", ExportOptions(**options))  # type: ignore[arg-type]
    return path


def test_it_comes_back(tmp_path: Path) -> None:
    motion = walking(45, fps=29.97)
    keys, names, times, points = read_as_opensim(written(motion, tmp_path))
    assert (keys["DataRate"], keys["CameraRate"], keys["OrigDataRate"]) == ("29.97",) * 3
    assert (keys["Units"], keys["OrigDataStartFrame"], keys["OrigNumFrames"]) == ("mm", "1", "45")
    assert tuple(names) == H36M17.joints
    np.testing.assert_allclose(times, motion.timestamps, atol=1e-8)
    want = motion.in_camera.astype(np.float64) * [1000, -1000, -1000]
    np.testing.assert_allclose(points, want[:, 0], atol=1e-3)
    # The right way up, and left to the left of somebody who walks to the right.
    assert (points[:, names.index("head"), 1] > points[:, names.index("pelvis"), 1]).all()


def test_it_is_read_as_keypoints(tmp_path: Path) -> None:
    path = written(walking(20), tmp_path)
    assert path.read_text().splitlines()[0].count(";") > 3
    file = read_keypoints(path)
    assert (file.format, file.size, file.fps, file.frames) == ("trc", (1000, 1000), 30, 20)
    assert {"pelvis", "left_wrist"} <= {*file.skeleton.joints}


def test_it_is_imported_once_bones_are_constant(tmp_path: Path) -> None:
    motion = walking(60)
    noise = np.random.default_rng(7).normal(0, 0.03, motion.positions.shape)
    raw = replace(motion, positions=motion.positions + noise)
    export(raw, tmp_path / "raw" / "a.trc")
    with pytest.raises(DataError, match="bones must keep their length"):
        import_folder("trc", tmp_path / "raw", tmp_path / "none")
    export(refine(raw, RefineOptions(bones=True)), tmp_path / "refined" / "a.trc")
    report = import_folder("trc", tmp_path / "refined", tmp_path / "store")
    assert (len(report.imported), report.refused) == (1, ())


def test_frames_without_the_person_are_left_out(tmp_path: Path) -> None:
    motion = hidden(hidden(walking(20), slice(5, 9)), slice(0, 2))
    keys, _, times, points = read_as_opensim(written(motion, tmp_path))
    there = motion.present[:, 0]
    assert (keys["NumFrames"], keys["OrigDataStartFrame"]) == ("14", "3")
    np.testing.assert_allclose(times, motion.timestamps[there], atol=1e-8)
    assert np.isfinite(points).all()
    lines = (tmp_path / "a.trc").read_text().splitlines()[6:]
    assert {line.count("\t") for line in lines} == {1 + 3 * 17}


def test_a_joint_missing_in_one_axis_is_missing(tmp_path: Path) -> None:
    from dataclasses import replace

    motion = walking(3)
    positions = motion.positions.copy()
    positions[1, 0, 6, 2] = np.nan
    path = written(replace(motion, positions=positions), tmp_path)
    _, _, _, points = read_as_opensim(path)
    assert np.argwhere(np.isnan(points).any(axis=-1)).tolist() == [[1, 6]]
    assert np.isnan(points[1, 6]).all()


def test_z_up_and_other_units(tmp_path: Path) -> None:
    motion = walking(3)
    keys, _, _, points = read_as_opensim(written(motion, tmp_path, up="z", scale=0.001))
    assert keys["Units"] == "m"
    x, y, z = np.moveaxis(motion.in_camera[:, 0].astype(np.float64), -1, 0)
    np.testing.assert_allclose(points, np.stack([x, z, -y], axis=-1), atol=1e-6)


def test_the_first_line_says_what_was_assumed(tmp_path: Path) -> None:
    head = written(walking(3), tmp_path).read_text().splitlines()[0]
    for words in ("person 1", "millimetres", "y up", "taken to be level", "1.65 m, given"):
        assert words in head
