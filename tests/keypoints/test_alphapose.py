from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.errors import ConfigError
from mbcli.keypoints import alphapose
from mbcli.keypoints.layouts import LAYOUTS
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source
from mbcli.skeleton import BODY25, COCO17, H36M17, HALPE26, OPENPOSE18, WHOLEBODY23, WHOLEBODY27
from mbcli.types import Keypoints2D


def _person(picture: str | int, points: np.ndarray, **more: Any) -> dict[str, Any]:
    return {
        "image_id": picture,
        "category_id": 1,
        "keypoints": points.ravel().tolist(),
        "score": 2.9,
        "box": [10.5, 20.0, 100.0, 200.25],
        "idx": [0.0],
    } | more


def _points(count: int, seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.uniform(5, 500, (count, 2)), rng.uniform(0.2, 1, count)])


@pytest.fixture
def read(tmp_path: Path) -> Callable[[Any], KeypointFile]:
    def read(document: Any) -> KeypointFile:
        path = tmp_path / "alphapose-results.json"
        path.write_text(json.dumps(document))
        source = Source(path)
        assert alphapose.recognise(source)
        return alphapose.read(source)

    return read


Read = Callable[[Any], KeypointFile]
Refused = Callable[..., Any]


@pytest.mark.parametrize(
    ("count", "skeleton"),
    [(17, COCO17), (26, HALPE26), (68, HALPE26), (133, WHOLEBODY27), (136, HALPE26)],
    ids=str,
)
def test_skeleton_by_the_number_of_keypoints(read: Read, count: int, skeleton: Any) -> None:
    points = [_points(count, seed) for seed in range(3)]
    file = read([_person(f"{f}.jpg", p, idx=4) for f, p in zip((0, 2, 5), points, strict=True)])
    assert file.skeleton == skeleton
    np.testing.assert_array_equal(file.keypoints, np.stack(points)[:, LAYOUTS[count].places])
    assert file.frame_index.tolist() == [0, 2, 5]
    assert file.frames == 6
    assert file.ids is not None
    assert file.ids.tolist() == [4, 4, 4]
    assert file.boxes is not None
    assert file.boxes[0].tolist() == [10.5, 20.0, 110.5, 220.25]
    assert (file.size, file.fps, file.warnings) == (None, None, ())


def test_other_numbers_of_keypoints(read: Read, refused: Refused) -> None:
    with refused("17 (coco17)", "136 (halpe26)", "got 16"):
        read([_person("0.jpg", _points(16))])
    with refused("same number", "got 26 in frame 1 after 17"):
        read([_person("0.jpg", _points(17)), _person("1.jpg", _points(26))])
    with refused("x, y and confidence", "53 numbers"):
        read([_person("0.jpg", np.arange(53))])


def test_people_without_keypoints_are_nobody(read: Read) -> None:
    empty = [_person("0.jpg", np.empty(0)), _person("1.jpg", np.zeros((17, 3)))]
    file = read([*empty, _person("2.jpg", _points(17))])
    assert file.frame_index.tolist() == [2]
    assert file.warnings == ("2 people without any keypoint are left out",)


@pytest.mark.parametrize(
    ("idx", "identity"), [(7, 7), (7.0, 7), ([7], 7), ([[7.0], [9.0]], 7), (0, None), ([0.0], None)]
)
def test_identity(read: Read, idx: Any, identity: int | None) -> None:
    file = read([_person("0.jpg", _points(17), idx=idx), _person("1.jpg", _points(17), idx=idx)])
    assert (None if file.ids is None else file.ids.tolist()) == (identity and [identity] * 2)


def test_untracked_people_may_share_a_frame(read: Read) -> None:
    file = read([_person("0.jpg", _points(17, seed)) for seed in range(3)])
    assert file.ids is None
    assert file.frame_index.tolist() == [0, 0, 0]


def test_one_identity_twice_in_a_frame_is_none(read: Read) -> None:
    people = [_person("0.jpg", _points(17, seed), idx=2) for seed in range(2)]
    later = [_person("1.jpg", _points(17, seed), idx=seed) for seed in range(2)]
    file = read(people + later)
    assert file.ids is None
    assert file.frame_index.tolist() == [0, 0, 1, 1]
    assert "person 2 is twice in frame 0; people are tracked anew" in file.warnings[0]


def test_a_pose_that_is_told_twice_is_taken_once(read: Read) -> None:
    file = read([_person("0.jpg", _points(17), idx=2)] * 2 + [_person("1.jpg", _points(17), idx=2)])
    assert file.ids is not None
    assert file.ids.tolist() == [2, 2]
    assert file.warnings == ("1 poses are repeated, number for number: taken once",)


def test_identities_of_some_are_not_used(read: Read) -> None:
    second = _person("0.jpg", _points(17, 1))
    del second["idx"]
    file = read([_person("0.jpg", _points(17), idx=2), second])
    assert file.ids is None
    assert "1 of 2 poses" in file.warnings[0]


