from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.keypoints import openpose
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source
from mbcli.skeleton import BODY25, OPENPOSE18

Refused = Callable[..., Any]


def _points(count: int = 25, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.uniform(5, 500, (count, 2)), rng.uniform(0.2, 1, count)])


def _person(points: np.ndarray, identity: Any = (-1,)) -> dict[str, Any]:
    return {
        "person_id": identity,
        "pose_keypoints_2d": points.ravel().tolist(),
        "face_keypoints_2d": [],
        "hand_left_keypoints_2d": [],
        "hand_right_keypoints_2d": [],
        "pose_keypoints_3d": [],
    }


def _write(folder: Path, number: int | str, *people: dict[str, Any]) -> Path:
    name = f"walk_{number:012d}" if isinstance(number, int) else number
    path = folder / f"{name}_keypoints.json"
    path.write_text(json.dumps({"version": 1.3, "people": list(people)}))
    return path


def _read(folder: Path) -> KeypointFile:
    source = Source(folder)
    assert openpose.recognise(source)
    return openpose.read(source)


@pytest.mark.parametrize(("count", "skeleton"), [(25, BODY25), (18, OPENPOSE18)])
def test_frames_of_a_video(tmp_path: Path, count: int, skeleton: Any) -> None:
    points = [_points(count, seed) for seed in range(3)]
    _write(tmp_path, 0)
    _write(tmp_path, 10, _person(points[2]))
    _write(tmp_path, 2, _person(points[0]), _person(points[1]))
    for number in (1, *range(3, 10), 11):
        _write(tmp_path, number)
    (tmp_path / "notes.txt").write_text("lies beside it")
    file = _read(tmp_path)
    assert file.skeleton == skeleton
    assert file.frame_index.tolist() == [2, 2, 10]
    assert file.frames == 12
    np.testing.assert_array_equal(file.keypoints, np.stack(points))
    assert (file.ids, file.boxes, file.size, file.fps, file.warnings) == (None,) * 4 + ((),)


def test_keypoints_that_were_not_found(tmp_path: Path) -> None:
    points = _points()
    points[3] = 0
    _write(tmp_path, 0, _person(points))
    found = _read(tmp_path).keypoints[0]
    assert np.isnan(found[3, :2]).all()
    assert found[3, 2] == 0
    assert np.isfinite(np.delete(found, 3, axis=0)).all()


def test_missing_files_are_frames_without_people(tmp_path: Path) -> None:
    for number in (1, 2, 6):
        _write(tmp_path, number, _person(_points()))
    file = _read(tmp_path)
    assert file.frame_index.tolist() == [1, 2, 6]
    assert file.frames == 7
    assert len(file.warnings) == 1
    assert "4 of the frames 0..6 have no file" in file.warnings[0]


def test_identities_if_openpose_tracked(tmp_path: Path, refused: Refused) -> None:
    _write(tmp_path, 0, _person(_points(), [5]), _person(_points(), [2]))
    _write(tmp_path, 1, _person(_points(), [2]))
    ids = _read(tmp_path).ids
    assert ids is not None
    assert ids.tolist() == [5, 2, 2]
    _write(tmp_path, 1, _person(_points(), [2]), _person(_points(), [2]))
    with refused("person 2 twice in frame 1"):
        _read(tmp_path)


@pytest.mark.parametrize("count", [0, 15, 24, 135])
def test_other_numbers_of_keypoints(tmp_path: Path, refused: Refused, count: int) -> None:
    _write(tmp_path, 3, _person(_points(count)))
    with refused("25 (body25), 18 (openpose18)", f"got {count} in frame 3"):
        _read(tmp_path)


def test_one_video_and_each_frame_once(tmp_path: Path, refused: Refused) -> None:
    _write(tmp_path, 0, _person(_points()))
    twice = _write(tmp_path, "walk_0", _person(_points()))
    with refused("tells frame 0 twice", "walk_0_keypoints.json"):
        _read(tmp_path)
    twice.unlink()
    _write(tmp_path, "run_000000000001", _person(_points()))
    with refused("pictures of several", "'run_000000000001'"):
        _read(tmp_path)


