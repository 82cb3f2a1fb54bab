"""DeepLabCut's pose files in CSV and HDF5 (Mathis et al. 2018, Lauer et al. 2022).

Both hold one table with a row per frame, whose columns have three or four levels of names:

    scorer       the model or person that marked the points; one per file
    individuals  the identity, in multi-animal projects only
    bodyparts    the joint, named by the user (see `joint_names`)
    coords       ``x``, ``y`` in pixels, and ``likelihood`` 0..1 or another name for it in
                 `mbcli.keypoints.words`; manual labels have none. Other columns, such as those of
                 Lightning Pose, are ignored

The CSV starts with one row for each level, titled in its first cell. The numbers follow the frame's
index or the path of its picture (see `mbcli.keypoints.frames`); newer projects spread that path
over three cells (``labeled-data``, the video's name, ``img0012.png``).

The HDF5 file is a data frame in the ``table`` layout of pandas, under the key ``df_with_missing``
(``tracks`` in older multi-animal projects): a group whose attribute ``pandas_type`` is
``frame_table`` with a data set ``table`` of the columns ``index`` and ``values_block_0``. The
column names are a pickled list of tuples in an attribute of the table, ``values_block_0_kind``.
pandas would execute such a pickle; here it is read as plain data.

NaN or an empty cell means missing. A point without likelihood counts fully.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np

from mbcli.errors import InputError
from mbcli.keypoints.cells import check_width, numbers
from mbcli.keypoints.frames import numbering
from mbcli.keypoints.free_names import with_our_names
from mbcli.keypoints.hdf5 import opened_hdf5, text_of, whole
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source
from mbcli.keypoints.words import CONFIDENCE, PLACES, plain
from mbcli.storage.plainpickle import load_plain_pickle
from mbcli.types import FloatArray

FORMAT = "deeplabcut"

_LEVELS = (["scorer", "bodyparts", "coords"], ["scorer", "individuals", "bodyparts", "coords"])


def recognise(source: Source) -> bool:
    """Whether the file has DeepLabCut's header, or holds a pandas data frame.

    Raises:
        ConfigError: it is an HDF5 file and h5py is not installed.
        InputError: it is an HDF5 file and truncated or damaged.
    """
    if source.kind == "text":
        return _levels(source.rows) is not None
    if source.kind == "hdf5":
        with opened_hdf5(source.path) as file:
            return bool(_frames_of_pandas(file))
    return False


def read(source: Source) -> KeypointFile:
    """Read the file; a person is present in a frame if any joint is.

    Raises:
        InputError: the file does not follow this layout, or its joints cannot be matched.
        ConfigError: h5py is not installed, or the joint map breaks its rules.
    """
    columns, labels, values = (_read_hdf5 if source.kind == "hdf5" else _read_csv)(source)
    path = source.path
    if len({column[0] for column in columns}) > 1:
        scorers = ", ".join(sorted({column[0] for column in columns}))
        raise InputError(f"{path} must hold the points of one scorer, got {scorers}")
    if len(set(columns)) != len(columns):
        raise InputError(f"{path} must name each column once")
    parts = list(dict.fromkeys(column[-2] for column in columns))
    people = list(dict.fromkeys(column[1:-2] for column in columns))
    table = np.full((len(values), len(people), len(parts), 3), np.nan)
    foreign = []
    for number, (*_, part, coord) in enumerate(columns):
        word = plain(coord)
        if word not in (*PLACES, *CONFIDENCE):
            foreign.append(coord)
            continue
        place = PLACES.index(word) if word in PLACES else 2
        person = people.index(columns[number][1:-2])
        table[:, person, parts.index(part), place] = values[:, number]
    warnings = []
    if foreign:
        warnings.append(f"left out columns of {', '.join(dict.fromkeys(foreign))}")
    numbered = numbering(labels)
    frames = np.array([numbered.frames[label] for label in labels], np.int64)
    return with_our_names(
        source,
        FORMAT,
        parts,
        np.repeat(frames, len(people)),
        table.reshape(-1, len(parts), 3),
        ids=np.tile(np.arange(len(people)), len(values)),
        count=int(frames.max(initial=-1)) + 1,
        counts_from=0 if all(isinstance(label, int) for label in labels) else None,
        pictures=numbered.metadata["pictures"],
        notes=[*warnings, *numbered.notes],
    )


_Table = tuple[list[tuple[str, ...]], list[str | int], FloatArray]


def _levels(rows: list[list[str]]) -> int | None:
    """Number of header rows, or None if they are not DeepLabCut's."""
    titles = [row[0] for row in rows[:4]]
    return next((len(names) for names in _LEVELS if titles[: len(names)] == names), None)


