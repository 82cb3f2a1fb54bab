"""Reader of BVH motion files (Biovision Hierarchy).

The text has two parts. ``HIERARCHY`` nests ``ROOT``, ``JOINT`` and ``End Site`` blocks in braces,
each with an ``OFFSET`` from its parent and, except for end sites, ``CHANNELS n`` followed by n of
``Xposition`` .. ``Zrotation``. ``MOTION`` gives ``Frames:``, ``Frame Time:`` in seconds and one
line per frame with the numbers of all channels in the order of declaration. Rotations are degrees
about intrinsic (moving) axes, in the order of the channels; a position channel replaces its
component of the offset, in the root and in any other joint. The format has neither a unit of length
nor axes of the world.
"""

from __future__ import annotations

import math
import re
from itertools import chain
from pathlib import Path
from typing import NoReturn

import numpy as np

from mbcli.data.recordings.hierarchy import Hierarchy, Recording, moving_axes_rotation
from mbcli.data.recordings.text import Text
from mbcli.errors import DataError
from mbcli.types import FloatArray

# Blanks that some programs leave out of "OFFSET 0", "Frames: 40" and "Xrotation Yrotation".
_KEYWORD = re.compile(r"^\s*(OFFSET|CHANNELS)(?=[-+.\d])", re.IGNORECASE)
_HEADER = re.compile(r"^\s*(Frames|Frame\s*Time)\s*:\s*", re.IGNORECASE)
_ENDLESS = re.compile(r"(?<=[nN])(?=[XYZ](?:rotation|position))", re.IGNORECASE)

_CHANNELS = {f"{a}{kind}": (kind, a.lower()) for a in "XYZ" for kind in ("position", "rotation")}


def read_bvh(path: Path, *, scale: float = 1.0, fps: float | None = None) -> Recording:
    """Read a BVH file.

    Args:
        path: the file.
        scale: metres per unit of the file.
        fps: frames per second, instead of the file's frame time.

    Returns:
        The recording in the axes of the file, with the end sites as joints ``<parent>_end``. All
        frames present are read; a note is set if the file declares another number of frames, breaks
        off within the last one, or has decimal commas or missing blanks.

    Raises:
        DataError: the file violates the format; the message names the line.
    """
    return _Reader(path).read(scale, fps)


