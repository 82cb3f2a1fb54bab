from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import pytest

from mbcli.errors import ConfigError
from mbcli.pose2d.top_down import SURE, TopDown
from mbcli.types import FloatArray, Frame, FramePoses

SIZE = (640, 480)
MARGIN = np.array([-12, -16, 12, 16])  # around a body of 80x200 pixels


def _body(joints: int = 17) -> FloatArray:
    """Joints within the unit square, on its corners too."""
    unit = np.random.default_rng(3).uniform(0.1, 0.9, (joints, 2))
    unit[:2] = (0, 0), (1, 1)
    return unit


@dataclass
class Stage:
    """People who really stand in the picture, and two networks that see them.

    ``detect`` sees each with a score; ``locate`` finds the keypoints of whoever lies in the box.
    """

    people: list[tuple[FloatArray, float]]
    joints: int = 17
    confidence: float = 0.9
    searches: list[int] = field(default_factory=list)
    located: list[FloatArray] = field(default_factory=list)
    frame: int = 0

    def detect(self, image: np.ndarray) -> FloatArray:
        self.searches.append(self.frame)
        return np.array([[*box, score] for box, score in self.people]).reshape(-1, 5)

    def locate(self, image: np.ndarray, boxes: FloatArray) -> FloatArray:
        assert len(boxes)
        self.located.append(boxes)
        poses = np.zeros((len(boxes), self.joints, 3))
        for pose, box in zip(poses, boxes, strict=True):
            centre = (box[:2] + box[2:]) / 2
            inside = [
                b for b, _ in self.people if np.all(b[:2] <= centre) and np.all(b[2:] >= centre)
            ]
            seen = inside[0] if inside else box
            pose[:, :2] = seen[:2] + _body(self.joints) * (seen[2:] - seen[:2])
            pose[:, 2] = self.confidence if inside else 0.05
        return poses

    def top_down(self, **options: float) -> TopDown:
        threshold = options.pop("person_threshold", 0.3)
        return TopDown(
            self.detect, self.locate, joints=self.joints, person_threshold=threshold, **options
        )

    def play(self, top_down: TopDown, frames: range, cut: bool = False) -> list[FramePoses]:
        image = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)
        poses = []
        for self.frame in frames:
            poses.append(top_down(Frame(self.frame, self.frame / 30, image, cut)))
        return poses


def _box(x: float, y: float = 100, width: float = 80, height: float = 200) -> FloatArray:
    return np.array([x, y, x + width, y + height])


def test_the_detector_looks_every_fifth_of_a_second_and_keypoints_lead_between() -> None:
    stage = Stage([(_box(100), 0.9), (_box(400), 0.8)])
    poses = stage.play(stage.top_down(), range(13))
    assert stage.searches == [0, 6, 12]
    assert [len(p) for p in poses] == [2] * 13
    assert [p.index for p in poses] == list(range(13))
    assert np.allclose(poses[0].boxes[0], _box(100))
    assert np.allclose(stage.located[1][0], _box(100) + MARGIN)
    assert np.allclose(poses[1].boxes[0], stage.located[1][0])
    assert np.allclose(poses[1].keypoints[0, :2, :2], [(100, 100), (180, 300)])


@pytest.mark.parametrize("joints", [23, 26])
def test_feet_come_along(joints: int) -> None:
    stage = Stage([(_box(100), 0.9)], joints=joints)
    assert {p.keypoints.shape for p in stage.play(stage.top_down(), range(4))} == {(1, joints, 3)}


def test_unsure_joints_do_not_shape_the_box() -> None:
    stage = Stage([(_box(100), 0.9)])
    whole = stage.locate

    def locate(image: np.ndarray, boxes: FloatArray) -> FloatArray:
        poses = whole(image, boxes)
        poses[:, 5] = (600, 470, SURE / 2)
        return poses

    stage.locate = locate  # type: ignore[method-assign]
    poses = stage.play(stage.top_down(), range(2))
    assert np.allclose(poses[1].boxes[0], _box(100) + MARGIN)
    assert np.allclose(poses[1].keypoints[0, 5], (600, 470, SURE / 2))


def test_somebody_lost_is_searched_at_once() -> None:
    stage = Stage([(_box(100), 0.9), (_box(400), 0.8)])
    top_down = stage.top_down()
    stage.play(top_down, range(2))
    stage.people.pop()
    poses = stage.play(top_down, range(2, 9))
    assert stage.searches == [0, 2, 8]
    assert [len(p) for p in poses] == [1] * 7


