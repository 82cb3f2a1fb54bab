from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.keypoints import openpose
from mbcli.keypoints.layouts import BODY_25B, LAYOUTS, Layout
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source
from mbcli.skeleton import BODY25, COCO17, HALPE26, OPENPOSE18, WHOLEBODY27, Skeleton

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
    assert "3 of the frames 1..6 have no file" in file.warnings[0]


@pytest.mark.parametrize("name", ["walk_{:012d}", "walk_{:06d}", "walk-{}"])
def test_files_may_count_from_1_if_none_has_0(tmp_path: Path, name: str) -> None:
    """Also if nobody is in the first picture: its file says that there is one."""
    for number in range(1, 12):
        _write(tmp_path, name.format(number), _person(_points()))
    file = _read(tmp_path)
    assert (file.counts_from, int(file.frame_index[0])) == (None, 1)
    assert not any("no file" in warning for warning in file.warnings)
    _write(tmp_path, name.format(0))
    assert _read(tmp_path).counts_from == 0


def test_identities_if_openpose_tracked(tmp_path: Path, refused: Refused) -> None:
    _write(tmp_path, 0, _person(_points(), [5]), _person(_points(seed=1), [2]))
    _write(tmp_path, 1, _person(_points(), [2]))
    ids = _read(tmp_path).ids
    assert ids is not None
    assert ids.tolist() == [5, 2, 2]
    _write(tmp_path, 1, _person(_points(), [2]), _person(_points(seed=1), [2]))
    file = _read(tmp_path)
    assert file.ids is None
    assert "person 2 is twice in frame 1" in file.warnings[0]


@pytest.mark.parametrize("count", [15, 24])
def test_other_numbers_of_keypoints(tmp_path: Path, refused: Refused, count: int) -> None:
    _write(tmp_path, 3, _person(_points(count)))
    with refused("25 (body25)", "18 (openpose18)", f"got {count}"):
        _read(tmp_path)


@pytest.mark.parametrize(
    ("count", "skeleton"), [(17, COCO17), (26, HALPE26), (133, WHOLEBODY27), (136, HALPE26)]
)
@pytest.mark.parametrize("name", ["{:06d}", "cam01_{:06d}", "frame {}", "take_2_{:04d}_pose"])
def test_files_of_other_programs(tmp_path: Path, count: int, skeleton: Skeleton, name: str) -> None:
    """rtmlib and Pose2Sim write other lists of keypoints under other names."""
    points = [_points(count, seed) for seed in range(12)]
    for frame in range(12):
        document = {"version": 1.3, "people": [_person(points[frame])]}
        (tmp_path / f"{name.format(frame)}.json").write_text(json.dumps(document))
    file = _read(tmp_path)
    assert file.skeleton == skeleton
    assert file.frame_index.tolist() == list(range(12))
    np.testing.assert_array_equal(file.keypoints, np.stack(points)[:, LAYOUTS[count].places])


def test_empty_people_are_nobody(tmp_path: Path) -> None:
    _write(tmp_path, 0, {}, _person(_points()))
    _write(tmp_path, 1, _person(np.empty((0, 3))), _person(np.zeros((25, 3))))
    _write(tmp_path, 2, {"person_id": [-1]}, _person(_points(seed=1)))
    file = _read(tmp_path)
    assert file.frame_index.tolist() == [0, 2]
    assert file.warnings == ("4 people without any keypoint are left out",)


