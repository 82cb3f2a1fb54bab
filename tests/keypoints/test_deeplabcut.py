from __future__ import annotations

import builtins
import csv
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.errors import ConfigError
from mbcli.keypoints import deeplabcut
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source

Refused = Callable[..., Any]
SCORER = "DLC_resnet50_walkOct30shuffle1_100000"
PARTS = ["LeftShoulder", "RightShoulder", "LeftHip", "RightHip", "snout"]
OURS = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
COORDS = ["x", "y", "likelihood"]
FRAMES = 4


def _table(people: int = 1) -> np.ndarray:
    """(4, people x 5 x 3), one joint missing and the last person absent from frame 2."""
    rng = np.random.default_rng(people)
    table = rng.uniform(5, 500, (FRAMES, people, len(PARTS), 3))
    table[..., 2] = rng.uniform(0, 1, table.shape[:-1])
    table[1, 0, 2] = np.nan
    if people > 1:
        table[2, -1] = np.nan
    return table.reshape(FRAMES, -1)


def _header(people: list[str]) -> list[list[str]]:
    columns = [(p, part, coord) for p in people for part in PARTS for coord in COORDS]
    rows = [
        ["scorer", *(SCORER for _ in columns)],
        ["individuals", *(p for p, _, _ in columns)],
        ["bodyparts", *(part for _, part, _ in columns)],
        ["coords", *(coord for _, _, coord in columns)],
    ]
    return rows if len(people) > 1 else [rows[0], *rows[2:]]


def _csv(folder: Path, rows: list[list[Any]]) -> Path:
    path = folder / f"walk{SCORER}.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(
            [["" if cell != cell else cell for cell in row] for row in rows]
        )
    return path


def _rows(table: np.ndarray, people: list[str]) -> list[list[Any]]:
    body = [[frame, *row] for frame, row in enumerate(table.tolist())]
    return [*_header(people), *body]


def _h5(folder: Path, people: list[str], index: Any = None, **how: Any) -> Path:
    pandas = pytest.importorskip("pandas", reason="pandas writes DeepLabCut's HDF5 files")
    pytest.importorskip("tables", reason="pandas writes DeepLabCut's HDF5 files with it")
    levels = [[SCORER], people, PARTS, COORDS]
    names = ["scorer", "individuals", "bodyparts", "coords"]
    if len(people) == 1:
        del levels[1], names[1]
    columns = pandas.MultiIndex.from_product(levels, names=names)
    frame = pandas.DataFrame(_table(len(people)), columns=columns, index=index)
    path = folder / f"walk{SCORER}.h5"
    # As deeplabcut.analyze_videos does.
    frame.to_hdf(path, **{"key": "df_with_missing", "format": "table", "mode": "w"} | how)
    return path


def _read(path: Path, joint_map: dict[str, str] | None = None) -> KeypointFile:
    source = Source(path, joint_map)
    assert deeplabcut.recognise(source)
    return deeplabcut.read(source)


def _check_one(file: KeypointFile) -> None:
    want = _table().reshape(FRAMES, len(PARTS), 3)[:, :4]
    want[1, 2] = np.nan, np.nan, 0
    np.testing.assert_array_equal(file.keypoints, want)
    assert file.skeleton.joints == OURS
    assert file.frame_index.tolist() == [0, 1, 2, 3]
    assert file.ids is not None
    assert file.ids.tolist() == [0, 0, 0, 0]
    assert (file.frames, file.size, file.fps, file.relative) == (4, None, None, False)
    assert len(file.warnings) == 1
    assert "none of ours: snout" in file.warnings[0]


def _check_two(file: KeypointFile) -> None:
    table = _table(2).reshape(FRAMES, 2, len(PARTS), 3)[:, :, :4]
    table[1, 0, 2] = np.nan, np.nan, 0
    assert file.ids is not None
    pairs = list(zip(file.frame_index.tolist(), file.ids.tolist(), strict=True))
    assert pairs == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (3, 0), (3, 1)]
    np.testing.assert_array_equal(file.keypoints, [table[pair] for pair in pairs])


def test_csv_of_one(tmp_path: Path) -> None:
    _check_one(_read(_csv(tmp_path, _rows(_table(), ["me"]))))


def test_csv_of_two(tmp_path: Path) -> None:
    _check_two(_read(_csv(tmp_path, _rows(_table(2), ["anna", "bert"]))))


