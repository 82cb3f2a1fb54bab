"""Tables of positions: CSV and Apache Parquet, wide or long.

    wide   frame, time, person, then x, y, z and confidence of each joint: left_hip_x, ...
           one row per frame and person
    long   frame, time, person, joint, x, y, z, confidence
           one row per frame, person and joint

A motion with expected errors has them as a fifth number of each joint, ``expected_error``, in the
unit of the positions: the mean distance from the truth relative to the pelvis; empty where unknown.

``frame`` is the frame number in the video, ``time`` is in seconds, ``person`` is the id. An absent
person keeps their rows, with empty cells (nulls in Parquet) and confidence 0, so that every frame
of the video is included; of a motion whose file is long, people have rows from their first frame
to their last. Metres and y up by default. CSV cannot record this, so the command prints it. Parquet
stores it in the schema's metadata: a JSON object under ``mbcli``.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.exports.axes import Axes, axes_of
from mbcli.exports.by_frame import table_rows
from mbcli.exports.format import library
from mbcli.exports.options import ExportOptions, Shape
from mbcli.motion import Motion3D
from mbcli.motion.table import EXPECTED, JOINT, ROW, VALUES, wide_columns
from mbcli.values import kept, kept_if_any

Columns = dict[str, npt.NDArray[Any]]

FORMAT = "mbcli.motion-table/1"

_ROWS = 4096  # of a CSV, formatted at a time
_GROUP = 131_072  # of a row group of Parquet: 50 MB with 17 joints


def _tables(motion: Motion3D, axes: Axes, shape: Shape, at_once: int) -> Iterator[Columns]:
    """The table's columns by name, some rows at a time, sorted by frame, person and joint."""
    joints, keypoints = motion.skeleton.joints, motion.keypoints
    each = len(joints) if shape == "long" else 1
    expected = kept_if_any(motion, "expected_error")
    parts = VALUES if expected is None else EXPECTED
    for rows in table_rows(motion, at_once):
        keys = (
            keypoints.frame_index[rows.frame],
            motion.timestamps[rows.frame],
            motion.track_ids[rows.person],
        )
        table: Columns = {name: np.repeat(key, each) for name, key in zip(ROW, keys, strict=True)}
        points = rows.of(kept(motion, "positions")).astype(np.float64)
        points += rows.of(kept(motion, "root")).astype(np.float64)[:, None]
        placed = axes.place(motion.camera.to_world(points, rows.frame))
        columns = [placed, rows.of(kept(motion, "confidence"))[..., None]]
        if expected is not None:
            columns.append((rows.of(expected) * axes.per_metre)[..., None])
        values = np.concatenate(columns, axis=-1)
        if shape == "long":
            table[JOINT] = np.tile(np.array(joints), len(rows))
            yield table | {name: values[..., part].ravel() for part, name in enumerate(parts)}
            continue
        flat = values.reshape(len(rows), -1).T
        yield table | dict(zip(wide_columns(joints, parts), flat, strict=True))


def write_csv(motion: Motion3D, path: Path, options: ExportOptions) -> None:
    """Write everybody in ``motion`` as CSV (RFC 4180, with plain newlines).

    Raises:
        OSError: it cannot be written.
    """
    tables = _tables(motion, axes_of(motion, options), options.shape, _ROWS)
    with path.open("x", encoding="utf-8", newline="\n") as stream:
        for number, table in enumerate(tables):
            if number == 0:
                stream.write(",".join(table) + "\n")
            texts = [_texts(column) for column in table.values()]
            stream.writelines(",".join(row) + "\n" for row in zip(*texts, strict=True))


def _texts(column: npt.NDArray[Any]) -> list[str]:
    """Cells of a column: nine digits for real numbers, empty for NaN."""
    if column.dtype.kind != "f":
        return [str(value) for value in column.tolist()]
    return ["" if value != value else f"{value:.9g}" for value in column.tolist()]


def write_parquet(motion: Motion3D, path: Path, options: ExportOptions) -> None:
    """Write everybody in ``motion`` as Parquet; positions and confidence as float32.

    Raises:
        ConfigError: pyarrow is not installed.
        OSError: it cannot be written.
    """
    arrow = library("pyarrow", "Parquet")
    parquet = library("pyarrow.parquet", "Parquet")
    axes = axes_of(motion, options)
    about = {
        "format": FORMAT,
        "units_per_metre": axes.per_metre,
        "up": axes.up,
        "fps": motion.fps,
        "notes": list(axes.notes),
        "meta": dict(motion.meta),
    }
    with ExitStack() as stack:
        writer = None
        for table in _tables(motion, axes, options.shape, _GROUP):
            arrays = {}
            for name, column in table.items():
                single = column.dtype.kind == "f" and name != "time"
                arrays[name] = arrow.array(
                    column.astype(np.float32) if single else column, from_pandas=True
                )
            group = arrow.table(arrays).replace_schema_metadata({"mbcli": json.dumps(about)})
            if writer is None:
                writer = stack.enter_context(parquet.ParquetWriter(str(path), group.schema))
            writer.write_table(group)
