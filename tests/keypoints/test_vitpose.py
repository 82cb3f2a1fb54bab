from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from mbcli.keypoints import vitpose
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source
from mbcli.skeleton import COCO17


def _points(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.1, 1, (17, 3)) * [640, 360, 1]


def _person(seed: int = 0) -> list[list[float]]:
    """As the program has it: y before x."""
    return [[y, x, c] for x, y, c in _points(seed).tolist()]


def _read(folder: Path, frames: list[Any]) -> KeypointFile:
    names = {str(n): joint for n, joint in enumerate(COCO17.joints)}
    path = folder / "walk_result.json"
    path.write_text(json.dumps({"keypoints": frames, "skeleton": names}))
    source = Source(path)
    assert vitpose.recognise(source)
    return vitpose.read(source)


def test_people_by_their_identity(tmp_path: Path) -> None:
    file = _read(tmp_path, [{"1": _person()}, {}, {"1": _person(1), "2": _person(2)}])
    assert file.skeleton == COCO17
    assert file.frame_index.tolist() == [0, 2, 2]
    np.testing.assert_array_equal(file.keypoints, [_points(seed) for seed in range(3)])
    assert file.ids is not None
    assert file.ids.tolist() == [1, 1, 2]


def test_lists_of_people(tmp_path: Path, refused: Callable[..., Any]) -> None:
    file = _read(tmp_path, [[_person()], [], [_person(1), _person(2)], None])
    assert file.frame_index.tolist() == [0, 2, 2]
    assert file.frames == 4
    assert file.ids is None
    with refused("must hold people in frame 1, got 3"):
        _read(tmp_path, [[_person()], 3])
