"""A person's keypoints in JSON, in every notation that programs use."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mbcli.errors import InputError
from mbcli.keypoints.points import points_of

FILE = Path("kp.json")
PAIR = np.array([[10.0, 20.0, 0.5], [30.0, 40.0, 0.9]])

NOTATIONS: dict[str, tuple[Any, Any]] = {
    "flat": ([10, 20, 0.5, 30, 40, 0.9], None),
    "lists": ([[10, 20, 0.5], [30, 40, 0.9]], None),
    "objects": ([{"x": 10, "y": 20, "score": 0.5}, {"X": 30, "Y": 40, "confidence": 0.9}], None),
    "columns": ({"x": [10, 30], "y": [20, 40], "visible": [0.5, 0.9]}, None),
    "flat and scores": ([10, 20, 30, 40], [0.5, 0.9]),
    "lists and scores": ([[10, 20], [30, 40]], [0.5, 0.9]),
}


@pytest.mark.parametrize(("values", "scores"), NOTATIONS.values(), ids=NOTATIONS)
def test_every_notation_says_the_same(values: Any, scores: Any) -> None:
    np.testing.assert_array_equal(points_of(values, FILE, "person 0", scores), PAIR)


@pytest.mark.parametrize(
    "values",
    [
        [10, 20, 30, 40],
        [[10, 20], [30, 40]],
        [{"x": 10, "y": 20}, {"x": 30, "y": 40}],
        {"x": [10, 30], "y": [20, 40]},
        {"x": [10, 30], "y": [20, 40], "visible": [1]},
    ],
)
def test_without_confidences_they_are_missing(values: Any) -> None:
    points = points_of(values, FILE, "person 0")
    np.testing.assert_array_equal(points[:, :2], PAIR[:, :2])
    assert np.isnan(points[:, 2]).all()


@pytest.mark.parametrize("values", [None, [], {}])
def test_an_empty_value_is_nobody(values: Any) -> None:
    assert points_of(values, FILE, "person 0").shape == (0, 3)


@pytest.mark.parametrize(
    ("values", "scores", "message"),
    [
        ([1, 2, 3, 4, 5], None, "x, y and confidence of each keypoint"),
        ([1, 2, 3], [0.5], "x, y and confidence of each keypoint"),
        ([[1, 2], [3, 4, 5]], None, "must hold x and y of each keypoint"),
        ([[1], [2]], None, "must hold x and y of each keypoint"),
        ([{"x": 1, "y": 2}, {"x": 3}], None, "must hold objects of x and y"),
        ([{"x": 1, "y": 2}, 3], None, "must hold objects of x and y"),
        ({"x": [1, 2], "y": [3]}, None, "must hold lists of x and y"),
        ({"x": 1, "y": 2}, None, "must hold lists of x and y"),
        ([[1, 2], [3, 4]], [0.5], "one score for each keypoint of person 0"),
        ("1 2 3", None, "must hold a list of numbers"),
    ],
)
def test_anything_else_is_refused_in_one_line(values: Any, scores: Any, message: str) -> None:
    with pytest.raises(InputError, match=message) as raised:
        points_of(values, FILE, "person 0", scores)
    assert str(raised.value).startswith("kp.json must hold")
    assert "\n" not in str(raised.value)
