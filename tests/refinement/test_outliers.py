from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from motions import walking

from mbcli.refinement.outliers import _largest_set, find_outliers
from mbcli.skeleton import H36M17, Skeleton

WRIST, ELBOW, KNEE = (H36M17.index(name) for name in ("left_wrist", "left_elbow", "right_knee"))


def found(positions: np.ndarray, root: np.ndarray | None = None, fps: float = 30.0) -> list:
    """[frame, joint] of outliers, the root as joint -1."""
    root = np.zeros((len(positions), 3)) if root is None else root
    joints, jumped = find_outliers(positions, root, np.arange(len(positions)) / fps, H36M17)
    return np.argwhere(joints).tolist() + [[int(frame), -1] for frame in np.flatnonzero(jumped)]


def body(frames: int = 90, fps: float = 30.0) -> np.ndarray:
    return walking(frames, fps=fps).positions[:, 0].astype(np.float64)


@pytest.mark.parametrize("fps", [10.0, 30.0, 60.0, 120.0])
def test_a_walk_has_none(fps: float) -> None:
    motion = walking(90, fps=fps)
    assert found(motion.positions[:, 0], motion.root[:, 0], fps) == []


def test_noise_of_the_network_is_none() -> None:
    positions = body() + np.random.default_rng(1).normal(0, 0.015, (90, 17, 3))
    assert found(positions) == []


def test_jumps_there_and_back() -> None:
    positions = body()
    positions[20, WRIST] += [0.6, 0, 0]
    positions[50:53, KNEE] += [0, 0.3, 0.3]
    assert found(positions) == [[20, WRIST], [50, KNEE], [51, KNEE], [52, KNEE]]


def test_of_a_joint_and_its_bones_only_the_joint() -> None:
    """A wrong elbow makes two bones too long; wrist and shoulder are right."""
    positions = body(fps=10)
    positions[20:22, ELBOW] += [0.4, 0, 0]
    assert found(positions, fps=10) == [[20, ELBOW], [21, ELBOW]]


def test_a_bone_that_shrinks() -> None:
    """Too slow to be a jump."""
    positions = body()
    shrink = np.ones(90)
    shrink[30:50] = 1 - 0.8 * np.sin(np.linspace(0, np.pi, 20))
    bone = positions[:, WRIST] - positions[:, ELBOW]
    positions[:, WRIST] = positions[:, ELBOW] + bone * shrink[:, None]
    expected = [[int(f), WRIST] for f in np.flatnonzero(shrink < 0.65)]
    assert found(positions) == expected


def test_a_track_that_jumps_once_loses_little() -> None:
    """From one frame to the next the person faces the other way, and goes on so."""
    positions = body()
    positions[60:, :, [0, 2]] *= -1
    frames = {frame for frame, _ in found(positions)}
    assert frames
    assert frames <= set(range(56, 64))


def test_the_root() -> None:
    motion = walking(90)
    root = motion.root[:, 0].astype(np.float64)
    root[40] += [0, 0, 2]
    assert found(body(), root) == [[40, -1]]


def test_gaps_and_short_tracks() -> None:
    positions = body()
    positions[10:20] = np.nan
    assert found(positions) == []
    for frames in range(4):
        assert found(positions[:frames]) == []
    assert found(np.full((9, 17, 3), np.nan), np.full((9, 3), np.nan)) == []
    # A person without any extent has no bones to be of a wrong length.
    assert found(np.zeros((9, 17, 3))) == []


@pytest.mark.parametrize(("speed", "out"), [(9.5, False), (10.5, True)])
def test_a_pelvis_may_run_at_ten_metres_a_second(speed: float, out: bool) -> None:
    root = np.zeros((90, 3))
    root[40] = [speed / 30, 0, 0]
    assert found(body(), root) == ([[40, -1]] if out else [])


