from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from mbcli.skeleton import COCO17, HALPE26, Skeleton
from mbcli.tracks.repair import MendOptions, mend
from mbcli.types import FloatArray, Keypoints2D

BODY = 300.0  # pixels
LEGS = ("hip", "knee", "ankle")
ARMS = ("shoulder", "elbow", "wrist")
Array = npt.NDArray[np.float64]


def _limb(start: Array, angles: tuple[Array, Array], lengths: tuple[float, float]) -> list[Array]:
    """Middle and end of a limb (T, 2) from the angles of its bones to the vertical."""
    points = [start]
    for angle, length in zip(angles, lengths, strict=True):
        step = BODY * length * np.stack([np.sin(angle), np.cos(angle)], axis=-1)
        points.append(points[-1] + step)
    return points[1:]


def _tracks(data: Array, times: FloatArray, skeleton: Skeleton = COCO17) -> Keypoints2D:
    frames, people = data.shape[:2]
    return Keypoints2D(
        data=data,
        skeleton=skeleton,
        fps=(frames - 1) / (times[-1] - times[0]) if frames > 1 else 30.0,
        timestamps=times,
        size=(1920, 1080),
        track_ids=np.arange(1, people + 1),
        boxes=np.full((frames, people, 4), np.nan),
        frame_index=np.arange(frames),
    )


def _walk(
    fps: float,
    *,
    seconds: float = 4.0,
    stride: float = 1.1,
    swing: float = 0.5,
    noise: float = 0.0,
    seed: int = 0,
    uneven: bool = False,
) -> Keypoints2D:
    """Somebody seen from the side who walks past; legs and arms cross twice a stride."""
    rng = np.random.default_rng(seed)
    frames = round(fps * seconds)
    steps = rng.uniform(0.6, 1.4, frames) if uneven else np.ones(frames)
    times = np.cumsum(steps) / fps
    middle = np.stack([300 + 0.4 * BODY * times, np.full(frames, 400.0)], axis=-1)
    joints = {"nose": middle + BODY * np.array([0.08, -0.38])}
    for side, phase, depth in (("left", 0.0, 1.0), ("right", np.pi, -1.0)):
        turn = 2 * np.pi * times / stride + phase
        thigh = swing * np.sin(turn)
        shank = thigh - 0.9 * np.maximum(0, np.cos(turn))
        away = BODY * np.array([0.01 * depth, 0.0])
        hip, shoulder = middle + away, middle + 2 * away + BODY * np.array([0, -0.29])
        knee, ankle = _limb(hip, (thigh, shank), (0.25, 0.25))
        elbow, wrist = _limb(shoulder, (-0.8 * thigh, 0.3 - 0.8 * thigh), (0.17, 0.15))
        eye, ear = (middle + away + BODY * np.array(at) for at in ((0.05, -0.4), (0, -0.39)))
        found = {"hip": hip, "knee": knee, "ankle": ankle, "shoulder": shoulder, "elbow": elbow}
        found |= {"wrist": wrist, "eye": eye, "ear": ear}
        joints |= {f"{side}_{name}": place for name, place in found.items()}
    data = np.full((frames, 1, len(COCO17), 3), 0.8)
    data[:, 0, :, :2] = np.stack([joints[name] for name in COCO17.joints], axis=1)
    data[..., :2] += rng.normal(scale=noise * BODY, size=data[..., :2].shape)
    return _tracks(data, times)


def _still(frames: int = 30, fps: float = 30.0) -> Keypoints2D:
    """Somebody who stands and is moved along by 2 pixels a frame."""
    walk = _walk(fps, seconds=frames / fps)
    data = np.repeat(walk.data[10:11], frames, axis=0).astype(np.float64)
    data[..., 0] += 2.0 * np.arange(frames)[:, None, None]
    return _tracks(data, np.arange(frames) / fps)