def test_h5_of_one(tmp_path: Path) -> None:
    pytest.importorskip("h5py", reason="HDF5 files need mbcli[keypoints]")
    _check_one(_read(_h5(tmp_path, ["me"])))


def test_h5_of_two_under_the_older_key(tmp_path: Path) -> None:
    pytest.importorskip("h5py", reason="HDF5 files need mbcli[keypoints]")
    _check_two(_read(_h5(tmp_path, ["anna", "bert"], key="tracks")))


def test_h5_of_pictures(tmp_path: Path) -> None:
    pytest.importorskip("h5py", reason="HDF5 files need mbcli[keypoints]")
    index = [f"labeled-data/walk2/img{n:04d}.png" for n in (0, 3, 4, 11)]
    file = _read(_h5(tmp_path, ["me"], index))
    assert file.frame_index.tolist() == [0, 3, 4, 11]
    assert file.frames == 12


@pytest.mark.parametrize(
    "label",
    [["labeled-data/walk2/img{:04d}.png"], ["labeled-data", "walk2", "img{:04d}.png"], ["{}"]],
)
def test_csv_of_pictures(tmp_path: Path, label: list[str]) -> None:
    lead = [""] * (len(label) - 1)
    rows = [[row[0], *lead, *row[1:]] for row in _header(["me"])]
    for frame, row in zip((0, 3, 4, 11), _table().tolist(), strict=True):
        rows.append([*(part.format(frame) for part in label), *row])
    assert _read(_csv(tmp_path, rows)).frame_index.tolist() == [0, 3, 4, 11]


def test_written_and_read_by_pandas(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    path = tmp_path / "a.csv"
    h5 = _h5(tmp_path, ["anna", "bert"])
    pandas.read_hdf(h5).to_csv(path)  # as deeplabcut.analyze_videos(save_as_csv=True) does
    _check_two(_read(path))


def test_labels_made_by_hand_have_no_likelihood(tmp_path: Path) -> None:
    rows = _rows(_table(), ["me"])
    kept = [n for n, coord in enumerate(rows[2]) if coord != "likelihood"]
    file = _read(_csv(tmp_path, [[row[n] for n in kept] for row in rows]))
    assert set(file.keypoints[..., 2].ravel().tolist()) == {0.0, 1.0}
    assert "the file has no confidence: every keypoint that is there counts fully" in file.warnings


def test_likelihood_beyond_its_range(tmp_path: Path) -> None:
    table = _table()
    table[0, 2], table[3, 5] = 1.25, -0.5
    file = _read(_csv(tmp_path, _rows(table, ["me"])))
    assert (file.keypoints[0, 0, 2], file.keypoints[3, 1, 2]) == (1, 0)
    said = "2 of 15 confidences are cut to 0..1; they were -0.5..1.25"
    assert said in file.warnings


@pytest.mark.parametrize("word", ["confidence", "score", "Likelihood"])
def test_other_words_for_the_likelihood(tmp_path: Path, word: str) -> None:
    rows = _rows(_table(), ["me"])
    rows[2] = [word if cell == "likelihood" else cell for cell in rows[2]]
    _check_one(_read(_csv(tmp_path, rows)))


def test_columns_of_lightning_pose(tmp_path: Path) -> None:
    rows = [[*row, row[-1]] for row in _rows(_table(), ["me"])]
    rows[2][-1] = "x_ens_median"
    file = _read(_csv(tmp_path, rows))
    np.testing.assert_array_equal(file.keypoints[0], _table().reshape(FRAMES, 5, 3)[0, :4])
    assert "left out columns of x_ens_median" in file.warnings


def test_rows_in_any_order(tmp_path: Path) -> None:
    rows = _rows(_table(2), ["anna", "bert"])
    _check_two(_read(_csv(tmp_path, [*rows[:4], *rows[:3:-1]])))


def test_spreadsheet_with_semicolons_and_decimal_commas(tmp_path: Path) -> None:
    rows = _rows(_table(), ["me"])
    path = tmp_path / "walk.csv"
    lines = [";".join(str(cell).replace(".", ",") for cell in row) for row in rows]
    path.write_bytes("\r\n".join(lines).encode("utf-16"))
    _check_one(_read(path))


def test_joint_map(tmp_path: Path, refused: Refused) -> None:
    rows = _rows(_table(), ["me"])
    rows[1] = ["bodyparts", *(f"p{n}" for n in range(5) for _ in range(3))]
    path = _csv(tmp_path, rows)
    with refused("got the joints p0, p1, p2, p3, p4, of which p0, p1, p2, p3, p4", "--joint-map"):
        _read(path)
    file = _read(path, {"p4": "pelvis", "p0": "neck"})
    assert file.skeleton.joints == ("neck", "pelvis")
    np.testing.assert_array_equal(file.keypoints, _table().reshape(FRAMES, 5, 3)[:, [0, 4]])


def _changed(row: int, column: int, cell: Any) -> list[list[Any]]:
    rows = _rows(_table(), ["me"])
    rows[row][column] = cell
    return rows


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([*_rows(_table(), ["me"])[:-1], [3, 1.0, 2.0]], "16 columns as its header says, got 3"),
        (_changed(4, 2, "much"), f"must hold numbers in {SCORER}/LeftShoulder/y, got 'much'"),
        (_changed(0, 3, "me"), "must hold the points of one scorer, got DLC"),
        (_changed(2, 2, "x"), "must name each column once"),
        (_rows(_table(), ["me"])[:3], "holds no person in any frame"),
        ([["scorer"], ["bodyparts"], ["coords"]], "has no columns of points"),
    ],
)
def test_bad_csv(tmp_path: Path, refused: Refused, rows: list[list[Any]], words: str) -> None:
    with refused(f"walk{SCORER}.csv", words):
        _read(_csv(tmp_path, rows))


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            _changed(4, 1, "inf"),
            "1 keypoints with numbers beyond reason are left out, the first of them",
        ),
        (_changed(5, 0, 1), "person 0 is twice in frame 1; people are tracked anew"),
        (_changed(5, 0, "later"), "in the order of their names: 0 as frame 0"),
        (_changed(2, 3, "z"), "left out columns of z"),
    ],
)
def test_what_is_wrong_is_left_out(tmp_path: Path, rows: list[list[Any]], said: str) -> None:
    file = _read(_csv(tmp_path, rows))
    assert file.keypoints[0, 0].tolist() != [0, 0, 0]
    assert said in "\n".join(file.warnings)


