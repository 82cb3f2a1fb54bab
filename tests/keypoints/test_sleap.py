from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.keypoints import sleap
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source

Refused = Callable[..., Any]
NODES = ["shoulder.L", "shoulder.R", "hip.L", "hip.R", "tail"]
FRAMES, TRACKS = 6, 2
AXES = ("frame", "track", "node", "xy")


def _points(tracks: int = TRACKS) -> np.ndarray:
    """(6, tracks, 5, 3); a joint is missing, and track 0 is absent from frames 0 and 4."""
    rng = np.random.default_rng(3)
    points = rng.uniform(5, 500, (FRAMES, tracks, len(NODES), 3))
    points[..., 2] = rng.uniform(0, 1, points.shape[:-1])
    points[[0, 4], 0] = np.nan
    points[2, 0, 1] = np.nan
    return points


def _h5(
    folder: Path,
    order: tuple[str, ...] = ("track", "xy", "node", "frame"),
    *,
    dims: bool = False,
    people: int = TRACKS,
    **change: Any,
) -> Path:
    h5py = pytest.importorskip("h5py", reason="HDF5 files need mbcli[keypoints]")
    points = _points(people)
    plain = tuple(axis for axis in order if axis != "xy")
    content: dict[str, Any] = {
        "tracks": points[..., :2].transpose([AXES.index(axis) for axis in order]),
        "point_scores": points[..., 2].transpose([AXES.index(axis) for axis in plain]),
        "track_occupancy": np.isfinite(points[..., 0]).any(axis=2).astype(np.uint8),
        "node_names": np.array([node.encode() for node in NODES]),
        "track_names": np.array([f"track_{n}".encode() for n in range(people)]),
    }
    path = folder / "walk.analysis.h5"
    with h5py.File(path, "w") as file:
        for name, value in (content | change).items():
            if value is not None:
                file.create_dataset(name, data=value)
        if dims:
            file["tracks"].attrs["dims"] = json.dumps(order)
            file["point_scores"].attrs["dims"] = json.dumps(plain)
    return path


def _csv(folder: Path, rows: list[list[Any]]) -> Path:
    path = folder / "walk.analysis.csv"
    with path.open("w", newline="") as stream:
        csv.writer(stream).writerows(
            [["" if cell != cell else cell for cell in row] for row in rows]
        )
    return path


def _rows(*, by_track: bool = False, names: tuple[str, ...] = ("anna", "bert")) -> list[list[Any]]:
    # sleap-io sorts the columns, SLEAP writes them by node.
    points = _points()
    columns = [(n, part) for n in range(len(NODES)) for part in (2, 0, 1)]
    head = [f"{NODES[n]}.{('x', 'y', 'score')[part]}" for n, part in columns]
    pairs = itertools.product(range(FRAMES), range(TRACKS))
    rows = [
        [names[track], frame, 0.5, *(points[frame, track, n, part] for n, part in columns)]
        for frame, track in pairs
        if np.isfinite(points[frame, track]).any()
    ]
    if by_track:
        rows.sort(key=lambda row: row[0])
    return [["track", "frame_idx", "instance.score", *head], *rows]


def _read(path: Path, joint_map: dict[str, str] | None = None) -> KeypointFile:
    source = Source(path, joint_map)
    assert sleap.recognise(source)
    return sleap.read(source)


def _check(file: KeypointFile, *, ids: bool = True) -> None:
    points = _points()[:, :, :4]
    points[2, 0, 1] = np.nan, np.nan, 0
    pairs = [(n, p) for n in range(FRAMES) for p in range(2) if (n, p) not in ((0, 0), (4, 0))]
    assert file.frame_index.tolist() == [frame for frame, _ in pairs]
    np.testing.assert_array_equal(file.keypoints, [points[pair] for pair in pairs])
    joints = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
    assert file.skeleton.joints == joints
    assert (file.frames, file.size, file.fps, file.relative) == (FRAMES, None, None, False)
    assert (file.ids is not None) == ids
    if file.ids is not None:
        # Identities are numbered by first appearance in CSV.
        first = {track: number for number, track in enumerate(dict.fromkeys(file.ids.tolist()))}
        assert [first[n] for n in file.ids.tolist()] == [1 - p for _, p in pairs]


