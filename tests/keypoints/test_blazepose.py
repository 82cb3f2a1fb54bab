from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.keypoints import blazepose
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source
from mbcli.skeleton import BLAZEPOSE33

Refused = Callable[..., Any]
FRAMES = 4
# MediaPipe's names in its order.
NAMES = [
    *("NOSE", "LEFT_EYE_INNER", "LEFT_EYE", "LEFT_EYE_OUTER"),
    *("RIGHT_EYE_INNER", "RIGHT_EYE", "RIGHT_EYE_OUTER", "LEFT_EAR", "RIGHT_EAR"),
    *("MOUTH_LEFT", "MOUTH_RIGHT"),
    *(
        f"{side}_{part}"
        for part in ("SHOULDER", "ELBOW", "WRIST", "PINKY", "INDEX", "THUMB", "HIP", "KNEE")
        for side in ("LEFT", "RIGHT")
    ),
    *(f"{side}_{part}" for part in ("ANKLE", "HEEL", "FOOT_INDEX") for side in ("LEFT", "RIGHT")),
]


def _points(seed: int = 4) -> np.ndarray:
    """(4, 33, 4) fractions x, y, z and visibility; some hidden feet below the picture."""
    points = np.random.default_rng(seed).uniform(0, 1, (FRAMES, 33, 4)).round(6)
    points[:, 27:, 1] += 0.4
    return points


def _csv(folder: Path, rows: list[list[Any]]) -> Path:
    path = folder / "pose.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return path


def _wide(names: list[str], points: np.ndarray, lead: dict[str, list[Any]]) -> list[list[Any]]:
    body = [
        [*labels, *row.ravel().tolist()]
        for *labels, row in zip(*lead.values(), points, strict=True)
    ]
    return [[*lead, *names], *body]


def _long(
    points: np.ndarray, landmark: str = "landmark", names: list[Any] | None = None
) -> list[list[Any]]:
    head = ["frame", landmark, "x", "y", "z", "visibility"]
    named = range(33) if names is None else names
    body = [
        [frame, name, *values]
        for frame, row in enumerate(points.tolist())
        for name, values in zip(named, row, strict=True)
    ]
    return [head, *body]


def _json(folder: Path, document: Any) -> Path:
    path = folder / "pose.json"
    path.write_text(json.dumps(document))
    return path


def _landmarks(row: np.ndarray) -> list[dict[str, float]]:
    return [dict(zip(("x", "y", "z", "visibility"), p, strict=True)) for p in row.tolist()]


def _read(path: Path) -> KeypointFile:
    source = Source(path)
    assert blazepose.recognise(source)
    return blazepose.read(source)


def _check(file: KeypointFile, frames: list[int] | None = None) -> None:
    assert file.skeleton is BLAZEPOSE33
    assert file.relative
    assert file.ids is not None
    assert set(file.ids.tolist()) == {0}
    assert file.frame_index.tolist() == (frames or [0, 1, 2, 3])
    np.testing.assert_array_equal(file.keypoints, _points()[..., [0, 1, 3]])
    assert not file.warnings


def test_names_are_those_of_the_skeleton() -> None:
    swapped = {"MOUTH_LEFT": "left_mouth", "MOUTH_RIGHT": "right_mouth"}
    assert tuple(swapped.get(name, name.lower()) for name in NAMES) == BLAZEPOSE33.joints


@pytest.mark.parametrize(
    "columns",
    [
        [f"{c}{n}" for n in range(33) for c in ("x", "y", "z", "visibility")],
        [f"{c}{n}" for n in range(1, 34) for c in "xyzv"],
        [f"{c}_{n}" for n in range(33) for c in "xyzv"],
        [f"{n}_{c}" for n in range(33) for c in ("x", "y", "z", "vis")],
        [f"landmark_{n}_{c}" for n in range(33) for c in ("x", "y", "z", "visibility")],
        [f"landmark_{n:02d}_{c}" for n in range(33) for c in ("x", "y", "z", "v")],
        [f"{n}_{c}" for n in NAMES for c in ("x", "y", "z", "visibility")],
        [f"{n.lower()}.{c}" for n in NAMES for c in ("x", "y", "z", "visibility")],
        [f"{n}_{c}" for n in BLAZEPOSE33.joints for c in ("X", "Y", "Z", "V")],
        [f"{c}_{n}" for n in NAMES for c in ("x", "y", "z", "visibility")],
        [f"landmark_{n.lower()}_{c}" for n in NAMES for c in ("x", "y", "z", "visibility")],
    ],
    ids=lambda columns: columns[-1],
)
def test_wide_csv(tmp_path: Path, columns: list[str]) -> None:
    _check(_read(_csv(tmp_path, _wide(columns, _points(), {"Frame": [*range(FRAMES)]}))))
    _check(_read(_csv(tmp_path, _wide(columns, _points(), {"label": ["walk"] * FRAMES}))))
    later = _csv(tmp_path, _wide(columns, _points(), {"frame_idx": [3, 4, 6, 9]}))
    _check(_read(later), [3, 4, 6, 9])


