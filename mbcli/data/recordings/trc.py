"""Reader of TRC files (Track Row Column) of motion capture, OpenCap, Pose2Sim and Theia.

Columns separated by tabs:

    PathFileType  4  (X/Y/Z)  name
    DataRate      CameraRate  NumFrames  NumMarkers  Units  ...
    30            30          120        22          mm     ...
    Frame#        Time        Hip  ...   names of the points, for three columns each
                              X1   Y1    Z1  X2 ...
    1             0.0         ...        an empty cell or NaN is missing, as is 0, 0, 0
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from mbcli.data.recordings.text import Text
from mbcli.data.recordings.units import word_of
from mbcli.errors import DataError
from mbcli.types import FloatArray

_HEAD = 5  # lines before the first frame


class Points(NamedTuple):
    """Named points over time.

    Attributes:
        names: of N points.
        places: (F, N, 3) float64 in the file's unit and axes, NaN where missing.
        fps: frames per second.
        unit: metres per unit by the file's word, or None.
        note: what was guessed while reading, or "".
    """

    names: tuple[str, ...]
    places: FloatArray
    fps: float
    unit: float | None
    note: str = ""


def read_trc(path: Path, *, fps: float | None = None) -> Points:
    """Read a TRC file.

    Args:
        path: the file.
        fps: frames per second, instead of the file's own.

    Raises:
        DataError: the file violates the format; the message names the line.
    """
    text = Text(path)
    rows = [line.split("\t") for line in text.lines]
    if len(rows) <= _HEAD or rows[0][0].strip().lower() != "pathfiletype":
        raise DataError(f"{path}: a TRC file must begin with PathFileType and {_HEAD} lines")
    header = {
        key.strip().lower(): value.strip() for key, value in zip(rows[1], rows[2], strict=False)
    }
    names = tuple(name.strip() for name in rows[3][2:] if name.strip())
    if not names:
        raise DataError(f"{path}, line 4: points must have names, got none")
    width = 2 + 3 * len(names)
    values = []
    for number, row in enumerate(rows[_HEAD:], start=_HEAD + 1):
        if not any(cell.strip() for cell in row):
            continue
        cells = [cell.strip() for cell in row[:width]]
        # Cells left out at the end of a row are empty, as some programs write them.
        cells += [""] * (width - len(cells))
        values.append([_number(text, cell, number) for cell in cells])
    if not values:
        raise DataError(f"{path}: a motion needs at least one frame, got none")
    table = np.array(values)
    places = table[:, 2:].reshape(len(table), len(names), 3)
    places[(places == 0).all(axis=-1)] = np.nan
    if fps is None:
        fps = _rate(path, header.get("datarate", ""), table[:, 1])
    return Points(names, places, fps, word_of(header.get("units", "")), "; ".join(text.notes))


def _number(text: Text, cell: str, line: int) -> float:
    if not cell:
        return np.nan
    try:
        (word,) = text.numbers(cell)
        return float(word)
    except ValueError:
        raise DataError(f"{text.path}, line {line}: expected a number, got {cell[:60]!r}") from None


def _rate(path: Path, said: str, times: FloatArray) -> float:
    """The header's rate, or else that of the times."""
    try:
        rate = float(said.replace(",", "."))
    except ValueError:
        rate = 0.0
    if rate > 0:
        return rate
    steps = np.diff(times[np.isfinite(times)])
    if not len(steps) or not np.median(steps) > 0:
        raise DataError(f"{path}: has no frame rate; give it with --fps")
    return float(1 / np.median(steps))
