from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.keypoints import blazepose
from mbcli.keypoints.layouts import LAYOUTS
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source
from mbcli.skeleton import BLAZEPOSE33, COCO17, HALPE26, WHOLEBODY27

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
        [f"{n}_{c}" for n in BLAZEPOSE33.joints for c in ("x", "y", "z", "confidence")],
        [f"{c}_{n}" for n in NAMES for c in ("x", "y", "z", "visibility")],
        [f"landmark_{n.lower()}_{c}" for n in NAMES for c in ("x", "y", "z", "visibility")],
    ],
    ids=lambda columns: columns[-1],
)
def test_wide_csv(tmp_path: Path, columns: list[str]) -> None:
    _check(_read(_csv(tmp_path, _wide(columns, _points(), {"Frame": [*range(FRAMES)]}))))
    _check(_read(_csv(tmp_path, _wide(columns, _points(), {"label": ["walk"] * FRAMES}))))
    lead = {"frame": [*range(FRAMES)], "time": [0, 0.04, 0.08, 0.12], "person": [0] * FRAMES}
    _check(_read(_csv(tmp_path, _wide(columns, _points(), lead))))
    later = _csv(tmp_path, _wide(columns, _points(), {"frame_idx": [3, 4, 6, 9]}))
    _check(_read(later), [3, 4, 6, 9])


COLUMNS = [f"{n}_{c}" for n in NAMES for c in ("x", "y", "z", "visibility")]


@pytest.mark.parametrize(
    ("name", "times", "seconds"),
    [
        ("timestamp", [0.0, 0.04, 0.08, 0.12], [0, 0.04, 0.08, 0.12]),
        ("timestamp", [0, 40, 80, 120], [0, 0.04, 0.08, 0.12]),
        ("timestamp_ms", [1.5, 41.5, 81.5, 121.5], [0.0015, 0.0415, 0.0815, 0.1215]),
        ("time", [1, 2, 3, 4], [1, 2, 3, 4]),
        ("Time [s]", [0.0, 0.04, 0.08, 0.12], [0, 0.04, 0.08, 0.12]),
        ("timestampUs", [0, 40000, 80000, 120000], [0, 0.04, 0.08, 0.12]),
        ("timestamp", [0, 40000, 80000, 120000], [0, 0.04, 0.08, 0.12]),
        ("timestamp", [0, 40000000, 80000000, 120000000], [0, 0.04, 0.08, 0.12]),
        ("timestamp", [0, 33, 67, 100], [0, 1 / 30, 2 / 30, 0.1]),
        ("t", [0, 0.03, 0.07, 0.1], [0, 1 / 30, 2 / 30, 0.1]),
        ("time", [1.7e9, 1.7e9 + 0.04, 1.7e9 + 0.08, 1.7e9 + 0.12], [0, 0.04, 0.08, 0.12]),
        ("timestamp", [1.7e12, 1.7e12 + 40, 1.7e12 + 80, 1.7e12 + 120], [0, 0.04, 0.08, 0.12]),
        ("time", [f"2024-05-01T12:00:0{n * 0.04:.2f}" for n in range(4)], [0, 0.04, 0.08, 0.12]),
        (
            "time",
            [f"12:00:0{n * 0.04:.2f}" for n in range(4)],
            [43200 + n * 0.04 for n in range(4)],
        ),
    ],
)
def test_times(tmp_path: Path, name: str, times: list[float], seconds: list[float]) -> None:
    rows = _wide(COLUMNS, _points(), {"frame": [*range(FRAMES)], name: times})
    marks = [
        {name: t, "landmarks": _landmarks(row)} for t, row in zip(times, _points(), strict=True)
    ]
    for path in (_csv(tmp_path, rows), _json(tmp_path, marks)):
        file = _read(path)
        _check(replace(file, warnings=()))
        assert file.timestamps is not None
        np.testing.assert_allclose(file.timestamps, seconds, atol=1e-6)
        assert file.fps == pytest.approx(3 / (seconds[-1] - seconds[0]), rel=1e-9)


