"""Landmarks in JSON; the layouts are told in `blazepose`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from mbcli.errors import InputError
from mbcli.keypoints import blazepose_csv
from mbcli.keypoints.cells import time
from mbcli.keypoints.checks import identity, short
from mbcli.keypoints.facts import facts_of, fps_of, size_of
from mbcli.keypoints.gather import Times
from mbcli.keypoints.landmarks import Landmarks, bare, is_body
from mbcli.keypoints.pictures import numbered
from mbcli.keypoints.words import (
    CONFIDENCE,
    FRAME,
    LANDMARK,
    PERSON,
    TIME,
    find,
    plain,
)
from mbcli.skeleton import BLAZEPOSE33

_LARGEST = 1e30  # whole numbers of JSON have any length
_LISTS = ("frames", "results", "data", "detections", "records", "sequence")
# Of a frame or of a person; world landmarks have other names.
_LANDMARKS = (
    *("poselandmarks", "landmarks", "landmark", "poses", "pose", "people", "persons"),
    *("keypoints", "joints", "points"),
)
_IDENTITY = (*PERSON, "id")

# A person's landmarks: label -> x, y and confidence, and who it is.
_Person = tuple[dict[str, list[float]], int | str | None]


def recognise(document: Any, joint_map: dict[str, str] | None = None) -> bool:
    """Whether it is a list of frames with landmarks, or an object with one."""
    if (rows := _flat_rows(document)) is not None:
        return blazepose_csv.recognise(rows, joint_map)
    if isinstance(document, dict) and "skeleton" in document:
        return False  # easy_ViTPose's, which has y before x
    empty = False
    for _, frame in _frames(document):
        told = _of_frame(frame)
        empty |= not told and isinstance(frame, dict) and bool(find(frame, _LANDMARKS[:3]))
        if told and (people := _listed(told)):
            labels = _labels(people[0])
            return labels is not None and is_body(labels, joint_map)
    return empty


def read(document: Any, path: Path) -> Landmarks:
    """Read the frames.

    Raises:
        InputError: they break the rules of the layout.
    """
    if (rows := _flat_rows(document)) is not None:
        return blazepose_csv.read(rows, path)
    frames = list(_frames(document))
    keys = dict.fromkeys(key for _, frame in frames if isinstance(frame, dict) for key in frame)
    frame_name, time_name = find(keys, FRAME), find(keys, TIME)
    names = [_frame_label(key, frame, frame_name) for key, frame in frames]
    numbers, numbered_as = numbered(names, path)
    people, seconds, told_frames = [], [], []
    for number, (_, frame) in zip(numbers, frames, strict=True):
        seconds.append(_time(frame if isinstance(frame, dict) else {}, time_name, path))
        for person in _people(frame, number, path):
            people.append(person)
            told_frames.append(number)
    labels = tuple(dict.fromkeys(label for marks, _ in people for label in marks))
    nothing = [np.nan] * 3
    rows_of = [[marks.get(label, nothing) for label in labels] for marks, _ in people]
    facts = facts_of(document)
    ids = [who for _, who in people]
    unit = next((TIME[word] for word in TIME if time_name and plain(time_name) == word), None)
    return Landmarks(
        labels=labels,
        frames=told_frames,
        points=np.array(rows_of, np.float64).reshape(len(people), len(labels), 3),
        persons=ids if any(who is not None for who in ids) else None,
        times=None if time_name is None else Times(numbers, np.array(seconds), unit),
        count=max(numbers, default=-1) + 1,
        numbered=any(name is not None for name in names),
        size=size_of(facts, path),
        fps=fps_of(facts, path),
        pictures=numbered_as.facts["pictures"],
        warnings=numbered_as.notes,
    )


def _frame_label(key: str | None, frame: Any, name: str | None) -> Any:
    """What the frame is called: by itself, or where it is listed."""
    own = frame.get(name) if isinstance(frame, dict) and name is not None else None
    return key if own is None else own


def _flat_rows(document: Any) -> list[list[str]] | None:
    """The rows of a table that was written as a list of objects without anything inside."""
    while isinstance(document, dict):
        name = find(document, _LISTS)
        if name is None:
            return None
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


def _frames(document: Any) -> Iterator[tuple[str | None, Any]]:
    """The frames, each with its number where they are listed by numbers."""
    if isinstance(document, dict):
        if (name := find(document, _LISTS)) is not None:
            yield from _frames(document[name])
        elif document and all(key.isascii() and key.isdigit() for key in document):
            yield from document.items()
        elif find(document, _LANDMARKS) is not None:
            yield None, document
    elif isinstance(document, list):
        if document and _is_landmark(document[0]):
            document = [document]
        yield from ((None, frame) for frame in document)


def _of_frame(frame: Any) -> Any:
    """The landmarks in an object that has them; anything else as it is."""
    while isinstance(frame, dict) and not _named(frame):
        name = find(frame, _LANDMARKS)
        # With scores in a list of their own it is MMPose's.
        if name is None or find(frame, ("keypointscores", "scores")) is not None:
            break
        frame = frame[name]
    return frame


def _listed(told: Any) -> list[Any]:
    """The people of a frame, each a list or an object of landmarks."""
    if isinstance(told, dict):
        return [told] if _named(told) else []
    if not isinstance(told, list):
        return []
    if told and _is_landmark(told[0]):
        return [told]
    return [person for person in told if person]


def _named(value: Any) -> bool:
    """Whether it is an object of landmarks by name or number; a list of them has one name."""
    return isinstance(value, dict) and len(value) > 1 and all(map(_is_landmark, value.values()))


def _is_landmark(value: Any) -> bool:
    numbers = isinstance(value, list) and 2 <= len(value) <= 5 and not isinstance(value[0], list)
    numbers = numbers and not isinstance(value[0], dict | str)
    return numbers or (
        isinstance(value, dict) and bool(find(value, ("x",)) and find(value, ("y",)))
    )


def _labels(person: Any) -> list[str] | None:
    told = _of_frame(person)
    if isinstance(told, list) and len(told) == 1 and not _is_landmark(told[0]):
        told = _of_frame(told[0])
    if _named(told):
        return [bare(str(label)) for label in told]
    if isinstance(told, list) and told and all(map(_is_landmark, told)):
        return _own_labels(told)
    return None


def _own_labels(marks: list[Any]) -> list[str]:
    """The names or numbers of landmarks in a list: their own, or their places."""
    names = [find(mark, LANDMARK) if isinstance(mark, dict) else None for mark in marks]
    own = [str(m[n]) for m, n in zip(marks, names, strict=True) if n and m[n] not in (None, "")]
    if len({*own}) == len(marks):
        return [bare(label) for label in own]
    return [str(number) for number in range(len(marks))]


def _people(frame: Any, number: int, path: Path) -> Iterator[_Person]:
    """The landmarks of each person in a frame."""
    told = _of_frame(frame)
    if not told or (told is frame and isinstance(frame, dict) and not _named(frame)):
        return
    people = _listed(told)
    if not people:
        raise InputError(
            f"{path} must hold landmarks as a list or by name, got {short(told)} in frame {number}"
        )
    for person in people:
        labels = _labels(person)
        marks = _of_frame(person)
        if isinstance(marks, list) and len(marks) == 1 and labels and len(labels) > 1:
            marks = _of_frame(marks[0])
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


def _time(frame: dict[str, Any], name: str | None, path: Path) -> float:
    value = None if name is None else frame.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if abs(value) < _LARGEST else np.nan
    if isinstance(value, str):
        return time(value, path)
    return np.nan
