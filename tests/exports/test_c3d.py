"""Written by ezc3d, read by py-c3d."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import c3d
import numpy as np
import pytest
from motions import hidden, walking

from mbcli.errors import ConfigError
from mbcli.exports.c3d import write_c3d
from mbcli.exports.export import export
from mbcli.exports.options import ExportOptions
from mbcli.motion import Motion3D
from mbcli.skeleton import H36M17


def read(path: Path) -> tuple[Any, np.ndarray, np.ndarray]:
    """The reader, points (T, 17, 5) and analog channels (T, 17)."""
    with path.open("rb") as stream:
        reader = c3d.Reader(stream)
        frames = [(points, analog) for _, points, analog in reader.read_frames()]
    return reader, np.array([p for p, _ in frames]), np.array([a[:, 0] for _, a in frames])


def written(motion: Motion3D, folder: Path, **options: Any) -> Path:
    (path,) = export(motion, folder / "a.c3d", ExportOptions(**options))
    return path


def test_frames_are_numbered_by_the_time(tmp_path: Path) -> None:
    motion = walking(30, fps=30)
    late = replace(motion, keypoints=replace(motion.keypoints, timestamps=motion.timestamps + 2))
    reader, points, _ = read(written(late, tmp_path))
    assert (reader.first_frame, reader.last_frame, len(points)) == (61, 90, 30)


def test_it_comes_back(tmp_path: Path) -> None:
    motion = walking(45, fps=50)
    reader, points, analog = read(written(motion, tmp_path))
    assert (reader.point_rate, reader.first_frame, reader.last_frame) == (50, 1, 45)
    assert tuple(label.strip() for label in reader.point_labels) == H36M17.joints
    assert reader.get("POINT.UNITS").string_value.strip() == "mm"
    assert reader.get_screen_axis() == ("+X", "+Z")
    x, y, z = np.moveaxis(motion.in_camera[:, 0].astype(np.float64), -1, 0)
    want = 1000 * np.stack([x, z, -y], axis=-1)
    np.testing.assert_allclose(points[..., :3], want, atol=1e-3)
    assert (points[..., 3] == 0).all()
    np.testing.assert_allclose(analog, motion.confidence[:, 0], atol=1e-6)
    labels = [label.strip() for label in reader.analog_labels]
    assert labels == [f"{joint}_confidence" for joint in H36M17.joints]


def test_what_is_missing_has_the_residual_of_a_missing_marker(tmp_path: Path) -> None:
    motion = hidden(walking(20), slice(5, 9))
    positions = motion.positions.copy()
    positions[12, 0, 3] = np.nan
    motion = replace(motion, positions=positions)
    _, points, _ = read(written(motion, tmp_path))
    missing = np.isnan(positions[:, 0]).any(axis=-1)
    assert missing.sum() == 4 * 17 + 1
    np.testing.assert_array_equal(points[..., 3] == -1, missing)
    assert (points[missing][:, :3] == 0).all()


def test_y_up_and_other_units(tmp_path: Path) -> None:
    motion = walking(3)
    reader, points, _ = read(written(motion, tmp_path, up="y", scale=0.1))
    assert reader.get("POINT.UNITS").string_value.strip() == "cm"
    assert reader.get_screen_axis() == ("+X", "+Y")
    want = motion.in_camera[:, 0] * np.array([100, -100, -100])
    np.testing.assert_allclose(points[..., :3], want, atol=1e-4)


def test_parameters_say_what_was_assumed_and_who_it_is(tmp_path: Path) -> None:
    motion = walking(4, people=2)
    motion = replace(
        motion, keypoints=replace(motion.keypoints, timestamps=motion.timestamps + 2.5)
    )
    _, second = export(motion, tmp_path / "b.c3d")
    reader, _, _ = read(second)
    notes = " ".join(text.strip() for text in reader.get("MBCLI.NOTES").string_array)
    for words in ("millimetres", "z up", "taken to be level", "1.65 m, given", "assumed"):
        assert words in notes
    assert reader.get("MBCLI.START_TIME").float_value == pytest.approx(2.5)
    assert reader.get("SUBJECTS.NAMES").string_array[0].strip() == "person_2"
    assert reader.get("SUBJECTS.USED").int16_value == 1


def test_more_frames_than_the_format_counts(tmp_path: Path) -> None:
    motion = walking(2)
    many = 65536
    rows = np.zeros(many, dtype=int)
    long = replace(
        motion,
        positions=motion.positions[rows],
        root=motion.root[rows],
        positions_normalized=motion.positions_normalized[rows],
        confidence=motion.confidence[rows],
        keypoints=replace(
            motion.keypoints,
            data=motion.keypoints.data[rows],
            boxes=motion.keypoints.boxes[rows],
            timestamps=np.arange(many) / 30,
            frame_index=np.arange(many),
        ),
        camera=motion.camera.lasting(many),
    )
    with pytest.raises(ConfigError, match="at most 65535 frames, got 65536"):
        export(long, tmp_path / "a.c3d")
    assert not list(tmp_path.iterdir())


def test_a_file_that_the_disk_cut_short_is_found_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ezc3d

    genuine = ezc3d.c3d.write

    def cut(file: ezc3d.c3d, path: str) -> None:
        genuine(file, path)
        with Path(path).open("r+b") as stream:
            stream.truncate(Path(path).stat().st_size - 512 * 4)

    monkeypatch.setattr(ezc3d.c3d, "write", cut)
    with pytest.raises(OSError, match="incomplete; is the disk full"):
        write_c3d(walking(40), tmp_path / "a.c3d", ExportOptions())