def test_times_of_some_frames(tmp_path: Path) -> None:
    rows = _wide(COLUMNS, _points(), {"frame": [0, 1, 3, 4], "time_ms": [0, 20, 60, 80]})
    file = _read(_csv(tmp_path, rows))
    assert file.timestamps is not None
    np.testing.assert_allclose(file.timestamps, [0, 0.02, 0.04, 0.06, 0.08])
    assert file.fps == 50


@pytest.mark.parametrize(
    ("name", "times", "said"),
    [
        ("timestamp_ms", [0, 40000, 80000, 120000], "its times give 0.025 frames/s"),
        ("time_s", [0, 40, 80, 120], "its times give 0.025 frames/s"),
        ("time", [0, 0.0005, 0.001, 0.0015], "its times give 2000 frames/s"),
        ("time", [0, 0.1, 0.05, 0.15], "do not increase: 0.05 after 0.1 in frame 2"),
        ("time", [0, 0, 0, 0], "do not increase: 0 after 0 in frame 3"),
        ("time", [0, 1, 2, 3], "its times are the numbers of its frames"),
    ],
)
def test_times_that_are_none(tmp_path: Path, name: str, times: list[float], said: str) -> None:
    rows = _wide(COLUMNS, _points(), {"frame": [*range(FRAMES)], name: times})
    file = _read(_csv(tmp_path, rows))
    assert (file.fps, file.timestamps) == (None, None)
    assert said in file.untimed


def test_a_time_that_is_missing_lies_in_between(tmp_path: Path) -> None:
    rows = _wide(COLUMNS, _points(), {"frame": [*range(FRAMES)], "time": [0, "", 0.08, 0.12]})
    file = _read(_csv(tmp_path, rows))
    assert file.timestamps is not None
    np.testing.assert_allclose(file.timestamps, [0, 0.04, 0.08, 0.12])


