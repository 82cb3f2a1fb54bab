"""JSON of the people in pictures: nested lists and objects, whatever their keys.

A picture is a list of people, or an object with one. A video is a list of pictures, an object with
one, or an object of pictures by number or name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from mbcli.errors import InputError
from mbcli.keypoints.checks import short
from mbcli.keypoints.frames import Numbering, numbering
from mbcli.keypoints.words import FRAME, find

# Keys of the pictures in a file, and of the people in a picture.
_LISTS = (
    *("instances", "instanceinfo", "predictions", "people", "persons", "poses", "detections"),
    *("objects", "results", "frames", "pictures", "data"),
)


@dataclass(frozen=True)
class Pictures:
    """Layout of a format's JSON.

    Attributes:
        is_person: whether a value is a person in this format.
    """

    is_person: Callable[[Any], bool]

    def is_picture(self, document: Any) -> bool:
        """Whether this holds the people of one picture, possibly in an extra list."""
        people = inner(document)
        if isinstance(people, list) and len(people) == 1 and isinstance(people[0], list):
            people = people[0]
        return isinstance(people, list) and any(map(self.is_person, people))

    def may_be_picture(self, document: Any) -> bool:
        """Whether this is a picture, possibly without people."""
        return self.is_picture(document) or inner(document) == []

    def is_video(self, document: Any) -> bool:
        """Whether this holds pictures with people."""
        return any(self.is_picture(picture) for _, picture in self.listed(document))

    def listed(self, document: Any) -> list[tuple[Any, Any]]:
        """Label, None if there is none, and picture of each frame of a video."""
        people = inner(document)
        if isinstance(people, dict) and all(map(self._holds, people.values())):
            return list(people.items())
        if not isinstance(people, list):
            return []
        return [(_label(entry), entry) for entry in people]

    def _holds(self, value: Any) -> bool:
        return isinstance(value, list | dict) and (not value or self.may_be_picture(value))

    def people(self, picture: Any, path: Path, frame: int) -> list[Any]:
        """The people in a picture.

        Raises:
            InputError: the picture is no list of people.
        """
        people = inner(picture)
        if people is None or people == {}:
            return []
        if not isinstance(people, list):
            raise InputError(
                f"{path} must hold a list of people in frame {frame}, got {short(people)}"
            )
        return [one for entry in people for one in (entry if isinstance(entry, list) else [entry])]


def inner(document: Any) -> Any:
    """The list of pictures or people in an object; anything else unchanged."""
    while isinstance(document, dict):
        name = find(document, _LISTS)
        if name is None:
            break
        document = document[name]
    return document


def numbered(labels: list[Any], path: Path) -> tuple[list[int], Numbering]:
    """The frame of each picture: its label, or without labels its position.

    Raises:
        InputError: a label is neither a whole number nor a name.
    """
    known = []
    for place, label in enumerate(labels):
        if isinstance(label, str) and label.strip().isdecimal() and len(label) < _DIGITS:
            label = int(label)
        if isinstance(label, float) and label.is_integer():
            label = int(label)
        if label is None:
            label = place
        if not isinstance(label, str | int) or isinstance(label, bool):
            raise InputError(f"{path} must number or name its frames, got {short(label)}")
        known.append(label)
    found = numbering(known)
    return [found.frames[label] for label in known], found


def _label(entry: Any) -> Any:
    name = find(entry, FRAME) if isinstance(entry, dict) else None
    return None if name is None else entry[name]


_DIGITS = 18  # for numbers that are not in names
