"""Who is chosen, what is repaired, and what a result says about its tracks."""

from __future__ import annotations

from dataclasses import asdict, replace

import numpy as np
import pytest

from mbcli.options import InferOptions
from mbcli.placing.ties import COLUMNS, TIES
from mbcli.skeleton import COCO17
from mbcli.tracks.detection import Detection, chosen_and_mended
from mbcli.tracks.from_pictures import discounted
from mbcli.tracks.seen import Seen, packed, unpacked
from mbcli.types import FloatArray, FramePoses, Keypoints2D

KNEES = [COCO17.index("left_knee"), COCO17.index("right_knee")]
NOSE = COCO17.index("nose")


def three_people() -> Keypoints2D:
    """20 frames of three who stand, the second in 4 to 18 alone, with faults in the first.

    In frame 6, the knees of the first are swapped; in frame 12, the nose is missing.
    """
    data = np.full((20, 3, 17, 3), 0.9)
    for person in range(3):
        left = np.array([name.startswith("left_") for name in COCO17.joints])
        data[:, person, :, 0] = 200 * person + 60 * left + 2 * np.arange(20)[:, None]
        data[:, person, :, 1] = 50 + 20 * np.arange(17)
    data[:, 2, :, :2] *= 0.5
    data[6, 0, KNEES] = data[6, 0, KNEES[::-1]]
    data[12, 0, NOSE] = np.nan, np.nan, 0
    for away in (slice(0, 4), slice(10, 11), slice(19, 20)):
        data[away, 1] = np.nan, np.nan, 0
    boxes = np.concatenate([data[..., :2].min(axis=2), data[..., :2].max(axis=2)], axis=-1)
    boxes[12, 0] = boxes[11, 0]
    return Keypoints2D(
        data=data,
        skeleton=COCO17,
        fps=30.0,
        timestamps=np.arange(20) / 30,
        size=(640, 480),
        track_ids=np.array([3, 5, 8]),
        boxes=boxes,
        frame_index=100 + np.arange(20),
        cuts=np.array([110]),
    )


def counts(options: InferOptions) -> tuple[int, int]:
    """How many pairs are swapped back, and how many keypoints bridged."""
    everybody = three_people()
    keypoints, account = chosen_and_mended(everybody, options)
    changed = np.argwhere((keypoints.data != everybody.data).any(axis=-1)).tolist()
    changed = [place for place in changed if np.isfinite(keypoints.data[tuple(place)]).all()]
    expected = []
    if account.get("swapped"):
        expected += [[6, 0, knee] for knee in KNEES]
    if account.get("bridged"):
        assert np.isnan(everybody.data[12, 0, NOSE, 0])
        expected += [[12, 0, NOSE]]
    assert changed == expected
    return account.get("swapped", 0), account.get("bridged", 0)


def test_faults_are_repaired_unless_that_is_switched_off() -> None:
    assert counts(InferOptions()) == (1, 1)
    assert counts(InferOptions(fix_swaps=False)) == (0, 1)
    assert counts(InferOptions(bridge=False)) == (1, 0)
    assert counts(InferOptions(fix_swaps=False, bridge=False)) == (0, 0)
    # The published inference repairs nothing.
    assert counts(InferOptions(compat="motionbert")) == (0, 0)


@pytest.mark.parametrize(
    ("person", "ids"),
    [("all", [3, 5, 8]), ("largest", [3]), ("8", [8]), ("8,3", [8, 3]), ("3,5,8", [3, 5, 8])],
)
def test_people_are_chosen_and_keep_their_numbers(person: str, ids: list[int]) -> None:
    everybody = three_people()
    chosen, _ = chosen_and_mended(everybody, InferOptions(person=person, fix_swaps=False))
    assert chosen.track_ids.tolist() == ids
    known = everybody.track_ids.tolist()
    for column, number in enumerate(ids):
        np.testing.assert_array_equal(
            chosen.boxes[:, column], everybody.boxes[:, known.index(number)]
        )


def test_metadata_of_tracks() -> None:
    options = InferOptions(person="3,5", every=2)
    found = Detection(
        three_people(),
        "walk.mp4",
        "movenet",
        pose2d={"reason": "small"},
        weights=({"sha256": "1"},),
        mended={"swapped": 2},
        warnings=("late",),
        damaged=(103,),
        interpolated=(102,),
    )
    meta = found.meta(options, "mbcli infer")
    assert meta.pop("version")
    assert meta == {
        "command": "mbcli infer",
        "source": "walk.mp4",
        "options": asdict(options),
        "backend": "movenet",
        "pose2d": {"reason": "small"},
        "mended": {"swapped": 2},
        "weights": [{"sha256": "1"}],
        # The absence in frame 10 is within the track.
        "tracks": [
            {"id": 3, "frames": 20, "first": 0, "last": 19},
            {"id": 5, "frames": 14, "first": 4, "last": 18},
            {"id": 8, "frames": 20, "first": 0, "last": 19},
        ],
        "cuts": [110],
        "damaged_frames": [103],
        "interpolated_frames": [102],
        "warnings": ["late"],
    }


def test_keypoints_of_damaged_frames_count_half() -> None:
    before = three_people()
    after = discounted(before, {103, 119, 120, 5})
    expected = np.array(before.data)
    expected[[3, 19], ..., 2] /= 2
    np.testing.assert_allclose(after.data, expected)
    for none in ((), (5, 120)):
        assert discounted(before, none) is before


def seen_in(index: int, people: int, cut: bool) -> Seen:
    rng = np.random.default_rng(index)
    boxes: FloatArray = rng.uniform(0, 100, (people, 4)).astype(np.float32)
    poses = FramePoses(index, index / 30, boxes, rng.uniform(0, 1, (people, 17, 3)))
    looks = rng.uniform(0, 100, (people, 6)).astype(np.float32)
    return Seen(poses, looks, cut, index % 3 > 0, rng.uniform(0, 9, (TIES, COLUMNS)))


@pytest.mark.parametrize("people", [(2, 0, 1, 3), (0, 0), (1,), (0,)])
def test_what_was_seen_comes_back_from_its_arrays(people: tuple[int, ...]) -> None:
    frames = [seen_in(10 + 2 * n, count, n == 1) for n, count in enumerate(people)]
    state = {"boxes": np.arange(8.0).reshape(2, 4), "state_": np.zeros(1)}
    view = {"view": np.eye(3), "state_": np.ones(2)}
    again, state_again, view_again = unpacked(packed(frames, state, view))
    for before, after in ((state, state_again), (view, view_again)):
        assert after.keys() == before.keys()
        for name, value in before.items():
            np.testing.assert_array_equal(after[name], value)
    assert len(again) == len(frames)
    for one, other in zip(again, frames, strict=True):
        assert (one.poses.index, one.poses.time, one.cut, one.looked) == (
            other.poses.index,
            other.poses.time,
            other.cut,
            other.looked,
        )
        np.testing.assert_array_equal(one.poses.boxes, other.poses.boxes)
        np.testing.assert_array_equal(one.poses.keypoints, other.poses.keypoints)
        np.testing.assert_array_equal(one.looks, other.looks)
        np.testing.assert_array_equal(one.ties, other.ties)


def test_all_people_of_a_clip_without_faults_stay_the_same_object() -> None:
    clean = replace(three_people(), data=three_people().data[[0] * 20])
    assert chosen_and_mended(clean, InferOptions())[0] is clean
