"""Results of easy_ViTPose, the JSON of ``inference.py --save-json`` (Xu et al. 2022).

An object with

    keypoints  list of frames, each an object of people by identity, or a list of people;
               a person is a list of y, x, confidence of each keypoint, in pixels
    skeleton   number of a keypoint -> its name
"""

from __future__ import annotations

from typing import Any

from mbcli.errors import InputError
from mbcli.keypoints.checks import short
from mbcli.keypoints.points import points_of
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.rows import Rows
from mbcli.keypoints.source import Source

FORMAT = "vitpose"


def recognise(source: Source) -> bool:
    """Whether the file has frames of keypoints and their names."""
    document = source.document if source.kind == "json" else None
    return (
        isinstance(document, dict)
        and isinstance(document.get("keypoints"), list)
        and isinstance(document.get("skeleton"), dict)
    )


def read(source: Source) -> KeypointFile:
    """Read the frames.

    Raises:
        InputError: the number of keypoints is unknown, or the content breaks the rules of
            `KeypointFile`.
    """
    path = source.path
    frames: list[Any] = source.document["keypoints"]
    rows = Rows(path, FORMAT)
    for frame, people in enumerate(frames):
        if not isinstance(people, dict | list | None):
            raise InputError(f"{path} must hold people in frame {frame}, got {short(people)}")
        named = people.items() if isinstance(people, dict) else ((None, p) for p in people or ())
        for name, person in named:
            points = points_of(person, path, f"a person of frame {frame}")
            identity = int(name) if name is not None and name.isdecimal() else None
            rows.add(frame, points[:, [1, 0, 2]], identity)
    return rows.file(count=len(frames))