def _edited(
    keypoints: Keypoints2D, edits: Mapping[tuple[int, str], tuple[float, ...]]
) -> Keypoints2D:
    """With (x, y, confidence) put in for the first person at (frame, joint)."""
    data = np.array(keypoints.data)
    for (frame, joint), value in edits.items():
        data[frame, 0, keypoints.skeleton.index(joint)] = value
    return replace(keypoints, data=data)


def _swapped(keypoints: Keypoints2D, frames: list[int], names: tuple[str, ...]) -> Keypoints2D:
    data = np.array(keypoints.data)
    skeleton = keypoints.skeleton
    for name in names:
        left, right = skeleton.index(f"left_{name}"), skeleton.index(f"right_{name}")
        data[frames, :, left] = keypoints.data[frames, :, right]
        data[frames, :, right] = keypoints.data[frames, :, left]
    return replace(keypoints, data=data)


def _between(keypoints: Keypoints2D, name: str) -> Array:
    """(T, 2) body lengths from left to right of the first person."""
    left, right = (keypoints.skeleton.index(f"{side}_{name}") for side in ("left", "right"))
    return (keypoints.data[:, 0, right, :2] - keypoints.data[:, 0, left, :2]) / BODY


def _clear(keypoints: Keypoints2D, name: str, start: int, stop: int) -> bool:
    """Whether left and right are well apart, and on their sides, from start up to stop."""
    between = _between(keypoints, name)[start:stop]
    along = between @ between[0] / np.linalg.norm(between[0])
    return bool((along > 0.1).all())


def _widest(keypoints: Keypoints2D, start: int, stop: int) -> int:
    """The frame from start up to stop in which the ankles are furthest apart."""
    distance = np.linalg.norm(_between(keypoints, "ankle")[start:stop], axis=-1)
    return start + int(np.argmax(distance))


@pytest.mark.parametrize("fps", [5, 10, 30, 60, 120, 240])
@pytest.mark.parametrize(("stride", "swing"), [(1.1, 0.5), (0.7, 0.9), (0.6, 1.1)])
def test_legs_that_truly_cross_are_left_alone(fps: float, stride: float, swing: float) -> None:
    smooth = _walk(fps, stride=stride, swing=swing)
    # Left and right do trade places, or there would be nothing to be tempted by.
    across = smooth.data[:, 0, COCO17.index("left_ankle"), 0]
    across = across - smooth.data[:, 0, COCO17.index("right_ankle"), 0]
    assert np.count_nonzero(np.diff(np.sign(across))) >= 6
    assert mend(smooth) == (smooth, {})
    for seed in range(2):
        noisy = _walk(fps, stride=stride, swing=swing, noise=0.02, seed=seed, uneven=seed == 1)
        assert mend(noisy) == (noisy, {})


