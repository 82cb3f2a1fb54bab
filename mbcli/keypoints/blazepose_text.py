"""MediaPipe's results as Python prints them, saved as text.

A ``NormalizedLandmarkList`` is printed in the text format of Protocol Buffers, 33 times

    landmark {
      x: 0.367
      y: 0.108
      z: -0.42
      visibility: 0.99
    }

and the results of MediaPipe Tasks as ``PoseLandmarkerResult(pose_landmarks=[[NormalizedLandmark(
x=0.367, ...), ...]], ...)``. 33 landmarks form a person; ``None`` or an empty list is nobody. World
landmarks are ignored. A line such as ``frame: 12`` or ``timestamp: 400`` applies to what follows.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from mbcli.errors import InputError
from mbcli.keypoints.gather import Times
from mbcli.keypoints.landmarks import Landmarks
from mbcli.keypoints.words import CONFIDENCE, FRAME, TIME, plain
from mbcli.skeleton import BLAZEPOSE33

_NUMBER = r"[-+]?[0-9.]+(?:[eE][-+]?[0-9]+)?"
_TOKEN = re.compile(
    r"(?P<result>PoseLandmarkerResult\()"
    r"|(?P<world>\w*world\w*)\s*[=:{]"
    r"|(?P<pose>pose_?landmarks)\s*[=:{]"
    r"|(?<!\w)(?:landmark\s*\{|Normalized(?:Pose)?Landmark\()(?P<landmark>[^{}()]*)[})]"
    rf"|^[ \t]*(?P<word>[A-Za-z_ ]+?)\s*[:=#]?\s*(?P<value>{_NUMBER})[ \t]*:?[ \t]*$"
    r"|^[ \t]*(?P<nobody>None)[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_OPENED = re.compile(r"landmark\s*[{(]", re.IGNORECASE)
_CLOSED = re.compile(r"landmark\s*[{(][^{}()]*[})]", re.IGNORECASE)
_FIELD = re.compile(rf"(\w+)\s*[:=]\s*({_NUMBER})")
_START = 20_000  # characters within which the first landmark must begin


def recognise(text: str) -> bool:
    """Whether the text has printed landmarks."""
    return any(found["landmark"] is not None for found in _TOKEN.finditer(text[:_START]))


def read(text: str, path: Path) -> Landmarks:
    """Read the people.

    Raises:
        InputError: a person does not have 33 landmarks.
    """
    marks: list[list[float]] = []
    frames: list[int] = []
    clock: dict[int, float] = {}
    unit: float | None = None
    # The last frame that began; whether a line or a result began it, so that people who follow
    # belong to it; whether it is still empty.
    frame, begun, fresh = -1, False, False
    world = numbered = False
    for token in _TOKEN.finditer(text):
        if token["world"] or token["pose"]:
            world = token["pose"] is None
        elif token["nobody"]:
            frame, begun = frame + (not fresh), False
        elif token["result"]:
            frame, begun, fresh, world = frame + (not fresh), True, False, False
        elif token["word"]:
            word = plain(token["word"])
            if word in FRAME:
                frame, begun, fresh, numbered = int(float(token["value"])), True, True, True
            elif word in TIME:
                frame, begun, fresh = frame + (not fresh), True, True
                clock[frame], unit = float(token["value"]), TIME[word]
        elif not world:
            if len(marks) % len(BLAZEPOSE33) == 0:
                frame += not begun
                frames.append(frame)
            fresh = False
            marks.append(_landmark(token["landmark"]))
    if len(_OPENED.findall(text)) > len(_CLOSED.findall(text)):
        raise InputError(f"{path} must hold whole landmarks: it is cut off")
    if len(marks) % len(BLAZEPOSE33):
        raise InputError(
            f"{path} must hold {len(BLAZEPOSE33)} landmarks for each person, got {len(marks)}"
        )
    return Landmarks(
        labels=tuple(map(str, range(len(BLAZEPOSE33)))),
        frames=frames,
        points=np.array(marks, np.float64).reshape(-1, len(BLAZEPOSE33), 3),
        times=Times([*clock], np.array([*clock.values()]), unit) if clock else None,
        numbered=numbered,
        count=frame + 1,
    )


def _landmark(fields: str) -> list[float]:
    values = {plain(name): float(value) for name, value in _FIELD.findall(fields)}
    sure = next((values[word] for word in CONFIDENCE if word in values), float("nan"))
    return [values.get("x", float("nan")), values.get("y", float("nan")), sure]
