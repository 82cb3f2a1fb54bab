"""Values out of a JSON file, each of which may be anything until it was checked."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from mbcli.errors import InputError
from mbcli.keypoints.words import find
from mbcli.types import FloatArray

_NUMBERS = {int, float, type(None)}
_WHOLE = 2**62  # whole numbers that a 64-bit one holds
_DIGITS = 18  # of such a number
_LARGEST = 10**300  # whole numbers of JSON have any length


def numbers(values: Any, path: Path, what: str) -> FloatArray:
    """A flat list of JSON numbers as (N,) float64; null, NaN and what is beyond reason is NaN.

    Args:
        values: what the file has there.
        path: the file, for the error.
        what: what the numbers are, for the error.

    Raises:
        InputError: it is no flat list, or holds something else than numbers.
    """
    if not isinstance(values, list) or not {type(value) for value in values} <= _NUMBERS:
        raise InputError(f"{path} must hold a list of numbers as {what}, got {short(values)}")
    try:
        return np.array(values, dtype=np.float64)
    except OverflowError:
        return np.array([float("nan") if _endless(value) else value for value in values])


def corners(values: Any, path: Path, what: str) -> FloatArray:
    """A box x, y, width, height as (4,) x1 y1 x2 y2.

    Raises:
        InputError: it is no list of four numbers.
    """
    x, y, width, height = four(values, path, what)
    return np.array([x, y, x + width, y + height])


def four(values: Any, path: Path, what: str) -> FloatArray:
    """A box of any kind as (4,) float64.

    Raises:
        InputError: it is no list of four finite numbers.
    """
    box = numbers(values, path, what)
    if len(box) != 4 or not np.isfinite(box).all():
        raise InputError(f"{path} must hold four finite numbers as {what}, got {short(values)}")
    return box


def whole(value: Any, path: Path, what: str) -> int:
    """A whole number, which some programs write as 3.0.

    Raises:
        InputError: it is none.
    """
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if not isinstance(value, int) or isinstance(value, bool) or abs(value) > _WHOLE:
        raise InputError(f"{path} must hold a whole number as {what}, got {short(value)}")
    return value


def identity(record: Any, words: Iterable[str]) -> int | str | None:
    """Who a record says that it is, under one of some words: a number, a name, or nothing.

    A list names people who were merged, of whom the first is taken.
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
    """``record[key]`` of an object that must have it.

    Raises:
        InputError: ``record`` is no object, or has no such key.
    """
    if not isinstance(record, dict):
        raise InputError(f"{path} must hold an object as {what}, got {short(record)}")
    if key not in record:
        raise InputError(f'{path} must hold "{key}" in {what}, got {short(list(record))}')
    return record[key]


def _endless(value: Any) -> bool:
    """Whether it is a whole number beyond floating point."""
    return isinstance(value, int) and abs(value) > _LARGEST


def short(value: Any) -> str:
    """A value as an error can show it in one line."""
    text = " ".join(repr(value).split())
    return text if len(text) <= 60 else f"{text[:57]}..."
