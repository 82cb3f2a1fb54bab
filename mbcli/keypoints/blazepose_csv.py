"""Landmarks in tables of text, in the layouts that `blazepose` describes."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from mbcli.errors import InputError
from mbcli.keypoints.cells import check_width, number, numbers, time
from mbcli.keypoints.checks import identity
from mbcli.keypoints.clock import frames_by_time
from mbcli.keypoints.frames import Numbering, numbering
from mbcli.keypoints.gather import Times
from mbcli.keypoints.landmarks import Landmarks, bare, is_body
from mbcli.keypoints.words import CONFIDENCE, FRAME, LANDMARK, PERSON, PLACES, TIME, find, parts
from mbcli.motion.table import holds_positions
from mbcli.types import FloatArray

_Rows = list[list[str]]
_SAMPLE = 400  # rows that are read to find the landmarks of the long layout


def recognise(rows: _Rows, joint_map: dict[str, str] | None = None) -> bool:
    """Whether the header has one of the layouts; in the long one, landmark names must fit too."""
    if len(rows) < 2:
        return False
    header = rows[0]
    if "frame_idx" in header and {"track", "instance.score"} & {*header}:
        return False  # SLEAP's; its joints may have the same names
    landmark = _landmark_column(header)
    if landmark is None:
        return is_body(_labels(_wide_columns(header)), joint_map)
    cells = {bare(row[landmark]) for row in rows[1:_SAMPLE] if landmark < len(row)}
    return is_body(cells, joint_map)


def read(rows: _Rows, path: Path) -> Landmarks:
    """Read the rows below the header.

    Raises:
        InputError: they do not follow the layout, or are 3D positions that mbcli exported.
    """
    if holds_positions(rows):
        raise InputError(
            f"{path} must hold 2D keypoints, got 3D positions of mbcli export: give the pose.npz "
            "that they come from"
        )
    header, body = rows[0], rows[1:]
    check_width(body, len(header), path, first=2)
    landmark = _landmark_column(header)
    if landmark is None:
        columns = _wide_columns(header)
        labels = _labels(columns)
        points = np.full((len(body), len(labels), 3), np.nan)
        for (label, part), column in columns.items():
            values = numbers(body, [column], header, path)[:, 0]
            points[:, labels.index(label), part] = values
        return _with_labels(header, body, points, labels, path)
    return _read_long(header, body, landmark, path)


def _landmark_column(header: list[str]) -> int | None:
    """Column of the landmark's name, if each landmark has a row of its own."""
    name = find(header, LANDMARK)
    if name is None or find(header, ("x",)) is None or find(header, ("y",)) is None:
        return None
    return header.index(name)


def _wide_columns(header: list[str]) -> dict[tuple[str, int], int]:
    """(label, part) -> column, for x, y and confidence."""
    found: dict[tuple[str, int], tuple[int, int]] = {}
    for column, name in enumerate(header):
        label, word = parts(name)
        if not word:
            continue
        part = PLACES.index(word) if word in PLACES else 2
        rank = CONFIDENCE.index(word) if part == 2 else 0
        key = bare(label), part
        if key not in found or rank < found[key][0]:
            found[key] = rank, column
    whole = {label for label, _ in found if {(label, 0), (label, 1)} <= found.keys()}
    named = any(not label.isdigit() for label in whole)
    return {
        key: column
        for key, (_, column) in found.items()
        if key[0] in whole and not (named and key[0].isdigit())
    }


def _labels(columns: dict[tuple[str, int], int]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(label for label, _ in columns))


def _read_long(header: list[str], body: _Rows, landmark: int, path: Path) -> Landmarks:
    words = [find(header, ("x",)), find(header, ("y",)), find(header, CONFIDENCE)]
    columns = [header.index(word) for word in words if word is not None]
    values = np.full((len(body), 3), np.nan)
    values[:, : len(columns)] = numbers(body, columns, header, path)
    keys = [find(header, FRAME) or find(header, TIME), find(header, PERSON)]
    label_columns = [header.index(name) for name in keys if name is not None]
    labels = tuple(dict.fromkeys(bare(row[landmark]) for row in body))
    groups: dict[tuple[str | int, ...], dict[str, int]] = {}
    for place, row in enumerate(body):
        key = tuple(row[column] for column in label_columns)
        # A landmark that occurs again belongs to another person.
        person = 0
        while bare(row[landmark]) in groups.setdefault((*key, person), {}):
            person += 1
        groups[(*key, person)][bare(row[landmark])] = place
    points = np.full((len(groups), len(labels), 3), np.nan)
    for place, group in enumerate(groups.values()):
        points[place, [labels.index(label) for label in group]] = values[[*group.values()]]
    first_rows = [body[next(iter(group.values()))] for group in groups.values()]
    return _with_labels(header, first_rows, points, labels, path)


def _with_labels(
    header: list[str], rows: _Rows, points: FloatArray, labels: tuple[str, ...], path: Path
) -> Landmarks:
    """Add frame, time and person of each row from the columns beside the landmarks."""

    def cells(words: tuple[str, ...] | dict[str, float | None]) -> list[str] | None:
        name = find(header, words)
        return None if name is None else [row[header.index(name)] for row in rows]

    held, clocks, named = cells(FRAME), cells(TIME), cells(PERSON)
    persons = None if named is None else [identity({"id": cell}, ("id",)) for cell in named]
    unit = next((TIME[word] for word in TIME if find(header, (word,))), None)
    seconds = None if clocks is None else np.array([time(cell, path) for cell in clocks])
    found = Numbering({}, None)
    frames: Sequence[int | None]
    if held is not None:
        frames, found = _frames(held, path)
    elif seconds is not None:
        frames = frames_by_time(seconds.tolist())
    else:
        frames = [*range(len(rows))]
    kept = [place for place, frame in enumerate(frames) if frame is not None]
    index = [frame for frame in frames if frame is not None]
    return Landmarks(
        labels=labels,
        frames=index,
        points=points[kept],
        persons=None if persons is None else [persons[place] for place in kept],
        times=None if seconds is None else Times(index, seconds[kept], unit),
        numbered=held is not None,
        pictures=found.metadata["pictures"],
        warnings=found.notes,
    )


def _frames(cells: list[str], path: Path) -> tuple[list[int | None], Numbering]:
    """The frame of each row, None if the row has none, and how they were found."""
    values: list[int | None]
    try:
        held = [number(cell, path, "frames") for cell in cells]
    except InputError:
        named = numbering(cells)
        return [named.frames[cell] for cell in cells], named
    for cell, value in zip(cells, held, strict=True):
        if not (np.isnan(value) or value.is_integer()):
            raise InputError(f"{path} must hold whole numbers as frames, got {cell!r}")
    values = [None if np.isnan(value) else int(value) for value in held]
    lacking = values.count(None)
    note = (f"{lacking} rows without a frame are left out",) if lacking else ()
    return values, Numbering({}, None, note)
