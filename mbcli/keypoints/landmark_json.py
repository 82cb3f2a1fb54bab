"""Landmarks of people in JSON: how they are nested in frames, lists and objects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mbcli.errors import InputError
from mbcli.keypoints.checks import identity, short
from mbcli.keypoints.landmarks import bare
from mbcli.keypoints.layouts import LAYOUTS
from mbcli.keypoints.words import CONFIDENCE, LANDMARK, PERSON, find
from mbcli.skeleton import BLAZEPOSE33

_LARGEST = 1e30  # integers in JSON have any length
_LISTS = ("frames", "results", "data", "detections", "records", "sequence")
# Keys of a frame's or a person's landmarks; world landmarks have other names.
LANDMARKS = (
    *("poselandmarks", "landmarks", "landmark", "poses", "pose", "people", "persons"),
    *("keypoints", "joints", "points"),
)
_FOREIGN = ("keypointscores", "scores", "imageid", "categoryid")
_IDENTITY = (*PERSON, "id")

# A person's landmarks, label -> x, y and confidence; and their identity.
Person = tuple[dict[str, list[float]], int | str | None]


def flat_rows(document: Any) -> list[list[str]] | None:
    """Rows of a table that was saved as a list of flat objects."""
    while isinstance(document, dict):
        name = find(document, _LISTS)
        if name is None:
            return _flat_columns(document)
        document = document[name]
    if not isinstance(document, list) or not document or not isinstance(document[0], dict):
        return None
    if not all(isinstance(row, dict) for row in document):
        return None
    if any(isinstance(value, dict | list) for row in document for value in row.values()):
        return None
    header = list(dict.fromkeys(key for row in document for key in row))
    cells = [
        ["" if row.get(key) is None else str(row.get(key)) for key in header] for row in document
    ]
    return [header, *cells]


def _flat_columns(document: dict[str, Any]) -> list[list[str]] | None:
    """Rows of a table that was saved by columns, as pandas does."""
    columns = list(document.values())
    if not all(
        isinstance(column, dict) and column.keys() == columns[0].keys() for column in columns
    ):
        return None
    cells = [[*column.values()] for column in columns]
    if any(isinstance(value, dict | list) for column in cells for value in column):
        return None
    text = [["" if value is None else str(value) for value in column] for column in cells]
    return [list(document), *map(list, zip(*text, strict=True))]


def frames_of(document: Any) -> Iterator[tuple[str | None, Any]]:
    """The frames, each with its number if they are listed by number."""
    if isinstance(document, dict):
        if (name := find(document, _LISTS)) is not None:
            yield from frames_of(document[name])
        elif find(document, LANDMARKS) is not None or _named(document):
            yield None, document
        elif all(isinstance(frame, dict | list | None) for frame in document.values()):
            yield from document.items()
    elif isinstance(document, list):
        if document and _is_landmark(document[0]):
            document = [document]
        yield from ((None, frame) for frame in document)


def of_frame(frame: Any) -> Any:
    """The landmarks in an object that has them; anything else unchanged."""
    while isinstance(frame, dict) and not _named(frame):
        name = find(frame, LANDMARKS)
        # With a separate list of scores it is MMPose's, with a picture COCO's or AlphaPose's.
        if name is None or find(frame, _FOREIGN) is not None:
            break
        frame = frame[name]
    return _nested(frame)


def _nested(held: Any) -> Any:
    """Split a flat list of numbers into landmarks, if a layout has that many."""
    if not isinstance(held, list) or not held or {type(v) for v in held} - {int, float, type(None)}:
        return held
    for width in (3, 4, 2):
        count, rest = divmod(len(held), width)
        if rest == 0 and count in LAYOUTS:
            return [held[width * n : width * (n + 1)] for n in range(count)]
    return held


def listed(held: Any) -> list[Any]:
    """The people in a frame, each a list or an object of landmarks."""
    if isinstance(held, dict):
        return [held] if _named(held) else []
    if not isinstance(held, list):
        return []
    if held and _is_landmark(held[0]):
        return [held]
    return [person for person in held if person]


def _named(value: Any) -> bool:
    """Whether this is an object of landmarks by name or number, not one with a list of them."""
    return isinstance(value, dict) and len(value) > 1 and all(map(_is_landmark, value.values()))


def _is_landmark(value: Any) -> bool:
    numbers = isinstance(value, list) and 2 <= len(value) <= 5 and not isinstance(value[0], list)
    numbers = numbers and not isinstance(value[0], dict | str)
    return numbers or (
        isinstance(value, dict) and bool(find(value, ("x",)) and find(value, ("y",)))
    )


def labels_of(person: Any) -> list[str] | None:
    """The names or numbers of a person's landmarks, in order; None for anything else."""
    held = of_frame(person)
    if isinstance(held, list) and len(held) == 1 and not _is_landmark(held[0]):
        held = of_frame(held[0])
    if _named(held):
        return [bare(str(label)) for label in held]
    if isinstance(held, list) and held and all(map(_is_landmark, held)):
        return _own_labels(held)
    return None


def _own_labels(marks: list[Any]) -> list[str]:
    """Names or numbers of the landmarks in a list: their own, or their positions."""
    names = [find(mark, LANDMARK) if isinstance(mark, dict) else None for mark in marks]
    own = [str(m[n]) for m, n in zip(marks, names, strict=True) if n and m[n] not in (None, "")]
    if len({*own}) == len(marks):
        return [bare(label) for label in own]
    return [str(number) for number in range(len(marks))]


def people_of(frame: Any, number: int, path: Path) -> Iterator[Person]:
    """The landmarks of each person in a frame."""
    held = of_frame(frame)
    if not held or (held is frame and isinstance(frame, dict) and not _named(frame)):
        return
    people = listed(held)
    if not people:
        raise InputError(
            f"{path} must hold landmarks as a list or by name, got {short(held)} in frame {number}"
        )
    for person in people:
        labels = labels_of(person)
        marks = of_frame(person)
        if isinstance(marks, list) and len(marks) == 1 and labels and len(labels) > 1:
            marks = of_frame(marks[0])
        if labels is None:
            raise InputError(
                f"{path} must hold landmarks of x, y, z and visibility, got {short(marks)} "
                f"in frame {number}"
            )
        values = marks.values() if isinstance(marks, dict) else marks
        who = None if marks is person else identity(person, _IDENTITY)
        # Of three numbers MediaPipe's third is the depth.
        third = None if len(labels) == len(BLAZEPOSE33) else 2
        yield (
            {n: _landmark(v, third, number, path) for n, v in zip(labels, values, strict=True)},
            who,
        )


def _landmark(value: Any, third: int | None, frame: int, path: Path) -> list[float]:
    """x, y and confidence; NaN where there is none."""
    if isinstance(value, dict):
        keys = [find(value, ("x",)), find(value, ("y",)), find(value, CONFIDENCE)]
        parts = [None if key is None else value[key] for key in keys]
    else:
        # x, y; x, y and a third; x, y, z, visibility; and presence after it
        sure = 3 if len(value) > 3 else third if len(value) == 3 else None
        parts = [value[0], value[1], None if sure is None else value[sure]]
    if not all(part is None or type(part) in (int, float) for part in parts):
        raise InputError(
            f"{path} must hold x, y, z and visibility as numbers, got {short(value)} "
            f"in frame {frame}"
        )
    return [np.nan if p is None or abs(p) > _LARGEST else float(p) for p in parts]
