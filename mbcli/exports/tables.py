"""Tables of positions: CSV and Apache Parquet, wide or long.

    wide   frame, time, person, then x, y, z and confidence of each joint: left_hip_x, ...
           one row per frame and person
    long   frame, time, person, joint, x, y, z, confidence
           one row per frame, person and joint

A motion with expected errors has them as a fifth number of each joint, ``expected_error``, in the
unit of the positions: the mean distance from the truth relative to the pelvis; empty where unknown.

``frame`` is the frame number in the video, ``time`` is in seconds, ``person`` is the id. An absent
person keeps their rows, with empty cells (nulls in Parquet) and confidence 0, so that every frame
of the video is included. Metres and y up by default. CSV cannot record this, so the command prints
it. Parquet stores it in the schema's metadata: a JSON object under ``mbcli``.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from mbcli.exports.axes import Placed, place
from mbcli.exports.format import library
from mbcli.exports.options import ExportOptions, Shape
from mbcli.motion import Motion3D

Columns = dict[str, npt.NDArray[Any]]

FORMAT = "mbcli.motion-table/1"

_ROWS = 4096  # formatted at a time


def columns_of(motion: Motion3D, placed: Placed, shape: Shape) -> Columns:
    """The table's columns by name, with rows sorted by frame, then person, then joint."""
    joints = motion.skeleton.joints
    frames, people, count = motion.confidence.shape
    each = count if shape == "long" else 1
    table: Columns = {
        "frame": np.repeat(motion.keypoints.frame_index, people * each),
        "time": np.repeat(motion.timestamps, people * each),
        "person": np.tile(np.repeat(motion.track_ids, each), frames),
    }
    values = np.concatenate([placed.positions, motion.confidence[..., None]], axis=-1)
    parts: tuple[str, ...] = ("x", "y", "z", "confidence")
    if motion.expected_error is not None:
        errors = motion.expected_error * placed.per_metre
        values = np.concatenate([values, errors[..., None]], axis=-1)
        parts = (*parts, "expected_error")
    if shape == "long":
        table["joint"] = np.tile(np.array(joints), frames * people)
        return table | {name: values[..., part].ravel() for part, name in enumerate(parts)}
    for number, joint in enumerate(joints):
        for part, name in enumerate(parts):
            table[f"{joint}_{name}"] = values[:, :, number, part].ravel()
    return table


def write_csv(motion: Motion3D, path: Path, options: ExportOptions) -> None:
    """Write everybody in ``motion`` as CSV (RFC 4180, with plain newlines).

    Raises:
        OSError: it cannot be written.
    """
    table = columns_of(motion, place(motion, options), options.shape)
    rows = len(table["frame"])
    with path.open("x", encoding="utf-8", newline="\n") as stream:
        stream.write(",".join(table) + "\n")
        for start in range(0, rows, _ROWS):
            texts = [_texts(column[start : start + _ROWS]) for column in table.values()]
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
    placed = place(motion, options)
    table = columns_of(motion, placed, options.shape)
    arrays = {}
    for name, column in table.items():
        single = column.dtype.kind == "f" and name != "time"
        arrays[name] = arrow.array(
            column.astype(np.float32) if single else column, from_pandas=True
        )
    about = {
        "format": FORMAT,
        "units_per_metre": placed.per_metre,
        "up": placed.up,
        "fps": motion.fps,
        "notes": list(placed.notes),
        "meta": dict(motion.meta),
    }
    whole = arrow.table(arrays).replace_schema_metadata({"mbcli": json.dumps(about)})
    parquet.write_table(whole, str(path))