class _Reader:
    """Single-pass parser: the hierarchy word by word, the motion line by line."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = Text(path)
        self.lines = self.text.lines
        self.line = 0
        self.waiting: list[str] = []
        self.names: list[str] = []
        self.parents: list[int] = []
        self.offsets: list[list[float]] = []
        self.channels: list[list[tuple[str, str]]] = []

    def fail(self, rule: str, got: str) -> NoReturn:
        raise DataError(f"{self.path}, line {self.line}: {rule}, got {got[:60]!r}")

    def word(self, rule: str) -> str:
        """The next word of the file; a brace is a separate word."""
        while not self.waiting:
            if self.line == len(self.lines):
                self.fail(rule, "the end of the file")
            line = self.lines[self.line].replace("{", " { ").replace("}", " } ")
            self.waiting = self.words(line)[::-1]
            self.line += 1
        return self.waiting.pop()

    def words(self, line: str) -> list[str]:
        """The words of a line; numbers are cleaned where the line has nothing else."""
        if header := _HEADER.match(line):
            name = "Frames:" if header[1].lower() == "frames" else "Frame Time:"
            return [*name.split(), *self.text.numbers(line[header.end() :])]
        words = _ENDLESS.sub(" ", _KEYWORD.sub(r"\1 ", line)).split()
        if words and words[0].upper() == "OFFSET":
            end = next((i for i, word in enumerate(words) if word in "{}"), len(words))
            return ["OFFSET", *self.text.numbers(" ".join(words[1:end])), *words[end:]]
        return words

    def expect(self, *wanted: str) -> None:
        rule = f"expected {' '.join(wanted)!r}"
        for word in wanted:
            got = self.word(rule)
            if got.upper() != word.upper():
                self.fail(rule, got)

    def number(self, rule: str) -> float:
        word = self.word(rule)
        try:
            value = float(word)
        except ValueError:
            self.fail(rule, word)
        if not math.isfinite(value):
            self.fail(rule, word)
        return value

    def read(self, scale: float, fps: float | None) -> Recording:
        self.expect("HIERARCHY", "ROOT")
        self.joints()
        self.expect("MOTION", "Frames:")
        rule = "the number of frames must be a whole number from 1"
        frames = self.number(rule)
        if frames < 1 or frames != int(frames):
            self.fail(rule, f"{frames:g}")
        self.expect("Frame", "Time:")
        rule = "the frame time must be a positive number of seconds, or the rate given with --fps"
        step = self.number(rule)
        if (step <= 0 and fps is None) or self.waiting:
            self.fail(rule, " ".join([f"{step:g}", *self.waiting[::-1]]))
        values = self.motion()
        if len(values) != frames:
            self.text.note(
                f"the file declares {frames:g} frames and contains {len(values)}, which were read"
            )
        note = "; ".join(self.text.notes)
        hierarchy = Hierarchy(
            tuple(self.names), tuple(self.parents), np.array(self.offsets) * scale
        )
        return self.recording(hierarchy, values, scale, fps or rate_of(step), note)

    def joints(self) -> None:
        """Read the block of the root and all nested blocks, without recursion."""
        within = [self.joint(-1)]
        while within:
            rule = "expected JOINT, End Site or }"
            word = self.word(rule).upper()
            if word == "}":
                within.pop()
            elif word == "JOINT":
                within.append(self.joint(within[-1]))
            elif word == "END":
                self.expect("Site")
                self.end_site(within[-1])
            else:
                self.fail(rule, word)

    def joint(self, parent: int) -> int:
        """Read a block from its name to its channels; returns the joint's index."""
        rule = "expected the name of a joint and {"
        name = [self.word(rule)]
        while (word := self.word(rule)) != "{":
            name.append(word)
        joint = self.add("_".join(name), parent)
        rule = f"expected CHANNELS, their number and that many distinct of {', '.join(_CHANNELS)}"
        self.expect("CHANNELS")
        count = self.word(rule)
        if not count.isdecimal() or int(count) > len(_CHANNELS):
            self.fail(rule, count)
        for _ in range(int(count)):
            channel = _CHANNELS.get(word := self.word(rule).capitalize())
            if channel is None or channel in self.channels[joint]:
                self.fail(rule, word)
            self.channels[joint].append(channel)
        return joint

    def end_site(self, parent: int) -> None:
        self.expect("{")
        self.add(f"{self.names[parent]}_end", parent)
        self.expect("}")

    def add(self, name: str, parent: int) -> int:
        if name in self.names:
            self.fail("joint names must be unique", name)
        self.expect("OFFSET")
        self.offsets.append([self.number("an OFFSET needs three numbers") for _ in range(3)])
        self.channels.append([])
        self.names.append(name)
        self.parents.append(parent)
        return len(self.names) - 1

    def motion(self) -> FloatArray:
        """(F, C) float64 of all channels."""
        width = sum(map(len, self.channels))
        first = self.line
        rows = [self.text.numbers(line) for line in self.lines[first:]]
        filled = [row for row in rows if row]
        if len(filled) > 1 and len(filled[-1]) < width:
            self.text.note("the file breaks off within its last frame, which was left out")
            filled.pop()
            rows = rows[: max(number for number, row in enumerate(rows) if row)]
        try:
            values = np.fromiter(map(float, chain.from_iterable(filled)), np.float64)
        except ValueError:
            values = np.array([np.nan])
        if any(len(row) != width for row in filled) or not np.isfinite(values).all():
            for self.line, row in enumerate(rows, start=first + 1):
                if row and len(row) != width:
                    self.fail(f"a frame needs {width} numbers", f"{len(row)}")
                self.waiting = row[::-1]
                while self.waiting:
                    self.number("a frame must hold finite numbers only")
        if not filled:
            self.line = len(self.lines)
            self.fail("a motion needs at least one frame", "none")
        return values.reshape(len(filled), width)

    def recording(
        self, hierarchy: Hierarchy, values: FloatArray, scale: float, fps: float, note: str
    ) -> Recording:
        """Sort the channels into rotations and translations."""
        rotations = np.empty((len(values), len(hierarchy), 3, 3))
        translations: dict[int, FloatArray] = {}
        column = 0
        for joint, channels in enumerate(self.channels):
            turns = [(axis, column + i) for i, (k, axis) in enumerate(channels) if k == "rotation"]
            moves = [(axis, column + i) for i, (k, axis) in enumerate(channels) if k == "position"]
            column += len(channels)
            rotations[:, joint] = moving_axes_rotation(
                "".join(axis for axis, _ in turns), np.radians(values[:, [c for _, c in turns]])
            )
            if moves:
                place = np.tile(hierarchy.offsets[joint], (len(values), 1))
                for axis, c in moves:
                    place[:, "xyz".index(axis)] = values[:, c] * scale
                translations[joint] = place
        return Recording(hierarchy, rotations, translations, fps, self.path, note)


def rate_of(frame_time: float) -> float:
    """Frames per second of a frame time, which files round to a few digits.

    A rate within a thousandth of a whole number is rounded to it: 0.008333 s is 120 fps.
    """
    rate = 1.0 / frame_time
    return float(round(rate)) if abs(rate - round(rate)) < 1e-3 * rate else rate