@pytest.mark.parametrize(
    ("idx", "ids"),
    [
        (["one", "two"], [0, 1]),
        (["7", 3], [7, 3]),
        ([["b"], "a"], [0, 1]),
        ([1.5, 2], None),
        ([True, 2], None),
        ([{"a": 1}, 2], None),
    ],
)
def test_identities_of_other_kinds(read: Read, idx: list[Any], ids: list[int] | None) -> None:
    people = [_person(f"{n}.jpg", _points(17, n), idx=who) for n, who in enumerate(idx)]
    file = read(people)
    assert (None if file.ids is None else file.ids.tolist()) == ids
    assert ("1 of 2 poses have one" in "".join(file.warnings)) == (ids is None)


def test_words_of_coco(read: Read) -> None:
    """A result of another program, with names of pictures in COCO's form."""
    person = _person("0001", _points(17), track_id=3, bbox=[1, 2, 30, 40])
    del person["box"], person["idx"]
    file = read([person, person | {"image_id": "0002"}])
    assert file.ids is not None
    assert file.ids.tolist() == [3, 3]
    assert file.boxes is not None
    assert file.boxes[0].tolist() == [1, 2, 31, 42]


def test_picture_names(read: Read, refused: Refused) -> None:
    def frames(*names: str | int) -> KeypointFile:
        return read([_person(name, _points(17, seed)) for seed, name in enumerate(names)])

    assert frames("9.jpg", "10.jpg", "12.jpg").frame_index.tolist() == [9, 10, 12]
    assert not frames("9.jpg", "10.jpg").warnings
    assert frames("10.jpg", "9.jpg").frame_index.tolist() == [9, 10]
    numbered = frames("frame_0012.png", "frame_0013.png")
    assert numbered.frame_index.tolist() == [12, 13]
    assert "frame_0012.png as frame 12" in numbered.warnings[0]
    assert numbered.pictures == {"frame_0012.png": 12, "frame_0013.png": 13}
    assert frames("3.jpg").frame_index.tolist() == [3]
    assert frames("IMG_2034.jpeg", "IMG_2034.jpeg").frame_index.tolist() == [0, 0]
    assert frames("portrait.png").frame_index.tolist() == [0]
    assert frames(4, 6).frame_index.tolist() == [4, 6]
    with refused("number frames from 0 to"):
        frames("0.jpg", "123456789012.jpg")


@pytest.mark.parametrize(
    "names",
    [
        ("IMG-20210401-WA0007.jpg", "IMG-20210402-WA0000.jpg", "IMG-20210402-WA0010.jpg"),
        ("left_1.png", "left_2.png", "right_1.png"),
        ("DSC_4523.JPG", "DSC_4524.JPG", "DSC_4531.JPG"),
        ("PXL_20240101_123456789.jpg", "PXL_20240101_123459001.jpg", "PXL_20240102_0.jpg"),
        ("back.png", "front.png", "portrait_2.png"),
        ("a/0001.png", "a/0002.png", "b/0001.png"),
    ],
    ids=lambda names: names[0],
)
def test_pictures_of_a_camera_or_from_a_download(read: Read, names: tuple[str, ...]) -> None:
    order = (2, 0, 1)
    file = read([_person(names[n], _points(17, n)) for n in order])
    assert file.frame_index.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(file.keypoints, [_points(17, n) for n in range(3)])
    assert f"in the order of their names: {names[0]} as frame 0" in file.warnings[0]


def test_scores_above_one_are_cut_and_told(read: Read, refused: Refused) -> None:
    points = _points(17)
    points[3:5, 2] = 1.0625, -0.01
    file = read([_person("0.jpg", points)])
    assert file.keypoints[0, 3:5, 2].tolist() == [1, 0]
    assert file.warnings == ("2 of 17 confidences are cut to 0..1; they were -0.01..1.0625",)
    points[3, 2] = 87
    with refused("confidences within 0..1", "..87"):
        read([_person("0.jpg", points)])


def test_older_versions_write_neither_box_nor_idx(read: Read) -> None:
    person = _person("0.jpg", _points(17))
    del person["box"], person["idx"]
    file = read([person])
    assert file.boxes is None
    assert file.ids is None


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"keypoints": [1, 2, "3"] * 17}, "list of numbers"),
        ({"keypoints": "none"}, "list of numbers"),
        ({"box": [1, 2, 3]}, "four finite numbers"),
        ({"image_id": None}, "name the picture"),
    ],
)
def test_records_of_another_kind(
    read: Read, refused: Refused, change: dict[str, Any], said: str
) -> None:
    with refused(said):
        read([_person("0.jpg", _points(17)), _person("1.jpg", _points(17)) | change])


