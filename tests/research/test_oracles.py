from __future__ import annotations

import numpy as np
import pytest

from benchmarks.accuracy.heldout import Piece
from mbcli.skeleton import COCO17, H36M17
from mbcli.train.noise_model import NoiseModel
from research.oracles import INPUTS, ORACLES, Report, bones, from_bones

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


def test_what_stays_wrong_in_the_body_is_undone_wherever_it_turns() -> None:
    angles = np.linspace(0, 3, 60)
    c, s, zero, one = np.cos(angles), np.sin(angles), np.zeros(60), np.ones(60)
    turns = np.array([[c, zero, -s], [zero, one, zero], [s, zero, c]]).transpose(2, 0, 1)
    truth, ours = _poses()[:1], _poses()[:1]
    truth, ours = truth @ turns, ours @ turns
    for name in ("every bone's mean error, 1.35 s", "every bone's mean error, 16 s"):
        assert np.allclose(ORACLES[name](ours, truth), truth)
    # An error of a second is undone by short means better than by long ones.
    ours[:30] = truth[:30]
    short, long = (
        np.linalg.norm(ORACLES[f"every bone's mean error, {seconds} s"](ours, truth) - truth)
        for seconds in ("1.35", "4")
    )
    assert 0 < short < long < np.linalg.norm(ours - truth)


def _piece() -> Piece:
    seen = _poses()[:, [*range(17), 9, 9, 9, 9]] + RNG.normal(scale=0.02, size=(5, 21, 3))
    seen = np.repeat(seen, 20, axis=0) + np.array([0, 0, 8])
    return Piece("walk", "somebody", "walking", seen[:, :17] - seen[:, :1], {}, 1.7, seen)


@pytest.fixture(scope="module")
def report() -> Report:
    return _swapped()


def _swapped() -> Report:
    """The first whose sides are swapped at a time and right at another."""
    piece = _piece()
    for seed in range(1000):
        found = Report.drawn(piece, seed)
        wrong = _wrong_sided(found)
        if wrong.any() and not wrong.any(axis=1).all():
            return found
    raise AssertionError("no seed swaps sides")


def _wrong_sided(report: Report) -> np.ndarray:
    return np.any(report.sided[..., :2] != report.reported[..., :2], axis=-1)


def test_where_sides_were_right_nothing_else_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    # What is out of sight errs with the place, not with the name, and is left out here.
    noise = NoiseModel.read(None).model_copy(update={"unseen": (0.0,) * 17})
    monkeypatch.setattr("research.oracles._NOISE", noise)
    report = _swapped()
    wrong = _wrong_sided(report)
    assert np.array_equal(report.sided[~wrong], report.reported[~wrong])
    other = report.exact[:, list(COCO17.mirror)] - report.exact
    # The ordinary error is the same, about another place.
    moved = (report.reported - report.sided)[..., :2]
    assert np.allclose(moved[wrong], other[wrong], atol=1e-2)


def test_what_errs_is_left_out_or_trusted_less(report: Report) -> None:
    errors, there = report.errors(report.reported), report.reported[..., 2] > 0
    left = INPUTS["errors above 3 %, left out"](report)
    assert np.array_equal(left[..., 2] > 0, there & (errors <= 0.03))
    assert np.array_equal(left[..., :2], report.reported[..., :2])
    trust = INPUTS["every error, as confidence"](report)[..., 2]
    assert np.array_equal(trust > 0, there)
    order = np.argsort(errors[there])
    assert (np.diff(trust[there][order]) <= 0).all()
    assert trust[there].max() > 0.8 > 0.5 > trust[there].min() > 0
    complete = INPUTS["every keypoint"](report)
    assert not report.errors(complete).any()
    assert (complete[..., 2] == 1).all()
