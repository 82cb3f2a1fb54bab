"""Numbers in tables of text."""

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
    """Check that every row has as many cells as the header.

    Args:
        rows: the rows.
        width: number of cells in the header.
        path: the file, for messages.
        first: number of the first row in the file, counted from 1.

    Raises:
        InputError: a row has another number of cells, such as the last one of a truncated file.
    """
    for place, row in enumerate(rows, first):
        if len(row) != width:
            raise InputError(
                f"{path} must have {width} columns as its header says, got {len(row)} "
                f"in row {place}"
            )


def number(cell: str, path: Path, column: str) -> float:
    """The number in a cell; NaN for an empty cell or ``nan``.

    Raises:
        InputError: the cell holds no number.
    """
    text = cell.strip()
    try:
        return float(_DECIMAL_COMMA.sub(".", text) if "," in text else text)
    except ValueError:
        if text.lower() in _MISSING:
            return float("nan")
        raise InputError(f"{path} must hold numbers in {column}, got {cell!r}") from None


def time(cell: str, path: Path) -> float:
    """The time in a cell: a number, or a date with time or time of day, converted to seconds.

    Raises:
        InputError: the cell holds none of these.
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
        columns: indices of the columns to read.
        names: names of all columns, for messages.
        path: for messages.

    Raises:
        InputError: a cell holds no number.
    """
    return np.array(
        [[number(row[column], path, names[column]) for column in columns] for row in rows]
    ).reshape(len(rows), len(columns))


def whole(cell: str, path: Path, column: str) -> int:
    """The whole number in a cell, such as a frame's.

    Raises:
        InputError: the cell holds no whole number.
    """
    value = number(cell, path, column)
    if not value.is_integer() or abs(value) > 2**62:
        raise InputError(f"{path} must hold whole numbers in {column}, got {cell!r}")
    return int(value)