def test_other_files(tmp_path: Path) -> None:
    for rows in ([["frame", "x0"]], [["scorer", "a"], ["coords", "x"]], [["scorer"]]):
        assert not deeplabcut.recognise(Source(_csv(tmp_path, rows)))
    (tmp_path / "a.json").write_text("{}")
    assert not deeplabcut.recognise(Source(tmp_path / "a.json"))


def test_h5_cut_or_of_another_layout(tmp_path: Path, refused: Refused) -> None:
    h5py = pytest.importorskip("h5py", reason="HDF5 files need mbcli[keypoints]")
    path = _h5(tmp_path, ["me"], format="fixed")
    with refused("pandas' table layout", "got frame: give the CSV file"):
        _read(path)
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["x"] = [1, 2]
    assert not deeplabcut.recognise(Source(tmp_path / "b.h5"))
    path = _h5(tmp_path, ["me"])
    content = path.read_bytes()
    for length in (8, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with refused("is not a complete HDF5 file"):
            _read(path)


class _Evil:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


def test_no_code_in_the_column_names_is_run(tmp_path: Path, refused: Refused) -> None:
    h5py = pytest.importorskip("h5py", reason="HDF5 files need mbcli[keypoints]")
    path, trace = _h5(tmp_path, ["me"]), tmp_path / "was run"
    for names, words in (
        ([_Evil(trace)], "it was not run"),
        ([("a", "b")], "must name its columns by scorer"),
        ({"a": 1}, "must name its columns by scorer"),
        ([(SCORER, "snout", "x")], "has 15 columns but names 1"),
    ):
        with h5py.File(path, "r+") as file:
            file["df_with_missing/table"].attrs["values_block_0_kind"] = np.bytes_(
                pickle.dumps(names, 0)
            )
        with refused(words):
            _read(path)
    assert not trace.exists()


def test_without_h5py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.h5"
    path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    really = builtins.__import__

    def without(name: str, *rest: Any, **more: Any) -> Any:
        if name == "h5py":
            raise ImportError(name)
        return really(name, *rest, **more)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(ConfigError, match=r"pip install 'mbcli\[keypoints\]'$") as caught:
        deeplabcut.recognise(Source(path))
    assert "\n" not in str(caught.value)
