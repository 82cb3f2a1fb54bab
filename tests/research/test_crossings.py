"""Composited encounters: people are cut out whole, meet where they should, and are scored right."""

from __future__ import annotations

import numpy as np
import pytest

from mbcli.skeleton import COCO17
from mbcli.tracks.gather import gathered
from mbcli.types import FloatArray, FramePoses, Keypoints2D
from research.crossings.cutouts import Cutout, cut_out
from research.crossings.scenes import SIZE, drawn
from research.crossings.score import score

FRAMES = 40


@pytest.fixture(scope="module")
def walker() -> Cutout:
    """Somebody of plain colours who walks 5 pixels a frame to the left."""
    still = np.full((540, 960, 3), (60, 120, 60), np.uint8)
    frames = []
    for number in range(100):
        frame = still.copy()
        x = 700 - 5 * number
        frame[290:508, x - 25 : x + 25] = 200, 40, 40
        frames.append(frame)
    return cut_out(frames, still, (0.15, 0.5, 0.9, 1.0))


def test_a_person_is_cut_out_whole(walker: Cutout) -> None:
    assert walker.height == pytest.approx(218, abs=2)
    assert walker.foot == pytest.approx(508, abs=2)
    assert walker.middle(0) - walker.middle(99) == pytest.approx(495, abs=3)
    picture = walker.pictures[0]
    inside = picture[len(picture) // 2, picture.shape[1] // 2]
    assert inside.tolist() == pytest.approx([200, 40, 40, 255], abs=3)


@pytest.mark.parametrize("number", range(12))
def test_people_meet_and_are_apart_before_and_after(walker: Cutout, number: int) -> None:
    scene = drawn(walker, FRAMES, np.random.default_rng((0, number)))
    still = np.full((SIZE[1], SIZE[0], 3), (60, 120, 60), np.uint8)
    pictures, boxes = scene.compose(still)
    middles = (boxes[..., 0] + boxes[..., 2]) / 2
    apart = middles[:, 0] - middles[:, 1]
    assert abs(apart[scene.meeting]) < 0.45 * scene.people[1].height
    assert min(abs(apart[0]), abs(apart[-1])) > abs(apart[scene.meeting]) + 30
    assert (np.sign(apart[0]) == np.sign(apart[-1])) == (scene.kind == "turn back")
    x1, y1, x2, y2 = boxes[0, 1].astype(int)  # the nearer person is whole
    assert (pictures[0][(y1 + y2) // 2, (x1 + x2) // 2] != (60, 120, 60)).any()


def _tracks(boxes: FloatArray, order: list[list[int]]) -> Keypoints2D:
    """Tracks of these boxes; ``order`` has for each frame the column of each person."""
    poses = [FramePoses(n, n / 30, one, np.ones((2, 17, 3))) for n, one in enumerate(boxes)]
    return gathered(
        poses,
        [np.array(columns) for columns in order],
        track_ids=np.arange(1, 3),
        skeleton=COCO17,
        fps=30,
        size=SIZE,
        cuts=np.zeros(0, np.int64),
    )


def test_scores_of_right_and_exchanged_tracks() -> None:
    x = np.stack([np.arange(40) * 10.0, 400 - np.arange(40) * 10.0], axis=1)
    y = np.broadcast_to([0.0, 200.0], x.shape)  # boxes that never overlap
    boxes = np.stack([x, y, x + 50, y + 150], axis=-1)
    right = score(_tracks(boxes, [[0, 1]] * 40), boxes, 20)
    assert right.right
    assert (right.hota, right.assa, right.idf1) == pytest.approx((1, 1, 1))
    swapped = score(_tracks(boxes, [[0, 1]] * 20 + [[1, 0]] * 20), boxes, 20)
    assert not swapped.right
    assert swapped.idf1 == pytest.approx(0.5)
    assert swapped.assa == pytest.approx(1 / 3)  # 20 of 60 frames of both tracks together
    lost = score(_tracks(boxes, [[0, 1]] * 24 + [[0, -1]] * 16), boxes, 20)
    assert not lost.right
