from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.keypoints import videopose3d
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source
from mbcli.skeleton import COCO17, H36M17

Refused = Callable[..., Any]
SYMMETRY = [[1, 3, 5, 7, 9, 11, 13, 15], [2, 4, 6, 8, 10, 12, 14, 16]]


def _metadata(layout: str = "coco", joints: int = 17) -> dict[str, Any]:
    return {"layout_name": layout, "num_joints": joints, "keypoints_symmetry": SYMMETRY}


def _points(frames: int = 5, joints: int = 17) -> np.ndarray:
    return np.random.default_rng(1).uniform(0, 600, (frames, joints, 2)).astype(np.float32)


def _write(path: Path, positions: Any, metadata: Any) -> Path:
    # As data/prepare_data_2d_custom.py of VideoPose3D does.
    np.savez_compressed(path, positions_2d=positions, metadata=metadata)
    return path


def _read(path: Path) -> KeypointFile:
    source = Source(path)
    assert videopose3d.recognise(source)
    return videopose3d.read(source)


def _custom(folder: Path, values: Any, **metadata: Any) -> Path:
    merged = _metadata() | {"video_metadata": {"walk.mp4": {"w": 1280, "h": 720}}} | metadata
    return _write(folder / "data_2d_custom_me.npz", {"walk.mp4": {"custom": [values]}}, merged)


def test_video_of_ones_own(tmp_path: Path) -> None:
    points = _points()
    points[1] = np.nan
    points[2, 4, 0] = np.nan
    file = _read(_custom(tmp_path, points))
    assert file.skeleton is COCO17
    assert file.frame_index.tolist() == [0, 2, 3, 4]
    assert (file.frames, file.size, file.fps, file.relative) == (5, (1280, 720), None, False)
    assert file.ids is not None
    assert file.ids.tolist() == [0, 0, 0, 0]
    want = np.concatenate([points, np.ones((5, 17, 1))], axis=-1)[[0, 2, 3, 4]]
    want[1, 4] = np.nan, np.nan, 0
    np.testing.assert_array_equal(file.keypoints, want)
    assert "has no confidence" in file.warnings[0]


def test_human36m_layout_and_no_size(tmp_path: Path) -> None:
    path = _write(tmp_path / "a.npz", {"S1": {"Walking": [_points()]}}, _metadata("h36m"))
    file = _read(path)
    assert file.skeleton is H36M17
    assert file.size is None
    np.testing.assert_array_equal(file.keypoints[..., :2], _points())


def test_one_sequence_only(tmp_path: Path, refused: Refused) -> None:
    actions: Any = {"Walking 1": [_points()] * 2, "Eating": [_points()]}
    path = _write(tmp_path / "a.npz", {"S1": actions, "S5": {}}, _metadata("h36m"))
    with refused("a.npz must hold one sequence, got 3: S1/Walking 1/0, S1/Walking 1/1, S1/Eating"):
        _read(path)
    many = {f"S{n}": {f"Action {m}": [_points()] * 4 for m in range(5)} for n in range(5)}
    with refused("got 100: ", "and 88 more"):
        _read(_write(tmp_path / "a.npz", many, _metadata("h36m")))
    with refused("one sequence, got 0"):
        _read(_write(tmp_path / "a.npz", {}, _metadata()))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (_points(joints=16), "must hold 17 keypoints of x and y (coco17) in walk.mp4/custom, got"),
        (np.zeros((5, 17, 3)), "got shape (5, 17, 3)"),
        (np.zeros((17, 2)), "got shape (17, 2)"),
        (np.zeros((5, 17, 2), "<U4"), "must hold numbers in walk.mp4/custom, got <U4"),
        (np.full((5, 17, 2), np.inf), "holds no person in any frame"),
        (np.full((5, 17, 2), np.nan), "holds no person in any frame"),
        (np.zeros((0, 17, 2)), "holds no person in any frame"),
        ([[1, 2], [3]], "must hold an array in walk.mp4/custom"),
    ],
)
def test_bad_numbers(tmp_path: Path, refused: Refused, values: Any, words: str) -> None:
    with refused(words):
        _read(_custom(tmp_path, values))


def test_bad_metadata(tmp_path: Path, refused: Refused) -> None:
    with refused("must be laid out as coco, h36m, mpii, got 'humaneva20'"):
        _read(_custom(tmp_path, _points(), layout_name="humaneva20"))
    with refused("must hold 17 keypoints as coco has, got 18"):
        _read(_custom(tmp_path, _points(), num_joints=18))
    with refused("w and h of walk.mp4 in pixels, got 0, 720"):
        _read(_custom(tmp_path, _points(), video_metadata={"walk.mp4": {"w": 0, "h": 720}}))
    with refused("(positions_2d) must hold a dict, got ndarray"):
        _read(_write(tmp_path / "a.npz", np.zeros(3), _metadata()))
    with refused("must hold a dict of actions for S1"):
        _read(_write(tmp_path / "a.npz", {"S1": [_points()]}, _metadata()))
    with refused("must hold a list of cameras for S1/Walking"):
        _read(_write(tmp_path / "a.npz", {"S1": {"Walking": 3}}, _metadata()))


class _Evil:
    def __init__(self, trace: Path) -> None:
        self.trace = trace

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.trace),)


def test_no_code_is_run(tmp_path: Path, refused: Refused) -> None:
    trace = tmp_path / "was run"
    evil: Any = {"walk.mp4": {"custom": [_points()]}, "x": _Evil(trace)}
    path = _write(tmp_path / "a.npz", evil, _metadata())
    with refused("it was not run"):
        _read(path)
    assert not trace.exists()


def test_cut_anywhere(tmp_path: Path, refused: Refused) -> None:
    path = _custom(tmp_path, _points())
    content = path.read_bytes()
    for length in range(60, len(content) - 1, 97):
        path.write_bytes(content[:length])
        with refused("data_2d_custom_me.npz is not a complete .npz archive"):
            _read(path)


def test_other_archives(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", positions=np.zeros(3), metadata=np.zeros(3))
    assert not videopose3d.recognise(Source(tmp_path / "a.npz"))
    (tmp_path / "b.json").write_text("{}")
    assert not videopose3d.recognise(Source(tmp_path / "b.json"))
