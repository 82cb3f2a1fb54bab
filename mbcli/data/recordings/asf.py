"""Reader of ASF skeletons (Acclaim Skeleton File); ``amc.py`` reads their motion.

An ASF file has sections that start with a colon and a keyword. ``:units`` gives the length factor
and the unit of angles, ``:root`` the order of the root's values and of its axes. ``:bonedata`` has
a block for each bone: its direction in world axes, its length, the orientation of its own axes and
its degrees of freedom. ``:hierarchy`` has lines of a parent and its children.

Rotations are about fixed axes, in the order listed. A bone with axes C and motion R rotates
everything beyond its near end by C R C^-1. Here a joint is the near end of the bone of that name;
the far end of a bone without children is ``<bone>_end``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import numpy as np

from mbcli.data.recordings.hierarchy import Hierarchy, moving_axes_rotation
from mbcli.data.recordings.text import Text
from mbcli.errors import DataError
from mbcli.types import FloatArray

INCH = 0.0254  # metres

_TURNS = ("rx", "ry", "rz")
_MOVES = ("tx", "ty", "tz")


@dataclass(frozen=True, eq=False)
class AsfSkeleton:
    """Contents of an ASF file.

    Attributes:
        hierarchy: joint tree in metres; a joint is the near end of its bone.
        axes: (J, 3, 3) float64, orientation C of each bone's axes.
        order: for each joint the names of its AMC values, such as ``("rx", "rz")``.
        scale: metres per unit of length, as used for the hierarchy.
        unit: metres per unit of length by the file's own word.
        degrees: whether angles are in degrees if the AMC file does not say.
        notes: what was guessed while reading.
    """

    hierarchy: Hierarchy
    axes: FloatArray
    order: tuple[tuple[str, ...], ...]
    scale: float
    degrees: bool
    unit: float = INCH
    notes: tuple[str, ...] = ()


@dataclass
class _Bone:
    name: str
    line: int
    direction: tuple[float, ...] = (0.0, 0.0, 0.0)
    length: float = 0.0
    angles: tuple[float, ...] = (0.0, 0.0, 0.0)
    axes: str = "xyz"
    dof: tuple[str, ...] = ()


@dataclass
class _AsfReader:
    path: Path
    unit: float = 1.0
    degrees: bool = True
    root_place: tuple[float, ...] = (0.0, 0.0, 0.0)
    bones: dict[str, _Bone] = field(default_factory=dict)
    children: dict[str, list[str]] = field(default_factory=dict)
    line: int = 0

    def fail(self, rule: str, got: str) -> NoReturn:
        raise DataError(f"{self.path}, line {self.line}: {rule}, got {got[:60]!r}")

    def numbers(self, words: list[str], count: int, rule: str) -> tuple[float, ...]:
        try:
            values = tuple(float(word) for word in words[:count])
        except ValueError:
            self.fail(rule, " ".join(words))
        if len(values) != count or not all(map(math.isfinite, values)):
            self.fail(rule, " ".join(words))
        return values

    def sections(self, text: Text) -> Iterator[tuple[str, list[str]]]:
        """(section, words) of each line with content."""
        section = ""
        for self.line, raw in enumerate(text.lines, start=1):
            words = raw.split("#", 1)[0].split()
            if not words:
                continue
            if words[0].startswith(":"):
                section = words[0][1:].lower()
            elif section == "hierarchy" or words[0].lower() == "name":
                yield section, words
            else:
                yield section, [words[0], *text.numbers(" ".join(words[1:]))]

    def read(self, scale: float | None) -> AsfSkeleton:
        root = _Bone("root", 0, dof=())
        self.bones["root"] = root
        bone: _Bone | None = None
        text = Text(self.path)
        for section, words in self.sections(text):
            key, rest = words[0].lower(), words[1:]
            if section == "units":
                self.units(key, rest)
            elif section == "root":
                self.root(root, key, rest)
            elif section == "bonedata":
                bone = self.bonedata(bone, key, rest)
            elif section == "hierarchy" and key not in ("begin", "end"):
                if words[0] not in self.bones:
                    self.fail("the hierarchy must name only bones of :bonedata", words[0])
                for child in rest:
                    if child not in self.bones or child == "root":
                        self.fail("the hierarchy must name only bones of :bonedata", child)
                self.children.setdefault(words[0], []).extend(rest)
        return self.skeleton(scale if scale is not None else INCH / self.unit, text.notes)

    def units(self, key: str, rest: list[str]) -> None:
        if key == "length":
            (self.unit,) = self.numbers(rest, 1, "the unit of length must be a number above 0")
            if self.unit <= 0:
                self.fail("the unit of length must be a number above 0", rest[0])
        elif key == "angle":
            if not rest or rest[0].lower() not in ("deg", "rad"):
                self.fail("the unit of angle must be deg or rad", " ".join(rest))
            self.degrees = rest[0].lower() == "deg"

    def root(self, root: _Bone, key: str, rest: list[str]) -> None:
        if key == "order":
            root.dof = self.freedoms(rest, (*_TURNS, *_MOVES))
        elif key == "axis":
            root.axes = self.axis_order(rest)
        elif key == "position":
            self.root_place = self.numbers(rest, 3, "the root's position needs three numbers")
        elif key == "orientation":
            root.angles = self.numbers(rest, 3, "the root's orientation needs three numbers")

    def bonedata(self, bone: _Bone | None, key: str, rest: list[str]) -> _Bone | None:
        if key == "begin":
            return _Bone("", self.line)
        if bone is None:
            self.fail("bone data must be between begin and end", key)
        if key == "end":
            if not bone.name or bone.name in self.bones:
                self.fail("bone names must be unique", bone.name)
            self.bones[bone.name] = bone
            return None
        if key == "name":
            bone.name = " ".join(rest)
        elif key == "direction":
            bone.direction = self.numbers(rest, 3, "a direction needs three numbers")
        elif key == "length":
            (bone.length,) = self.numbers(rest, 1, "a bone's length must be a number")
        elif key == "axis":
            bone.angles = self.numbers(rest, 3, "an axis needs three numbers and their order")
            bone.axes = self.axis_order(rest[3:])
        elif key == "dof":
            bone.dof = self.freedoms(rest, _TURNS)
        return bone

    def axis_order(self, words: list[str]) -> str:
        if len(words) != 1 or sorted(words[0].lower()) != ["x", "y", "z"]:
            self.fail("an order of axes must be X, Y and Z in some order", " ".join(words))
        return words[0].lower()

    def freedoms(self, words: list[str], known: tuple[str, ...]) -> tuple[str, ...]:
        lowered = tuple(w.lower() for w in words)
        if len(set(lowered)) != len(lowered) or any(w not in known for w in lowered):
            self.fail(
                f"degrees of freedom must be distinct and from {', '.join(known)}", " ".join(words)
            )
        return lowered

    def skeleton(self, scale: float, notes: list[str]) -> AsfSkeleton:
        """Walk the hierarchy from the root, parents first."""
        names: list[str] = ["root"]
        parents = [-1]
        offsets = [np.array(self.root_place)]
        for joint, name in enumerate(names):  # names grows during the loop
            bone = self.bones.get(name)
            if bone is None:
                continue
            reach = np.array(bone.direction) * bone.length
            for child in self.children.get(name, [] if name == "root" else [f"{name}_end"]):
                if child in names:
                    self.fail("a bone must have one parent", child)
                names.append(child)
                parents.append(joint)
                offsets.append(reach)
        if len(names) < 2:
            self.fail("the :hierarchy must attach bones to the root", "none")
        hierarchy = Hierarchy(tuple(names), tuple(parents), np.array(offsets) * scale)
        bones = [self.bones.get(name, _Bone(name, 0)) for name in names]
        turn = math.pi / 180 if self.degrees else 1.0
        axes = [
            moving_axes_rotation(b.axes[::-1], np.array([b.angles[::-1]]) * turn)[0] for b in bones
        ]
        return AsfSkeleton(
            hierarchy,
            np.array(axes),
            tuple(b.dof for b in bones),
            scale,
            self.degrees,
            INCH / self.unit,
            tuple(notes),
        )


def read_asf(path: Path, *, scale: float | None = None) -> AsfSkeleton:
    """Read a skeleton.

    Args:
        path: the ``.asf`` file.
        scale: metres per unit of the file; None uses the file's own ``length``: one unit is then
            one inch divided by that number.

    Raises:
        DataError: the file violates the format; the message names the line.
    """
    return _AsfReader(path).read(scale)
