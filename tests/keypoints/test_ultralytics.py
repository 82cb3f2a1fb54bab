from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.keypoints import ultralytics
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source
from mbcli.skeleton import COCO17

Refused = Callable[..., Any]


def _points(seed: int = 0) -> np.ndarray:
    """(17, 3) fractions and confidence."""
    return np.random.default_rng(seed).uniform(0.1, 0.9, (17, 3)).round(6)


def _line(points: np.ndarray, *rest: float) -> str:
    return " ".join(f"{v:.6g}" for v in (0, 0.5, 0.5, 0.25, 0.75, *points.ravel(), *rest))


def _read(path: Path) -> KeypointFile:
    source = Source(path)
    assert ultralytics.recognise(source)
    return ultralytics.read(source)


def _texts(folder: Path, frames: dict[str, list[str]]) -> Path:
    for name, lines in frames.items():
        (folder / f"{name}.txt").write_text("\n".join(lines) + "\n")
    return folder


@pytest.mark.parametrize("rest", [(), (0.875,), (0.875, 4), (4,)])
def test_texts_of_a_video(tmp_path: Path, rest: tuple[float, ...]) -> None:
    points = [_points(seed) for seed in range(3)]
    folder = _texts(
        tmp_path,
        {f"walk_{n}": [_line(p, *rest)] for n, p in zip((1, 2, 12), points, strict=True)},
    )
    file = _read(folder)
    assert file.skeleton == COCO17
    assert file.frame_index.tolist() == [0, 1, 11]
    np.testing.assert_array_equal(file.keypoints, points)
    assert file.relative
    assert file.boxes is not None
    assert file.boxes[0].tolist() == [0.375, 0.125, 0.625, 0.875]
    assert (None if file.ids is None else file.ids.tolist()) == ([4] * 3 if 4 in rest else None)
    assert (file.counts_from, file.warnings) == (0, ())


def test_frames_without_people_have_no_file(tmp_path: Path) -> None:
    folder = _texts(tmp_path, {f"walk_{n}": [_line(_points())] for n in (3, 4)})
    assert _read(folder).frame_index.tolist() == [2, 3]


def test_texts_of_pictures(tmp_path: Path) -> None:
    for name in ("IMG_4034", "IMG_4101", "portrait"):
        (tmp_path / f"{name}.jpg").write_bytes(b"")
    two = [_line(_points()), _line(_points(1))]
    folder = _texts(tmp_path, {"IMG_4101": two, "IMG_4034": [_line(_points(2))]})
    file = _read(folder)
    assert file.frame_index.tolist() == [0, 1, 1]
    assert file.pictures == {"IMG_4034": 0, "IMG_4101": 1}
    single = _read(tmp_path / "IMG_4101.txt")
    assert single.frame_index.tolist() == [0, 0]


def test_identities_of_some_frames(tmp_path: Path) -> None:
    frames = {"a_1": [_line(_points(), 3)], "a_2": [_line(_points(1))]}
    assert _read(_texts(tmp_path, frames)).ids is None


def test_training_labels_have_flags(tmp_path: Path) -> None:
    points = _points()
    points[:, 2] = 2
    points[0, 2] = 1
    points[1] = 0
    file = _read(_texts(tmp_path, {"a": [_line(points)]}))
    assert file.keypoints[0, :3, 2].tolist() == [0.5, 0, 1]
    without = _read(_texts(tmp_path, {"a": [_line(points[:, :2])]}))
    assert without.keypoints[0, :3, 2].tolist() == [1, 0, 1]


def test_keypoints_that_were_not_found(tmp_path: Path) -> None:
    points = _points()
    points[5] = 0, 0, 0.31
    file = _read(_texts(tmp_path, {"a": [_line(points)]}))
    assert np.isnan(file.keypoints[0, 5, :2]).all()
    assert file.keypoints[0, 5, 2] == 0


def test_rows_of_different_lengths(tmp_path: Path, refused: Refused) -> None:
    folder = _texts(tmp_path, {"a_1": [_line(_points())], "a_2": [_line(np.ones((26, 3)) / 2)]})
    with refused("as many for everybody, got rows of 56, 83 numbers"):
        _read(folder)
    _texts(tmp_path, {"a_2": [_line(_points()).rsplit(" ", 20)[0]], "classes": ["person"]})
    with refused("a_2.txt", "the keypoints of a whole list"):
        _read(folder)


def _person(points: np.ndarray, **more: Any) -> dict[str, Any]:
    x, y, visible = points.T.tolist()
    return {
        "name": "person",
        "class": 0,
        "confidence": 0.9,
        "box": {"x1": 1.0, "y1": 2.0, "x2": 30.0, "y2": 40.0},
        "keypoints": {"x": x, "y": y, "visible": visible},
    } | more


def _pixels(seed: int = 0) -> np.ndarray:
    return np.asarray(_points(seed) * [640, 360, 1])


@pytest.mark.parametrize(
    "document",
    [
        lambda frames: frames,
        lambda frames: {str(n): frame for n, frame in enumerate(frames)},
        lambda frames: [{"frame": n, "detections": frame} for n, frame in enumerate(frames)],
        lambda frames: {"frames": [{"predictions": frame} for frame in frames]},
    ],
)
def test_json(tmp_path: Path, document: Callable[[Any], Any]) -> None:
    ball = {"name": "sports ball", "class": 32, "confidence": 0.5, "box": {}}
    people = [_person(_pixels(seed), track_id=7 + seed % 2) for seed in range(4)]
    path = tmp_path / "results.json"
    path.write_text(json.dumps(document([people[:2], [], [ball, people[2]], [people[3]]])))
    file = _read(path)
    assert file.frame_index.tolist() == [0, 0, 2, 3]
    np.testing.assert_array_equal(file.keypoints, [_pixels(seed) for seed in range(4)])
    assert file.ids is not None
    assert file.ids.tolist() == [7, 8, 7, 8]
    assert not file.relative


def test_json_of_pictures(tmp_path: Path) -> None:
    for n in range(3):
        path = tmp_path / f"walk_{n:04d}.json"
        path.write_text(json.dumps([_person(_points(n))] if n else []))
    file = _read(tmp_path)
    assert file.frame_index.tolist() == [1, 2]
    assert file.relative
    assert _read(tmp_path / "walk_0001.json").frame_index.tolist() == [0]


def test_other_texts(tmp_path: Path) -> None:
    for text in ("0 0.5 0.5 0.1 0.1\n", "some words\n", "1 2 3\n4 5\n", "person 0.5" + " 0.1" * 54):
        (tmp_path / "a.txt").write_text(text)
        assert not ultralytics.recognise(Source(tmp_path / "a.txt"))
        assert not ultralytics.recognise(Source(tmp_path))