def test_pictures(tmp_path: Path) -> None:
    _write(tmp_path, "img_07", _person(_points()))
    assert _read(tmp_path).frame_index.tolist() == [0]
    _write(tmp_path, "img_08", _person(_points()))
    file = _read(tmp_path)
    assert file.frame_index.tolist() == [7, 8]
    assert "img_07 as frame 7" in file.warnings[0]


def test_a_single_file_is_a_picture(tmp_path: Path) -> None:
    path = _write(tmp_path, 40, _person(_points()))
    file = _read(path)
    assert file.frame_index.tolist() == [0]
    assert file.frames == 1


def test_older_versions_name_the_list_otherwise(tmp_path: Path) -> None:
    path = tmp_path / "walk_000000000000_keypoints.json"
    points = _points(18)
    person = {"pose_keypoints": points.ravel().tolist()}
    path.write_text(json.dumps({"version": 0.1, "people": [person]}))
    np.testing.assert_array_equal(_read(tmp_path).keypoints[0], points)


@pytest.mark.parametrize(("scale", "expected"), [(3, 0.25), (4, 0.625)])
def test_fractions_of_the_picture(tmp_path: Path, scale: int, expected: float) -> None:
    points = np.tile([0.25, 0.25, 0.9], (25, 1))
    points[7] = 0
    if scale == 4:
        points[2, 0] = -0.5
    _write(tmp_path, 0, _person(points))
    file = _read(tmp_path)
    assert file.relative
    assert file.keypoints[0, 0].tolist() == [expected, expected, 0.9]
    assert np.isnan(file.keypoints[0, 7, 0])
    assert f"--keypoint_scale {scale}" in file.warnings[0]


def test_confidence_above_one(tmp_path: Path) -> None:
    points = _points()
    points[0, 2] = 1.02
    _write(tmp_path, 0, _person(points))
    file = _read(tmp_path)
    assert file.keypoints[0, 0, 2] == 1
    assert "cut to 0..1" in file.warnings[0]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ('{"version": 1.3, "people": [{"pers', "no whole JSON file"),
        ('{"version": 1.3}', "no frame of OpenPose"),
        ('{"version": 1.3, "people": [3]}', "an object as person 0"),
        ('{"version": 1.3, "people": [{"person_id": [-1]}]}', '"pose_keypoints_2d" in person 0'),
        ('{"version": 1.3, "people": [{"pose_keypoints_2d": [NaN, 1, 1]}]}', "finite numbers"),
        ('{"version": 1.3, "people": [{"pose_keypoints_2d": null}]}', "list of numbers"),
        ("[]", "no frame of OpenPose"),
    ],
)
def test_bad_frame_names_its_file(
    tmp_path: Path, refused: Refused, content: str, said: str
) -> None:
    _write(tmp_path, 0, _person(_points()))
    (tmp_path / "walk_000000000001_keypoints.json").write_text(content)
    with refused("walk_000000000001_keypoints.json", said):
        _read(tmp_path)


def test_infinite_numbers(tmp_path: Path, refused: Refused) -> None:
    points = _points()
    points[3, 1] = np.inf
    path = _write(tmp_path, 4, _person(points))
    path.write_text(path.read_text().replace("Infinity", "1e999"))
    with refused("finite numbers, got others in frame 4"):
        _read(tmp_path)


def test_run_without_people(tmp_path: Path, refused: Refused) -> None:
    _write(tmp_path, 0)
    with refused("holds no person in any frame"):
        _read(tmp_path)


def test_folders_of_pictures_are_not_claimed(tmp_path: Path) -> None:
    (tmp_path / "0001.png").write_bytes(b"\x89PNG")
    (tmp_path / "labels.json").write_text("{}")
    (tmp_path / "._walk_000000000000_keypoints.json").write_text("left by a system")
    assert not openpose.recognise(Source(tmp_path))