@pytest.mark.parametrize("fps", [10, 15, 30, 120])
@pytest.mark.parametrize("names", [LEGS, ARMS, ("ankle",), (*LEGS, *ARMS, "eye", "ear")])
def test_planted_swaps_are_undone(fps: int, names: tuple[str, ...]) -> None:
    """Every pair whose two joints lie apart during the moment and around it."""
    clean = _walk(fps, noise=0.003, uneven=fps > 15)
    frames = len(clean.timestamps)
    tried = 0
    for length in {1, max(1, int(0.1 * fps))}:
        for start in range(3, frames - length - 3, max(1, fps // 8)):
            moment = list(range(start, start + length))
            clear = [n for n in names if _clear(clean, n, start - 1, start + length + 1)]
            if not clear:
                continue
            tried += 1
            after, account = mend(_swapped(clean, moment, names))
            touched = np.any(after.data != clean.data, axis=(1, 3))  # (T, J)
            assert not np.delete(touched, moment, axis=0).any()
            assert not touched[:, [COCO17.index(f"left_{name}") for name in clear]].any()
            assert account["bridged"] == 0
    assert tried >= 10


def test_swaps_in_turns_with_good_frames_are_all_undone() -> None:
    clean = _walk(30)
    first = _widest(clean, 20, 50)
    planted = _swapped(clean, [first - 2, first, first + 2], ("knee", "ankle"))
    after, account = mend(planted)
    np.testing.assert_array_equal(after.data, clean.data)
    assert [row["frames"] for row in account["people"][0]["swapped"]] == [
        [first + shift] * 2 for shift in (-2, 0, 2)
    ]


def test_an_unsure_pair_follows_its_limb_next_to_its_own_swap() -> None:
    """The knees are seen well in the first of two swapped frames only."""
    clean = _walk(30)
    first = _widest(clean, 20, 50)
    data = np.array(clean.data)
    knees = [COCO17.index("left_knee"), COCO17.index("right_knee")]
    data[first + 1, 0, knees, 2] = 0.15
    clean = replace(clean, data=data)
    planted = _swapped(clean, [first, first + 1], ("knee", "ankle"))
    after, account = mend(planted, MendOptions(bridge=False))
    np.testing.assert_array_equal(after.data, clean.data)
    assert account["people"][0]["swapped"] == [
        {"frames": [first, first + 1], "part": "legs", "joints": ["knee", "ankle"]}
    ]


def test_what_lasts_longer_or_has_no_end_is_no_moment() -> None:
    clean = _walk(30)
    first = _widest(clean, 20, 50)
    for frames in (range(first, first + 8), range(first, len(clean.timestamps)), range(first)):
        planted = _swapped(clean, list(frames), ("ankle",))
        assert mend(planted) == (planted, {})
    # The same five frames, at 30 and at 15 a second.
    planted = _swapped(clean, list(range(first, first + 5)), ("ankle",))
    assert mend(planted)[1]["swapped"] == 5
    slower = replace(planted, timestamps=2 * planted.timestamps, fps=15)
    assert mend(slower) == (slower, {})


def test_a_swap_next_to_frames_without_the_person_is_undone() -> None:
    clean = _walk(60)
    first = _widest(clean, 40, 100)
    data = np.array(clean.data)
    data[[first - 2, first - 1, first + 1]] = (np.nan, np.nan, 0)
    clean = replace(clean, data=data)
    after, account = mend(_swapped(clean, [first], LEGS))
    assert account["people"][0]["swapped"][0]["frames"] == [first, first]
    # Neither is anybody put where nobody is.
    np.testing.assert_array_equal(after.present, clean.present)


def test_joints_of_a_custom_skeleton_are_recognized_by_their_sides() -> None:
    skeleton = Skeleton("dog", ("tail", "left_paw", "right_paw", "left_only"), (-1, 0, 0, 0))
    data = np.zeros((20, 1, 4, 3))
    data[..., 2] = 0.9
    data[:, 0, :, 0] = [0, 100, 160, 50]
    data[:, 0, :, 1] = [0, 200, 200, 90]
    data[:, 0, :, 0] += np.arange(20)[:, None]
    clean = _tracks(data, np.arange(20) / 30, skeleton)
    after, account = mend(_swapped(clean, [7], ("paw",)))
    np.testing.assert_array_equal(after.data, clean.data)
    assert account["people"][0]["swapped"] == [
        {"frames": [7, 7], "part": "other", "joints": ["paw"]}
    ]


def test_a_flicker_is_bridged_by_the_line_between_its_sightings() -> None:
    clean = _edited(_still(), {(9, "left_wrist"): (*_at(9, "left_wrist"), 0.6)})
    flicker = {
        (10, "left_wrist"): (900.0, 100.0, 0.1),
        (11, "left_wrist"): (np.nan, np.nan, 0.0),
        (12, "left_wrist"): (*_at(12, "left_wrist"), 0.2),
        (20, "nose"): (np.nan, np.nan, 0.0),
    }
    after, account = mend(_edited(clean, flicker))
    assert account == {
        "swapped": 0,
        "bridged": 4,
        "people": [
            {
                "track_id": 1,
                "bridged": [
                    {"frames": [10, 12], "joints": ["left_wrist"]},
                    {"frames": [20, 20], "joints": ["nose"]},
                ],
            }
        ],
    }
    assert json.loads(json.dumps(account)) == account
    np.testing.assert_allclose(after.data[..., :2], clean.data[..., :2], atol=1e-3)
    wrist = COCO17.index("left_wrist")
    # Half of what the less sure of the two sightings has.
    np.testing.assert_allclose(after.data[10:13, 0, wrist, 2], 0.3)
    assert after.data[20, 0, COCO17.index("nose"), 2] == pytest.approx(0.4)


def _at(frame: int, joint: str) -> tuple[float, float]:
    x, y, _ = _still().data[frame, 0, COCO17.index(joint)].tolist()
    return x, y


def _far(frame: int, joint: str, by: float, confidence: float) -> tuple[float, float, float]:
    x, y = _at(frame, joint)
    return x, y - by, confidence


@pytest.mark.parametrize(
    "edits",
    [
        pytest.param({(10, "left_wrist"): _far(10, "left_wrist", 60, 0.5)}, id="sure"),
        pytest.param({(10, "left_wrist"): _far(10, "left_wrist", 10, 0.1)}, id="near the line"),
        pytest.param(
            {(f, "left_wrist"): _far(f, "left_wrist", 200, 0.1) for f in range(10, 17)},
            id="too long",
        ),
        pytest.param(
            {(f, "left_wrist"): (np.nan, np.nan, 0.0) for f in range(10, 17)}, id="missing too long"
        ),
        pytest.param({(29, "left_wrist"): (np.nan, np.nan, 0.0)}, id="no sighting after"),
        pytest.param(
            {(10, "left_wrist"): _far(10, "left_wrist", 40, 0.1)}
            | {(f, "left_wrist"): _far(f, "left_wrist", 80, 0.8) for f in range(11, 30)},
            id="a move to somewhere else",
        ),
        pytest.param(
            {(10, "left_wrist"): _far(10, "left_wrist", -60, 0.1)}
            | {(f, "left_wrist"): _far(f, "left_wrist", 140, 0.8) for f in (9, 11)},
            id="the sightings are somebody else's hand",
        ),
    ],
)
def test_what_is_no_flicker_is_left_alone(
    edits: Mapping[tuple[int, str], tuple[float, ...]],
) -> None:
    edited = _edited(_still(), edits)
    assert mend(edited) == (edited, {})


def test_a_joint_torn_off_is_bridged_however_sure_the_detector_is() -> None:
    still = _still()
    torn = {(f, "left_wrist"): _far(f, "left_wrist", 300, 0.9) for f in (10, 11)}
    after, account = mend(_edited(still, torn))
    assert account["people"] == [
        {"track_id": 1, "bridged": [{"frames": [10, 11], "joints": ["left_wrist"]}]}
    ]
    np.testing.assert_allclose(after.data[..., :2], still.data[..., :2], atol=1e-3)


@pytest.mark.parametrize(("fps", "bridged"), [(5, 0), (10, 1), (30, 6), (60, 14), (120, 30)])
def test_bridges_are_measured_in_seconds(fps: int, bridged: int) -> None:
    still = _still(60, fps)
    for length in range(1, 35):
        gap = {(f, "left_knee"): (np.nan, np.nan, 0.0) for f in range(10, 10 + length)}
        account = mend(_edited(still, gap))[1]
        assert account.get("bridged", 0) == (length if length <= bridged else 0)


def test_an_unsure_joint_that_moves_away_and_back_by_and_by_is_left_alone() -> None:
    """By a fifth of the body within 0.2 seconds, but by no more than 0.03 from frame to frame."""
    still = _still(60, 120)
    wrist = COCO17.index("left_wrist")
    for away, bridged in ((60, 0), (200, 23)):
        data = np.array(still.data)
        data[20:43, 0, wrist, 1] -= away * np.sin(np.pi * np.arange(1, 24) / 24)
        data[20:43, 0, wrist, 2] = 0.1
        account = mend(replace(still, data=data))[1]
        assert account.get("bridged", 0) == bridged


@pytest.mark.parametrize("frame", [1, 28])
def test_a_flicker_beside_the_first_or_the_last_frame_is_bridged(frame: int) -> None:
    still = _still()
    after, account = mend(_edited(still, {(frame, "nose"): (np.nan, np.nan, 0.0)}))
    assert account["bridged"] == 1
    np.testing.assert_allclose(after.data[..., :2], still.data[..., :2], atol=1e-3)


def test_each_repair_can_be_switched_off() -> None:
    clean = _walk(30)
    frame = _widest(clean, 20, 50)
    both = _edited(_swapped(clean, [frame], LEGS), {(70, "nose"): (np.nan, np.nan, 0.0)})
    assert mend(both, MendOptions(fix_swaps=False, bridge=False)) == (both, {})
    after, account = mend(both, MendOptions(bridge=False))
    assert (account["swapped"], account["bridged"]) == (3, 0)
    assert not np.isfinite(after.data[70, 0, 0]).all()
    after, account = mend(both, MendOptions(fix_swaps=False))
    assert (account["swapped"], account["bridged"]) == (0, 1)
    np.testing.assert_array_equal(after.data[frame], both.data[frame])


def test_the_account_counts_in_frames_of_the_source() -> None:
    still = replace(_still(), frame_index=100 + 2 * np.arange(30), track_ids=np.array([7]))
    lost = {(f, "nose"): (np.nan, np.nan, 0.0) for f in (10, 11)}
    account = mend(_edited(still, lost))[1]
    assert account["people"] == [
        {"track_id": 7, "bridged": [{"frames": [120, 122], "joints": ["nose"]}]}
    ]


@pytest.mark.parametrize("seed", range(12))
def test_mending_twice_is_mending_once(seed: int) -> None:
    """On tracks so bad that one repair lays open the next."""
    rng = np.random.default_rng(seed)
    walk = _walk([10, 30, 60, 120][seed % 4], noise=[0.01, 0.03, 0.1][seed % 3], seed=seed)
    data = np.array(walk.data)
    data[..., 2] = rng.uniform(0, 1, data.shape[:3])
    data[rng.random(data.shape[:3]) < 0.1] = (np.nan, np.nan, 0)
    data[rng.random(len(data)) < 0.05] = (np.nan, np.nan, 0)
    once, account = mend(replace(walk, data=data))
    assert account["bridged"] >= 5
    assert mend(once) == (once, {})


@pytest.mark.parametrize(("frames", "people"), [(0, 0), (5, 0), (1, 1), (2, 1), (5, 1)])
def test_clips_with_nothing_to_compare_are_left_alone(frames: int, people: int) -> None:
    data = np.full((frames, people, 17, 3), np.nan)
    data[..., 2] = 0
    if people:
        data[0, 0, 0] = (10, 10, 0.9)  # a single joint has no size
    tracks = _tracks(data, np.arange(frames) / 30)
    assert mend(tracks) == (tracks, {})


def test_a_long_clip_takes_a_moment() -> None:
    walk = _walk(30, seconds=10_000 / 30, noise=0.005)
    rng = np.random.default_rng(0)
    data = np.repeat(np.concatenate([walk.data, walk.data], axis=1), 2, axis=2)[:, :, :26].copy()
    data[rng.random(data.shape[:3]) < 0.01] = (np.nan, np.nan, 0)
    tracks = _tracks(data, walk.timestamps, HALPE26)
    started = time.process_time()
    account = mend(tracks)[1]
    assert time.process_time() - started < 4  # 0.7 s on one core that does nothing else
    assert account["bridged"] > 4000
