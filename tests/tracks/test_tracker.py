from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from mbcli.errors import ConfigError
from mbcli.skeleton import COCO17, Skeleton
from mbcli.tracks.gather import Sightings, gathered
from mbcli.tracks.joining import _path, build_keypoints
from mbcli.tracks.pieces import Piece
from mbcli.tracks.tracker import Tracker
from mbcli.types import NO_CUTS, FramePoses, Keypoints2D

SIZE = (1280, 720)
HEIGHT = 200.0  # pixels, of a person 1.7 m tall
Walk = Callable[[float], float | None]  # seconds -> x of the middle; None while out of sight


def _poses(index: int, time: float, people: Sequence[tuple[int, float, float]]) -> FramePoses:
    """People as (label, x of the middle, height); the label is hidden in the keypoints."""
    boxes = [(x - 0.2 * h, 500 - h, x + 0.2 * h, 500) for _, x, h in people]
    keypoints = np.full((len(people), 17, 3), 0.9)
    for row, (label, _, _) in enumerate(people):
        keypoints[row, :, 0] = label
    return FramePoses(index, time, np.array(boxes).reshape(-1, 4), keypoints)


def _clip(
    walks: Sequence[Walk], *, fps: float, seconds: float, heights: Sequence[float] = ()
) -> list[FramePoses]:
    """A clip of people whose order in each frame is shuffled."""
    rng = np.random.default_rng(0)
    heights = heights or [HEIGHT] * len(walks)
    frames = []
    for index in range(round(seconds * fps)):
        time = index / fps
        people = [
            (label, x + rng.normal(scale=2), heights[label])
            for label, walk in enumerate(walks)
            if (x := walk(time)) is not None
        ]
        rng.shuffle(people)
        frames.append(_poses(index, time, [(int(a), float(b), float(c)) for a, b, c in people]))
    return frames


def _track(frames: list[FramePoses], fps: float, **options: Any) -> Keypoints2D:
    tracker = Tracker(fps)
    ids = [tracker.update(frame) for frame in frames]
    people = Sightings.of(frames, ids)
    return build_keypoints(people, skeleton=COCO17, fps=fps, size=SIZE, **options)


def _labels(keypoints: Keypoints2D) -> list[set[int]]:
    """For each column the people who are in it."""
    return [
        set(keypoints.data[keypoints.present[:, column], column, 0, 0].astype(int).tolist())
        for column in range(len(keypoints.track_ids))
    ]


@pytest.mark.parametrize("fps", [5, 12.5, 30, 60])
def test_two_people_crossing_keep_their_identities(fps: float) -> None:
    def right(t: float) -> float:
        return 300 + 150 * t

    def left(t: float) -> float | None:
        x = 900 - 150 * t
        return None if abs(x - right(t)) < 30 else x  # hidden behind the other

    keypoints = _track(_clip([right, left], fps=fps, seconds=4, heights=[200, 175]), fps)
    assert _labels(keypoints) == [{0}, {1}]
    assert keypoints.track_ids.tolist() == [1, 2]
    assert keypoints.present[:, 0].all()
    assert keypoints.present[0].all()


@pytest.mark.parametrize("fps", [5, 30, 60])
@pytest.mark.parametrize("away", [0.5, 1.0, 1.8])
def test_leaving_and_returning_keeps_the_identity(fps: float, away: float) -> None:
    def leaves(t: float) -> float | None:
        if 1 <= t < 1 + away:
            return None
        return 1000 + 180 * min(t, 1) - 180 * max(t - 1 - away, 0)

    frames = _clip([leaves], fps=fps, seconds=3 + away)
    keypoints = _track(frames, fps)
    assert keypoints.track_ids.tolist() == [1]
    assert keypoints.present[:, 0].tolist() == [len(frame) == 1 for frame in frames]


def test_somebody_who_walks_on_behind_a_tree_keeps_the_identity() -> None:
    keypoints = _track(
        _clip([lambda t: None if 1 < t < 2 else 200 + 240 * t], fps=30, seconds=3), 30
    )
    assert keypoints.track_ids.tolist() == [1]


def test_boxes_that_hardly_overlap_are_one_person_to_the_online_tracker() -> None:
    """Five frames a second of somebody at 2.6 m/s: their boxes overlap by a seventh."""
    tracker = Tracker(5)
    ids = [tracker.update(f) for f in _clip([lambda t: 100 + 300 * t], fps=5, seconds=3)]
    numbers = {int(number[0]) for number in ids[1:]}
    assert len(numbers) == 1
    assert min(numbers) >= 0


