"""COCO keypoint results, the JSON file that COCO's evaluation takes (Lin et al. 2014).

A list with one object a person:

    image_id     whole number. Of a video it is the frame, counted from 0; from a file that was
                 counted from 1 everything comes a frame late, of which a warning tells
    category_id  1
    keypoints    x, y, confidence of the 17 keypoints, flat
    score        of the person
    bbox         x, y, width, height in pixels; not every program writes it
    track_id     an identity, if the program tracks; beyond COCO's specification

The third of three is a confidence in results. Some programs write there what COCO's annotations
have: 0 not there, 1 hidden, 2 visible. It is taken so if there is no other value in the whole
file than these and 2 is among them; a hidden keypoint then gets confidence 0.5. A list with
picture names, or with ``idx`` or ``box``, is AlphaPose's.

What is written here has ``bbox`` and ``track_id``, 0, 0, 0 for a missing keypoint, and as
``score`` the mean confidence of the keypoints. Frames without people have no records.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mbcli.keypoints.checks import corners, member, triples, whole
from mbcli.keypoints.json_records import coco_records, write_records
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.rows import Rows
from mbcli.keypoints.source import Source
from mbcli.skeleton import COCO17
from mbcli.types import Keypoints2D

FORMAT = "coco"

_HIDDEN = 0.5  # confidence of a keypoint whose place was told although it cannot be seen


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
        InputError: a wrong number of keypoints, frames out of order, and whatever else breaks
            the rules of `KeypointFile`.
    """
    path, document = source.path, source.document
    frames = [
        whole(member(record, "image_id", path, f"record {place}"), path, "an image_id")
        for place, record in enumerate(document)
    ]
    points = [
        triples(
            member(record, "keypoints", path, f"record {place}"),
            path,
            f"the keypoints of record {place}",
        )
        for place, record in enumerate(document)
    ]
    warnings = []
    if min(frames) == 1:
        warnings.append("image ids are taken as frames counted from 0, and nobody is in frame 0")
    thirds = set(np.concatenate([p[:, 2] for p in points]).tolist())
    if 2.0 in thirds and thirds <= {0.0, 1.0, 2.0}:
        warnings.append(
            f"confidences are taken as flags: 2 visible as 1, 1 hidden as {_HIDDEN}, 0 not there"
        )
        points = [np.column_stack([p[:, :2], p[:, 2] / 2]) for p in points]
        for p in points:
            p[p[:, 2] == 0] = 0
    rows = Rows(path, FORMAT, {len(COCO17): COCO17})
    for frame, person, record in zip(frames, points, document, strict=True):
        identity, box = record.get("track_id"), record.get("bbox")
        rows.add(
            frame,
            person,
            None if identity is None else whole(identity, path, f"a track_id of frame {frame}"),
            None if box is None else corners(box, path, f"a bbox of frame {frame}"),
        )
    return rows.file(warnings=warnings)


def write(path: Path, keypoints: Keypoints2D, *, overwrite: bool = False) -> None:
    """Write tracks as COCO results; other skeletons become COCO-17.

    The frame rate, the size of the picture and frames without people at the end find no place in
    this format.

    Raises:
        ConfigError: a skeleton that gives no COCO-17.
        OutputError: the file exists and ``overwrite`` is off, or it cannot be written.
    """
    write_records(path, coco_records(keypoints), overwrite=overwrite)
