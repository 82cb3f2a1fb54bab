"""OpenPose results, the folder of ``--write_json`` (Cao et al. 2019).

One file a frame, also for frames without people, named ``<video>_<12 digits>_keypoints.json`` with
the frame counted from 0; of pictures it is ``<picture>_keypoints.json``. Each holds

    version   1.x
    people    list of
        person_id          [-1], or the identity if OpenPose was built with tracking
        pose_keypoints_2d  x, y, confidence of each keypoint, flat: 25 (BODY_25) or 18 (COCO)
        ...                faces, hands and 3D, which are not read

A keypoint that was not found is 0, 0, 0. Coordinates are pixels of the picture, or with
``--keypoint_scale`` 3 and 4 fractions of it within 0..1 and -1..1. Versions before 1.2 say
``pose_keypoints``. A single such file in place of the folder is read as a picture.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from mbcli.errors import InputError
from mbcli.keypoints.checks import member, triples, whole
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.rows import Rows, number_frames
from mbcli.keypoints.source import Source, parse_json
from mbcli.skeleton import BODY25, OPENPOSE18

FORMAT = "openpose"
SKELETONS = {25: BODY25, 18: OPENPOSE18}
SUFFIX = "_keypoints.json"

_FRAME_OF_VIDEO = re.compile(r".*_[0-9]{12}")
_FLAT = ("pose_keypoints_2d", "pose_keypoints")


def recognise(source: Source) -> bool:
    """Whether it is a folder with files named as OpenPose names them, or one such file."""
    if source.kind == "folder":
        return any(_files(source.path))
    return source.kind == "json" and _is_frame(source.document)


def read(source: Source) -> KeypointFile:
    """Read the folder of a run.

    Raises:
        InputError: frames of several videos, a frame twice, a file that is none of OpenPose's or
            cut off, a wrong number of keypoints, and whatever breaks the rules of `KeypointFile`.
    """
    path = source.path
    if source.kind != "folder":
        rows = Rows(path, FORMAT, SKELETONS)
        _read_frame(source.document, 0, path, rows)
        return _scaled(rows.file())
    files = {file.name.removesuffix(SUFFIX): file for file in _files(path)}
    numbers, warnings = number_frames(sorted(files), path, _FRAME_OF_VIDEO)
    frames: dict[int, Path] = {}
    for name, number in numbers.items():
        if number in frames:
            raise InputError(
                f"{path} tells frame {number} twice: {frames[number].name}, {files[name].name}"
            )
        frames[number] = files[name]
    rows = Rows(path, FORMAT, SKELETONS)
    for number, file in sorted(frames.items()):
        try:
            content = file.read_bytes()
        except OSError as error:
            raise InputError(f"{file} cannot be read: {error.strerror}") from error
        _read_frame(parse_json(content, file), number, file, rows)
    count = max(frames) + 1
    if len(frames) < count:
        warnings.append(
            f"{count - len(frames)} of the frames 0..{count - 1} have no file and are taken as "
            f"frames without people"
        )
    return _scaled(rows.file(frames=count, warnings=warnings))


def _files(folder: Path) -> list[Path]:
    """The folder's frames; hidden files, as some systems leave them, are none."""
    try:
        return [f for f in folder.glob(f"*{SUFFIX}") if not f.name.startswith(".") and f.is_file()]
    except OSError:
        return []


def _is_frame(document: Any) -> bool:
    return (
        isinstance(document, dict)
        and "version" in document
        and isinstance(document.get("people"), list)
    )


def _read_frame(document: Any, number: int, path: Path, rows: Rows) -> None:
    if not _is_frame(document):
        raise InputError(f'{path} is no frame of OpenPose: it must hold "version" and "people"')
    for place, person in enumerate(document["people"]):
        what = f"person {place}"
        key = next((k for k in _FLAT if isinstance(person, dict) and k in person), _FLAT[0])
        points = triples(member(person, key, path, what), path, f"the keypoints of {what}")
        rows.add(number, points, _identity(person, path, what))


def _identity(person: dict[str, Any], path: Path, what: str) -> int | None:
    told = person.get("person_id", -1)
    if isinstance(told, list):
        told = told[0] if told else -1
    number = whole(told, path, f"the person_id of {what}")
    return number if number >= 0 else None


def _scaled(file: KeypointFile) -> KeypointFile:
    """Undo ``--keypoint_scale`` as far as it can be told from the numbers."""
    places = file.keypoints[..., :2]
    largest, lowest = np.nanmax(np.abs(places), initial=0), np.nanmin(places, initial=0)
    if not 0 < largest <= 1:
        return file
    points = file.keypoints.copy()
    scale = 3
    if lowest < 0:
        points[..., :2] = (points[..., :2] + 1) / 2
        scale = 4
    said = f"coordinates are taken as fractions of the picture (--keypoint_scale {scale})"
    return replace(file, keypoints=points, relative=True, warnings=(*file.warnings, said))
