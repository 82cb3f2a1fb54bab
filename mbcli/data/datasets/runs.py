"""Runs of frames: splitting at changes of value and at gaps in time."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

SHORTEST = 0.5
"""Seconds; shorter sequences contain too little motion to learn from."""


def equal_runs(*columns: npt.NDArray[Any]) -> list[tuple[int, int]]:
    """(start, end) of each maximal run in which no column changes, in order."""
    length = len(columns[0])
    if not length:
        return []
    changed = np.zeros(length - 1, dtype=bool)
    for column in columns:
        changed |= column[1:] != column[:-1]
    edges = [0, *(np.flatnonzero(changed) + 1).tolist(), length]
    return list(pairwise(edges))


def unbroken_runs(numbers: npt.NDArray[np.integer[Any]]) -> list[tuple[int, int]]:
    """(start, end) of each run of consecutive numbers, in order."""
    return equal_runs(numbers - np.arange(len(numbers)))
