"""One sequence of a sequence store, and the table of them in ``meta.json``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from mbcli.bounds import MAX_RATE
from mbcli.errors import DataError

SPLITS = ("train", "val", "test", "")
GENDERS = ("male", "female", "neutral", "")


@dataclass(frozen=True)
class Sequence:
    """One motion in a store, as recorded by one camera.

    Attributes:
        name: unique in its store.
        subject: the person; held-out sets are chosen by subject.
        source: the file it came from, and the position in it.
        fps: frames per second.
        start: its first row.
        frames: its number of rows.
        size: (width, height) of the pictures in pixels; (0, 0) if unknown.
        action: name of the action in the data set.
        camera: name of the camera in the data set.
        split: ``train``, ``val``, ``test``, or empty if the data set has no such split.
        label: action class, an index into the store's ``labels``.
        licence: terms of use.
        gender: gender of the body model: ``male``, ``female``, ``neutral`` or empty.
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
        """Duration."""
        return self.frames / self.fps


def check_sequence(where: str, sequence: Sequence, labels: int) -> None:
    """Check a sequence's metadata.

    Args:
        where: beginning of the message.
        sequence: the sequence to check.
        labels: number of action classes in the store.

    Raises:
        DataError: a value breaks its rule.
    """
    width, height = sequence.size
    if not 0 < sequence.fps <= MAX_RATE or sequence.frames < 1:
        raise DataError(
            f"{where} needs an fps up to {MAX_RATE} and frames, both above 0, got "
            f"{sequence.fps:g}, {sequence.frames}"
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
            f"{where}: the label must be an index into the store's {labels} labels, "
            f"got {sequence.label}"
        )


def read_sequences(path: Path, rows: Any, labels: int) -> tuple[Sequence, ...]:
    """Check a table of sequences as it stands in ``meta.json``.

    Args:
        path: the file, for messages.
        rows: the parsed table.
        labels: number of action classes in the store.

    Raises:
        DataError: an entry breaks a rule, or the entries are not contiguous.
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
                f"{path}: sequences must be contiguous, got sequence {number} at row "
                f"{sequence.start} instead of {start}"
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
            raise DataError(f"{where}: {key} has the wrong type: {row[key]!r:.60}")
    return Sequence(**(row | {"size": (size[0], size[1])}))
