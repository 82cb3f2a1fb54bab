"""Folders with one JSON file per picture of a video, by any program."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from mbcli.errors import InputError
from mbcli.keypoints.frames import Numbering, numbering
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.rows import Rows
from mbcli.keypoints.source import Source, parse_json
from mbcli.video.images import IMAGE_SUFFIXES, files_with_suffix

# A document that begins like this holds nobody; often true of a video's first frames.
_EMPTY: tuple[Any, ...] = ([], {}, None)
_LOOK = 1000  # files that are opened in search of one that identifies the format

# Adds the people of a picture to the rows; takes the document, the frame, the file and the rows.
AddPeople = Callable[[Any, int, Path, Rows], None]


def recognise_folder(source: Source, is_picture: Callable[[Any], bool]) -> bool:
    """Whether a folder holds JSON files of a format, and not mainly pictures.

    Args:
        source: the folder.
        is_picture: whether a document holds the people of one picture in that format.
    """
    if source.kind != "folder":
        return False
    try:
        files = files_with_suffix(source.path, (".json",))
        if not files or len(files) < len(files_with_suffix(source.path, IMAGE_SUFFIXES)) / 2:
            return False
        return any(is_picture(parse_json(file.read_bytes(), file)) for file in files[:_LOOK])
    except (InputError, OSError):
        pass
    return False


def read_folder(
    source: Source,
    format: str,
    may_be: Callable[[Any], bool],
    add: AddPeople,
    usual: re.Pattern[str] | None = None,
    **metadata: Any,
) -> KeypointFile:
    """Read the pictures of a folder as the frames of a video.

    Args:
        source: the folder.
        format: key of the format in `mbcli.keypoints.FORMATS`.
        may_be: whether a document holds the people of one picture, possibly none; other files
            are left out.
        add: see `AddPeople`.
        usual: pattern of the names that the program gives to the files of a video.
        metadata: further arguments of `mbcli.keypoints.gather.gathered`.

    Raises:
        InputError: a file cannot be read or is truncated, or `Rows` refuses its content.
    """
    pictures: dict[str, Any] = {}
    files: dict[str, Path] = {}
    foreign = []
    for file in files_with_suffix(source.path, (".json",)):
        try:
            document = parse_json(file.read_bytes(), file)
        except OSError as error:
            raise InputError(f"{file} cannot be read: {error.strerror}") from error
        if document in _EMPTY or may_be(document):
            name = file.name.removesuffix(file.suffix).removesuffix("_keypoints")
            pictures[name], files[name] = document, file
        else:
            foreign.append(file.name)
    numbered = numbering(list(pictures), usual)
    rows = Rows(source.path, format)
    for name, document in pictures.items():
        if document not in _EMPTY:
            add(document, numbered.frames[name], files[name], rows)
    notes = [*numbered.notes, *_left_out(foreign), *_without_files(numbered)]
    count = max(numbered.frames.values()) + 1
    return rows.file(count=count, **{**numbered.metadata, **metadata, "notes": notes})


def _left_out(foreign: list[str]) -> Iterable[str]:
    if foreign:
        yield f"{len(foreign)} files that hold something else are left out: {foreign[0]}" + (
            " ..." if len(foreign) > 1 else ""
        )


def _without_files(numbered: Numbering) -> Iterable[str]:
    numbers = {*numbered.frames.values()}
    first = 1 if numbered.counts_from is None and min(numbers) == 1 else 0
    missing = max(numbers) + 1 - first - len(numbers)
    if missing:
        yield (
            f"{missing} of the frames {first}..{max(numbers)} have no file and are taken as frames "
            f"without people"
        )
