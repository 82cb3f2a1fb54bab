"""BlazePose landmarks in comma-separated text; the layouts are told in `blazepose`."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from mbcli.errors import InputError
from mbcli.keypoints.blazepose_rows import (
    FRAME_NAMES,
    LANDMARKS,
    TIME_NAMES,
    LandmarkRows,
    first_of,
    landmark_number,
)
from mbcli.keypoints.cells import check_width, number, numbers, whole
from mbcli.skeleton import BLAZEPOSE33
from mbcli.types import FloatArray

_LANDMARK_NAMES = (
    "landmark",
    "landmark_id",
    "landmark_index",
    "landmark_name",
    "joint",
    "keypoint",
    "name",
    "id",
)
_PERSON_NAMES = ("person", "person_id", "track_id")
_PARTS = {"x": 0, "y": 1, "visibility": 2, "vis": 2, "v": 2}
_PART = "(x|y|visibility|vis|v)"
_PART_LAST = re.compile(rf"(?:landmark[_. ]?)?(.+?)[_. ]{_PART}", re.IGNORECASE)
_PART_FIRST = re.compile(rf"{_PART}(?:[_. ]?([0-9]+)|[_. ](.+))", re.IGNORECASE)
_ANCHORS = ("left_shoulder", "right_shoulder", "left_hip", "right_hip")
_NO_VISIBILITY = "the file tells no visibility: every landmark that is there counts fully"


def recognise(rows: list[list[str]]) -> bool:
    """Whether the header is of one of the layouts, and in the long one the landmarks as well."""
    header = _header(rows)
    if "frame_idx" in header and {"track", "instance.score"} & {*header}:
        return False  # SLEAP's, whose joints may have the same names
    landmark = _landmark_column(header)
    if landmark is None:
        columns, _ = _wide_columns(header)
        return all((BLAZEPOSE33.index(a), part) in columns for a in _ANCHORS for part in (0, 1))
    cells = [row[landmark].strip() for row in rows[1 : LANDMARKS + 1] if landmark < len(row)]
    known = [n for cell in cells if (n := landmark_number(cell)) is not None]
    return bool(cells) and len(known) == len(cells) and max(known) < LANDMARKS


def read(rows: list[list[str]], path: Path) -> LandmarkRows:
    """Read the rows below the header.

    Raises:
        InputError: they break the rules of the layout.
    """
    header, body = _header(rows), rows[1:]
    check_width(body, len(header), path, first=2)
    landmark = _landmark_column(header)
    if landmark is None:
        return _read_wide(header, body, path)
    return _read_long(header, body, landmark, path)


def _header(rows: list[list[str]]) -> list[str]:
    return [name.strip() for name in rows[0]]


def _landmark_column(header: list[str]) -> int | None:
    """Where the landmark stands if each has a row of its own."""
    names = [name.lower() for name in header]
    name = first_of(names, _LANDMARK_NAMES)
    if name is None or not {"x", "y"} <= {*names} or first_of(names, FRAME_NAMES) is None:
        return None
    return names.index(name)


def _wide_columns(header: list[str]) -> tuple[dict[tuple[int, int], int], bool]:
    """(landmark, part) -> column, for x, y and visibility; and whether they have names."""
    numbered: dict[tuple[int, int], int] = {}
    named: dict[tuple[int, int], int] = {}
    for column, name in enumerate(header):
        if last := _PART_LAST.fullmatch(name):
            text, part = last.groups()
        elif first := _PART_FIRST.fullmatch(name):
            part, text = first[1], first[2] or first[3]
        else:
            continue
        if (landmark := landmark_number(text)) is not None:
            group = numbered if text.isdigit() else named
            group.setdefault((landmark, _PARTS[part.lower()]), column)
    if named:
        return named, True
    from_one = (0, 0) not in numbered and (LANDMARKS, 0) in numbered
    return {(n - from_one, part): column for (n, part), column in numbered.items()}, False


def _read_wide(header: list[str], body: list[list[str]], path: Path) -> LandmarkRows:
    columns, named = _wide_columns(header)
    whole_landmarks = {n for n, _ in columns if {(n, 0), (n, 1)} <= columns.keys()}
    if not named and whole_landmarks != {*range(LANDMARKS)}:
        raise InputError(
            f"{path} must have columns for {LANDMARKS} landmarks, got {len(whole_landmarks)} "
            "with x and y"
        )
    warnings = []
    if lacking := [j for n, j in enumerate(BLAZEPOSE33.joints) if n not in whole_landmarks]:
        warnings.append(f"the file lacks landmarks, which are missing: {', '.join(lacking)}")
    points = np.full((len(body), LANDMARKS, 3), np.nan)
    for (landmark, part), column in columns.items():
        points[:, landmark, part] = numbers(body, [column], header, path)[:, 0]
    if not any(part == 2 for _, part in columns):
        points[..., 2] = 1
        warnings.append(_NO_VISIBILITY)
    return _with_labels(header, body, points, tuple(warnings), path)


def _read_long(header: list[str], body: list[list[str]], landmark: int, path: Path) -> LandmarkRows:
    names = [name.lower() for name in header]
    part_columns = {_PARTS[name]: names.index(name) for name in _PARTS if name in names}
    values = numbers(body, [part_columns[part] for part in sorted(part_columns)], header, path)
    if 2 not in part_columns:
        values = np.concatenate([values, np.ones((len(values), 1))], axis=1)
    keys = [name for name in (first_of(names, FRAME_NAMES), first_of(names, _PERSON_NAMES)) if name]
    label_columns = [names.index(name) for name in keys]
    groups: dict[tuple[str, ...], list[int]] = {}
    for row, cells in enumerate(body):
        groups.setdefault(tuple(cells[column].strip() for column in label_columns), []).append(row)
    points = np.full((len(groups), LANDMARKS, 3), np.nan)
    for place, (labels, rows) in enumerate(groups.items()):
        where = " ".join(f"{key} {label}" for key, label in zip(keys, labels, strict=True))
        order = [landmark_number(body[row][landmark].strip()) for row in rows]
        if sorted(-1 if n is None else n for n in order) != [*range(LANDMARKS)]:
            raise InputError(
                f"{path} must hold each of the {LANDMARKS} landmarks once in {where}, "
                f"got {len(rows)} rows for {len({*order} - {None})} landmarks"
            )
        points[place, np.array(order, np.int64)] = values[rows]
    first_rows = [body[rows[0]] for rows in groups.values()]
    warnings = () if 2 in part_columns else (_NO_VISIBILITY,)
    return _with_labels(header, first_rows, points, warnings, path)


def _with_labels(
    header: list[str],
    rows: list[list[str]],
    points: FloatArray,
    warnings: tuple[str, ...],
    path: Path,
) -> LandmarkRows:
    """Add what the columns beside the landmarks say: frame, time and person of each row."""
    names = [name.lower() for name in header]
    frame, time = first_of(names, FRAME_NAMES), first_of(names, TIME_NAMES)
    person = first_of(names, _PERSON_NAMES)
    frames = [*range(len(rows))]
    if frame is not None:
        frames = [whole(row[names.index(frame)], path, frame) for row in rows]
    times = None
    if time is not None:
        times = [number(row[names.index(time)], path, time) for row in rows]
    people: dict[str, int] = {}
    for row in rows:
        people.setdefault(row[names.index(person)].strip() if person else "", len(people))
    return LandmarkRows(
        frame=frames,
        points=points,
        frames=max(frames, default=-1) + 1,
        persons=[people[row[names.index(person)].strip() if person else ""] for row in rows],
        times=times,
        time_unit=None if time is None else TIME_NAMES[time],
        warnings=warnings,
    )