def test_somebody_who_jumps_is_found_again_in_the_same_frame() -> None:
    stage = Stage([(_box(100), 0.9)])
    top_down = stage.top_down()
    stage.play(top_down, range(2))
    stage.people[0] = (_box(500), 0.9)
    assert np.allclose(stage.play(top_down, range(2, 3))[0].boxes, [_box(500)])


def test_somebody_new_waits_for_the_next_look() -> None:
    stage = Stage([])
    top_down = stage.top_down()
    empty = stage.play(top_down, range(2))[-1]
    assert empty.keypoints.shape == (0, 17, 3)
    assert empty.boxes.shape == (0, 4)
    stage.people.append((_box(100), 0.9))
    assert [len(p) for p in stage.play(top_down, range(2, 8))] == [0, 0, 0, 0, 1, 1]
    assert stage.searches == [0, 6]


def test_a_cut_is_searched_at_once() -> None:
    stage = Stage([(_box(100), 0.9)])
    top_down = stage.top_down()
    stage.play(top_down, range(2))
    stage.people[0] = (_box(130), 0.9)
    stage.play(top_down, range(2, 3), cut=True)
    assert stage.searches == [0, 2]


def test_a_weak_detection_upholds_the_followed_but_begins_nobody() -> None:
    stage = Stage([(_box(100), 0.9), (_box(400), 0.15)], confidence=0.3)
    top_down = stage.top_down()
    assert len(stage.play(top_down, range(1))[0]) == 1
    stage.people = [(_box(100), 0.15), (_box(400), 0.15)]
    poses = stage.play(top_down, range(1, 7))
    assert stage.searches == [0, 6]
    assert np.allclose(poses[-1].boxes, [_box(100)])
    stage.people = [(_box(100), 0.05)]
    assert len(stage.play(top_down, range(7, 13))[-1]) == 0


def test_clear_keypoints_uphold_whom_the_detector_overlooks() -> None:
    stage = Stage([(_box(100), 0.9)])
    top_down = stage.top_down()
    stage.play(top_down, range(1))
    stage.people = [(_box(100), 0.0)]
    poses = stage.play(top_down, range(1, 13))
    assert stage.searches == [0, 6, 12]
    assert [len(p) for p in poses] == [1] * 12
    assert np.allclose(poses[-1].boxes, [_box(100) + MARGIN])
    stage.people = []
    assert len(stage.play(top_down, range(13, 14))[0]) == 0


def test_the_threshold_is_the_callers() -> None:
    stage = Stage([(_box(100), 0.9), (_box(400), 0.15)])
    assert len(stage.play(stage.top_down(person_threshold=0.1), range(1))[0]) == 2
    assert len(stage.play(stage.top_down(person_threshold=0.95), range(1))[0]) == 0


def test_one_person_in_two_boxes_counts_once_and_keeps_the_better() -> None:
    stage = Stage([(_box(100), 0.6), (_box(104), 0.9)])
    assert np.allclose(stage.play(stage.top_down(), range(1))[0].boxes, [_box(104)])


def test_two_boxes_that_land_on_one_person_are_told_apart_by_searching() -> None:
    stage = Stage([(_box(100), 0.9), (_box(200), 0.9)])
    top_down = stage.top_down()
    stage.play(top_down, range(1))
    stage.people = [(_box(140, width=100), 0.9)]
    assert [len(p) for p in stage.play(top_down, range(1, 3))] == [1, 1]


def test_keypoints_that_fade_are_asked_of_the_detector_every_frame() -> None:
    """What the detector sees stays, however unsure its keypoints are."""
    stage = Stage([(_box(100), 0.9)], confidence=0.1)
    poses = stage.play(stage.top_down(), range(3))
    assert stage.searches == [0, 1, 2]
    assert [len(p) for p in poses] == [1, 1, 1]


def test_boxes_stay_inside_and_outside_ones_go() -> None:
    stage = Stage([(_box(-30, -40), 0.9), (_box(900), 0.9)])
    poses = stage.play(stage.top_down(), range(2))
    assert [len(p) for p in poses] == [1, 1]
    for p in poses:
        assert np.all(p.boxes >= 0)
        assert np.all(p.boxes <= np.tile(SIZE, 2))


def test_a_slow_video_is_searched_in_every_frame() -> None:
    stage = Stage([(_box(100), 0.9)])
    top_down = stage.top_down()
    for frame in range(3):
        stage.frame = frame
        top_down(Frame(frame, round(frame / 5, 3), np.zeros((480, 640, 3), np.uint8)))
    assert stage.searches == [0, 1, 2]


@pytest.mark.parametrize("seconds", [-1.0, float("nan")])
def test_search_every_outside_its_rule(seconds: float) -> None:
    with pytest.raises(ConfigError, match="search_every"):
        Stage([]).top_down(search_every=seconds)
