"""AlphaPose results, the JSON file ``alphapose-results.json`` (Fang et al. 2022).

A list with one object per person, in any order:

    image_id     name of the picture: "0.jpg", "1.jpg" ... for frames of a video, the file's name
                 for a folder; with --eval only the number in that name
    category_id  1
    keypoints    x, y, score of each keypoint, flat; the layout follows from their number
                 (`mbcli.keypoints.layouts`). The score is the height of the peak and may slightly
                 exceed 1
    score        of the person; not a probability, usually above 1
    box          x, y, width, height in pixels; absent in older versions
    idx          identity: a number, or a (nested) list of numbers where overlapping people were
                 merged; the first is used. 0 for everybody without tracking

``--format cmu`` and ``--format open`` write an object from picture name to ``{"version",
"bodies": [{"joints"}]}`` or ``{"version", "people": [{"pose_keypoints_2d"}]}`` with 18 keypoints in
the order of OpenPose's COCO model. The second of them, the neck, is the middle of the shoulders
only for models of 17 keypoints and is made from other joints in others. It is left out; the
other 17 are COCO's.

mbcli writes the first form. A missing keypoint is 0, 0, 0. ``score`` is the mean of the keypoints'
scores, since the detector's share of AlphaPose's own score is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from mbcli.errors import InputError
from mbcli.keypoints.checks import corners, identity, member
from mbcli.keypoints.frames import numbering
from mbcli.keypoints.json_records import people, write_records
from mbcli.keypoints.layouts import Layout
from mbcli.keypoints.points import points_of
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.rows import Rows
from mbcli.keypoints.source import Source
from mbcli.keypoints.words import PERSON
from mbcli.skeleton import COCO17, HALPE26, OPENPOSE18
from mbcli.types import Keypoints2D

FORMAT = "alphapose"

_FRAME_OF_VIDEO = re.compile(r"(0|[1-9][0-9]*)\.jpg")
_PEOPLE = {"bodies": "joints", "people": "pose_keypoints_2d"}


def recognise(source: Source) -> bool:
    """Whether this is an AlphaPose result in one of the three forms."""
    if source.kind != "json":
        return False
    document = source.document
    if isinstance(document, list):
        return _is_person(document[0]) if document else False
    return _people_key(document) is not None


def read(source: Source) -> KeypointFile:
    """Read an AlphaPose result.

    Raises:
        InputError: the number of keypoints is unknown, or the content breaks the rules of
            `KeypointFile`.
    """
    document = source.document
    return _read_list(document, source.path) if isinstance(document, list) else _read_named(source)


def write(
    path: Path,
    keypoints: Keypoints2D,
    meta: Mapping[str, Any] | None = None,
    *,
    overwrite: bool = False,
) -> None:
    """Write tracks as AlphaPose would; skeletons other than its own become COCO-17.

    The format has no place for ``meta``, the frame rate, the size of the pictures, or frames
    without people at the end.

    Raises:
        ConfigError: COCO-17 cannot be derived from the skeleton.
        OutputError: the file exists and ``overwrite`` is off, or it cannot be written.
    """
    write_records(path, _records(keypoints), overwrite=overwrite)


def _records(keypoints: Keypoints2D) -> Iterator[dict[str, Any]]:
    skeleton = HALPE26 if keypoints.skeleton == HALPE26 else COCO17
    for person in people(keypoints, skeleton, FORMAT):
        record = {
            "image_id": f"{person.frame}.jpg",
            "category_id": 1,
            "keypoints": person.flat,
            "score": person.score,
            "idx": person.identity,
        }
        if person.box is not None:
            record["box"] = person.box
        yield record


def _is_person(record: Any) -> bool:
    """Whether this is an object of the list; `coco` says how it differs from COCO."""
    return (
        isinstance(record, dict)
        and isinstance(record.get("keypoints"), list)
        and "image_id" in record
        and (isinstance(record["image_id"], str) or "idx" in record or "box" in record)
    )


def _people_key(document: Any) -> str | None:
    """``bodies`` or ``people``, if the document has one of those two forms."""
    first = next(iter(document.values()), None) if isinstance(document, dict) else None
    if isinstance(first, dict) and "version" in first:
        return next((key for key in _PEOPLE if isinstance(first.get(key), list)), None)
    return None


def _read_list(document: list[Any], path: Path) -> KeypointFile:
    names = []
    for place, record in enumerate(document):
        name = member(record, "image_id", path, f"record {place}")
        if not isinstance(name, str | int) or isinstance(name, bool):
            raise InputError(f"{path} must name the picture of record {place}, got {name!r}")
        names.append(name)
    numbered = numbering(names, _FRAME_OF_VIDEO)
    rows = Rows(path, FORMAT)
    ids = [identity(record, ("idx", *PERSON)) for record in document]
    # Without tracking everybody has id 0.
    if not {*ids} - {None, 0}:
        ids = [None] * len(ids)
    for record, name, who in zip(document, names, ids, strict=True):
        points = member(record, "keypoints", path, f"a record of {name}")
        box = record.get("box") or record.get("bbox")
        rows.add(
            numbered.frames[name],
            points_of(points, path, str(name)),
            who,
            corners(box, path, f"the box of {name}") if box else None,
        )
    return rows.file(**numbered.metadata)


def _read_named(source: Source) -> KeypointFile:
    path, document = source.path, source.document
    key = _people_key(document)
    assert key is not None, "read only what was recognised"
    places = tuple(map(OPENPOSE18.index, COCO17.joints))
    rows = Rows(path, FORMAT, Layout(len(OPENPOSE18), COCO17, places))
    numbered = numbering([*document], _FRAME_OF_VIDEO)
    for name, picture in document.items():
        bodies = member(picture, key, path, f"picture {name}")
        if not isinstance(bodies, list):
            raise InputError(f'{path} must hold a list as "{key}" of picture {name}')
        for body in bodies:
            points = points_of(member(body, _PEOPLE[key], path, f"a person of {name}"), path, name)
            rows.add(numbered.frames[name], points)
    return rows.file(**numbered.metadata)
