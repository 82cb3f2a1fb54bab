"""Import of data sets into a sequence store: the result type of the readers, and the writing.

A reader is a function ``(source, **options) -> SequenceImport``, one module per format. It checks
what it can before reading any frame, and yields the sequences one by one, so that only one is in
memory at a time. A sequence that cannot be imported is reported with its reason and does not stop
the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from mbcli.boundary import reading
from mbcli.data.recordings.importing import ImportReport
from mbcli.data.stores.folder import check_new_store
from mbcli.data.stores.sequences import SequenceWriter
from mbcli.errors import DataError
from mbcli.types import FloatArray


@dataclass(frozen=True, eq=False)
class Found:
    """One sequence of a data set.

    Attributes:
        name: unique in the data set.
        source: the file it came from, and the position in it.
        keypoints: (F, M, 17, 3), or (F, 17, 3) of one person; see `mbcli.data.stores.sequences`.
        metadata: arguments for `SequenceWriter.add`: subject, fps, and if known size, action,
            camera, split, label and gender.
        arrays: the optional arrays by name.
        note: what was repaired, or empty.
    """

    name: str
    source: str
    keypoints: FloatArray
    metadata: Mapping[str, Any]
    arrays: Mapping[str, FloatArray] = field(default_factory=dict)
    note: str = ""


@dataclass(frozen=True)
class Refused:
    """Something that cannot be imported, and why.

    Attributes:
        source: the file, or the position in it.
        reason: one line.
    """

    source: str
    reason: str


@dataclass(frozen=True)
class SequenceImport:
    """What a reader returns for a data set.

    Attributes:
        items: sequences and refusals, produced one by one on demand.
        total: their number, perhaps approximate, for the progress bar.
        arrays: which optional arrays the store holds.
        people: number of people per frame.
        labels: names of the action classes.
    """

    items: Iterable[Found | Refused]
    total: int
    arrays: tuple[str, ...] = ()
    people: int = 1
    labels: tuple[str, ...] = ()


def import_sequences(
    read: Callable[..., SequenceImport],
    source: Path,
    out: Path,
    *,
    prefix: str = "",
    licence: str = "",
    progress: Callable[[int, int], None] | None = None,
    overwrite: bool = False,
    **options: Any,
) -> ImportReport:
    """Read a data set into a new sequence store.

    Args:
        read: the format's reader.
        source: what it reads.
        out: the store to create.
        prefix: put before the names of sequences and subjects, as in ``"h36m-"``.
        licence: terms of use, recorded with every sequence.
        progress: called with the number of sequences done and their total.
        overwrite: whether a store at ``out`` may be replaced.
        **options: options of the format.

    Returns:
        What was imported and what was refused.

    Raises:
        ConfigError: an option breaks its rule.
        DataError: the source violates its format, or everything in it was refused.
        OutputError: ``out`` exists or cannot be written.
    """
    check_new_store(out, overwrite=overwrite)
    with _reading(source):
        found = read(source, **options)
    refused: list[tuple[str, str]] = []
    notes: list[tuple[str, str]] = []
    with SequenceWriter(
        out, arrays=found.arrays, people=found.people, labels=found.labels, overwrite=overwrite
    ) as writer:
        for done, item in enumerate(_items(source, found), start=1):
            if isinstance(item, Refused):
                refused.append((item.source, item.reason))
            else:
                try:
                    with _reading(item.source):
                        _add(writer, item, prefix, licence)
                except DataError as error:
                    refused.append((item.source, str(error)))
                else:
                    if item.note:
                        notes.append((item.source, item.note))
            if progress is not None:
                progress(done, max(done, found.total))
        if not writer.sequences:
            why = f"all {len(refused)} sequences were refused; {refused[0][1]}" if refused else ""
            raise DataError(f"{source}: {why or 'must contain at least one sequence, got none'}")
        names = tuple(sequence.name for sequence in writer.sequences)
        hours = sum(sequence.seconds for sequence in writer.sequences) / 3600
    return ImportReport(names, tuple(refused), tuple(notes), hours)


def _reading(source: Path | str) -> AbstractContextManager[None]:
    return reading(source, "data that can be imported", DataError)


def _items(source: Path, found: SequenceImport) -> Iterator[Found | Refused]:
    """The items of a reader, which reads on only when it is asked for the next."""
    items = iter(found.items)
    while True:
        with _reading(source):
            item = next(items, None)
        if item is None:
            return
        yield item


def _add(writer: SequenceWriter, item: Found, prefix: str, licence: str) -> None:
    metadata: dict[str, Any] = {**item.metadata, **item.arrays}
    metadata["subject"] = prefix + item.metadata["subject"]
    writer.add(
        item.keypoints, name=prefix + item.name, source=item.source, licence=licence, **metadata
    )
