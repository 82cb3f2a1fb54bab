"""People by their ids: ``--person``, such as ``all``, ``largest`` or ``1,3``, and ``--height``."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from statistics import median
from typing import TYPE_CHECKING

from mbcli.errors import ConfigError

if TYPE_CHECKING:
    from mbcli.motion import Motion3D
    from mbcli.types import Keypoints2D

GRAMMAR = "all|largest|ID[,ID]"
HEIGHTS_GRAMMAR = "METRES|ID=METRES,..."
HEIGHTS = 0.4, 2.6  # metres, from a baby to the tallest people
EVERYBODY, LARGEST = "all", "largest"
FEW = 8  # people who are named one by one in a line of text


def read_person(person: str) -> str | tuple[int, ...]:
    """Parse ``--person``: ``all``, ``largest``, or track ids, each once.

    Raises:
        ConfigError: the text is none of these.
    """
    text = person.replace(" ", "").lower()
    if text in (EVERYBODY, LARGEST):
        return text
    # 18 digits: track ids are 64-bit integers.
    if not re.fullmatch(r"[0-9]{1,18}(,[0-9]{1,18})*", text):
        raise ConfigError(
            f"--person must be {EVERYBODY}, {LARGEST} or ids such as 1 or 1,3, got {person!r}"
        )
    return tuple(dict.fromkeys(map(int, text.split(","))))


def read_heights(text: str) -> float | dict[int, float]:
    """Parse ``--height``: one for everybody, ``1.82``, or of people by their id, ``1=1.82,2=1.15``.

    Raises:
        ConfigError: the text is neither, or names somebody twice.
    """
    heights: dict[int, float] = {}
    try:
        if "=" not in text:
            return float(text)
        for part in text.split(","):
            number, _, metres = part.partition("=")
            if not re.fullmatch(r"\s*[0-9]{1,18}\s*", number) or int(number) in heights:
                raise ValueError(part)
            heights[int(number)] = float(metres)
    except ValueError:
        raise ConfigError(
            f"--height must be metres, such as 1.82, or metres by id, such as 1=1.82,2=1.15, "
            f"got {text!r}"
        ) from None
    check_heights(heights)
    return heights


def check_heights(heights: Mapping[int, float]) -> None:
    """Check the heights of people in metres.

    Raises:
        ConfigError: there is none, or one is outside `HEIGHTS`.
    """
    if not heights:
        raise ConfigError("--height must be metres, or metres by id, got nobody")
    least, most = HEIGHTS
    for number, metres in heights.items():
        if not least <= metres <= most:
            raise ConfigError(
                f"--height must be {least:g}..{most:g} metres, got {metres:g} for person {number}"
            )


def columns_of(person: str, tracks: Keypoints2D) -> list[int]:
    """The columns of the people selected by ``--person``.

    Args:
        person: ``all``; ``largest``, the largest median box area times the share of frames in
            which the person is present; or comma-separated track ids, such as ``1,3``.
        tracks: the tracks to select from.

    Returns:
        Columns: in order for ``all``, else in the order given, each once. Empty for ``largest`` if
        there are no people.

    Raises:
        ConfigError: as `read_person`, or an unknown track id.
    """
    asked = read_person(person)
    known: list[int] = tracks.track_ids.tolist()
    if asked == EVERYBODY:
        return list(range(len(known)))
    if asked == LARGEST:
        return sorted(range(len(known)), key=lambda column: _weight(tracks, column))[-1:]
    for number in asked:
        if number not in known:
            raise ConfigError(
                f"--person must be {EVERYBODY}, {LARGEST} or one of "
                f"{', '.join(map(str, known)) or 'nobody'}, got {number}"
            )
    return [known.index(int(number)) for number in asked]


def select_tracks(keypoints: Keypoints2D, columns: Sequence[int]) -> Keypoints2D:
    """Select columns of tracks, in the order given; ids are kept."""
    return keypoints.part(slice(0, keypoints.spans.frames), list(columns))


def select_people(motion: Motion3D, columns: Sequence[int]) -> Motion3D:
    """Select columns of a motion, in the order given; ids are kept."""
    return motion.part(slice(0, motion.spans.frames), list(columns))


def _weight(tracks: Keypoints2D, column: int) -> tuple[float, float, int]:
    """Sort key of a person's size: box area times presence; presence; position."""
    from mbcli.values import kept  # loads NumPy, for which --help does not wait

    boxes = kept(tracks, "boxes")[column][tracks.there[column]]
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1).tolist()
    share = len(boxes) / tracks.spans.frames if tracks.spans.frames else math.nan
    known = [area for area in areas if math.isfinite(area)]  # a file may lack boxes
    return (median(known) * share if known else 0.0), share, -column