def _standing(layout: Layout) -> np.ndarray:
    """A person in the order of a layout, a little different in each of five frames."""
    at = {"nose": (0, 0), "upper_neck": (0, 20), "neck": (0, 28), "head_top": (0, -25)}
    for side, x in (("left", 1), ("right", -1)):
        at |= {f"{side}_eye": (8 * x, -6), f"{side}_ear": (14 * x, -3)}
        at |= {f"{side}_shoulder": (30 * x, 30), f"{side}_elbow": (40 * x, 70)}
        at |= {f"{side}_wrist": (45 * x, 105), f"{side}_hip": (18 * x, 110)}
        at |= {f"{side}_knee": (20 * x, 170), f"{side}_ankle": (21 * x, 230)}
        at |= {f"{side}_{toe}": (26 * x, 240) for toe in ("big_toe", "small_toe", "heel")}
    at["pelvis"] = (0, 110)
    body = np.array([at[joint] for joint in layout.skeleton.joints]) + np.array([400.0, 200.0])
    noise = np.random.default_rng(3).normal(0, 2, (5, len(body), 2))
    return np.concatenate([body + noise, np.full((5, len(body), 1), 0.8)], axis=-1)


@pytest.mark.parametrize("unseen", [(), ("nose",), ("left_eye", "right_eye", "left_ear")])
@pytest.mark.parametrize("layout", [LAYOUTS[25], BODY_25B], ids=lambda layout: layout.skeleton.name)
def test_two_lists_of_25(tmp_path: Path, layout: Layout, unseen: tuple[str, ...]) -> None:
    points = _standing(layout)
    points[:, [layout.skeleton.index(joint) for joint in unseen]] = 0
    for frame, person in enumerate(points):
        _write(tmp_path, frame, _person(person))
    assert _read(tmp_path).skeleton == layout.skeleton


def test_pictures_of_several_series(tmp_path: Path) -> None:
    _write(tmp_path, "walk_000000000000", _person(_points()))
    _write(tmp_path, "run_000000000001", _person(_points(seed=1)))
    assert _read(tmp_path).frame_index.tolist() == [0, 1]
    _write(tmp_path, "walk_0", _person(_points()))
    file = _read(tmp_path)
    assert file.frame_index.tolist() == [0, 1, 2]
    assert "in the order of their names: run_000000000001 as frame 0" in file.warnings[0]


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


def test_frames_in_one_file(tmp_path: Path) -> None:
    frames = [{"version": 1.3, "people": [_person(_points(seed=n))] if n else []} for n in range(3)]
    path = tmp_path / "walk.json"
    path.write_text(json.dumps(frames))
    file = _read(path)
    assert file.frame_index.tolist() == [1, 2]
    assert file.frames == 3
    path.write_text("".join(json.dumps(frame) + "\n" for frame in frames))
    np.testing.assert_array_equal(_read(path).keypoints, file.keypoints)


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
        ('{"version": 1.3, "people": [3]}', "an object as person 0"),
        ('{"version": 1.3, "people": [{"pose_keypoints_2d": "a"}]}', "list of numbers"),
    ],
)
def test_bad_frame_names_its_file(
    tmp_path: Path, refused: Refused, content: str, said: str
) -> None:
    _write(tmp_path, 0, _person(_points()))
    (tmp_path / "walk_000000000001_keypoints.json").write_text(content)
    with refused("walk_000000000001_keypoints.json", said):
        _read(tmp_path)


@pytest.mark.parametrize("value", ["1e999", "NaN", "null", "Infinity"])
def test_keypoints_that_are_no_numbers(tmp_path: Path, value: str) -> None:
    points = _points()
    points[3, 1] = 12345
    path = _write(tmp_path, 4, _person(points))
    path.write_text(path.read_text().replace("12345.0", value))
    found = _read(tmp_path).keypoints[0]
    assert np.flatnonzero(np.isnan(found[:, 0])).tolist() == [3]


def test_run_without_people(tmp_path: Path, refused: Refused) -> None:
    _write(tmp_path, 0)
    with refused("holds no person in any frame"):
        _read(tmp_path)


def test_folders_of_pictures_are_not_claimed(tmp_path: Path) -> None:
    (tmp_path / "0001.png").write_bytes(b"\x89PNG")
    (tmp_path / "labels.json").write_text("{}")
    (tmp_path / "._walk_000000000000_keypoints.json").write_text("left by a system")
    assert not openpose.recognise(Source(tmp_path))