COLUMNS = [f"{n}_{c}" for n in NAMES for c in ("x", "y", "z", "visibility")]


@pytest.mark.parametrize(
    ("name", "times", "seconds"),
    [
        ("timestamp", [0.0, 0.04, 0.08, 0.12], [0, 0.04, 0.08, 0.12]),
        ("timestamp", [0, 40, 80, 120], [0, 0.04, 0.08, 0.12]),
        ("timestamp_ms", [1.5, 41.5, 81.5, 121.5], [0.0015, 0.0415, 0.0815, 0.1215]),
        ("time_s", [0, 40, 80, 120], [0, 40, 80, 120]),
        ("time", [1, 2, 3, 4], [1, 2, 3, 4]),
    ],
)
def test_times(tmp_path: Path, name: str, times: list[float], seconds: list[float]) -> None:
    rows = _wide(COLUMNS, _points(), {"frame": [*range(FRAMES)], name: times})
    marks = [
        {name: t, "landmarks": _landmarks(row)} for t, row in zip(times, _points(), strict=True)
    ]
    for path in (_csv(tmp_path, rows), _json(tmp_path, marks)):
        file = _read(path)
        _check(file)
        assert file.timestamps is not None
        np.testing.assert_allclose(file.timestamps, seconds)
        assert file.fps == pytest.approx(3 / (seconds[-1] - seconds[0]))


def test_times_of_some_frames(tmp_path: Path) -> None:
    rows = _wide(COLUMNS, _points(), {"frame": [0, 1, 3, 4], "time_ms": [0, 20, 60, 80]})
    file = _read(_csv(tmp_path, rows))
    assert file.timestamps is None
    assert file.fps == pytest.approx(50)


@pytest.mark.parametrize(
    ("landmark", "names"),
    [
        ("landmark", None),
        ("id", None),
        ("landmark_name", NAMES),
        ("name", list(BLAZEPOSE33.joints)),
    ],
)
def test_long_csv(tmp_path: Path, landmark: str, names: list[Any] | None) -> None:
    _check(_read(_csv(tmp_path, _long(_points(), landmark, names))))


def test_long_csv_in_another_order(tmp_path: Path) -> None:
    head, *body = _long(_points())
    body.sort(key=lambda row: (row[0], -row[1]))
    _check(_read(_csv(tmp_path, [head, *body])))


