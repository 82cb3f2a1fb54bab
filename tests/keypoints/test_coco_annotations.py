from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.keypoints import coco_annotations
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source
from mbcli.skeleton import COCO17

Refused = Callable[..., Any]
NAMES = ["nose", "left shoulder", "right shoulder", "hip_l", "hip_r", "tail"]
JOINTS = ("nose", "left_shoulder", "right_shoulder", "left_hip", "right_hip")


def _points(count: int = len(NAMES), seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return np.column_stack([rng.uniform(5, 300, (count, 2)), rng.integers(1, 3, count)])


def _document(
    points: list[np.ndarray], names: list[str] | None = NAMES, file: str = "frame_{:06d}.PNG"
) -> dict[str, Any]:
    images = [
        {"id": n + 1, "file_name": file.format(n), "width": 640, "height": 360}
        for n in range(len(points))
    ]
    people = [
        {"id": n, "image_id": n + 1, "category_id": 1, "keypoints": p.ravel().tolist()}
        for n, p in enumerate(points)
    ]
    category: dict[str, Any] = {"id": 1, "name": "person"}
    if names is not None:
        category["keypoints"] = names
    return {"images": images, "annotations": people, "categories": [category]}


@pytest.fixture
def read(tmp_path: Path) -> Callable[[Any], KeypointFile]:
    def read(document: Any) -> KeypointFile:
        path = tmp_path / "annotations.json"
        path.write_text(json.dumps(document))
        source = Source(path)
        assert coco_annotations.recognise(source)
        return coco_annotations.read(source)

    return read


Read = Callable[[Any], KeypointFile]


def test_names_of_the_users_project(read: Read) -> None:
    points = [_points(seed=seed) for seed in range(3)]
    points[1][0, 2] = 0
    file = read(_document(points))
    assert file.skeleton.joints == JOINTS
    assert file.frame_index.tolist() == [0, 1, 2]
    assert (file.size, file.frames) == ((640, 360), 3)
    np.testing.assert_array_equal(file.keypoints[0, :, :2], points[0][:5, :2])
    np.testing.assert_array_equal(file.keypoints[0, :, 2], points[0][:5, 2] / 2)
    assert np.isnan(file.keypoints[1, 0, :2]).all()
    said = " ".join(file.warnings)
    assert "none of ours: tail" in said
    assert "flags" in said


def test_no_names_and_no_pictures(read: Read) -> None:
    document = _document([_points(17), _points(17, 1)], None)
    assert read(document).skeleton == COCO17
    del document["images"], document["categories"]
    file = read(document)
    assert file.frame_index.tolist() == [1, 2]
    assert file.counts_from is None


@pytest.mark.parametrize(
    ("name", "frames"),
    [
        ("frame_{:06d}.PNG", [0, 1, 2]),
        ("walk/img{:02d}.jpg", [0, 1, 2]),
        ("images\\\\3f2a1b4c-frame_{:03d}.jpg", [0, 1, 2]),
        ("frame_{:04d}_jpg.rf.0af3{:0<4d}e41c.jpg", [0, 1, 2]),
        ("a{0}b{0}.jpg", [0, 1, 2]),
    ],
)
def test_names_of_pictures(read: Read, name: str, frames: list[int]) -> None:
    points = [_points(seed=seed) for seed in range(3)]
    document = _document(points)
    for n, image in enumerate(document["images"]):
        image["file_name"] = name.replace("\\\\", "\\").format(n, n)
    # The pictures and the people in another order than the frames.
    document["images"].reverse()
    file = read(document)
    assert file.frame_index.tolist() == frames
    np.testing.assert_array_equal(file.keypoints[0, :, :2], points[0][:5, :2])


@pytest.mark.parametrize(
    "who",
    [{"track_id": 4}, {"attributes": {"track_id": 4}}, {"attributes": {"object_id": 4, "x": 1}}],
)
def test_identities(read: Read, who: dict[str, Any]) -> None:
    document = _document([_points(), _points(seed=1)])
    for person in document["annotations"]:
        person |= who
    ids = read(document).ids
    assert ids is not None
    assert ids.tolist() == [4, 4]


def test_boxes_and_what_is_no_person(read: Read) -> None:
    document = _document([_points(), _points(seed=1)])
    for person in document["annotations"]:
        person["bbox"] = [1, 2, 30, 40]
    document["annotations"] += [
        {"image_id": 1, "category_id": 2, "bbox": [1, 2, 3, 4]},
        {"image_id": 1, "category_id": 2, "keypoints": [1, 2, 2]},
        {"image_id": 1, "category_id": 1, "keypoints": [0] * 18, "bbox": [0, 0, 0, 0]},
    ]
    file = read(document)
    assert file.frame_index.tolist() == [0, 1]
    assert "1 annotations of other categories than 1 are left out" in file.warnings


def test_pictures_of_different_sizes(read: Read) -> None:
    document = _document([_points(), _points(seed=1)])
    document["images"][0]["width"] = 320
    assert read(document).size is None


def test_sapiens_and_others_by_their_number(read: Read, refused: Refused) -> None:
    with refused("must hold one of these numbers of keypoints", "got 6"):
        read(_document([_points()], None))
    with refused("whole number as an image_id, got 'one'"):
        document = _document([_points()])
        del document["images"]
        document["annotations"][0]["image_id"] = "one"
        read(document)