@pytest.mark.parametrize(
    ("lost_seconds", "away", "same"),
    [(1.0, 0.98, True), (1.0, 1.02, False), (0.3, 0.5, False), (2.0, 1.5, True)],
)
def test_the_online_tracker_remembers_by_the_time_stamps(
    lost_seconds: float, away: float, same: bool
) -> None:
    """Somebody who is out of sight between two frames that are far apart."""
    tracker = Tracker(30, lost_seconds=lost_seconds)
    times = [0.0, 1 / 30, 2 / 30, 2 / 30 + away, 3 / 30 + away, 4 / 30 + away]
    ids = [
        tracker.update(_poses(number, time, [(0, 400.0, HEIGHT)])).tolist()
        for number, time in enumerate(times)
    ]
    assert ids[0] == [-1]
    assert ids[1] == ids[2]
    assert min(ids[1] + ids[5]) >= 0
    assert (ids[5] == ids[2]) == same


def test_the_path_is_that_of_the_trunk_or_else_of_the_box() -> None:
    keypoints = np.full((1, 17, 3), 0.9)
    keypoints[0, :, :2] = 500.0
    trunk = [COCO17.index(f"{s}_{j}") for s in ("left", "right") for j in ("shoulder", "hip")]
    keypoints[0, trunk, :2] = [[90, 200], [110, 200], [92, 300], [108, 300]]
    hidden = keypoints.copy()
    hidden[0, trunk[0], :2] = np.nan
    box = np.array([[80.0, 150, 180, 650]])
    ids = [np.zeros(1, int)] * 2
    poses = [FramePoses(n, n / 30, box, one) for n, one in enumerate([keypoints, hidden])]
    track = Piece(np.arange(2), np.arange(2), np.arange(2) / 30, box.repeat(2, axis=0))
    path = _path(track, Sightings.of(poses, ids), COCO17)
    assert path.places.tolist() == [[100, 250], [130, 400]]
    assert path.size == 500
    assert path.looks.shape == (2, 6)
    assert np.isnan(path.looks).all()
    faces = Skeleton("face", ("nose", "left_eye"), (-1, 0))
    poses = [FramePoses(n, n / 30, box, keypoints[:, :2]) for n in range(2)]
    looks = [np.full((1, 6), float(n)) for n in range(2)]
    people = Sightings.of(poses, ids, looks)
    path = _path(track, people, faces)
    assert path.places.tolist() == [[130, 400]] * 2
    assert path.looks[:, 0].tolist() == [0, 1]
    # Nobody is shorter than a pixel.
    for share, size in ((400, 1.25), (1000, 1.0)):
        track = Piece(np.arange(1), np.zeros(1, int), np.zeros(1), box / share)
        assert _path(track, people, faces).size == size


def test_where_a_runner_has_got_to_is_known_for_half_a_second_only() -> None:
    def runs(t: float) -> float | None:
        return 500 * t if t < 1 else None

    def appears(after: float, x: float) -> Keypoints2D:
        frames = _clip([runs, lambda t: x if t >= 1 + after else None], fps=30, seconds=4)
        return _track(frames, 30)

    # Seen last at 483 pixels. A body's length is 200 pixels, and a brisk walk as much a second.
    assert _labels(appears(0.4, 483 + 0.4 * 500)) == [{0, 1}]
    assert _labels(appears(1.5, 483 + 0.5 * 500 + 300)) == [{0, 1}]
    assert _labels(appears(1.5, 483 + 1.5 * 500)) == [{0}, {1}]


def _appears(
    later: Sequence[tuple[float, tuple[float, float, float, float]]],
    box: tuple[float, float, float, float] = (300, 300, 380, 500),
) -> list[set[int]]:
    """Who is in each track: one person stands in a box for a second; then others do.

    Args:
        later: seconds after that second and the box, of person 1, 2, ...
        box: of the first one.
    """
    frames = []
    for index in range(150):
        time = index / 30
        seen = [(0, box)] if time < 1 else []
        seen += [(n, b) for n, (after, b) in enumerate(later, start=1) if time >= 1 + after]
        keypoints = np.full((len(seen), 17, 3), 0.9)
        keypoints[:, :, 0] = np.array([label for label, _ in seen])[:, None]
        boxes = np.array([b for _, b in seen]).reshape(-1, 4)
        frames.append(FramePoses(index, time, boxes, keypoints))
    return _labels(_track(frames, 30))


@pytest.mark.parametrize(
    ("width", "height", "same"),
    [
        (80, 200, True),
        (144, 360, True),  # longer by 1.8
        (184, 460, False),  # by 2.3, and larger by 5.3
        (130, 460, True),  # longer by 2.3, larger by 3.7
        (320, 360, True),  # larger by 7.2, longer by 1.8
        (34, 87, False),  # likewise, smaller
        (48, 87, True),  # larger by 3.8
    ],
)
def test_whose_box_changes_in_length_and_in_area_is_somebody_else(
    width: float, height: float, same: bool
) -> None:
    box = (340 - width / 2, 400 - height / 2, 340 + width / 2, 400 + height / 2)
    assert _appears([(1.2, box)]) == ([{0, 1}] if same else [{0}, {1}])


