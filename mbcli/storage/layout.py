"""Values of people in an ``.npz``: dense, (T, P, ...), or long, one row a person and frame.

Dense arrays are what most people want to load, but where many people come and go they are mostly
empty. If those of a file would take more than 1 GB together, it is long instead:

    layout  () U     "long"; absent in a dense file
    frame   (N,) i8  of each row the place of its frame in ``timestamps`` and ``frame_index``
    person  (N,) i8  of each row the place of its person in ``track_ids``

and every array (T, P, ...) is (N, ...). The rows are sorted by person, then by frame, and contain
all frames from a person's first to their last, so that ``dense[frame, person] = long`` gives the
dense array, where all else is the value of an absent person.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.spans import PerPerson, Spans
from mbcli.storage.arrays import Npz
from mbcli.storage.output import written_whole
from mbcli.values import fits

LONG = "long"
ROWS = ("layout", "frame", "person")

Array = npt.NDArray[Any]

# Rows between those in a file, which a person's long absence leaves empty: at most this many for
# each row, and a number that fits any machine.
_EMPTY = 100, 2_000_000


def is_long(values: Mapping[str, Array | PerPerson]) -> bool:
    """Whether arrays (T, P, ...) of these values would take more than 1 GB."""
    return not fits(value for value in values.values() if isinstance(value, PerPerson))


def write_npz(path: Path, values: Mapping[str, Array | PerPerson], *, overwrite: bool) -> None:
    """Write arrays, and values of people that all have the same spans, atomically.

    Raises:
        OutputError: the file exists and ``overwrite`` is off, or it cannot be written.
    """
    with (
        written_whole(path, overwrite=overwrite) as temporary,
        temporary.open("xb") as stream,
        # As numpy.savez_compressed, but with one array in memory at a time.
        zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive,
    ):
        for name, array in _arrays(values):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _arrays(values: Mapping[str, Array | PerPerson]) -> Iterator[tuple[str, Array]]:
    long = is_long(values)
    for name, value in values.items():
        if not isinstance(value, PerPerson):
            yield name, value
        else:
            yield name, value.rows if long else value.dense()
    if long:
        spans = next(v.spans for v in values.values() if isinstance(v, PerPerson))
        yield "layout", np.array(LONG)
        yield "frame", spans.frame
        yield "person", spans.person


def people_of(
    archive: Npz, small: Mapping[str, Array], fills: Mapping[str, npt.ArrayLike]
) -> dict[str, Array | PerPerson]:
    """Read arrays of a file as values of people, with one of them in memory at a time.

    Args:
        archive: the open file.
        small: its ``timestamps`` and ``track_ids``, and in a long file ``layout``, ``frame`` and
            ``person``.
        fills: the arrays to read, if the file has them, and the value of an absent person.

    Returns:
        The values; an array that cannot be one stays as it is.

    Raises:
        KeyError: an array is missing.
        ValueError: they do not fit together.
    """
    layout = str(small["layout"]) if "layout" in small else ""
    if layout not in ("", "dense", LONG):
        raise ValueError(f"layout must be dense or {LONG}, got {layout!r:.60}")
    rows = _rows(small) if layout == LONG else None
    names = [name for name in fills if name in archive.names]
    return {n: _by_person(archive.array(n), np.asarray(fills[n]), rows) for n in names}


def _by_person(array: Array, fill: Array, rows: tuple[Spans, Array] | None) -> Array | PerPerson:
    plain = array.dtype.kind in "fiub" and array.ndim > fill.ndim + (rows is None)
    if not plain or array.shape[array.ndim - fill.ndim :] != fill.shape:
        return array
    fill = fill.astype(array.dtype)
    if rows is None:
        return PerPerson.of(array, fill)
    spans, places = rows
    if len(array) != len(places):
        raise ValueError(f"a long array must have {len(places)} rows, got {len(array)}")
    if spans.rows == len(array) and (places == np.arange(len(array))).all():
        return PerPerson(spans, array, fill)
    whole = np.empty((spans.rows, *array.shape[1:]), array.dtype)
    whole[...] = fill
    whole[places] = array
    return PerPerson(spans, whole, fill)


def _rows(small: Mapping[str, Array]) -> tuple[Spans, Array]:
    """The spans of a long file, and the place of each of its rows among theirs."""
    frames, people = len(small["timestamps"]), len(small["track_ids"])
    frame, person = small["frame"], small["person"]
    for name, array, count in (("frame", frame, frames), ("person", person, people)):
        if array.ndim != 1 or array.dtype.kind not in "iu" or array.shape != frame.shape:
            raise ValueError(f"{name} must be (N,) integers, got {array.dtype} {array.shape}")
        if len(array) and not 0 <= array.min() <= array.max() < count:
            raise ValueError(
                f"{name} must be within 0..{count - 1}, got {array.min()}..{array.max()}"
            )
    spans = Spans.of(frames, people, frame, person)
    if spans.rows > _EMPTY[0] * len(frame) + _EMPTY[1]:
        raise ValueError(
            f"people must be in most frames from their first to their last, got {len(frame)} rows "
            f"in {spans.rows}"
        )
    row = spans.row(frame, person)
    if len(np.unique(row)) < len(row):
        raise ValueError("a person must be in a frame once, got one twice")
    return spans, row
