"""COCO keypoint results, the JSON file that COCO's evaluation takes (Lin et al. 2014).

A list with one object for each person, in any order:

    image_id     whole number. Of a video it is the frame
    category_id  1
    keypoints    x, y, confidence of each keypoint, flat: 17, or as many as their number decides
                 (`mbcli.keypoints.layouts`)
    score        of the person
    bbox         x, y, width, height in pixels; not every program writes it
    track_id     an identity, if the program tracks; beyond COCO's specification

The third of three is a confidence in results. Some programs write there what COCO's annotations
have, see `read_flags`. A list with picture names, or with ``idx`` or ``box``, is AlphaPose's.

What is written here has ``bbox`` and ``track_id``, 0, 0, 0 for a missing keypoint, and as
``score`` the mean confidence of the keypoints. Frames without people have no records.
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

_HIDDEN = 0.5  # confidence of a keypoint whose place is given although it cannot be seen


def recognise(source: Source) -> bool:
    """Whether it is a list of COCO results and not one of AlphaPose."""
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
    """Read results.

    Raises:
        InputError: a wrong number of keypoints, and whatever else breaks the rules of
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
    """Confidences for the flags of COCO's annotations: 0 not there, 1 hidden, 2 visible.

    They are flags if there is no other value in the whole file than these and 2 is among them; a
    hidden keypoint then gets confidence 0.5.

    Returns:
        The keypoints of everybody, (K, 3) each, and a warning if they were flags.
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
    """Who it is, if the record or its attributes say so."""
    value = identity(record, PERSON)
    return identity(record.get("attributes"), PERSON) if value is None else value


def box_of(record: dict[str, Any], path: Path, frame: int | str) -> FloatArray | None:
    """(4,) the corners of the box of a record; None if it has none or an empty one."""
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
        ConfigError: a skeleton that gives no COCO-17.
        OutputError: the file exists and ``overwrite`` is off, or it cannot be written.
    """
    write_records(path, coco_records(keypoints), overwrite=overwrite)
