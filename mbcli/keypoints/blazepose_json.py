"""Landmarks in JSON, in the layouts that `blazepose` describes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mbcli.keypoints import blazepose_csv
from mbcli.keypoints.cells import time
from mbcli.keypoints.gather import Times
from mbcli.keypoints.landmark_json import (
    LANDMARKS,
    flat_rows,
    frames_of,
    labels_of,
    listed,
    of_frame,
    people_of,
)
from mbcli.keypoints.landmarks import Landmarks, is_body
from mbcli.keypoints.pictures import numbered
from mbcli.keypoints.video_metadata import fps_of, metadata_of, size_of
from mbcli.keypoints.words import (
    FRAME,
    TIME,
    find,
    plain,
)

_LARGEST = 1e30  # integers in JSON have any length


def recognise(document: Any, joint_map: dict[str, str] | None = None) -> bool:
    """Whether this is a list of frames with landmarks, or an object with such a list."""
    if (rows := flat_rows(document)) is not None:
        return blazepose_csv.recognise(rows, joint_map)
    if isinstance(document, dict) and "skeleton" in document:
        return False  # easy_ViTPose's, with y before x
    empty = False
    for _, frame in frames_of(document):
        held = of_frame(frame)
        empty |= not held and isinstance(frame, dict) and bool(find(frame, LANDMARKS[:3]))
        if held and (people := listed(held)):
            labels = labels_of(people[0])
            return labels is not None and is_body(labels, joint_map)
    return empty


def read(document: Any, path: Path) -> Landmarks:
    """Read the frames.

    Raises:
        InputError: they do not follow the layout.
    """
    if (rows := flat_rows(document)) is not None:
        return blazepose_csv.read(rows, path)
    frames = list(frames_of(document))
    keys = dict.fromkeys(key for _, frame in frames if isinstance(frame, dict) for key in frame)
    frame_name, time_name = find(keys, FRAME), find(keys, TIME)
    names = [_frame_label(key, frame, frame_name) for key, frame in frames]
    numbers, numbered_as = numbered(names, path)
    people, seconds, told_frames = [], [], []
    for number, (_, frame) in zip(numbers, frames, strict=True):
        seconds.append(_time(frame if isinstance(frame, dict) else {}, time_name, path))
        for person in people_of(frame, number, path):
            people.append(person)
            told_frames.append(number)
    labels = tuple(dict.fromkeys(label for marks, _ in people for label in marks))
    nothing = [np.nan] * 3
    rows_of = [[marks.get(label, nothing) for label in labels] for marks, _ in people]
    metadata = metadata_of(document)
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
        size=size_of(metadata, path),
        fps=fps_of(metadata, path),
        pictures=numbered_as.metadata["pictures"],
        warnings=numbered_as.notes,
    )


def _frame_label(key: str | None, frame: Any, name: str | None) -> Any:
    """The frame's own label, or its key in the listing."""
    own = frame.get(name) if isinstance(frame, dict) and name is not None else None
    return key if own is None else own


def _time(frame: dict[str, Any], name: str | None, path: Path) -> float:
    value = None if name is None else frame.get(name)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value) if abs(value) < _LARGEST else np.nan
    if isinstance(value, str):
        return time(value, path)
    return np.nan
