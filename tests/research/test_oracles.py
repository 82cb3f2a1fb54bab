from __future__ import annotations

import numpy as np
import pytest

from mbcli.skeleton import H36M17
from research.oracles import ORACLES, bones, from_bones

RNG = np.random.default_rng(0)


def _poses() -> np.ndarray:
    poses = RNG.normal(size=(5, 17, 3))
    return poses - poses[:, :1]


def _lengths(poses: np.ndarray) -> np.ndarray:
    return np.linalg.norm(bones(poses), axis=-1)


def test_poses_come_back_from_their_bones() -> None:
    poses = _poses()
    assert np.allclose(from_bones(bones(poses)), poses)


@pytest.mark.parametrize("name", ORACLES)
def test_the_truth_does_not_change_the_truth(name: str) -> None:
    still = np.repeat(_poses()[:1], 5, axis=0)
    assert np.allclose(ORACLES[name](still, still), still)


def test_what_each_replaces() -> None:
    truth = np.repeat(_poses()[:1], 5, axis=0)
    ours = truth + RNG.normal(scale=0.05, size=truth.shape)
    ours -= ours[:, :1]
    found = {name: oracle(ours, truth) for name, oracle in ORACLES.items()}
    assert np.array_equal(found["every joint's depth"][..., 2], truth[..., 2])
    signs = np.sign(bones(truth)[..., 2])
    assert np.array_equal(np.sign(bones(found["which end of each bone is nearer"])[..., 2]), signs)
    assert np.allclose(_lengths(found["bone lengths, our directions"]), _lengths(truth))
    both = found["bone lengths and nearer ends"]
    assert np.allclose(both[..., :2], ours[..., :2])
    short = np.linalg.norm(bones(ours)[..., :2], axis=-1) < _lengths(truth)
    assert np.allclose(_lengths(both)[short], _lengths(truth)[short])
    elbow, wrist = H36M17.index("left_elbow"), H36M17.index("left_wrist")
    arms = found["both arms"]
    assert np.allclose(arms[:, wrist] - arms[:, elbow], truth[:, wrist] - truth[:, elbow])
    knee = H36M17.index("left_knee")
    assert np.allclose(arms[:, knee], ours[:, knee])


def test_a_wrong_pitch_is_undone() -> None:
    truth = _poses()
    s, c = np.sin(0.2), np.cos(0.2)
    turned = truth @ np.array([[1, 0, 0], [0, c, s], [0, -s, c]])
    assert np.allclose(ORACLES["the camera's pitch"](turned, truth), truth)
