"""COCO keypoint results, the JSON file that COCO's evaluation takes (Lin et al. 2014).

A list with one object per person, in any order:

    image_id     integer; in videos, the frame
    category_id  1
    keypoints    x, y, confidence of each keypoint, flat; 17, or another number that
                 `mbcli.keypoints.layouts` knows
    score        of the person
    bbox         x, y, width, height in pixels; optional
    track_id     identity, if the program tracks; not part of COCO's specification

In results the third number is a confidence. Some programs write the flags of COCO's annotations
there; see `read_flags`. A list with picture names, or with ``idx`` or ``box``, is AlphaPose's.

mbcli writes ``bbox`` and ``track_id``, 0, 0, 0 for a missing keypoint, and the mean confidence of
the keypoints as ``score``. Frames without people have no records.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from mbcli.keypoints.checks import corners, identity, member, whole
from mbcli.keypoints.json_records import coco_records, write_records
from mbcli.keypoints.points import points_of
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.rows import Rows
from mbcli.keypoints.source import Source
from mbcli.keypoints.words import PERSON
from mbcli.types import FloatArray, Keypoints2D

FORMAT = "coco"

_HIDDEN = 0.5  # confidence of a keypoint that is annotated although it cannot be seen


def recognise(source: Source) -> bool:
    """Whether this is a list of COCO results and not one of AlphaPose."""
    if source.kind != "json":
        return False
    document = source.document
    first = document[0] if isinstance(document, list) and document else None
    return (
        isinstance(first, dict)
        and isinstance(first.get("keypoints"), list)
        and isinstance(first.get("image_id"), int | float)
        and not {"idx", "box", "keypoint_scores"} & first.keys()
    )


def read(source: Source) -> KeypointFile:
    """Read keypoint results.

    Raises:
        InputError: the number of keypoints is unknown, or the content breaks the rules of
            `KeypointFile`.
    """
    path, document = source.path, source.document
    frames = [
        whole(member(record, "image_id", path, f"record {place}"), path, "an image_id")
        for place, record in enumerate(document)
    ]
    points = [
        points_of(member(record, "keypoints", path, f"record {place}"), path, f"record {place}")
        for place, record in enumerate(document)
    ]
    points, warnings = read_flags(points)
    rows = Rows(path, FORMAT)
    for frame, person, record in zip(frames, points, document, strict=True):
        rows.add(frame, person, identity_of(record), box_of(record, path, frame))
    return rows.file(counts_from=None, notes=warnings)


def read_flags(points: list[FloatArray]) -> tuple[list[FloatArray], tuple[str, ...]]:
    """Replace the flags of COCO's annotations by confidences: 0 absent, 1 hidden, 2 visible.

    The numbers are flags if the whole file has no others and at least one 2; a hidden keypoint then
    gets confidence 0.5.

    Returns:
        Everybody's keypoints, (K, 3) each, and a warning if they had flags.
    """
    thirds = set(np.concatenate([p[:, 2] for p in points]).tolist()) if points else set()
    if 2.0 not in thirds or not thirds <= {0.0, 1.0, 2.0}:
        return points, ()
    points = [np.column_stack([p[:, :2], p[:, 2] / 2]) for p in points]
    for p in points:
        p[p[:, 2] == 0] = 0
    return points, (
        f"confidences are taken as flags: 2 visible as 1, 1 hidden as {_HIDDEN}, 0 not there",
    )


def identity_of(record: dict[str, Any]) -> int | str | None:
    """Identity in the record or its attributes, if there is one."""
    value = identity(record, PERSON)
    return identity(record.get("attributes"), PERSON) if value is None else value


def box_of(record: dict[str, Any], path: Path, frame: int | str) -> FloatArray | None:
    """(4,) corners of a record's box; None if there is none or it is empty."""
    value = record.get("bbox")
    box = corners(value, path, f"a bbox of frame {frame}") if value else None
    return None if box is None or (box[2:] <= box[:2]).any() else box


def write(
    path: Path,
    keypoints: Keypoints2D,
    meta: Mapping[str, Any] | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Write tracks as COCO results; other skeletons become COCO-17.

    The format has no place for ``meta``, the frame rate, the size of the pictures, or frames
    without people at the end.

    Raises:
        ConfigError: COCO-17 cannot be derived from the skeleton.
        OutputError: the file exists and ``overwrite`` is off, or it cannot be written.
    """
    write_records(path, coco_records(keypoints), overwrite=overwrite)
