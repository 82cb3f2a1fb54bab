"""JSON of the people in pictures: lists in lists and objects, whatever they are called.

A picture is a list of people, or an object with one. A video is a list of pictures, an object with
one, or an object of pictures by their number or name.
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

# Of pictures in a file, and of people in a picture.
_LISTS = (
    *("instances", "instanceinfo", "predictions", "people", "persons", "poses", "detections"),
    *("objects", "results", "frames", "pictures", "data"),
)


@dataclass(frozen=True)
class Pictures:
    """How a format's JSON is laid out.

    Attributes:
        is_person: whether a value is one person in the format's way.
    """

    is_person: Callable[[Any], bool]

    def is_picture(self, document: Any) -> bool:
        """Whether it is the people of one picture, in one list too many or not."""
        people = inner(document)
        if isinstance(people, list) and len(people) == 1 and isinstance(people[0], list):
            people = people[0]
        return isinstance(people, list) and any(map(self.is_person, people))

    def may_be_picture(self, document: Any) -> bool:
        """Whether it is a picture, perhaps without people."""
        return self.is_picture(document) or inner(document) == []

    def is_video(self, document: Any) -> bool:
        """Whether it holds pictures with people."""
        return any(self.is_picture(picture) for _, picture in self.listed(document))

    def listed(self, document: Any) -> list[tuple[Any, Any]]:
        """Label, if there is one, and picture of each frame of a video."""
        people = inner(document)
        if isinstance(people, dict) and all(map(self._holds, people.values())):
            return list(people.items())
        if not isinstance(people, list):
            return []
        return [(_label(entry), entry) for entry in people]

    def _holds(self, value: Any) -> bool:
        return isinstance(value, list | dict) and (not value or self.may_be_picture(value))

    def people(self, picture: Any, path: Path, frame: int) -> list[Any]:
        """Everybody in a picture.

        Raises:
            InputError: it is no list of people.
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
    """The list of pictures or people in an object; anything else as it is."""
    while isinstance(document, dict):
        name = find(document, _LISTS)
        if name is None:
            break
        document = document[name]
    return document


def numbered(labels: list[Any], path: Path) -> tuple[list[int], Numbering]:
    """The frame of each picture: by its label, or where pictures have none, by its place.

    Raises:
        InputError: a label that is neither a whole number nor a name.
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


_DIGITS = 18  # of numbers that are no names