@pytest.mark.parametrize("person", ["person", "track_id"])
def test_several_people_in_csv(tmp_path: Path, person: str) -> None:
    points = np.stack([_points(4), _points(5)], axis=1).reshape(-1, 33, 4)
    labels: dict[str, list[Any]] = {
        "frame": [n // 2 for n in range(8)],
        person: ["anna", "bert"] * FRAMES,
    }
    head, *body = _long(points)
    long = [[row[0] // 2, *row[1:], labels[person][row[0]]] for row in body]
    for rows in (_wide(COLUMNS, points, labels), [[*head, person], *long]):
        file = _read(_csv(tmp_path, rows))
        assert file.ids is not None
        assert file.ids.tolist() == [0, 1] * FRAMES
        assert file.frame_index.tolist() == labels["frame"]
        np.testing.assert_array_equal(file.keypoints, points[..., [0, 1, 3]])


@pytest.mark.parametrize("key", ["landmarks", "pose_landmarks", "poseLandmarks"])
def test_json(tmp_path: Path, key: str) -> None:
    marks = [_landmarks(row) for row in _points()]
    _check(_read(_json(tmp_path, [{key: row} for row in marks])))
    _check(_read(_json(tmp_path, [{key: {"landmark": row}} for row in marks])))
    _check(_read(_json(tmp_path, [{key: [row]} for row in marks])))
    _check(_read(_json(tmp_path, [{key: row.tolist()} for row in _points()])))
    frames = [{"frame_index": 2 * n, key: row} for n, row in enumerate(marks)]
    _check(_read(_json(tmp_path, frames)), [0, 2, 4, 6])


def test_json_of_bare_lists(tmp_path: Path) -> None:
    marks = [_landmarks(row) for row in _points()]
    _check(_read(_json(tmp_path, marks)))
    _check(_read(_json(tmp_path, [[row] for row in marks])))


def test_json_with_facts_and_empty_frames(tmp_path: Path) -> None:
    marks = [_landmarks(row) for row in _points()]
    frames: list[Any] = [{"landmarks": row} for row in marks]
    empties: list[dict[str, Any]] = [{"landmarks": []}, {"landmarks": None}, {}, {"landmarks": {}}]
    for empty in empties:
        document = {"fps": 30, "width": 640, "height": 360, "frames": [empty, *frames, empty]}
        file = _read(_json(tmp_path, document))
        _check(file, [1, 2, 3, 4])
        assert (file.fps, file.size, file.frames) == (30.0, (640, 360), 6)


def test_several_people_in_json(tmp_path: Path) -> None:
    first, second = _points(4), _points(5)
    frames = [[_landmarks(a), _landmarks(b)] for a, b in zip(first, second, strict=True)]
    frames[2] = frames[2][:1]
    file = _read(_json(tmp_path, [{"pose_landmarks": people} for people in frames]))
    assert file.ids is None  # a tracker must tell who is who
    assert file.frame_index.tolist() == [0, 0, 1, 1, 2, 3, 3]
    np.testing.assert_array_equal(file.keypoints[1], second[0][:, [0, 1, 3]])


def test_pixels(tmp_path: Path) -> None:
    points = _points() * [640, 360, 1, 1]
    for path in (
        _csv(tmp_path, _wide(COLUMNS, points, {"frame": [*range(FRAMES)]})),
        _json(tmp_path, [_landmarks(row) for row in points]),
    ):
        file = _read(path)
        assert not file.relative
        np.testing.assert_array_equal(file.keypoints, points[..., [0, 1, 3]])


def test_no_visibility_and_fewer_names(tmp_path: Path) -> None:
    bare = [f"{n}_{c}" for n in NAMES[11:] for c in "xy"]
    rows = _wide(bare, _points()[:, 11:, :2], {"frame": [*range(FRAMES)]})
    file = _read(_csv(tmp_path, rows))
    assert np.isnan(file.keypoints[:, :11, :2]).all()
    assert (file.keypoints[:, :11, 2] == 0).all()
    assert (file.keypoints[:, 11:, 2] == 1).all()
    assert "lacks landmarks, which are missing: nose, left_eye_inner" in file.warnings[0]
    assert "tells no visibility" in file.warnings[1]
    marks = [[{"x": x, "y": y} for x, y in row[:, :2].tolist()] for row in _points()]
    file = _read(_json(tmp_path, marks))
    assert (file.keypoints[..., 2] == 1).all()
    assert "tells no visibility" in file.warnings[0]


def test_missing_cells(tmp_path: Path) -> None:
    rows = _wide(COLUMNS, _points(), {"frame": [*range(FRAMES)]})
    rows[2][1:] = [""] * 132
    rows[3][1 + 4 * 5] = "nan"
    file = _read(_csv(tmp_path, rows))
    assert file.frame_index.tolist() == [0, 2, 3]
    assert np.isnan(file.keypoints[1, 5, :2]).all()
    assert file.keypoints[1, 5, 2] == 0


def _changed(row: int, column: int, cell: Any) -> list[list[Any]]:
    rows = _wide(COLUMNS, _points(), {"frame": [*range(FRAMES)], "time": [0, 0.1, 0.2, 0.3]})
    rows[row][column] = cell
    return rows


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([*_changed(0, 0, "frame")[:-1], [3, 0.3, 0.5]], "134 columns as its header says, got 3"),
        (_changed(2, 5, "much"), "must hold numbers in NOSE_visibility, got 'much'"),
        (_changed(2, 2, "inf"), "finite numbers, got an infinite one in frame 1"),
        (_changed(2, 5, "-inf"), "finite numbers, got an infinite one in frame 1"),
        (_changed(2, 5, "1.5"), "must hold confidences within 0..1, got 0.0"),
        (_changed(3, 0, "1"), "tells person 0 twice in frame 1"),
        (_changed(3, 0, "0"), "must tell the frames in their order, counted from 0; got frame 0"),
        (_changed(3, 0, "-"), "must hold numbers in frame, got '-'"),
        (_changed(3, 0, "1e300"), "must hold whole numbers in frame, got '1e300'"),
        (_changed(3, 1, "0.05"), "must hold times that increase, got 0.05 after 0.1 in frame 2"),
        (_changed(3, 1, ""), "must hold finite times, got nan"),
        (_long(_points())[:-5], "each of the 33 landmarks once in frame 3, got 28 rows for 28"),
        ([*_long(_points()), [3, 4, 0, 0, 0, 0]], "in frame 3, got 34 rows for 33 landmarks"),
        ([*_long(_points()), [4, "tail", 0, 0, 0, 0]], "in frame 4, got 1 rows for 0 landmarks"),
    ],
)
def test_bad_csv(tmp_path: Path, refused: Refused, rows: list[list[Any]], words: str) -> None:
    with refused("pose.csv", words):
        _read(_csv(tmp_path, rows))


def test_too_few_numbered_columns(tmp_path: Path, refused: Refused) -> None:
    columns = [f"x{n}" for n in range(30)] + [f"y{n}" for n in range(30)]
    rows = _wide(columns, _points()[:, :30, :2], {"frame": [*range(FRAMES)]})
    with refused("must have columns for 33 landmarks, got 30 with x and y"):
        _read(_csv(tmp_path, rows))


GOOD = _landmarks(_points()[0])


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ([{"landmarks": GOOD[:17]}], "must hold 33 landmarks a person, got 17 in frame 0"),
        ([{"landmarks": [GOOD, GOOD + GOOD]}], "must hold 33 landmarks a person, got 66"),
        ([{"landmarks": 7}], "must hold 33 landmarks a person"),
        ([{"landmarks": "abc"}], "must hold 33 landmarks a person"),
        ([{"landmarks": [3, 4]}], "must hold 33 landmarks a person, got int in frame 0"),
        ([{"landmarks": [*GOOD[:-1], {"x": "a", "y": 1}]}], "as numbers, got {'x': 'a', 'y': 1}"),
        ([{"landmarks": [*GOOD[:-1], {"x": 10**400, "y": 1}]}], "as numbers, got {'x': 1000"),
        ([{"landmarks": [*GOOD[:-1], True]}], "as numbers, got True"),
        ([{"landmarks": GOOD, "frame": "a"}], "must hold a whole number as frame, got 'a'"),
        ([{"landmarks": GOOD, "time": 0}, {"landmarks": GOOD}], "a number as time, got None"),
        ([{"landmarks": GOOD, "frame": 5}, {"landmarks": GOOD, "frame": 4}], "got frame 4 after 5"),
        ([{"landmarks": GOOD, "frame": 5}] * 2, "tells person 0 twice in frame 5"),
        ({"frames": [{"landmarks": GOOD}], "fps": 0}, "must hold fps above 0, got 0"),
        ({"frames": [{"landmarks": GOOD}], "fps": [1]}, "must hold fps above 0, got [1]"),
        (
            {"frames": [{"landmarks": GOOD}], "width": 640, "height": -1},
            "width and height in pixels, got 640 and -1",
        ),
        ([{"landmarks": []}], "holds no person in any frame"),
    ],
)
def test_bad_json(tmp_path: Path, refused: Refused, document: Any, words: str) -> None:
    with refused("pose.json", words):
        _read(_json(tmp_path, document))