@pytest.mark.parametrize(("share", "out"), [(0.97, False), (1.03, True)])
def test_a_joint_may_be_as_fast_as_its_bones_turn(share: float, out: bool) -> None:
    """8 radians a second in every bone from the pelvis, and 1.5 m/s on top."""
    positions = np.repeat(body()[:1], 90, axis=0)
    chain = [H36M17.index(name) for name in ("pelvis", "spine", "thorax", "left_shoulder")]
    chain += [ELBOW, WRIST]
    reach = np.linalg.norm(np.diff(positions[0, chain], axis=0), axis=-1).sum()
    # Along a circle about the elbow, so that the bones keep their lengths.
    arm = positions[0, WRIST] - positions[0, ELBOW]
    way = share * (8 * reach + 1.5) / 30
    angle = 2 * np.arcsin(way / 2 / np.linalg.norm(arm))
    side = np.cross(arm, [0.0, 0.0, 1.0])
    side *= np.linalg.norm(arm) / np.linalg.norm(side)
    positions[40, WRIST] = positions[0, ELBOW] + np.cos(angle) * arm + np.sin(angle) * side
    assert found(positions) == ([[40, WRIST]] if out else [])


@pytest.mark.parametrize(
    ("share", "out"), [(1.30, False), (0.70, False), (1.40, True), (0.6, True)]
)
def test_bones_may_be_off_by_a_third(share: float, out: bool) -> None:
    positions = np.repeat(body()[:1], 90, axis=0)
    shank = positions[0, KNEE + 1] - positions[0, KNEE]
    positions[40:60, KNEE + 1] = positions[0, KNEE] + share * shank
    wrong = [[frame, KNEE + 1] for frame in range(40, 60)]
    assert found(positions) == (wrong if out else [])


def test_short_bones_may_be_off_by_six_centimetres() -> None:
    for metres, out in ((0.05, False), (0.07, True)):
        positions = np.repeat(body()[:1], 90, axis=0)
        nose, head = H36M17.index("nose"), H36M17.index("head")
        bone = positions[0, head] - positions[0, nose]
        bone /= np.linalg.norm(bone)
        positions[:, head] = positions[0, nose] + 0.1 * bone
        positions[40:50, head] = positions[0, nose] + (0.1 + metres) * bone
        assert bool(found(positions)) == out


@pytest.mark.parametrize(("speed", "out"), [(22.5, False), (25.5, True)])
def test_a_fast_track_may_be_as_fast_as_it_usually_is(speed: float, out: bool) -> None:
    """12 m/s and 8 robust standard deviations of 1.48 m/s, which is 23.9 m/s."""
    steps = np.random.default_rng(0).permutation(np.linspace(10, 14, 90))
    steps[40] = speed
    root = np.zeros((90, 3))
    root[:, 0] = np.cumsum(steps) / 30
    assert bool(found(body(), root)) == out


def test_a_bone_counts_by_how_far_it_is_off_in_its_own_measure() -> None:
    """Short bones may be off by 6 cm, long ones by 35 %; the first is off three times that."""
    chain = Skeleton("chain", ("a", "b", "c", "d"), (-1, 0, 1, 2))
    ends = np.array([0.0, 0.1, 0.4, 0.9])
    positions = np.zeros((60, 4, 3))
    positions[:, :, 0] = ends
    positions[20:23, :, 0] = ends + np.cumsum([0, 0.18, 0.15, 0.25])
    joints, _ = find_outliers(positions, np.zeros((60, 3)), np.arange(60) / 3, chain)
    assert np.argwhere(joints).tolist() == [[f, j] for f in (20, 21, 22) for j in (1, 3)]


@pytest.mark.parametrize("seed", range(15))
def test_the_set_that_is_kept_is_the_largest(seed: int) -> None:
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.uniform(0.02, 0.3, 60))
    points = np.cumsum(rng.normal(0, 0.1, (60, 3)), axis=0)
    wild = rng.random(60) < (0.1, 0.5)[seed % 2]
    if seed >= 12:  # for longer than a second
        wild[10 * (seed - 11) : 10 * (seed - 11) + 15] = True
    points[wild] += rng.normal(0, 3, (int(wild.sum()), 3))
    kept = np.flatnonzero(_largest_set(points, times, 2.0))

    def reached(a: int, b: int) -> bool:
        passed = times[b] - times[a]
        return bool(np.linalg.norm(points[a] - points[b]) <= 2.0 * passed or passed > 1.0)

    assert all(reached(a, b) for a, b in pairwise(kept.tolist()))
    longest = np.ones(60, dtype=int)
    for b in range(60):
        longest[b] = 1 + max((longest[a] for a in range(b) if reached(a, b)), default=0)
    assert len(kept) == longest.max()
