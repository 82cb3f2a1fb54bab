"""The keypoints of a person in JSON, in any notation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mbcli.errors import InputError
from mbcli.keypoints.checks import numbers, short
from mbcli.keypoints.words import CONFIDENCE, find, plain
from mbcli.types import FloatArray


def points_of(values: Any, path: Path, what: str, scores: Any = None) -> FloatArray:
    """(K, 3) x, y and confidence of each keypoint; NaN if absent.

    Args:
        values: a flat list x, y, confidence, x, y, confidence ..., a list of lists of these three,
            of x and y alone, or of objects, or an object of lists ``x``, ``y`` and a confidence.
            An empty value means nobody: K is 0.
        path: the file, for the error.
        what: whose keypoints they are, for the error.
        scores: the confidences, if they have a list of their own.

    Raises:
        InputError: the value has none of these forms.
    """
    name = f"the keypoints of {what}"
    if values is None or values == [] or values == {}:
        return np.empty((0, 3))
    if isinstance(values, dict):
        values = _of_columns(values, path, name)
    elif isinstance(values[0] if isinstance(values, list) else None, dict):
        values = [_of_object(value, path, name) for value in values]
    if isinstance(values, list) and all(isinstance(value, list) for value in values):
        table = _of_lists(values, path, name)
    else:
        flat = numbers(values, path, name)
        width = 3 if scores is None and len(flat) % 3 == 0 else 2
        if len(flat) % width:
            raise InputError(
                f"{path} must hold x, y and confidence of each keypoint as {name}, "
                f"got {len(flat)} numbers"
            )
        table = flat.reshape(-1, width)
    out = np.full((len(table), 3), np.nan)
    out[:, : table.shape[1]] = table[:, :3]
    if scores is not None:
        given = numbers(scores, path, f"the scores of {what}")
        if len(given) != len(out):
            raise InputError(f"{path} must hold one score for each keypoint of {what}")
        out[:, 2] = given
    return out


def _of_lists(values: list[Any], path: Path, name: str) -> FloatArray:
    widths = {len(value) for value in values}
    if len(widths) != 1 or not widths <= {2, 3}:
        raise InputError(f"{path} must hold x and y of each keypoint as {name}")
    (width,) = widths
    flat = [value for point in values for value in point]
    return numbers(flat, path, name).reshape(-1, width)


def _of_object(value: Any, path: Path, name: str) -> list[Any]:
    """x, y and confidence of one keypoint."""
    keys = value if isinstance(value, dict) else {}
    x, y = find(keys, ("x",)), find(keys, ("y",))
    if x is None or y is None:
        raise InputError(f"{path} must hold objects of x and y as {name}, got {short(value)}")
    sure = find(keys, CONFIDENCE)
    return [value[x], value[y], None if sure is None else value[sure]]


def _of_columns(values: dict[str, Any], path: Path, name: str) -> list[list[Any]]:
    """The keypoints of an object with one list per coordinate."""
    by_word = {plain(key): value for key, value in values.items()}
    sure = find(values, CONFIDENCE)
    x, y = by_word.get("x"), by_word.get("y")
    if not isinstance(x, list) or not isinstance(y, list) or len(x) != len(y):
        raise InputError(f"{path} must hold lists of x and y as {name}, got {short(values)}")
    confidence = values[sure] if sure is not None else None
    if not isinstance(confidence, list) or len(confidence) != len(x):
        confidence = [None] * len(x)
    return [list(point) for point in zip(x, y, confidence, strict=True)]
