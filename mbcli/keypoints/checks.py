"""Values from JSON files, which may be anything until they are checked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from mbcli.errors import InputError
from mbcli.keypoints.words import find
from mbcli.types import FloatArray

_NUMBERS = {int, float, type(None)}
_WHOLE = 2**62  # integers up to this are read; they fit 64 bits
_DIGITS = 18  # of that number
_LARGEST = 10**300  # integers in JSON have any length


def numbers(values: Any, path: Path, what: str) -> FloatArray:
    """A flat list of JSON numbers as (N,) float64; NaN for null, NaN and numbers out of range.

    Args:
        values: the value in the file.
        path: the file, for the error.
        what: name of the numbers, for the error.

    Raises:
        InputError: the value is no flat list of numbers.
    """
    if not isinstance(values, list) or not {type(value) for value in values} <= _NUMBERS:
        raise InputError(f"{path} must hold a list of numbers as {what}, got {short(values)}")
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError:
        return np.array([float("nan") if _endless(value) else value for value in values])


def corners(values: Any, path: Path, what: str) -> FloatArray:
    """Convert a box x, y, width, height to (4,) x1 y1 x2 y2.

    Raises:
        InputError: the value is no list of four numbers.
    """
    x, y, width, height = four(values, path, what)
    return np.array([x, y, x + width, y + height])


def four(values: Any, path: Path, what: str) -> FloatArray:
    """A box as (4,) float64, whatever its four numbers mean.

    Raises:
        InputError: the value is no list of four finite numbers.
    """
    box = numbers(values, path, what)
    if len(box) != 4 or not np.isfinite(box).all():
        raise InputError(f"{path} must hold four finite numbers as {what}, got {short(values)}")
    return box


def whole(value: Any, path: Path, what: str) -> int:
    """A whole number; some programs write it as 3.0.

    Raises:
        InputError: the value is no whole number.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _WHOLE:
        raise InputError(f"{path} must hold a whole number as {what}, got {short(value)}")
    return value


def identity(record: Any, words: Iterable[str]) -> int | str | None:
    """The identity in a record, under the first of the given keys: a number, a name or None.

    A list holds people who were merged; the first is taken.
    """
    name = find(record, words) if isinstance(record, dict) else None
    value = None if name is None else record[name]
    while isinstance(value, list):
        value = value[0] if value else None
    if isinstance(value, str):
        return int(value) if value.isdecimal() and len(value) < _DIGITS else value.strip() or None
    if isinstance(value, float) and value.is_integer() and abs(value) < _WHOLE:
        return int(value)
    whole_number = isinstance(value, int) and not isinstance(value, bool) and abs(value) < _WHOLE
    return value if whole_number else None


def member(record: Any, key: str, path: Path, what: str) -> Any:
    """``record[key]``, which must exist.

    Raises:
        InputError: ``record`` is no object, or lacks the key.
    """
    if not isinstance(record, dict):
        raise InputError(f"{path} must hold an object as {what}, got {short(record)}")
    if key not in record:
        raise InputError(f'{path} must hold "{key}" in {what}, got {short(list(record))}')
    return record[key]


def _endless(value: Any) -> bool:
    """Whether the value is an integer too large for floating point."""
    return isinstance(value, int) and abs(value) > _LARGEST


def short(value: Any) -> str:
    """A value, shortened for a one-line error message."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
