from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from mbcli.data.recordings.hierarchy import (
    Hierarchy,
    Recording,
    moving_axes_rotation,
)


@pytest.mark.parametrize(("axis", "start", "end"), [("x", 1, 2), ("y", 2, 0), ("z", 0, 1)])
def test_a_quarter_turn_is_right_handed(axis: str, start: int, end: int) -> None:
    turned = moving_axes_rotation(axis, [[np.pi / 2]])[0] @ np.eye(3)[start]
    np.testing.assert_allclose(turned, np.eye(3)[end], atol=1e-12)


@pytest.mark.parametrize("axes", ["zyx", "zxy", "xyz", "yz", "x", "xyx"])
def test_moving_axes_agree_with_scipy(axes: str) -> None:
    angles = np.random.default_rng(0).uniform(-np.pi, np.pi, (20, len(axes)))
    expected = Rotation.from_euler(axes.upper(), angles).as_matrix()
    np.testing.assert_allclose(moving_axes_rotation(axes, angles), expected, atol=1e-12)


def test_no_axes_are_the_identity() -> None:
    np.testing.assert_array_equal(
        moving_axes_rotation("", np.empty((2, 0))), np.stack([np.eye(3)] * 2)
    )


def test_forward_places_a_bent_and_stretched_arm() -> None:
    arm = Hierarchy(("shoulder", "elbow", "wrist"), (-1, 0, 1), np.eye(3) * [0, 2.0, 3.0])
    rotations = np.tile(np.eye(3), (2, 3, 1, 1))
    rotations[1, 0] = moving_axes_rotation("z", [[np.pi / 2]])[0]
    rotations[1, 1] = moving_axes_rotation("x", [[np.pi / 2]])[0]
    stretched = np.array([[0, 0, 3.0], [0, 0, 6.0]])
    positions, turns = Recording(arm, rotations, {2: stretched}, 30.0, Path("arm")).forward()
    np.testing.assert_allclose(positions[0], [[0, 0, 0], [0, 2, 0], [0, 2, 3]], atol=1e-12)
    # The upper arm (0, 2, 0) turns about z to (-2, 0, 0); the forearm (0, 0, 6) turns about its
    # own x to (0, -6, 0), which the upper arm carries to (6, 0, 0).
    np.testing.assert_allclose(positions[1], [[0, 0, 0], [-2, 0, 0], [4, 0, 0]], atol=1e-12)
    np.testing.assert_allclose(turns[1, 2], rotations[1, 0] @ rotations[1, 1], atol=1e-12)
    np.testing.assert_allclose(arm.rest_positions()[2], [0, 2, 3])


def test_a_child_before_its_parent_is_our_mistake() -> None:
    with pytest.raises(ValueError, match="parent must come before"):
        Hierarchy(("a", "b"), (1, -1), np.zeros((2, 3)))
    with pytest.raises(ValueError, match="2 names need"):
        Hierarchy(("a", "b"), (-1, 0), np.zeros((3, 3)))