@pytest.mark.parametrize(
    "order", [("track", "xy", "node", "frame"), ("frame", "node", "xy", "track")]
)
def test_h5_orders_that_are_told_by_the_shape(tmp_path: Path, order: tuple[str, ...]) -> None:
    _check(_read(_h5(tmp_path, order)))


@pytest.mark.parametrize("order", list(itertools.permutations(AXES)))
def test_h5_orders_that_are_told(tmp_path: Path, order: tuple[str, ...]) -> None:
    _check(_read(_h5(tmp_path, order, dims=True)))


def test_h5_of_one_without_tracks_and_scores(tmp_path: Path) -> None:
    path = _h5(tmp_path, people=1, point_scores=np.full((1, 5, FRAMES), np.nan), track_names=[])
    file = _read(path)
    assert file.frame_index.tolist() == [1, 2, 3, 5]
    assert file.ids is not None
    assert file.ids.tolist() == [0, 0, 0, 0]
    assert file.frames == FRAMES
    assert file.keypoints[1, :, 2].tolist() == [1, 0, 1, 1]  # one is missing, the others count
    np.testing.assert_array_equal(
        _read(_h5(tmp_path, people=1, point_scores=None)).keypoints, file.keypoints
    )


@pytest.mark.parametrize("by_track", [False, True])
def test_csv(tmp_path: Path, by_track: bool) -> None:
    _check(_read(_csv(tmp_path, _rows(by_track=by_track))))


def test_csv_without_tracks(tmp_path: Path) -> None:
    _check(_read(_csv(tmp_path, _rows(names=("", "")))), ids=False)


def test_csv_without_scores(tmp_path: Path) -> None:
    rows = _rows()
    kept = [n for n, name in enumerate(rows[0]) if not name.endswith(".score") or n == 2]
    file = _read(_csv(tmp_path, [[row[n] for n in kept] for row in rows]))
    assert set(file.keypoints[..., 2].ravel().tolist()) == {0.0, 1.0}


def test_joint_map(tmp_path: Path) -> None:
    file = _read(_csv(tmp_path, _rows()), {"tail": "pelvis", "shoulder.R": "neck"})
    assert file.skeleton.joints == ("neck", "pelvis")
    with pytest.raises(AssertionError):
        _check(file)


def _changed(row: int, column: int, cell: Any) -> list[list[Any]]:
    rows = _rows()
    rows[row][column] = cell
    return rows


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ([*_rows()[:-1], ["anna", 5, 0.5, 1.0]], "18 columns as its header says, got 4 in row 11"),
        (_changed(1, 4, "much"), "must hold numbers in shoulder.L.x, got 'much'"),
        (_changed(2, 1, "1.5"), "must hold whole numbers in frame_idx, got '1.5'"),
        (_changed(2, 1, ""), "must hold whole numbers in frame_idx, got ''"),
        (_changed(1, 1, -1), "counted from 0; got frame -1 first"),
        (_changed(0, 5, "a.y"), "must have a column shoulder.L.y, as it has shoulder.L.x"),
        (_changed(0, 5, "hip.L.y"), "must name each column once"),
        (_rows()[:1], "holds no person in any frame"),
    ],
)
def test_bad_csv(tmp_path: Path, refused: Refused, rows: list[list[Any]], words: str) -> None:
    with refused("walk.analysis.csv", words):
        _read(_csv(tmp_path, rows))


def test_rows_in_any_order(tmp_path: Path) -> None:
    head, *body = _rows()
    sorted_, mixed = (_read(_csv(tmp_path, [head, *rows])) for rows in (body, body[::-1]))
    assert mixed.frame_index.tolist() == sorted_.frame_index.tolist()
    assert sorted(mixed.keypoints[:, 0, 0].tolist()) == sorted(sorted_.keypoints[:, 0, 0].tolist())
    assert mixed.ids is not None


def test_a_track_twice_in_a_frame_is_none(tmp_path: Path) -> None:
    file = _read(_csv(tmp_path, _changed(4, 1, 1)))
    assert file.ids is None
    assert "is twice in frame 1; people are tracked anew" in file.warnings[-1]


