from __future__ import annotations

import numpy as np
import pytest

from mbcli.pose2d.overlap import box_iou, distinct, keypoint_box, oks


def _pose(x: float = 0.0, confidence: float = 0.9, seed: int = 0) -> np.ndarray:
    points = np.random.default_rng(seed).uniform(0, 100, (17, 2)) + np.array([x, 0])
    return np.column_stack([points, np.full(17, confidence)])


def test_keypoint_box_looks_at_sure_points_only() -> None:
    pose = _pose()
    pose[3] = (500, 500, 0.1)
    assert np.allclose(keypoint_box(pose, 0.2)[2:], np.delete(pose, 3, axis=0)[:, :2].max(axis=0))
    assert keypoint_box(pose, 0.95)[2:].tolist() == [500, 500]


def test_box_iou() -> None:
    box = np.array([0.0, 0.0, 10.0, 10.0])
    assert box_iou(box, box) == 1
    assert box_iou(box, box + np.array([5, 0, 5, 0])) == pytest.approx(1 / 3)
    assert box_iou(box, box + 20) == 0
    assert box_iou(np.zeros(4), np.zeros(4)) == 0


def test_oks_follows_the_published_formula() -> None:
    first, second = _pose(), _pose()
    first[:, 2] = second[:, 2] = 0
    nose = 0
    for pose in (first, second):
        pose[nose, 2] = 1
        pose[1] = (0, 0, 1)
        pose[2] = (200, 100, 1)  # so that the area is 200 x 100 whatever the nose does
    first[nose, :2], second[nose, :2] = (50, 50), (53, 54)
    similar = np.exp(-25 / (2 * 200 * 100 * (2 * 0.026) ** 2))
    assert oks(first, second, 0.5) == pytest.approx((similar + 2) / 3)


def test_oks_without_common_sure_joints_is_zero() -> None:
    assert oks(_pose(confidence=0.1), _pose(), 0.2) == 0


def test_distinct_keeps_the_better_of_two_on_one_person() -> None:
    poses = [_pose(), _pose(0.5), _pose(300)]
    assert distinct(poses, [0.4, 0.8, 0.1], 0.65, 0.2) == [1, 2]
    assert distinct(poses, [0.8, 0.4, 0.1], 0.65, 0.2) == [0, 2]
    assert distinct([], [], 0.65, 0.2) == []
