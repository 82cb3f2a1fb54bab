"""Odd values, and ways to break bytes, trees of values and archives; all by a generator's seed."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np

Rng = np.random.Generator
Path_ = tuple[Any, ...]

NUMBERS: tuple[Any, ...] = (
    *(0, -1, 1, 3, 2**31, -(2**31) - 1, 2**53 + 1, 2**63, 2**64, 10**30, 10**400),
    *(0.5, -0.0, 1e-320, 1e9, 1e300, -1e308, float("nan"), float("inf"), float("-inf"), True),
)
TEXTS = (
    "",
    " ",
    "x",
    "nan",
    "1e999",
    "9" * 400,
    "-1",
    "a" * 300,
    "é" * 100,
    "../../x",
    "a\0b",
    "null",
)
NESTED: tuple[Any, ...] = ([], {}, [[]], [None], {"a": 1}, {"": []}, [[[[]]]], [1, "a", None])
VALUES: tuple[Any, ...] = (None, True, False, *NUMBERS, *TEXTS, *NESTED)
_DIGITS = re.compile(rb"-?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?")
_ODD_TEXT = (
    b"nan",
    b"inf",
    b"1e999",
    b"-1",
    b"0",
    b"9" * 40,
    b"9" * 400,
    b"1e308",
    b"0x10",
    b"",
    b"x",
)
_LAYERS = 20_000


def pick(rng: Rng, choices: Any) -> Any:
    """One of some choices, as it is."""
    return choices[int(rng.integers(len(choices)))]


def deep(rng: Rng) -> Any:
    """Lists in lists, deeper than any parser that calls itself goes."""
    value: Any = []
    for _ in range(int(rng.integers(50, 400))):
        value = [value]
    return value


def damaged(content: bytes, rng: Rng) -> bytes:
    """Bytes cut off, flipped, repeated, exchanged, or with odd numbers in place of theirs."""
    return pick(rng, _DAMAGES)(content, rng)


def _cut(content: bytes, rng: Rng) -> bytes:
    return content[: int(rng.integers(len(content) + 1))]


def _flipped(content: bytes, rng: Rng) -> bytes:
    out = bytearray(content)
    for _ in range(int(rng.integers(1, 9)) if out else 0):
        # Most formats say the most in their first bytes.
        end = len(out) if rng.random() < 0.5 else min(len(out), 400)
        out[int(rng.integers(end))] ^= 1 << int(rng.integers(8))
    return bytes(out)


def _overwritten(content: bytes, rng: Rng) -> bytes:
    out, size = bytearray(content), int(rng.integers(1, 64))
    start = int(rng.integers(max(1, len(out) - size)))
    fill = pick(rng, (b"\0" * size, b"\xff" * size, rng.bytes(size)))
    out[start : start + size] = fill
    return bytes(out)


def _repeated(content: bytes, rng: Rng) -> bytes:
    start, end = sorted(rng.integers(len(content) + 1, size=2).tolist())
    return content[:end] + content[start:end] + content[end:]


def _without(content: bytes, rng: Rng) -> bytes:
    start = int(rng.integers(len(content) + 1))
    return content[:start] + content[start + int(rng.integers(1, 200)) :]


def _odd_numbers(content: bytes, rng: Rng) -> bytes:
    found = list(_DIGITS.finditer(content))
    if not found:
        return _flipped(content, rng)
    for _ in range(int(rng.integers(1, 4))):
        one = pick(rng, found)
        content = content[: one.start()] + pick(rng, _ODD_TEXT) + content[one.end() :]
    return content


def _mixed_lines(content: bytes, rng: Rng) -> bytes:
    lines = content.split(b"\n")
    first, second = (int(rng.integers(len(lines))) for _ in range(2))
    lines[first], lines[second] = lines[second], pick(rng, (lines[first], b"", lines[first] * 2))
    return b"\n".join(lines)


def _something_else(content: bytes, rng: Rng) -> bytes:
    return pick(
        rng,
        (
            b"",
            b"\n",
            b"[" * _LAYERS,
            b'{"a":' * _LAYERS,
            content + content,
            content[::-1],
            b"\xef\xbb\xbf" + content,
            rng.bytes(500),
            b"\0" * 500,
            b"hello\n" * 50,
            content.replace(b"\n", b"\r\n"),
            content.decode("latin-1").encode("utf-16"),
        ),
    )


_DAMAGES: tuple[Callable[[bytes, Rng], bytes], ...] = (
    *(_cut, _flipped, _flipped, _overwritten, _repeated, _without),
    *(_odd_numbers, _odd_numbers, _mixed_lines, _something_else),
)


def changed(tree: Any, rng: Rng) -> Any:
    """A tree of values in which some are odd, missing, doubled, or of other types."""
    for _ in range(1 if rng.random() < 0.8 else 3):
        tree = _changed_once(tree, rng)
    return tree


def _changed_once(tree: Any, rng: Rng) -> Any:
    places = list(_places(tree, ()))
    # As likely near the root as in one of many leaves.
    depth = pick(rng, sorted({len(place) for place in places}))
    place = pick(rng, [place for place in places if len(place) == depth])
    return _with(tree, place, lambda value: _odd(value, rng))


def _places(tree: Any, place: Path_) -> Any:
    yield place
    if isinstance(tree, dict):
        for key in list(tree)[:60]:
            yield from _places(tree[key], (*place, key))
    elif isinstance(tree, list | tuple):
        for number in range(min(len(tree), 8)):
            yield from _places(tree[number], (*place, number))


_GONE = object()


def _with(tree: Any, place: Path_, change: Callable[[Any], Any]) -> Any:
    if not place:
        value = change(tree)
        return None if value is _GONE else value
    key, rest = place[0], place[1:]
    inner = _with(tree[key], rest, change) if rest else change(tree[key])
    if isinstance(tree, dict):
        return {
            k: inner if k == key else v for k, v in tree.items() if k != key or inner is not _GONE
        }
    out = [inner if n == key else v for n, v in enumerate(tree) if n != key or inner is not _GONE]
    return tuple(out) if isinstance(tree, tuple) else out


def _odd(value: Any, rng: Rng) -> Any:
    if isinstance(value, np.ndarray) and rng.random() < 0.8:
        return odd_array(value, rng)
    if rng.random() < 0.15:
        return _GONE
    if isinstance(value, list) and value and rng.random() < 0.3:
        return pick(rng, (value * 2, value[:-1], [value], value[::-1], value[:1] * 300))
    if isinstance(value, str) and rng.random() < 0.3:
        return pick(rng, (value.upper(), value * 100, value[:-1], [value], value.encode()))
    if rng.random() < 0.05:
        return deep(rng)
    return pick(rng, VALUES)


def odd_array(array: np.ndarray, rng: Rng) -> Any:
    """An array of another shape, type or content."""
    with np.errstate(all="ignore"):
        return pick(rng, _ARRAY_CHANGES)(array, rng)


def _filled(array: np.ndarray, value: float) -> np.ndarray:
    return np.full(array.shape, value)


def _some(array: np.ndarray, rng: Rng) -> np.ndarray:
    out = array.astype(np.float64) if array.dtype.kind in "iufb" else array.copy()
    if out.size and out.dtype.kind == "f":
        with np.errstate(all="ignore"):
            out.reshape(-1)[int(rng.integers(out.size))] = pick(
                rng, (np.nan, np.inf, 1e300, -1e9, 1e18)
            )
    return out


_ARRAY_CHANGES: tuple[Callable[[np.ndarray, Rng], Any], ...] = (
    _some,
    _some,
    lambda a, _: a[:-1] if a.ndim and len(a) else np.zeros(3),
    lambda a, _: a[None],
    lambda a, _: a[..., None],
    lambda a, _: a.T,
    lambda a, _: a.reshape(-1),
    lambda a, _: a[:0] if a.ndim else np.zeros(0),
    lambda a, _: np.zeros(()),
    lambda a, _: _filled(a, np.nan),
    lambda a, _: _filled(a, np.inf),
    lambda a, _: _filled(a, 1e300),
    lambda a, _: _filled(a, -1),
    lambda a, _: np.zeros(a.shape, np.int64),
    lambda a, _: np.full(a.shape, 2**62),
    lambda a, _: np.full(a.shape, "x"),
    lambda a, _: np.full(a.shape, b"x"),
    lambda a, _: np.full(a.shape, 1j),
    lambda a, _: np.full(a.shape, True),
    lambda a, _: np.full(a.shape, None, dtype=object),
    lambda a, _: a.astype(">f8") if a.dtype.kind in "iuf" else a,
    lambda a, _: a.astype(np.float16) if a.dtype.kind in "iuf" else a,
    lambda a, _: np.zeros((0, 3)),
    lambda a, _: np.array(""),
    lambda a, _: np.zeros(a.shape, "M8[s]"),
    lambda a, _: np.repeat(a, 2, axis=0) if a.ndim else a,
)
