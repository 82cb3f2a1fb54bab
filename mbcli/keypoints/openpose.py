"""OpenPose's results, the folder of ``--write_json`` (Cao et al. 2019), and those that follow it.

One file per frame, even without people, named ``<video>_<12 digits>_keypoints.json`` with the frame
counted from 0; for pictures ``<picture>_keypoints.json``. Scripts of rtmlib and Pose2Sim use
``<video>_<6 digits>.json``. Each file holds

    version   1.x
    people    list of
        person_id          [-1], or the identity if the program tracks
        pose_keypoints_2d  x, y, confidence of each keypoint, flat; the layout follows from their
                           number (`mbcli.keypoints.layouts`)
        ...                faces, hands and 3D, which are ignored

A keypoint that was not found is 0, 0, 0. An empty person, as left by Pose2Sim's association, is
nobody. Coordinates are pixels or, with ``--keypoint_scale`` 3 and 4, fractions of the picture
within 0..1 and -1..1. Versions before 1.2 have ``pose_keypoints``. A single file in place of the
folder is read as a picture, and a file with a list of such objects as a video.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mbcli.errors import InputError
from mbcli.keypoints.checks import identity
from mbcli.keypoints.folders import read_folder, recognise_folder
from mbcli.keypoints.points import points_of
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.rows import Rows
from mbcli.keypoints.source import Source

FORMAT = "openpose"

_FRAME_OF_VIDEO = re.compile(r".*_[0-9]{12}|.*_[0-9]{6}")
_FLAT = ("pose_keypoints_2d", "pose_keypoints")


def recognise(source: Source) -> bool:
    """Whether this is a folder of OpenPose's files, or one such file."""
    if source.kind == "folder":
        return recognise_folder(source, _is_frame)
    return source.kind == "json" and any(map(_is_frame, _listed(source.document)))


def read(source: Source) -> KeypointFile:
    """Read the folder of a run.

    Raises:
        InputError: a file is truncated, the number of keypoints is unknown, or the content breaks
            the rules of `KeypointFile`.
    """
    if source.kind == "folder":
        file = read_folder(source, FORMAT, _is_frame, _add, _FRAME_OF_VIDEO, fractions=True)
        return _scaled(file)
    rows = Rows(source.path, FORMAT)
    for frame, document in enumerate(_listed(source.document)):
        if not _is_frame(document):
            raise InputError(f"{source.path} must hold people in frame {frame}")
        _add(document, frame, source.path, rows)
    return _scaled(rows.file(count=len(_listed(source.document)), fractions=True))


def _listed(document: Any) -> list[Any]:
    """The frames in one file, as some programs write them, or its only frame."""
    return document if isinstance(document, list) else [document]


def _is_frame(document: Any) -> bool:
    return (
        isinstance(document, dict)
        and isinstance(document.get("people"), list)
        and ("version" in document or any(_flat(person) for person in document["people"]))
    )


def _flat(person: Any) -> str | None:
    """The key of a person's keypoints."""
    return next((key for key in _FLAT if isinstance(person, dict) and key in person), None)


def _add(document: Any, frame: int, path: Path, rows: Rows) -> None:
    for place, person in enumerate(document["people"]):
        what = f"person {place}"
        if person and not isinstance(person, dict):
            raise InputError(f"{path} must hold an object as {what}, got {person!r:.60}")
        key = _flat(person)
        points = points_of(None if key is None else person[key], path, what)
        rows.add(frame, points, None if key is None else _identity(person))


def _identity(person: dict[str, Any]) -> int | str | None:
    value = identity(person, ("personid",))
    return None if isinstance(value, int) and value < 0 else value


def _scaled(file: KeypointFile) -> KeypointFile:
    """Undo ``--keypoint_scale`` if the numbers show that it was used."""
    if not file.relative:
        return file
    scale, points = 3, file.keypoints
    if np.nanmin(points[..., :2]) < 0:
        scale, points = 4, points.copy()
        points[..., :2] = (points[..., :2] + 1) / 2
    note = f"coordinates are taken as fractions of the picture (--keypoint_scale {scale})"
    return replace(file, keypoints=points, warnings=(*file.warnings, note))
