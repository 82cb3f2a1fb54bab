"""Reader of AMC motion (Acclaim Motion Capture) for a skeleton read by ``asf.py``.

Comments start with ``#``, keywords with ``:``. ``:FULLY-SPECIFIED`` means that every frame lists
every bone; ``:DEGREES`` or ``:RADIANS`` gives the unit of the angles. Each frame then consists of
a line with its number and one line for each movable bone: its name and the values of its degrees
of freedom in the order of the ASF.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from mbcli.data.recordings.asf import AsfSkeleton, read_text
from mbcli.data.recordings.hierarchy import Recording, moving_axes_rotation
from mbcli.errors import DataError
from mbcli.types import FloatArray

_FRAME_NUMBER = re.compile(r"^[ \t]*\d+[ \t]*\r?$", re.MULTILINE)


def read_amc(path: Path, skeleton: AsfSkeleton, *, fps: float) -> Recording:
    """Read a motion of ``skeleton``.

    Args:
        path: the ``.amc`` file.
        skeleton: from ``read_asf``.
        fps: frames per second, which the format does not contain.

    Returns:
        The recording in the axes of the files, in metres.

    Raises:
        DataError: the file violates the format or belongs to another skeleton; the message names
            the line.
    """
    text = read_text(path)
    start = _FRAME_NUMBER.search(text)
    if start is None:
        raise DataError(f"{path}: expected a frame number on a line of its own, got none")
    degrees = _keywords(path, text[: start.start()], skeleton)
    body = text[start.start() :].splitlines()
    layout = _layout(path, body, text.count("\n", 0, start.start()) + 1, skeleton)
    return _recording(path, layout, skeleton, math.pi / 180 if degrees else 1.0, fps)


def _keywords(path: Path, head: str, skeleton: AsfSkeleton) -> bool:
    """Whether angles are in degrees; checks that the motion is declared complete."""
    words = set()
    for number, line in enumerate(head.splitlines(), start=1):
        said = line.split("#", 1)[0].strip()
        if said and not said.startswith(":"):
            raise DataError(f"{path}, line {number}: expected a frame number, got {said[:60]!r}")
        words.update(said.upper().split())
    if ":FULLY-SPECIFIED" not in words:
        raise DataError(
            f"{path}: only motion declared as :FULLY-SPECIFIED can be read, "
            f"got {' '.join(sorted(words)) or 'no keywords'}"
        )
    if {":DEGREES", ":RADIANS"} <= words:
        raise DataError(f"{path}: angles must be :DEGREES or :RADIANS, got both")
    return ":DEGREES" in words or (":RADIANS" not in words and skeleton.degrees)


def _layout(
    path: Path, lines: list[str], first_line: int, skeleton: AsfSkeleton
) -> dict[str, FloatArray]:
    """Values of each bone, (F, its degrees of freedom) float64.

    All frames have the same layout as the first, so whole columns are compared and converted at
    once; only a file that deviates is searched line by line.
    """
    rows = [line.split() for line in lines if not line.isspace() and line]
    period = next((i for i, row in enumerate(rows) if i and len(row) == 1), len(rows))
    names = [row[0] for row in rows[1:period]]
    order = dict(zip(skeleton.hierarchy.names, skeleton.order, strict=True))
    frames, rest = divmod(len(rows), period)
    values: dict[str, FloatArray] = {}
    try:
        numbers = [int(row[0]) for row in rows[::period]]
        sound = rest == 0 and numbers == list(range(numbers[0], numbers[0] + frames))
        sound = sound and set(names) == {n for n, dof in order.items() if dof}
        sound = sound and len(set(names)) == len(names)
        for place, name in enumerate(names, start=1):
            if not sound:
                break
            column = rows[place::period]
            width = len(order[name])
            sound = all(row[0] == name and len(row) == width + 1 for row in column)
            values[name] = np.array([[float(v) for v in row[1:]] for row in column])
            sound = sound and bool(np.isfinite(values[name]).all())
    except (ValueError, IndexError):
        sound = False
    if not sound:
        raise _deviation(path, lines, first_line, {n: len(d) for n, d in order.items() if d})
    return values


def _deviation(path: Path, lines: list[str], first_line: int, widths: dict[str, int]) -> DataError:
    """Find the line that breaks the pattern."""
    number: int | None = None
    missing: set[str] = set()
    line = first_line
    for line, text in enumerate(lines, start=first_line):
        words = text.split()
        where = f"{path}, line {line}"
        if not words:
            continue
        if len(words) == 1:
            if missing:
                break
            if not words[0].isdigit() or (number is not None and int(words[0]) != number + 1):
                rule = "a frame number" if number is None else f"frame number {number + 1}"
                return DataError(f"{where}: expected {rule}, got {words[0][:60]!r}")
            number, missing = int(words[0]), set(widths)
            continue
        if words[0] not in missing:
            known = "twice in a frame" if words[0] in widths else "that is not movable"
            return DataError(
                f"{where}: every movable bone must occur once per frame, got {words[0]!r} {known}"
            )
        missing.remove(words[0])
        try:
            finite = all(math.isfinite(float(word)) for word in words[1:])
        except ValueError:
            finite = False
        if not finite or len(words) - 1 != widths[words[0]]:
            return DataError(
                f"{where}: bone {words[0]} needs {widths[words[0]]} finite numbers, "
                f"got {' '.join(words[1:])[:60]!r}"
            )
    if missing:
        return DataError(
            f"{path}, line {line}: frame {number} must hold every bone, got none of "
            f"{', '.join(sorted(missing))}"
        )
    return DataError(f"{path}: every frame must list the bones in the order of the first")


def _recording(
    path: Path, values: dict[str, FloatArray], skeleton: AsfSkeleton, turn: float, fps: float
) -> Recording:
    hierarchy = skeleton.hierarchy
    frames = len(next(iter(values.values())))
    rotations = np.empty((frames, len(hierarchy), 3, 3))
    translations: dict[int, FloatArray] = {}
    for joint, (name, order) in enumerate(zip(hierarchy.names, skeleton.order, strict=True)):
        turns = [i for i, dof in enumerate(order) if dof.startswith("r")][::-1]
        own = skeleton.axes[joint]
        if turns:
            axes = "".join(order[i][1] for i in turns)
            motion = moving_axes_rotation(axes, values[name][:, turns] * turn)
            rotations[:, joint] = own @ motion @ own.T
        else:
            rotations[:, joint] = np.eye(3)
        moves = [i for i, dof in enumerate(order) if dof.startswith("t")]
        if moves:
            place = np.tile(hierarchy.offsets[joint], (frames, 1))
            for i in moves:
                place[:, "xyz".index(order[i][1])] += values[name][:, i] * skeleton.scale
            translations[joint] = place
    return Recording(hierarchy, rotations, translations, fps, path)