def test_how_far_somebody_may_have_got() -> None:
    """0.3 body lengths of 200 pixels, and one more for each second that they were not seen."""
    for after, near, far in ((1.2, 290, 320), (1.8, 410, 440)):
        assert _appears([(after, (300 + near, 300, 380 + near, 500))]) == [{0, 1}]
        assert _appears([(after, (300 + far, 300, 380 + far, 500))]) == [{0}, {1}]


def test_of_two_who_may_be_the_same_person_the_near_and_soon_one_is() -> None:
    def box(right: float) -> tuple[float, float, float, float]:
        return (300 + right, 300, 380 + right, 500)

    # Half a body length is worth a second.
    assert _appears([(1.9, box(0)), (1.2, box(60))]) == [{0, 2}, {1}]
    assert _appears([(1.9, box(0)), (1.2, box(-80))]) == [{0, 1}, {2}]
    assert _appears([(1.4, box(0)), (1.2, box(30))]) == [{0, 1}, {2}]


def test_no_track_goes_on_over_a_cut() -> None:
    frames = _clip([lambda _: 300, lambda t: 900 if t >= 1 else None], fps=30, seconds=2)
    ids = [np.arange(len(frame)) for frame in frames]
    people = Sightings.of(frames, ids)
    keypoints = build_keypoints(people, skeleton=COCO17, fps=30, size=SIZE, cuts=[20, 40])
    there = keypoints.present
    spans = [(int(row.argmax()), int(row.sum())) for row in there.T]
    assert spans == [(0, 20), (20, 20), (30, 10), (40, 20), (40, 20)]
    assert keypoints.cuts.tolist() == [20, 40]
    for row, frame in zip(there, frames, strict=True):
        assert row.sum() == len(frame)


def test_a_long_absence_makes_a_new_identity() -> None:
    frames = _clip([lambda t: None if 1 < t < 4 else 400], fps=30, seconds=5)
    assert len(_track(frames, 30).track_ids) == 2
    assert len(_track(frames, 30, relink_seconds=4).track_ids) == 1


def test_somebody_far_away_is_somebody_else() -> None:
    keypoints = _track(_clip([lambda t: 200 if t < 1 else 1000], fps=30, seconds=2), 30)
    assert keypoints.track_ids.tolist() == [1, 2]


def test_somebody_much_smaller_is_somebody_else() -> None:
    frames = _clip(
        [lambda t: 400 if t < 1 else None, lambda t: 400 if t > 1.5 else None],
        fps=30,
        seconds=3,
        heights=[400, 100],
    )
    assert _labels(_track(frames, 30)) == [{0}, {1}]


@pytest.mark.parametrize("fps", [5, 30])
def test_first_frames_belong_to_their_track(fps: float) -> None:
    """The online tracker names nobody in their first frame; that frame must not be lost."""
    frames = _clip([lambda _: 300, lambda t: 900 if t >= 1 else None], fps=fps, seconds=3)
    keypoints = _track(frames, fps)
    assert keypoints.present[0].tolist() == [True, False]
    assert keypoints.present.sum(axis=0).tolist() == [len(frames), len(frames) - round(fps)]


def test_a_frame_without_people_stays_a_frame() -> None:
    frames = _clip([lambda t: None if 0.5 < t < 0.8 else 300], fps=30, seconds=1.5)
    keypoints = _track(frames, 30)
    assert keypoints.data.shape == (45, 1, 17, 3)
    assert keypoints.frame_index.tolist() == list(range(45))
    assert np.allclose(keypoints.timestamps, np.arange(45) / 30)
    assert np.isnan(keypoints.boxes[20]).all()
    assert np.array_equal(keypoints.data[20, 0, :, 2], np.zeros(17))


def test_frames_all_empty() -> None:
    keypoints = _track(_clip([], fps=30, seconds=1), 30)
    assert keypoints.data.shape == (30, 0, 17, 3)


def test_sightings_in_parts_are_those_of_the_whole() -> None:
    frames = _clip([lambda _: 300, lambda t: 900 if t >= 0.2 else None], fps=30, seconds=1)
    frames.insert(7, _poses(7, 0.2167, []))
    ids = [np.arange(len(frame)) for frame in frames]
    looks = [np.full((len(frame), 6), float(n)) for n, frame in enumerate(frames)]
    whole = Sightings.of(frames, ids, looks)
    cuts = (slice(0, 7), slice(7, 8), slice(8, None))
    parts = [Sightings.of(frames[one], ids[one], looks[one]) for one in cuts]
    for name, values in vars(Sightings.joined(parts)).items():
        np.testing.assert_array_equal(values, getattr(whole, name))
    assert Sightings.joined([Sightings.of(frames, ids)] * 2).looks is None