def test_rows_of_one_time_are_one_frame(tmp_path: Path) -> None:
    points = np.stack([_points(4), _points(5)], axis=1).reshape(-1, 33, 4)
    labels: dict[str, list[Any]] = {
        "time": [0.04 * (n // 2) for n in range(8)],
        "person": [0, 1] * FRAMES,
    }
    for order in (range(8), range(7, -1, -1)):
        head, *body = _wide(COLUMNS, points, labels)
        file = _read(_csv(tmp_path, [head, *(body[n] for n in order)]))
        assert file.frame_index.tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
        assert not file.numbered
        assert file.fps == 25


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
    # Without a column that tells them apart, a landmark that is there again is another person's.
    file = _read(_csv(tmp_path, [head, *(row[:-1] for row in long)]))
    assert file.ids is None
    np.testing.assert_array_equal(file.keypoints, points[..., [0, 1, 3]])


@pytest.mark.parametrize(
    "word", ["visibility", "vis", "confidence", "Conf", "score", "likelihood", "presence", "prob"]
)
def test_words_for_the_confidence(tmp_path: Path, word: str) -> None:
    columns = [f"{n}_{c}" for n in NAMES for c in ("x", "y", "z", word)]
    _check(_read(_csv(tmp_path, _wide(columns, _points(), {"frame": [*range(FRAMES)]}))))
    head, *body = _long(_points())
    _check(_read(_csv(tmp_path, [[*head[:-1], word], *body])))
    marks = [[{**m, word: m["visibility"]} for m in _landmarks(row)] for row in _points()]
    for row in marks:
        for mark in row:
            if word != "visibility":
                del mark["visibility"]
    _check(_read(_json(tmp_path, marks)))


def test_confidence_in_percent(tmp_path: Path) -> None:
    points = _points() * [1, 1, 1, 100]
    file = _read(_csv(tmp_path, _wide(COLUMNS, points, {"frame": [*range(FRAMES)]})))
    np.testing.assert_allclose(file.keypoints, _points()[..., [0, 1, 3]])
    assert "are taken as percent" in file.warnings[0]


def test_visibility_is_taken_before_presence(tmp_path: Path) -> None:
    columns = [f"{n}_{c}" for n in NAMES for c in ("presence", "x", "y", "visibility")]
    points = np.concatenate([np.full((FRAMES, 33, 1), 0.1), _points()[..., [0, 1, 3]]], axis=-1)
    _check(_read(_csv(tmp_path, _wide(columns, points, {"frame": [*range(FRAMES)]}))))


@pytest.mark.parametrize("separator", [";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_tables_of_other_places(tmp_path: Path, separator: str, encoding: str) -> None:
    rows = _wide(COLUMNS, _points(), {"Frame Index": [*range(FRAMES)]})
    lines = [separator.join(str(cell).replace(".", ",") for cell in row) for row in rows]
    path = tmp_path / "pose.csv"
    path.write_bytes("\r\n".join(lines).encode(encoding))
    _check(_read(path))


@pytest.mark.parametrize("count", [17, 26, 133])
def test_other_numbers_of_landmarks(tmp_path: Path, count: int) -> None:
    points = np.random.default_rng(1).uniform(0, 1, (FRAMES, count, 3)).round(6)
    columns = [f"kp{n}_{c}" for n in range(count) for c in ("x", "y", "conf")]
    file = _read(_csv(tmp_path, _wide(columns, points, {"frame": [*range(FRAMES)]})))
    skeleton = {17: COCO17, 26: HALPE26, 133: WHOLEBODY27}[count]
    assert file.skeleton == skeleton
    np.testing.assert_array_equal(file.keypoints, points[:, LAYOUTS[count].places])


def test_names_of_joints_beyond_blazepose(tmp_path: Path) -> None:
    names = ["Neck", "MidHip", "LShoulder", "RShoulder", "LHip", "RHip"]
    points = _points()[:, :6, [0, 1, 3]]
    columns = [f"{n}_{c}" for n in names for c in ("x", "y", "score")]
    file = _read(_csv(tmp_path, _wide(columns, points, {"frame": [*range(FRAMES)]})))
    assert file.skeleton.joints[:4] == ("neck", "pelvis", "left_shoulder", "right_shoulder")
    np.testing.assert_array_equal(file.keypoints, points)


def test_joint_map(tmp_path: Path) -> None:
    names = ["p1", "p2", "p3", "p4"]
    points = _points()[:, :4, [0, 1, 3]]
    columns = [f"{n}_{c}" for n in names for c in ("x", "y", "score")]
    path = _csv(tmp_path, _wide(columns, points, {"frame": [*range(FRAMES)]}))
    assert not blazepose.recognise(Source(path))
    joints = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
    source = Source(path, dict(zip(names, joints, strict=True)))
    assert blazepose.recognise(source)
    found = blazepose.read(source)
    np.testing.assert_array_equal(
        found.keypoints[:, found.skeleton.index("left_hip")], points[:, 2]
    )


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


def test_json_with_metadata_and_empty_frames(tmp_path: Path) -> None:
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
    assert "has no confidence" in file.warnings[1]
    marks = [[{"x": x, "y": y} for x, y in row[:, :2].tolist()] for row in _points()]
    file = _read(_json(tmp_path, marks))
    assert (file.keypoints[..., 2] == 1).all()
    assert "has no confidence" in file.warnings[0]


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
        (_changed(3, 0, "1e300"), "must number frames from 0 to"),
        (_changed(3, 0, "1.5"), "must hold whole numbers as frames, got '1.5'"),
        (_changed(3, 0, "-4"), "counted from 0; got frame -4 first"),
        (_changed(3, 1, "noon"), "must hold numbers in its times, got 'noon'"),
    ],
)
def test_bad_csv(tmp_path: Path, refused: Refused, rows: list[list[Any]], words: str) -> None:
    with refused("pose.csv", words):
        _read(_csv(tmp_path, rows))


@pytest.mark.parametrize(
    ("rows", "frames", "said"),
    [
        (
            _changed(2, 2, "inf"),
            [0, 1, 2, 3],
            "1 keypoints with numbers beyond reason are left out",
        ),
        (_changed(2, 5, "-inf"), [0, 1, 2, 3], "the first of them in frame 1"),
        (_changed(2, 5, "1.5"), [0, 1, 2, 3], "1 of 132 confidences are cut to 0..1"),
        (_changed(2, 5, "87"), [0, 1, 2, 3], "1 keypoints with numbers beyond reason"),
        (_changed(3, 0, "1"), [0, 1, 1, 3], ""),
        (_changed(3, 0, "0"), [0, 0, 1, 3], ""),
        (_changed(3, 0, "-"), [0, 1, 3], "1 rows without a frame are left out"),
        (_long(_points())[:-5], [0, 1, 2, 3], ""),
        ([*_long(_points()), [3, 4, 0.5, 0.5, 0, 1]], [0, 1, 2, 3, 3], ""),
        ([_changed(0, 0, "frame")[0], *_changed(0, 0, 0)[:0:-1]], [0, 1, 2, 3], ""),
    ],
)
def test_what_is_wrong_is_left_out(
    tmp_path: Path, rows: list[list[Any]], frames: list[int], said: str
) -> None:
    file = _read(_csv(tmp_path, rows))
    assert file.frame_index.tolist() == frames
    assert said in "\n".join(file.warnings)
    assert (file.ids is None) == (len({*frames}) < len(frames))


def test_some_numbered_columns(tmp_path: Path) -> None:
    columns = [f"{c}{n}" for n in range(30) for c in "xy"]
    rows = _wide(columns, _points()[:, :30, :2], {"frame": [*range(FRAMES)]})
    file = _read(_csv(tmp_path, rows))
    np.testing.assert_array_equal(file.keypoints[:, :30, :2], _points()[:, :30, :2])
    assert "right_heel, left_foot_index, right_foot_index" in file.warnings[0]
    few = [f"{c}{n}" for n in range(20) for c in "xy"]
    rows = _wide(few, _points()[:, :20, :2], {"frame": [*range(FRAMES)]})
    assert not blazepose.recognise(Source(_csv(tmp_path, rows)))


GOOD, OTHER = _landmarks(_points()[0]), _landmarks(_points()[1])


@pytest.mark.parametrize(
    ("document", "words"),
    [
        (
            [{"landmarks": GOOD}, {"landmarks": 7}],
            "landmarks as a list or by name, got 7 in frame 1",
        ),
        ([{"landmarks": GOOD}, {"landmarks": "abc"}], "as a list or by name, got 'abc' in frame 1"),
        (
            [{"landmarks": GOOD}, {"landmarks": [3, 4]}],
            "landmarks of x, y, z and visibility, got 3",
        ),
        ([{"landmarks": [*GOOD[:-1], {"x": "a", "y": 1}]}], "as numbers, got {'x': 'a', 'y': 1}"),
        ([{"landmarks": [*GOOD[:-1], {"x": True, "y": 1}]}], "as numbers, got {'x': True"),
        ([{"landmarks": GOOD, "frame": 1.5}], "must number or name its frames, got 1.5"),
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


@pytest.mark.parametrize(
    ("document", "frames"),
    [
        ([{"landmarks": GOOD, "frame": 5}, {"landmarks": OTHER, "frame": 4}], [4, 5]),
        ([{"landmarks": GOOD, "frame": 5}, {"landmarks": OTHER, "frame": 5}], [5, 5]),
        ([{"landmarks": GOOD, "frame": 5}] * 2, [5]),
        ([{"landmarks": GOOD, "time": 0}, {"landmarks": OTHER}], [0, 1]),
        ([{"landmarks": [GOOD, []]}, {"landmarks": [[], OTHER]}], [0, 1]),
        ([{"landmarks": [*GOOD[:-1], {"x": 10**400, "y": 1}]}, {"landmarks": OTHER}], [0, 1]),
    ],
)
def test_json_of_which_a_part_is_left_out(tmp_path: Path, document: Any, frames: list[int]) -> None:
    assert _read(_json(tmp_path, document)).frame_index.tolist() == frames


def test_json_that_is_no_json(tmp_path: Path, refused: Refused) -> None:
    path = _json(tmp_path, [{"landmarks": GOOD}] * 3)
    content = path.read_text()
    path.write_text(content[: len(content) // 2])
    with refused("pose.json is no whole JSON file"):
        blazepose.recognise(Source(path))
    path.write_text(content.replace(str(GOOD[3]["x"]), "NaN"))
    assert np.isnan(_read(path).keypoints[0, 3, 0])


def _named(row: np.ndarray, names: list[Any]) -> dict[Any, dict[str, float]]:
    return dict(zip(names, _landmarks(row), strict=True))


@pytest.mark.parametrize(
    "frame",
    [
        lambda row: {"landmarks": _named(row, NAMES)},
        lambda row: {"pose": _named(row, [name.lower() for name in NAMES])},
        lambda row: {"poseLandmarks": _named(row, [str(n) for n in range(33)])},
        lambda row: {"keypoints": _named(row, [f"landmark_{n}" for n in range(1, 34)])},
        lambda row: _named(row, list(BLAZEPOSE33.joints)),
        lambda row: {"landmarks": [{"id": n, **m} for n, m in enumerate(_landmarks(row))][::-1]},
        lambda row: {"landmarks": [{"name": n, **m} for n, m in _named(row, NAMES).items()]},
        lambda row: {"landmarks": [{"name": None, **m} for m in _landmarks(row)]},
        lambda row: {"people": [{"landmarks": _landmarks(row)}]},
        lambda row: {"landmark": _landmarks(row)},
        lambda row: {"poseLandmarks": [_landmarks(row)], "poseWorldLandmarks": [GOOD]},
        lambda row: {"pose_landmarks": [_landmarks(row)], "pose_world_landmarks": [GOOD]},
    ],
)
def test_json_by_name_or_number(tmp_path: Path, frame: Callable[[np.ndarray], Any]) -> None:
    frames = [frame(row) for row in _points()]
    _check(_read(_json(tmp_path, frames)))
    _check(_read(_json(tmp_path, {"metadata": {"fps": 25}, "results": frames})))
    _check(_read(_json(tmp_path, {str(n): f for n, f in enumerate(frames)})))
    _check(_read(_json(tmp_path, {f"frame_{n:03d}": f for n, f in enumerate(frames)})))
    path = tmp_path / "pose.jsonl"
    path.write_text("".join(json.dumps({"frame": n, **f}) + "\n" for n, f in enumerate(frames)))
    if "nose" not in frames[0]:  # a number among the landmarks is no landmark
        _check(_read(path))


def test_json_frames_by_the_names_of_pictures(tmp_path: Path) -> None:
    marks = [_landmarks(row) for row in _points()]
    frames = [{"image": f"walk_{n:03d}.jpg", "landmarks": row} for n, row in enumerate(marks)]
    file = _read(_json(tmp_path, frames[::-1]))
    _check(file)
    assert file.pictures["walk_003.jpg"] == 3
    frames = [
        {"file_name": name, "landmarks": row} for name, row in zip("dbca", marks, strict=True)
    ]
    file = _read(_json(tmp_path, frames))
    assert file.keypoints[:, 0, 0].tolist() == _points()[[3, 1, 2, 0], 0, 0].tolist()
    assert "in the order of their names: a as frame 0" in file.warnings[0]


def test_what_json_says_besides(tmp_path: Path) -> None:
    frames = [{"landmarks": _landmarks(row)} for row in _points()]
    about = {"video": {"frame_rate": 24, "frameWidth": 640, "frameHeight": 360}}
    file = _read(_json(tmp_path, {**about, "frames": frames}))
    assert (file.fps, file.size) == (24, (640, 360))
    slow = _read(_json(tmp_path, {"fps": 0.03, "frames": frames}))
    assert (slow.fps, slow.untimed) == (None, "it says 0.03 frames/s")


def test_poses_of_tensorflow(tmp_path: Path) -> None:
    """TensorFlow.js: keypoints in pixels with a name and a score."""
    points = _points()[:, :17, [0, 1, 3]] * [640, 360, 1]
    frames = [
        [
            {
                "score": 0.9,
                "keypoints": [
                    {"x": x, "y": y, "score": c, "name": n}
                    for n, (x, y, c) in zip(COCO17.joints, row.tolist(), strict=True)
                ],
            }
        ]
        for row in points
    ]
    file = _read(_json(tmp_path, frames))
    assert not file.relative
    assert file.skeleton == COCO17
    np.testing.assert_array_equal(file.keypoints, points)


def test_json_records_of_a_table(tmp_path: Path) -> None:
    head, *body = _wide(COLUMNS, _points(), {"frame": [*range(FRAMES)]})
    _check(_read(_json(tmp_path, [dict(zip(head, row, strict=True)) for row in body])))
    columns = zip(head, zip(*body, strict=True), strict=True)
    table = {name: {str(n): cell for n, cell in enumerate(column)} for name, column in columns}
    _check(_read(_json(tmp_path, table)))


@pytest.mark.parametrize("width", [2, 3, 4])
def test_json_of_flat_lists(tmp_path: Path, width: int) -> None:
    count = {2: 17, 3: 17, 4: 33}[width]
    points = _points()[:, :count, [0, 1, 3] if width == 3 else [0, 1, 2, 3]][..., :width]
    frames = [{"frame": n, "keypoints": row.ravel().tolist()} for n, row in enumerate(points)]
    file = _read(_json(tmp_path, frames))
    assert file.skeleton == (COCO17 if count == 17 else BLAZEPOSE33)
    np.testing.assert_array_equal(file.keypoints[..., :2], points[..., :2])
    if width > 2:
        np.testing.assert_array_equal(file.keypoints[..., 2], points[..., -1])


def _text(row: np.ndarray) -> str:
    keys = ("x", "y", "z", "visibility")
    return "".join(
        "landmark {\n" + "".join(f"  {k}: {v}\n" for k, v in zip(keys, m, strict=True)) + "}\n"
        for m in row.tolist()
    )


def _repr(row: np.ndarray) -> str:
    marks = ", ".join(
        f"NormalizedLandmark(x={x}, y={y}, z={z}, visibility={v}, presence=0.5)"
        for x, y, z, v in row.tolist()
    )
    return f"[{marks}]"


def _write_text(folder: Path, text: str) -> Path:
    path = folder / "log.txt"
    path.write_text(text)
    return path


def test_printed_protocol_buffers(tmp_path: Path) -> None:
    rows = [_text(row) for row in _points()]
    _check(_read(_write_text(tmp_path, "\n".join(rows))))
    nobody = _read(_write_text(tmp_path, "None\n" + "None\n".join(rows)))
    _check(nobody, [1, 3, 5, 7])
    lines = "".join(f"frame: {2 * n}\n{row}" for n, row in enumerate(rows))
    _check(_read(_write_text(tmp_path, lines)), [0, 2, 4, 6])
    clock = "".join(f"timestamp: {n * 40}\n{row}" for n, row in enumerate(rows))
    file = _read(_write_text(tmp_path, clock))
    _check(file)
    assert file.fps == 25
    world = "".join(
        f"pose_landmarks {{\n{row}}}\npose_world_landmarks {{\n{rows[0]}}}\n" for row in rows
    )
    _check(_read(_write_text(tmp_path, world)))


def test_printed_results_of_tasks(tmp_path: Path, refused: Refused) -> None:
    def result(*people: np.ndarray) -> str:
        world = _repr(_points(9)[0]).replace("NormalizedLandmark", "Landmark")
        marks = ", ".join(map(_repr, people))
        return f"PoseLandmarkerResult(pose_landmarks=[{marks}], pose_world_landmarks=[{world}])\n"

    _check(_read(_write_text(tmp_path, "".join(result(row) for row in _points()))))
    several = result() + result(*_points()[:2]) + result() + result(*_points()[2:])
    file = _read(_write_text(tmp_path, several))
    assert file.frame_index.tolist() == [1, 1, 3, 3]
    assert file.ids is None
    np.testing.assert_array_equal(file.keypoints, _points()[..., [0, 1, 3]])
    with refused("must hold 33 landmarks for each person, got 32"):
        _read(_write_text(tmp_path, _repr(_points()[0, :32])))


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
