from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from motions import hidden, walking

from mbcli.errors import ConfigError
from mbcli.people import columns_of, read_person, select_people, select_tracks
from mbcli.skeleton import COCO17
from mbcli.types import Keypoints2D


def tracks(sides: list[float], present: list[float], frames: int = 10) -> Keypoints2D:
    """Square boxes of these sides, and for which share of the frames their people are there."""
    data = np.full((frames, len(sides), 17, 3), 0.9)
    boxes = np.zeros((frames, len(sides), 4))
    for column, (side, share) in enumerate(zip(sides, present, strict=True)):
        boxes[:, column, 2:] = side
        gone = slice(round(share * frames), None)
        data[gone, column] = np.nan, np.nan, 0
        boxes[gone, column] = np.nan
    return Keypoints2D(
        data=data,
        skeleton=COCO17,
        fps=10.0,
        timestamps=np.arange(frames) / 10,
        size=(1280, 720),
        track_ids=np.arange(1, len(sides) + 1),
        boxes=boxes,
        frame_index=np.arange(frames),
    )


THREE = tracks([100, 300, 200], [1.0, 0.2, 0.9])  # areas as 1 : 9 : 4


@pytest.mark.parametrize(
    ("person", "columns"),
    [
        ("all", [0, 1, 2]),
        (" ALL", [0, 1, 2]),
        ("largest", [2]),
        ("2", [1]),
        ("1,3", [0, 2]),
        (" 3, 1,3", [2, 0]),
    ],
)
def test_one_grammar(person: str, columns: list[int]) -> None:
    assert columns_of(person, THREE) == columns


@pytest.mark.parametrize("person", ["biggest", "-1", "", "1,", "1;3", "1.0", "²", "9" * 19])
def test_what_cannot_be_read_is_refused(person: str) -> None:
    with pytest.raises(
        ConfigError, match="--person must be all, largest or ids such as 1"
    ) as error:
        read_person(person)
    assert repr(person) in str(error.value)


def test_an_unknown_id_lists_those_that_are_there() -> None:
    with pytest.raises(ConfigError, match="must be all, largest or one of 1, 2, 3, got 7"):
        columns_of("1,7", THREE)


def test_nobody_to_choose_from() -> None:
    nobody = tracks([], [])
    assert columns_of("all", nobody) == columns_of("largest", nobody) == []
    with pytest.raises(ConfigError, match="of nobody, got 1"):
        columns_of("1", nobody)


def test_largest_without_boxes_is_who_is_there_longest() -> None:
    bare = replace(THREE, boxes=np.full_like(THREE.boxes, np.nan))
    assert columns_of("largest", bare) == [0]
    alike = tracks([50, 50], [1.0, 1.0])
    assert columns_of("largest", alike) == [0]


def test_tracks_keep_frames_and_ids() -> None:
    chosen = select_tracks(THREE, [1])
    assert chosen.track_ids.tolist() == [2]
    np.testing.assert_array_equal(chosen.data[:, 0], THREE.data[:, 1])
    np.testing.assert_array_equal(chosen.boxes[:, 0], THREE.boxes[:, 1])
    np.testing.assert_array_equal(chosen.frame_index, THREE.frame_index)


def test_a_motion_of_some_people() -> None:
    motion = hidden(walking(6, people=3), slice(2, 4), person=1)
    some = select_people(motion, [2, 1])
    assert some.track_ids.tolist() == [3, 2]
    np.testing.assert_array_equal(some.positions, motion.positions[:, [2, 1]])
    np.testing.assert_array_equal(some.present, motion.present[:, [2, 1]])
    nobody = select_people(motion, [])
    assert nobody.positions.shape == (6, 0, 17, 3)
