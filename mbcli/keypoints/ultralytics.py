"""Keypoints of ultralytics' YOLO pose models as text or JSON (Jocher et al. 2023).

``save_txt=True`` writes a file for each picture that shows anybody, ``<picture>.txt`` or
``<video>_<frame>.txt`` with frames counted from 1. A row is a person, with numbers separated by
blanks:

    class  x y w h  x y [confidence] of each keypoint ...  [confidence of the person]  [identity]

Coordinates are fractions of the picture; x, y of the box are its centre. Training labels have this
form too, with COCO's flags as confidences (see `mbcli.keypoints.coco`).

JSON is the output of ``Results.to_json()``, for a picture a list of objects

    name, class, confidence, track_id (if it tracks)
    box        x1 y1 x2 y2, in pixels or as fractions
    keypoints  x, y, visible: a list of each

or a list of such lists, an object of them by frame, or a folder with one file per picture. An
object without keypoints is no person. A keypoint at 0, 0 was not found.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mbcli.errors import InputError
from mbcli.keypoints.cells import number
from mbcli.keypoints.checks import identity, numbers
from mbcli.keypoints.coco import read_flags
from mbcli.keypoints.folders import read_folder, recognise_folder
from mbcli.keypoints.frames import numbering
from mbcli.keypoints.layouts import LAYOUTS
from mbcli.keypoints.pictures import Pictures, numbered
from mbcli.keypoints.points import points_of
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.rows import Rows
from mbcli.keypoints.source import Source
from mbcli.keypoints.text import decoded, table
from mbcli.keypoints.words import PERSON
from mbcli.types import FloatArray
from mbcli.video.images import IMAGE_SUFFIXES, files_with_suffix

FORMAT = "ultralytics"

_FRAME_OF_VIDEO = re.compile(r".*_[1-9][0-9]*")
_BOX = 5  # cells before the first keypoint: class and box


def recognise(source: Source) -> bool:
    """Whether this is text or JSON of a pose model, for one picture or more."""
    if source.kind == "folder":
        texts = _texts(source.path)
        return any(_is_table(rows) for _, rows in texts) or recognise_folder(
            source, _PICTURES.is_picture
        )
    if source.kind == "text":
        return _is_table(source.rows)
    if source.kind != "json":
        return False
    return _PICTURES.is_picture(source.document) or _PICTURES.is_video(source.document)


def read(source: Source) -> KeypointFile:
    """Read the people in all pictures.

    Raises:
        InputError: rows or lists differ in length, or the content breaks the rules of
            `KeypointFile`.
    """
    path = source.path
    if source.kind == "text":
        return _read_texts(path, [(path, source.rows)])
    if source.kind == "folder":
        texts = [(file, rows) for file, rows in _texts(path) if _all_numbers(rows)]
        if any(_is_table(rows) for _, rows in texts):
            return _read_texts(path, texts)
        return read_folder(source, FORMAT, _PICTURES.may_be_picture, _add, fractions=True)
    rows = Rows(path, FORMAT)
    if _PICTURES.is_picture(source.document):
        _add(source.document, 0, path, rows)
        return rows.file(fractions=True)
    pictures = _PICTURES.listed(source.document)
    frames, found = numbered([label for label, _ in pictures], path)
    for frame, (_, picture) in zip(frames, pictures, strict=True):
        _add(picture, frame, path, rows)
    return rows.file(count=max(frames) + 1, fractions=True, **found.metadata)


def _is_person(entry: Any) -> bool:
    keypoints = entry.get("keypoints") if isinstance(entry, dict) else None
    return isinstance(keypoints, dict) and isinstance(keypoints.get("x"), list)


_PICTURES = Pictures(_is_person)


def _add(picture: Any, frame: int, path: Path, rows: Rows) -> None:
    for entry in _PICTURES.people(picture, path, frame):
        if not _is_person(entry):
            continue
        box = entry.get("box")
        corners = None
        if isinstance(box, dict) and {"x1", "y1", "x2", "y2"} <= box.keys():
            corners = numbers([box[key] for key in ("x1", "y1", "x2", "y2")], path, "a box")
        points = points_of(entry["keypoints"], path, f"a person of frame {frame}")
        rows.add(frame, points, identity(entry, PERSON), corners)


def _texts(folder: Path) -> Iterator[tuple[Path, list[list[str]]]]:
    """Text files, with their rows, of a folder that holds more of them than pictures."""
    try:
        files = files_with_suffix(folder, (".txt",))
        pictures = files_with_suffix(folder, IMAGE_SUFFIXES)
    except InputError:
        return
    for file in files if len(files) >= len(pictures) / 2 else []:
        try:
            yield file, table(decoded(file.read_bytes(), file), file)
        except (InputError, OSError):
            continue


def _is_table(rows: list[list[str]]) -> bool:
    widths = {_width(len(row)) for row in rows}
    return len(widths) == 1 and None not in widths and _all_numbers(rows)


def _all_numbers(rows: list[list[str]]) -> bool:
    return all(row[0].isdecimal() and all(map(_is_number, row)) for row in rows)


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True


def _width(cells: int) -> tuple[int, int] | None:
    """Number of keypoints in so many cells, and cells per keypoint."""
    for each in (3, 2):
        for more in range(3):  # at the end: nothing; a confidence or an identity; both
            count, rest = divmod(cells - _BOX - more, each)
            if rest == 0 and count in LAYOUTS:
                return count, each
    return None


def _read_texts(path: Path, texts: list[tuple[Path, list[list[str]]]]) -> KeypointFile:
    names = [file.stem for file, _ in texts]
    numbered = numbering(names)
    # Frames of a video count from 1, even if nobody is in the first.
    video = numbered.counts_from is None and all(map(_FRAME_OF_VIDEO.fullmatch, names))
    values = [
        (numbered.frames[file.stem] - video, _numbers(row, file))
        for file, rows in texts
        for row in rows
    ]
    count, each = _common_width(texts)
    body = _BOX + count * each
    tracked = [_last(row[body:]) for _, row in values]
    if None in tracked:
        tracked = [None] * len(values)
    points = [row[_BOX:body].reshape(count, each) for _, row in values]
    points, notes = read_flags([_three(p) for p in points])
    rows = Rows(path, FORMAT)
    for (frame, row), person, who in zip(values, points, tracked, strict=True):
        middle, half = row[1:3], row[3:5] / 2
        rows.add(frame, person, who, np.concatenate([middle - half, middle + half]))
    metadata = numbered.metadata
    if video:
        metadata = {"notes": ()}
    return rows.file(fractions=True, **{**metadata, "notes": [*metadata["notes"], *notes]})


def _common_width(texts: list[tuple[Path, list[list[str]]]]) -> tuple[int, int]:
    """The result of `_width` that holds for every row."""
    widths = {_width(len(row)): file for file, rows in texts for row in rows}
    if len(widths) == 1:
        for width in widths:
            if width is not None:
                return width
    file = widths.get(None, [*widths.values()][-1])
    counts = sorted({len(row) for _, rows in texts for row in rows})
    raise InputError(
        f"{file} must hold the keypoints of a whole list, as many for everybody, got rows of "
        f"{', '.join(map(str, counts))} numbers"
    )


def _numbers(row: list[str], file: Path) -> FloatArray:
    return np.array([number(cell, file, "a row") for cell in row])


def _three(points: FloatArray) -> FloatArray:
    """(K, 3) keypoints, made from some with or without confidence."""
    return np.concatenate([points, np.full((len(points), 3 - points.shape[1]), np.nan)], axis=1)


def _last(rest: FloatArray) -> int | None:
    """The identity at the end of a row; a single confidence there is none."""
    if not len(rest) or not float(rest[-1]).is_integer():
        return None
    return int(rest[-1])