@pytest.mark.parametrize("value", [None, float("nan"), float("inf"), 1e999, 10**400])
def test_keypoints_that_are_no_numbers_are_missing(read: Read, value: Any) -> None:
    points = _points(17).tolist()
    flat = [*points[0][:1], value, *points[0][2:], *(v for p in points[1:] for v in p)]
    file = read([_person("0.jpg", _points(17)), _person("1.jpg", _points(17), keypoints=flat)])
    assert np.isnan(file.keypoints[1, 0, :2]).all()
    np.testing.assert_array_equal(file.keypoints[:, 1:], [points[1:]] * 2)


@pytest.mark.parametrize("width", [2, 3])
def test_keypoints_in_lists_of_their_own(read: Read, width: int) -> None:
    points = _points(17)
    file = read([_person("0.jpg", points, keypoints=points[:, :width].tolist())])
    np.testing.assert_array_equal(file.keypoints[0, :, :width], points[:, :width])
    expected = ("the file has no confidence: every keypoint that is there counts fully",)
    assert file.warnings == (expected if width == 2 else ())


def test_record_that_lacks_something(read: Read, refused: Refused) -> None:
    with refused('must hold "image_id" in record 1'):
        read([_person("0.jpg", _points(17)), {"keypoints": []}])
    with refused("must hold an object as record 1"):
        read([_person("0.jpg", _points(17)), 3])
    with refused('must hold "keypoints"', "1.jpg"):
        read([_person("0.jpg", _points(17)), {"image_id": "1.jpg"}])


@pytest.mark.parametrize("form", ["cmu", "open"])
def test_forms_of_other_programs(read: Read, refused: Refused, form: str) -> None:
    people, flat = {"cmu": ("bodies", "joints"), "open": ("people", "pose_keypoints_2d")}[form]
    points = _points(17)
    # As AlphaPose does it: the joints of OpenPose's list, with a neck between the shoulders.
    neck = points[5:7].mean(axis=0)
    theirs = [
        neck if joint == "neck" else points[COCO17.index(joint)] for joint in OPENPOSE18.joints
    ]
    body = {flat: np.ravel(theirs).tolist()}
    aside = np.array([50, 0, 0])
    other = {flat: np.ravel([place + aside for place in theirs]).tolist()}
    frame = {"version": "AlphaPose v0.3", people: [body, other]}
    file = read({"0.jpg": frame, "1.jpg": {**frame, people: []}, "2.jpg": frame})
    assert file.skeleton == COCO17
    np.testing.assert_allclose(file.keypoints, np.stack([points, points + aside] * 2))
    assert file.frame_index.tolist() == [0, 0, 2, 2]
    assert file.ids is None
    with refused("18 keypoints", "got 17 in frame 0"):
        read({"0.jpg": {**frame, people: [{flat: points.ravel().tolist()}]}})
    with refused(f'must hold "{flat}"'):
        read({"0.jpg": {**frame, people: [{"other": 1}]}})
    with refused("must hold a list"):
        read({"0.jpg": frame, "1.jpg": {**frame, people: 3}})


def test_written_tracks_come_back(tmp_path: Path, tracks: Keypoints2D, refused: Refused) -> None:
    path = tmp_path / "out.json"
    alphapose.write(path, tracks)
    file = alphapose.read(Source(path))
    there = np.argwhere(tracks.present)
    assert file.skeleton == COCO17
    assert file.frame_index.tolist() == there[:, 0].tolist()
    assert file.ids is not None
    assert file.ids.tolist() == tracks.track_ids[there[:, 1]].tolist()
    np.testing.assert_array_equal(
        file.keypoints.astype(np.float32), tracks.data[there[:, 0], there[:, 1]]
    )
    assert file.boxes is not None
    np.testing.assert_allclose(file.boxes, tracks.boxes[there[:, 0], there[:, 1]], atol=2e-3)
    assert file.frames == 6, "the last frame is without people, which the format cannot tell"


def _in_skeleton(tracks: Keypoints2D, skeleton: Any) -> Keypoints2D:
    from dataclasses import replace

    rng = np.random.default_rng(1)
    shape = (*tracks.data.shape[:2], len(skeleton), 3)
    return replace(tracks, data=rng.uniform(0.1, 1, shape), skeleton=skeleton)


def test_skeletons_that_are_written(tmp_path: Path, tracks: Keypoints2D) -> None:
    for skeleton, written in ((HALPE26, HALPE26), (BODY25, COCO17), (WHOLEBODY23, COCO17)):
        given = _in_skeleton(tracks, skeleton)
        alphapose.write(tmp_path / "out.json", given, overwrite=True)
        file = alphapose.read(Source(tmp_path / "out.json"))
        assert file.skeleton == written
        wrist = file.keypoints[:, written.index("left_wrist")].astype(np.float32)
        np.testing.assert_array_equal(
            wrist, given.data[:, :, skeleton.index("left_wrist")].reshape(-1, 3)
        )
    with pytest.raises(ConfigError, match=r"h36m17 gives no left_eye, .*write \.npz"):
        alphapose.write(tmp_path / "none.json", _in_skeleton(tracks, H36M17))
    assert not (tmp_path / "none.json").exists()
