"""Stretches of frames: where a table of frames changes, and where time has gaps."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

SHORTEST = 0.5
"""Seconds; shorter stretches show no motion that could be learnt from."""


def equal_runs(*columns: npt.NDArray[Any]) -> list[tuple[int, int]]:
    """(start, end) of the longest stretches in which no column changes, in order."""
    length = len(columns[0])
    if not length:
        return []
    changed = np.zeros(length - 1, dtype=bool)
    for column in columns:
        changed |= column[1:] != column[:-1]
    edges = [0, *(np.flatnonzero(changed) + 1).tolist(), length]
    return list(pairwise(edges))


def unbroken_runs(numbers: npt.NDArray[np.integer[Any]]) -> list[tuple[int, int]]:
    """(start, end) of the stretches of rising numbers without a gap, in order."""
    return equal_runs(numbers - np.arange(len(numbers)))