def _walkers(frames: int = 12) -> np.ndarray:
    """(2, 2, 5, T) two people far from each other, as SLEAP has its axes."""
    shape = np.array([[-10, 0], [10, 0], [-8, 60], [8, 60], [0, 40]], float)
    middles = np.array([[100, 200], [400, 210]], float)[:, None] + [
        [3 * t, 0] for t in range(frames)
    ]
    return (middles[:, :, None] + shape).transpose(0, 3, 2, 1)


@pytest.mark.parametrize("often", [1, 6])
@pytest.mark.parametrize("names", [("track_0", "track_1"), ("track0", "track1")])
def test_places_in_a_list_are_no_tracks(tmp_path: Path, often: int, names: tuple[str, ...]) -> None:
    tracks = _walkers()
    swapped = np.random.default_rng(1).permutation(np.arange(1, 11))[:often]
    tracks[..., swapped] = tracks[::-1][..., swapped]
    arrays: dict[str, Any] = {
        "tracks": tracks,
        "point_scores": None,
        "track_names": [n.encode() for n in names],
    }
    file = _read(_h5(tmp_path, **arrays, tracking_scores=np.full((2, 12), np.nan)))
    assert file.ids is None
    assert "people jump from one to another; tracked anew" in file.warnings[-1]
    tracked = _read(_h5(tmp_path, **arrays, tracking_scores=np.ones((2, 12))))
    assert (tracked.ids is None) == (often > 1)


def test_tracks_that_go_on_are_kept(tmp_path: Path) -> None:
    arrays: dict[str, Any] = {
        "tracks": _walkers(),
        "point_scores": None,
        "track_names": [b"track_0", b"track_1"],
    }
    file = _read(_h5(tmp_path, **arrays))
    assert file.ids is not None
    assert sorted(file.ids.tolist()) == [0] * 12 + [1] * 12
    assert _read(_h5(tmp_path, **{**arrays, "track_names": []})).ids is None


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"node_names": [b"a", b"b"]}, "tracks of shape (tracks, 2, 2 nodes, frames), got (2, 2"),
        ({"tracks": np.zeros((2, 3, 5, 6))}, "(tracks, 2, 5 nodes, frames), got (2, 3, 5, 6)"),
        ({"tracks": np.zeros((5, 6))}, "(tracks, 2, 5 nodes, frames), got (5, 6)"),
        ({"tracks": np.full((2, 2, 5, 6), np.inf)}, "holds no person in any frame"),
        ({"tracks": np.full((2, 2, 5, 6), np.nan)}, "holds no person in any frame"),
        ({"tracks": np.zeros((2, 2, 5, 6), "S3")}, "must hold numbers over frame, track, node"),
        ({"point_scores": np.zeros((2, 5, 7))}, "point_scores of (7, 2, 5)"),
        ({"point_scores": np.zeros(5)}, "in /point_scores, got float64 of shape (5,)"),
        ({"node_names": [b"a", b"b", b"c", b"d", b"e"]}, "a, b, c, d, e could not be matched"),
    ],
)
def test_bad_h5(tmp_path: Path, refused: Refused, change: dict[str, Any], words: str) -> None:
    with refused("walk.analysis.h5", words):
        _read(_h5(tmp_path, **change))


def test_h5_cut(tmp_path: Path, refused: Refused) -> None:
    path = _h5(tmp_path)
    content = path.read_bytes()
    for length in (8, 100, len(content) // 2, len(content) - 1):
        path.write_bytes(content[:length])
        with refused("is not a complete HDF5 file"):
            _read(path)


def test_other_files(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py", reason="HDF5 files need mbcli[keypoints]")
    for rows in ([["frame_idx", "score"]], [["track", "nose.x"]], [["frame_idx", "nose.x"]]):
        assert not sleap.recognise(Source(_csv(tmp_path, rows)))
    with h5py.File(tmp_path / "b.h5", "w") as file:
        file["tracks/node_names"] = [1, 2]
    assert not sleap.recognise(Source(tmp_path / "b.h5"))