def test_json_that_is_no_json(tmp_path: Path, refused: Refused) -> None:
    path = _json(tmp_path, [{"landmarks": GOOD}] * 3)
    content = path.read_text()
    path.write_text(content[: len(content) // 2])
    with refused("pose.json is no whole JSON file"):
        blazepose.recognise(Source(path))
    path.write_text(content.replace(str(GOOD[3]["x"]), "NaN", 1))
    with refused("must hold finite numbers, got NaN"):
        blazepose.recognise(Source(path))


@pytest.mark.parametrize(
    "rows",
    [
        [["frame", "x", "y"], [1, 2, 3]],
        [["frame", "nose_x", "nose_y"], [1, 2, 3]],
        [["frame", "joint", "x", "y"], [1, "tail", 2, 3]],
        [["frame", "id", "x", "y"], [1, 77, 2, 3]],
        [["frame", "id", "x", "y"]],
    ],
)
def test_other_csv(tmp_path: Path, rows: list[list[Any]]) -> None:
    assert not blazepose.recognise(Source(_csv(tmp_path, rows)))


@pytest.mark.parametrize("document", [{}, [], [[]], [1], {"frames": 3}, [[[1, 2]]], [{"x": 1}]])
def test_other_json(tmp_path: Path, document: Any) -> None:
    assert not blazepose.recognise(Source(_json(tmp_path, document)))
