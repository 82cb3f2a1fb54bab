"""BlazePose landmarks in JSON; the layouts are told in `blazepose`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from mbcli.errors import InputError
from mbcli.keypoints.blazepose_rows import (
    FRAME_NAMES,
    LANDMARKS,
    TIME_NAMES,
    LandmarkRows,
    first_of,
)
from mbcli.keypoints.checks import whole

_LARGEST = 1e30  # whole numbers of JSON have any length
_LANDMARK_KEYS = ("landmarks", "pose_landmarks", "poseLandmarks")


def recognise(document: Any) -> bool:
    """Whether it is a list of frames with landmarks, or an object with one."""
    frames = _frames(document)
    if not isinstance(frames, list):
        return False
    if any(isinstance(f, dict) and any(key in f for key in _LANDMARK_KEYS) for f in frames):
        return True
    # Frames that are lists: of landmarks, of people, or of nobody.
    if not all(f is None or isinstance(f, list) for f in frames):
        return False
    first = next((f for f in frames if f), None)
    while isinstance(first, list) and first and isinstance(first[0], list):
        first = first[0]
    return isinstance(first, list) and bool(first) and _is_landmark_object(first[0])


def read(document: Any, path: Path) -> LandmarkRows:
    """Read the frames.

    Raises:
        InputError: they break the rules of the layout.
    """
    frames = _frames(document)
    numbers, rows, times, several = [], [], [], False
    keys = {key for frame in frames if isinstance(frame, dict) for key in frame}
    time_name = first_of(keys, TIME_NAMES)
    for place, frame in enumerate(frames):
        number = _frame_number(frame, place, path)
        people = _people(frame, number, path)
        several |= len(people) > 1
        for person in people:
            numbers.append(number)
            rows.append([_landmark(landmark, number, path) for landmark in person])
            if time_name is not None:
                times.append(_time(frame, time_name, number, path))
    points = np.array(rows, np.float64).reshape(-1, LANDMARKS, 3)
    warnings: tuple[str, ...] = ()
    if np.isnan(points[..., 2]).all():
        points[..., 2] = 1
        warnings = ("the file tells no visibility: every landmark that is there counts fully",)
    last = _frame_number(frames[-1], len(frames) - 1, path) if frames else -1
    facts = document if isinstance(document, dict) else {}
    return LandmarkRows(
        frame=numbers,
        points=points,
        frames=max([last, *numbers]) + 1,
        # MediaPipe gives the people of a frame in no particular order.
        persons=None if several else [0] * len(numbers),
        times=times if time_name is not None else None,
        time_unit=None if time_name is None else TIME_NAMES[time_name],
        size=_size(facts, path),
        fps=_fps(facts, path),
        warnings=warnings,
    )


def _frames(document: Any) -> Any:
    return document.get("frames") if isinstance(document, dict) else document


def _is_landmark_object(value: Any) -> bool:
    return isinstance(value, dict) and {"x", "y"} <= {*value}


def _frame_number(frame: Any, place: int, path: Path) -> int:
    name = first_of(frame, FRAME_NAMES) if isinstance(frame, dict) else None
    if name is None:
        return place
    return whole(frame[name], path, name)


def _people(frame: Any, number: int, path: Path) -> list[list[Any]]:
    """The landmarks of each person in a frame."""
    found = frame
    if isinstance(frame, dict):
        name = first_of(frame, _LANDMARK_KEYS)
        found = None if name is None else frame[name]
    if isinstance(found, dict):
        found = found.get("landmark")
    if not found:
        return []
    several = isinstance(found, list) and not _is_landmark(found[0])
    people: list[Any] = []
    for person in found if several else [found]:
        people.append(person.get("landmark") if isinstance(person, dict) else person)
    for person in people:
        if not isinstance(person, list) or len(person) != LANDMARKS:
            got = len(person) if isinstance(person, list) else type(person).__name__
            raise InputError(
                f"{path} must hold {LANDMARKS} landmarks a person, got {got} in frame {number}"
            )
    return people


def _is_landmark(value: Any) -> bool:
    numbers = isinstance(value, list) and bool(value) and isinstance(value[0], (int, float))
    return numbers or _is_landmark_object(value)


def _landmark(value: Any, frame: int, path: Path) -> tuple[float, float, float]:
    """x, y and visibility; NaN where there is none."""
    if isinstance(value, dict):
        parts = [value.get(name) for name in ("x", "y", "visibility")]
    elif isinstance(value, list) and 2 <= len(value) <= 5:
        # x, y; x, y, z; x, y, z, visibility; and presence after it
        parts = [value[0], value[1], value[3] if len(value) > 3 else None]
    else:
        parts = []
    if not parts or not all(
        part is None or (type(part) in (int, float) and abs(part) < _LARGEST) for part in parts
    ):
        raise InputError(
            f"{path} must hold x, y, z and visibility as numbers, got {str(value)[:60]} "
            f"in frame {frame}"
        )
    x, y, visibility = (float("nan") if part is None else float(part) for part in parts)
    return x, y, visibility


def _time(frame: Any, name: str, number: int, path: Path) -> float:
    value = frame.get(name) if isinstance(frame, dict) else None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InputError(f"{path} must hold a number as {name}, got {value!r} in frame {number}")
    return float(value)


def _size(facts: dict[str, Any], path: Path) -> tuple[int, int] | None:
    if not {"width", "height"} <= {*facts}:
        return None
    width, height = facts["width"], facts["height"]
    if not isinstance(width, int) or not isinstance(height, int) or min(width, height) <= 0:
        raise InputError(
            f"{path} must hold width and height in pixels, got {width!r} and {height!r}"
        )
    return width, height


def _fps(facts: dict[str, Any], path: Path) -> float | None:
    fps = facts.get("fps")
    if fps is None:
        return None
    if isinstance(fps, bool) or not isinstance(fps, (int, float)) or not 0 < fps < float("inf"):
        raise InputError(f"{path} must hold fps above 0, got {fps!r}")
    return float(fps)
