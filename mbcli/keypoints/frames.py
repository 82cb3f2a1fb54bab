"""Frame numbers from the labels that programs write: numbers, or names of pictures."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

from mbcli.video.images import natural_key

# The last number in a name, before the suffix, and what precedes it.
_NUMBERED = re.compile(r"(?P<series>.*?)(?P<number>[0-9]{1,18})(?:\.[A-Za-z][A-Za-z0-9]*)*")
# Additions of Label Studio and Roboflow to names.
_ADDED = re.compile(r"^[0-9a-f]{8}-|[._](?:jpe?g|png)\.rf\.\w+(?=\.)", re.IGNORECASE)
# Frame numbers begin near 0 and leave out few, unlike those of cameras and downloads. Allowed are
# so many frames for each picture that is named, and so many more.
_STRIDE, _LEAD = 10, 100


@dataclass(frozen=True)
class Numbering:
    """The frames of a file's labels.

    Attributes:
        frames: frame of each label, counted from 0 or as labelled.
        counts_from: 0, or None if no label is 0, so that they may count from another number.
        notes: how names were interpreted, one line each.
    """

    frames: Mapping[str | int, int]
    counts_from: int | None
    notes: tuple[str, ...] = ()

    @property
    def metadata(self) -> dict[str, Any]:
        """Arguments for `mbcli.keypoints.gather.gathered`."""
        names = {name: frame for name, frame in self.frames.items() if isinstance(name, str)}
        return {"counts_from": self.counts_from, "pictures": names, "notes": self.notes}


def numbering(labels: Sequence[str | int], usual: re.Pattern[str] | None = None) -> Numbering:
    """Find the frames that numbers or picture names refer to.

    The last number in a name is the frame if the names form one series with plausible numbers.
    Otherwise, as with photographs and downloads, frames are in the order of the names.

    Args:
        labels: numbers or picture names, in any order, possibly repeated.
        usual: pattern of the program's own names for frames of a video. A single picture with
            another name is frame 0, whatever number its name holds.
    """
    unique = list(dict.fromkeys(labels))
    numbers: dict[str | int, int]
    names = [label for label in unique if isinstance(label, str)]
    if not names:
        numbers = {label: int(label) for label in unique}
        return Numbering(numbers, _counts_from(numbers))
    stems = {name: _ADDED.sub("", PurePath(name.replace("\\", "/")).name) for name in names}
    found = {name: _NUMBERED.fullmatch(stem) for name, stem in stems.items()}
    numbers = {name: int(match["number"]) for name, match in found.items() if match is not None}
    if usual is not None and all(usual.fullmatch(stem) for stem in stems.values()):
        numbers = {**{n: n for n in unique if isinstance(n, int)}, **numbers}
        return Numbering(numbers, _counts_from(numbers))
    if len(unique) == 1:
        return Numbering({names[0]: 0}, 0)
    series = {match["series"] for match in found.values() if match is not None}
    far = _STRIDE * len(unique) + _LEAD
    together = (
        len(numbers) == len(unique)
        and len(series) == 1
        and len({*numbers.values()}) == len(unique)
        and min(numbers.values()) <= far
        and max(numbers.values()) - min(numbers.values()) <= far
    )
    first = min(names, key=lambda name: numbers.get(name, 0)) if together else names[0]
    if together:
        note = f"pictures are taken as frames by their numbers: {first} as frame {numbers[first]}"
        return Numbering(numbers, _counts_from(numbers), (note,) if numbers[first] else ())
    # By the whole path, since several folders may hold pictures of the same name.
    ordered = sorted(unique, key=lambda label: natural_key(Path(re.sub(r"[\\/]", "_", str(label)))))
    note = f"pictures are taken as frames in the order of their names: {ordered[0]} as frame 0"
    return Numbering({label: place for place, label in enumerate(ordered)}, 0, (note,))


def _counts_from(numbers: Mapping[str | int, int]) -> int | None:
    return 0 if 0 in numbers.values() else None
