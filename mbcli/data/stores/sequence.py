"""One sequence of a sequence store, and the table of them in ``meta.json``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from mbcli.errors import DataError

SPLITS = ("train", "val", "test", "")
GENDERS = ("male", "female", "neutral", "")


@dataclass(frozen=True)
class Sequence:
    """One motion of a store, as one camera saw it.

    Attributes:
        name: unique in its store.
        subject: the person; what a held-out set is chosen by.
        source: the file it came from, and where in it.
        fps: frames per second.
        start: its first row.
        frames: its number of rows.
        size: (width, height) of the pictures in pixels; (0, 0) where the data do not tell.
        action: what is done, in the data set's words.
        camera: in the data set's words.
        split: ``train``, ``val``, ``test``, or empty where the data set has no such split.
        label: class of the action, a place in the store's ``labels``.
        licence: under which terms it may be used.
        gender: which body model fits: ``male``, ``female``, ``neutral`` or empty.
    """

    name: str
    subject: str
    source: str
    fps: float
    start: int
    frames: int
    size: tuple[int, int] = (0, 0)
    action: str = ""
    camera: str = ""
    split: str = ""
    label: int | None = None
    licence: str = ""
    gender: str = ""

    @property
    def seconds(self) -> float:
        """Length in time."""
        return self.frames / self.fps


def check_sequence(where: str, sequence: Sequence, labels: int) -> None:
    """Hold the rules that a sequence's facts keep to.

    Args:
        where: how the message begins.
        sequence: what is checked.
        labels: how many classes of actions the store knows.

    Raises:
        DataError: a fact is outside its rule.
    """
    width, height = sequence.size
    if not 0 < sequence.fps < math.inf or sequence.frames < 1:
        raise DataError(
            f"{where} needs a positive fps and frames, got {sequence.fps}, {sequence.frames}"
        )
    if sequence.size != (0, 0) and not (width > 0 and height > 0):
        raise DataError(f"{where} needs a positive size, or (0, 0), got {sequence.size}")
    for key, choices in (("split", SPLITS), ("gender", GENDERS)):
        if getattr(sequence, key) not in choices:
            raise DataError(
                f"{where}: {key} must be of {', '.join(choices[:-1])} or empty, "
                f"got {getattr(sequence, key)!r:.60}"
            )
    if sequence.label is not None and not 0 <= sequence.label < labels:
        raise DataError(
            f"{where}: the label must be a place in the store's {labels} labels, "
            f"got {sequence.label}"
        )


def read_sequences(path: Path, rows: Any, labels: int) -> tuple[Sequence, ...]:
    """Check a table of sequences as it stands in ``meta.json``.

    Args:
        path: the file, for messages.
        rows: the parsed table.
        labels: how many classes of actions the store knows.

    Raises:
        DataError: an entry breaks a rule, or they do not follow each other.
    """
    if not isinstance(rows, list):
        raise DataError(f"{path}: sequences must be a list, got {type(rows).__name__}")
    start = 0
    sequences = []
    for number, row in enumerate(rows):
        where = f"{path}: sequence {number}"
        sequence = _sequence(where, row)
        check_sequence(where, sequence, labels)
        if sequence.start != start:
            raise DataError(
                f"{path}: sequences must follow each other, got sequence {number} at row "
                f"{sequence.start} in place of {start}"
            )
        start += sequence.frames
        sequences.append(sequence)
    return tuple(sequences)


def _sequence(where: str, row: Any) -> Sequence:
    whole, text = (int,), (str,)
    types: Mapping[str, tuple[type, ...]] = {
        "name": text,
        "subject": text,
        "source": text,
        "fps": (float, int),
        "start": whole,
        "frames": whole,
        "size": (list,),
        "action": text,
        "camera": text,
        "split": text,
        "label": (int, type(None)),
        "licence": text,
        "gender": text,
    }
    assert set(types) == {f.name for f in fields(Sequence)}
    if not isinstance(row, dict) or set(row) != set(types):
        raise DataError(f"{where} must have {', '.join(types)}, got {row!r:.80}")
    size = row["size"]
    sound = isinstance(size, list) and len(size) == 2 and all(type(v) is int for v in size)
    for key, allowed in types.items():
        wrong = not isinstance(row[key], allowed) or isinstance(row[key], bool)
        if wrong or (key == "size" and not sound):
            raise DataError(f"{where}: {key} is of a wrong type: {row[key]!r:.60}")
    return Sequence(**(row | {"size": (size[0], size[1])}))