def _read_csv(source: Source) -> _Table:
    path, rows = source.path, source.rows
    levels = _levels(rows)
    assert levels is not None, "recognise comes first"
    header, body = rows[:levels], rows[levels:]
    check_width(rows, len(header[0]), path)
    # Cells before the first name belong to the path of the picture.
    lead = next((n for n, cell in enumerate(header[0]) if n and cell), 1)
    names = ["/".join(column) for column in zip(*header, strict=True)]
    if len(names) == lead:
        raise InputError(f"{path} has no columns of points")
    labels = ["/".join(row[:lead]) for row in body]
    values = numbers(body, list(range(lead, len(names))), names, path)
    columns = list(zip(*(row[lead:] for row in header), strict=True))
    return columns, [int(n) if n.isdecimal() else n for n in labels], values


def _read_hdf5(source: Source) -> _Table:
    path = source.path
    with opened_hdf5(path) as file:
        frames = _frames_of_pandas(file)
        if len(frames) > 1:
            raise InputError(f"{path} must hold one data frame, got {', '.join(sorted(frames))}")
        ((_, group),) = frames.items()
        layout = text_of(group.attrs["pandas_type"])
        if layout != "frame_table" or text_of(group.attrs.get("table_type")) != "appendable_frame":
            raise InputError(
                f"{path} must hold a data frame in pandas' table layout with the frame as index, "
                f"got {layout}: give the CSV file that DeepLabCut wrote beside it"
            )
        table = group["table"]
        blocks = [name for name in table.dtype.names if name.startswith("values_block_")]
        columns: list[tuple[str, ...]] = []
        for block in blocks:
            kind = table.attrs[f"{block}_kind"]
            what = f"{path} (column names)"
            columns += _column_names(load_plain_pickle(io.BytesIO(bytes(kind)), what), path)
        records = whole(table)
        if not blocks or not all(np.issubdtype(records[b].dtype, np.number) for b in blocks):
            raise InputError(f"{path} must hold numbers, got {records.dtype}")
        values = np.concatenate([records[block].astype(np.float64) for block in blocks], axis=1)
        labels = records["index"]
    if len(columns) != values.shape[1]:
        raise InputError(f"{path} has {values.shape[1]} columns but names {len(columns)}")
    if np.issubdtype(labels.dtype, np.integer):
        return columns, labels.tolist(), values
    return columns, [text_of(label) for label in labels.tolist()], values


def _column_names(names: object, path: Path) -> list[tuple[str, ...]]:
    if isinstance(names, list):
        columns = [tuple(str(part) for part in name) for name in names if isinstance(name, tuple)]
        if len(columns) == len(names) and {len(column) for column in columns} <= {3, 4}:
            return columns
    raise InputError(
        f"{path} must name its columns by scorer, individuals, bodyparts and coords, "
        f"got {str(names)[:80]}"
    )


def _frames_of_pandas(file: Any) -> dict[str, Any]:
    """Groups at the root that are pandas data frames."""
    return {
        name: group
        for name, group in file.items()
        if text_of(group.attrs.get("pandas_type")) in ("frame_table", "frame")
    }
