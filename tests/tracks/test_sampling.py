"""Which frames of fast videos are looked at, and what is filled in between."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from mbcli.skeleton import COCO17
from mbcli.tracks.sampling import filled, sampled, stride
from mbcli.types import FloatArray, Frame, Keypoints2D

PICTURE = np.zeros((2, 2, 3), np.uint8)


@pytest.mark.parametrize(
    ("fps", "rate", "every"),
    [
        (60, 30, 2),
        (59.94, 30, 2),
        (50, 30, 2),
        (100, 30, 3),
        (240, 30, 8),
        (30, 30, 1),
        (44, 30, 1),
        (60, 0, 1),
        (60, 60, 1),
        (60, 15, 4),
    ],
)
def test_every_second_or_further_frame_of_a_fast_video(fps: float, rate: float, every: int) -> None:
    assert stride(fps, rate) == every


def looked(
    times: Sequence[float] | FloatArray, fps: float = 60, cuts: Sequence[int] = ()
) -> list[int]:
    frames = [Frame(n, time, PICTURE, n in cuts) for n, time in enumerate(times)]
    found = list(sampled(frames, fps, stride(fps, 30)))
    assert [frame.index for frame, _ in found] == list(range(len(times)))
    return [frame.index for frame, look in found if look]


def test_frames_are_as_far_apart_as_the_rate_says() -> None:
    assert looked(np.arange(9) / 60) == [0, 2, 4, 6, 8]
    assert looked(np.arange(9) / 120, 120) == [0, 4, 8]
    assert looked(np.arange(4) / 30, 30) == [0, 1, 2, 3]


def test_the_last_frame_is_looked_at() -> None:
    assert looked(np.arange(8) / 60) == [0, 2, 4, 6, 7]
    assert looked([0.0]) == [0]


def test_time_stamps_in_milliseconds_do_not_shift_it() -> None:
    assert looked(np.round(np.arange(9) / 60, 3)) == [0, 2, 4, 6, 8]


@pytest.mark.parametrize(("cut", "frames"), [(4, [0, 2, 3, 4, 6]), (5, [0, 2, 4, 5, 6])])
def test_the_last_frame_of_a_shot_and_the_first_of_the_next_are_looked_at(
    cut: int, frames: list[int]
) -> None:
    assert looked(np.arange(7) / 60, cuts=[cut]) == frames


def test_the_frames_about_a_pause_are_looked_at() -> None:
    times = np.arange(8) / 60
    times[4:] += 2
    assert looked(times) == [0, 2, 3, 4, 6, 7]


def test_a_run_that_goes_on_looks_at_the_frames_of_an_unbroken_one() -> None:
    frames = [Frame(n, n / 60, PICTURE, n == 6) for n in range(12)]
    whole = [(frame.index, look) for frame, look in sampled(frames, 60, 2)]
    for start in range(1, 12):
        last = max(index for index, look in whole[:start] if look)
        rest = sampled(frames[start:], 60, 2, frames[last].time)
        assert [(frame.index, look) for frame, look in rest] == whole[start:]


def moving(times: np.ndarray) -> np.ndarray:
    """(t, 17, 3) joints on lines, sure."""
    rate = np.arange(17)[:, None] * (1.0, -2.0)
    t = np.asarray(times)[:, None, None]
    return np.concatenate([100 + rate * t, np.full((len(times), 17, 1), 0.8)], axis=-1)


def tracks(data: np.ndarray, times: np.ndarray, numbers: np.ndarray) -> Keypoints2D:
    there = np.isfinite(data[..., 0]).any(axis=-1)  # (t, P)
    boxes = np.where(there[..., None], (10.0, 20.0, 30.0, 60.0), np.nan)
    return Keypoints2D(
        data=data,
        skeleton=COCO17,
        fps=30,
        timestamps=times[numbers],
        size=(640, 480),
        track_ids=np.arange(1, 1 + data.shape[1]),
        boxes=boxes,
        frame_index=numbers,
    )


def test_between_frames_people_are_where_their_movement_leads() -> None:
    times = np.cumsum([0.0, 0.02, 0.01, 0.02, 0.02, 0.01, 0.02, 0.02, 0.015])
    numbers = np.array([0, 2, 4, 6, 8])
    true = moving(times)
    before = tracks(true[numbers][:, None], times, numbers)
    after = filled(before, times, np.arange(9), 60)
    assert np.array_equal(after.data[numbers], before.data)
    assert np.abs(after.data[:, 0] - true).max() < 1e-4
    assert after.fps == 60
    assert np.array_equal(after.timestamps, times)
    assert np.array_equal(after.frame_index, np.arange(9))
    assert np.allclose(after.boxes, (10, 20, 30, 60))


def test_nobody_begins_earlier_or_ends_later_or_is_filled_in_while_away() -> None:
    times, numbers = np.arange(13) / 60, np.arange(0, 13, 2)
    data = np.stack([moving(times[numbers])] * 2, axis=1)
    data[[0, 5, 6], 0] = np.nan, np.nan, 0  # in frames 2 to 8
    data[3, 1] = np.nan, np.nan, 0  # away in frame 6
    after = filled(tracks(data, times, numbers), times, np.arange(13), 60)
    assert np.flatnonzero(after.present[:, 0]).tolist() == [2, 3, 4, 5, 6, 7, 8]
    assert np.flatnonzero(after.present[:, 1]).tolist() == [0, 1, 2, 3, 4, 8, 9, 10, 11, 12]
    assert np.isnan(after.boxes[[5, 6, 7], 1]).all()


def test_a_keypoint_is_as_sure_as_the_less_sure_of_its_neighbours() -> None:
    times, numbers = np.arange(5) / 60, np.array([0, 2, 4])
    data = moving(times[numbers])[:, None]
    data[1, 0, 3, 2] = 0.25
    data[1, 0, 4] = np.nan, np.nan, 0
    after = filled(tracks(data, times, numbers), times, np.arange(5), 60)
    assert after.data[:, 0, 3, 2] == pytest.approx([0.8, 0.25, 0.25, 0.25, 0.8])
    assert np.isnan(after.data[1:4, 0, 4, :2]).all()
    assert (after.data[1:4, 0, 4, 2] == 0).all()


def test_somebody_who_is_never_seen_stays_so() -> None:
    times, numbers = np.arange(5) / 60, np.array([0, 2, 4])
    data = np.stack([moving(times[numbers])] * 2, axis=1)
    data[:, 0] = np.nan, np.nan, 0
    after = filled(tracks(data, times, numbers), times, np.arange(5), 60)
    assert after.present.sum(axis=0).tolist() == [0, 5]
