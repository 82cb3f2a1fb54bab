"""Numbers out of tables of text."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from mbcli.errors import InputError
from mbcli.keypoints.clock import of_day
from mbcli.types import FloatArray

_MISSING = ("", "nan", "na", "n/a", "none", "null", "-")
_DECIMAL_COMMA = re.compile(r",(?=[0-9]*(?:[eE][-+]?[0-9]+)?$)")


def check_width(rows: list[list[str]], width: int, path: Path, first: int = 1) -> None:
    """Hold that every row has as many cells as the header.

    Args:
        rows: the rows.
        width: cells of the header.
        path: for messages.
        first: number of the first row in the file, counted from 1.

    Raises:
        InputError: a row that has not, such as the last of a file that was cut off.
    """
    for place, row in enumerate(rows, first):
        if len(row) != width:
            raise InputError(
                f"{path} must have {width} columns as its header says, got {len(row)} "
                f"in row {place}"
            )


def number(cell: str, path: Path, column: str) -> float:
    """The number in a cell; NaN for an empty one or ``nan``.

    Raises:
        InputError: no number.
    """
    text = cell.strip()
    try:
        return float(_DECIMAL_COMMA.sub(".", text) if "," in text else text)
    except ValueError:
        if text.lower() in _MISSING:
            return float("nan")
        raise InputError(f"{path} must hold numbers in {column}, got {cell!r}") from None


def time(cell: str, path: Path) -> float:
    """The time in a cell, a number or a date with time or a time of day in seconds.

    Raises:
        InputError: none of these.
    """
    try:
        return number(cell, path, "its times")
    except InputError:
        seconds = of_day(cell)
        if seconds is None:
            raise
        return seconds


def numbers(rows: list[list[str]], columns: list[int], names: list[str], path: Path) -> FloatArray:
    """(rows, columns) float64; NaN for empty cells.

    Args:
        rows: the rows.
        columns: which columns.
        names: names of all columns, for messages.
        path: for messages.

    Raises:
        InputError: a cell that is no number.
    """
    return np.array(
        [[number(row[column], path, names[column]) for column in columns] for row in rows]
    ).reshape(len(rows), len(columns))


def whole(cell: str, path: Path, column: str) -> int:
    """The whole number that a cell must hold, such as a frame's.

    Raises:
        InputError: none.
    """
    value = number(cell, path, column)
    if not value.is_integer() or abs(value) > 2**62:
        raise InputError(f"{path} must hold whole numbers in {column}, got {cell!r}")
    return int(value)
