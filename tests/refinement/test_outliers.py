from __future__ import annotations

import numpy as np
import pytest
from motions import walking

from mbcli.refinement.outliers import find_outliers
from mbcli.skeleton import H36M17

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