def test_a_single_picture_keeps_its_people() -> None:
    keypoints = _track([_poses(0, 0.0, [(0, 900.0, HEIGHT), (1, 300.0, HEIGHT)])], 30)
    assert keypoints.track_ids.tolist() == [1, 2]
    assert _labels(keypoints) == [{1}, {0}]  # from left to right


def test_ghosts_are_dropped_unless_wanted() -> None:
    frames = _clip([lambda _: 300, lambda t: 900 if 1 <= t < 1.2 else None], fps=30, seconds=3)
    assert _labels(_track(frames, 30)) == [{0}]
    assert _labels(_track(frames, 30, min_seconds=0.1)) == [{0}, {1}]


@pytest.mark.parametrize(("clip", "enough"), [(90, 8), (16, 8), (15, 8), (9, 5), (1, 1)])
def test_a_track_needs_that_many_frames(clip: int, enough: int) -> None:
    """0.3 seconds of 25 frames each, or half of a clip, both rounded up."""
    for there in (enough - 1, enough):
        frames = [_poses(n, n / 25, [(0, 300, HEIGHT)] if n < there else []) for n in range(clip)]
        ids = [np.zeros(len(frame), int) for frame in frames]
        people = Sightings.of(frames, ids)
        found = build_keypoints(people, skeleton=COCO17, fps=25, size=SIZE)
        assert len(found.track_ids) == (there == enough)


def test_a_short_clip_keeps_its_people() -> None:
    assert len(_track(_clip([lambda _: 300], fps=30, seconds=0.1), 30).track_ids) == 1


def test_ids_follow_first_appearance() -> None:
    late = [lambda t, start=start: 200 + 300 * start if t >= start else None for start in (2, 0, 1)]
    assert _labels(_track(_clip(late, fps=30, seconds=4), 30)) == [{1}, {2}, {0}]


def test_online_ids_go_with_the_rows() -> None:
    """Rows are shuffled in every frame, and the library may reorder them again."""
    tracker = Tracker(30)
    seen: dict[int, set[int]] = {0: set(), 1: set(), 2: set()}
    for frame in _clip([lambda _: 200, lambda _: 600, lambda _: 1000], fps=30, seconds=1):
        ids = tracker.update(frame)
        assert ids.dtype == np.int64
        for row, number in enumerate(ids.tolist()):
            if frame.index:
                seen[int(frame.keypoints[row, 0, 0])].add(number)
            else:
                assert number == -1
    assert all(len(numbers) == 1 for numbers in seen.values())
    assert len(set.union(*seen.values())) == 3


def test_uneven_time_stamps_count_in_seconds() -> None:
    """Away for a second in five frames or in thirty: the same person."""
    times = np.concatenate([np.arange(30) / 30, [1.4, 2.0], 2.5 + np.arange(30) / 30])
    frames = [
        _poses(i, float(t), [] if 1.4 <= t <= 2.0 else [(0, 400 + 100 * t, HEIGHT)])
        for i, t in enumerate(times)
    ]
    assert _track(frames, 30).track_ids.tolist() == [1]


@pytest.mark.parametrize("name", ["min_seconds", "relink_seconds"])
@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf")])
def test_seconds_outside_their_rule(name: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"{name} must be 0 or more seconds"):
        _track(_clip([lambda _: 300], fps=30, seconds=0.2), 30, **{name: value})


def test_sightings_in_any_order_become_those_of_people() -> None:
    rng = np.random.default_rng(0)
    frame, person = np.array([2, 0, 3, 1, 1]), np.array([1, 0, 0, 1, -1])
    points, boxes = rng.random((5, 17, 3)), rng.random((5, 4))
    clip = np.arange(4)
    people = Sightings(clip / 30, 10 + clip, frame, person, boxes, points)
    found = gathered(
        people, person, track_ids=clip[:2], skeleton=COCO17, fps=30, size=SIZE, cuts=NO_CUTS
    )
    data, around = found.data, found.boxes
    assert found.frame_index.tolist() == [10, 11, 12, 13]
    frame, person, points, boxes = (one[:4] for one in (frame, person, points, boxes))
    assert data.shape == (4, 2, 17, 3)
    assert around.shape == (4, 2, 4)
    np.testing.assert_allclose(data[frame, person], points, rtol=1e-6)
    np.testing.assert_allclose(around[frame, person], boxes, rtol=1e-6)
    nobody = np.ones((4, 2), np.bool_)
    nobody[frame, person] = False
    assert np.isnan(data[nobody][..., :2]).all()
    assert (data[nobody][..., 2] == 0).all()
    assert np.isnan(around[nobody]).all()
