"""Composited encounters: people are cut out whole, meet where they should, and are scored right."""

from __future__ import annotations

import numpy as np
import pytest

from mbcli.skeleton import COCO17
from mbcli.tracks.gather import Sightings, gathered
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


def _tracks(poses: list[FramePoses], order: list[list[int]]) -> Keypoints2D:
    """Tracks of these people; ``order`` has for each frame the column of each."""
    people = Sightings.of(poses, [np.array(columns) for columns in order])
    return gathered(
        people,
        people.ids,
        track_ids=np.arange(1, 3),
        skeleton=COCO17,
        fps=30,
        size=SIZE,
        cuts=np.zeros(0, np.int64),
    )


def _seen(boxes: FloatArray) -> list[FramePoses]:
    return [FramePoses(n, n / 30, one, np.ones((len(one), 17, 3))) for n, one in enumerate(boxes)]


def _apart() -> FloatArray:
    """Boxes of two people who walk past one another, one below the other."""
    x = np.stack([np.arange(40) * 10.0, 400 - np.arange(40) * 10.0], axis=1)
    y = np.broadcast_to([0.0, 200.0], x.shape)
    return np.stack([x, y, x + 50, y + 150], axis=-1)


def test_scores_of_right_and_exchanged_tracks() -> None:
    boxes = _apart()
    seen = _seen(boxes)
    right = score(_tracks(seen, [[0, 1]] * 40), seen, boxes, 20)
    assert right.verdict == "right"
    assert (right.hota, right.assa, right.idf1) == pytest.approx((1, 1, 1))
    swapped = score(_tracks(seen, [[0, 1]] * 20 + [[1, 0]] * 20), seen, boxes, 20)
    assert swapped.verdict == "exchanged"
    assert swapped.idf1 == pytest.approx(0.5)
    assert swapped.assa == pytest.approx(1 / 3)  # 20 of 60 frames of both tracks together
    for few in (10, 11):  # of 20 frames, after they have met
        kept = score(_tracks(seen, [[0, 1]] * (20 + few) + [[0, -1]] * (20 - few)), seen, boxes, 20)
        assert (kept.verdict == "right") == (few == 11)


def test_a_person_who_is_not_seen_is_lost_not_exchanged() -> None:
    boxes = _apart()
    for unseen in (10, 11):  # of 20 frames
        seen = _seen(boxes)
        for frame in range(40 - unseen, 40):
            seen[frame] = FramePoses(frame, frame / 30, boxes[frame, :1], np.ones((1, 17, 3)))
        order = [[0, 1]] * 20 + [[1, 0]] * (20 - unseen) + [[1]] * unseen
        told = score(_tracks(seen, order), seen, boxes, 20)
        assert told.verdict == ("exchanged" if unseen == 10 else "lost")


def test_an_encounter_must_be_clear_in_four_frames_before_and_after() -> None:
    boxes = _apart()
    boxes[:, 1, [1, 3]] = boxes[:, 0, [1, 3]]  # one on the other's box up to frame 22
    seen = _seen(boxes)
    for frames in (26, 27):
        tracks = _tracks(seen[:frames], [[0, 1]] * frames)
        told = score(tracks, seen[:frames], boxes[:frames], 20)
        assert told.verdict == ("lost" if frames == 26 else "right")
