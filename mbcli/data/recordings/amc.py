"""Reader of AMC motion (Acclaim Motion Capture) for a skeleton read by ``asf.py``.

Comments start with ``#``, keywords with ``:``. ``:FULLY-SPECIFIED`` means that every frame lists
every bone; ``:DEGREES`` or ``:RADIANS`` gives the unit of the angles, ``:SAMPLES-PER-SECOND n`` the
frame rate, which few files have. Each frame then consists of a line with its number and one line
for each movable bone: its name and the values of its degrees of freedom in the order of the ASF.
"""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np

from mbcli.data.recordings.asf import AsfSkeleton
from mbcli.data.recordings.hierarchy import Recording, moving_axes_rotation
from mbcli.data.recordings.text import Text
from mbcli.errors import DataError
from mbcli.types import FloatArray

_FRAME_NUMBER = re.compile(r"[ \t]*\d+[ \t]*")
_RATE = ":SAMPLES-PER-SECOND"
_USUAL_FPS = 120.0  # of CMU's and HDM05's recordings, which do not say


def read_amc(path: Path, skeleton: AsfSkeleton, *, fps: float | None = None) -> Recording:
    """Read a motion of ``skeleton``.

    Args:
        path: the ``.amc`` file.
        skeleton: from ``read_asf``.
        fps: frames per second, instead of the file's own; None and a file without one: 120.

    Returns:
        The recording in the axes of the files, in metres.

    Raises:
        DataError: the file violates the format or belongs to another skeleton; the message names
            the line.
    """
    text = Text(path)
    start = next((i for i, line in enumerate(text.lines) if _FRAME_NUMBER.fullmatch(line)), None)
    if start is None:
        raise DataError(f"{path}: expected a frame number on a line of its own, got none")
    degrees, rate = _keywords(path, text.lines[:start], skeleton, fps)
    layout = _layout(path, text, start, skeleton)
    notes = "; ".join(dict.fromkeys((*skeleton.notes, *text.notes)))
    return _recording(path, layout, skeleton, math.pi / 180 if degrees else 1.0, rate, notes)


def _keywords(
    path: Path, head: list[str], skeleton: AsfSkeleton, fps: float | None
) -> tuple[bool, float]:
    """Whether angles are in degrees, and the rate; checks that the motion is declared complete."""
    words: set[str] = set()
    rate = _USUAL_FPS
    for number, line in enumerate(head, start=1):
        said = line.split("#", 1)[0].strip()
        if said and not said.startswith(":"):
            raise DataError(f"{path}, line {number}: expected a frame number, got {said[:60]!r}")
        keyword, value = [*said.upper().split(maxsplit=1), "", ""][:2]
        if keyword.rstrip(":=") == _RATE and fps is None:
            try:
                rate = float(value.strip(" :=").replace(",", "."))
            except ValueError:
                rate = math.nan
            if not 0 < rate < math.inf:
                raise DataError(
                    f"{path}, line {number}: {_RATE} must be a positive number, got {value!r}; "
                    "give the right rate with --fps"
                )
        words.update(said.upper().split())
    if ":FULLY-SPECIFIED" not in words:
        raise DataError(
            f"{path}: only motion declared as :FULLY-SPECIFIED can be read, "
            f"got {' '.join(sorted(words)) or 'no keywords'}"
        )
    if {":DEGREES", ":RADIANS"} <= words:
        raise DataError(f"{path}: angles must be :DEGREES or :RADIANS, got both")
    degrees = ":DEGREES" in words or (":RADIANS" not in words and skeleton.degrees)
    return degrees, fps or rate


def _layout(path: Path, text: Text, start: int, skeleton: AsfSkeleton) -> dict[str, FloatArray]:
    """Values of each bone, (F, its degrees of freedom) float64.

    All frames have the same layout as the first, so whole columns are compared and converted at
    once; only a file that deviates is searched line by line.
    """
    lines = text.lines[start:]
    filled = [line.split(maxsplit=1) for line in lines if line and not line.isspace()]
    rows = [[name, *text.numbers(" ".join(values))] for name, *values in filled]
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
        raise _deviation(path, lines, start + 1, {n: len(d) for n, d in order.items() if d})
    return values


def _deviation(path: Path, lines: list[str], first_line: int, widths: dict[str, int]) -> DataError:
    """Find the line that breaks the pattern."""
    number: int | None = None
    missing: set[str] = set()
    line = first_line
    for line, row in enumerate(lines, start=first_line):
        words = row.split()
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
    path: Path,
    values: dict[str, FloatArray],
    skeleton: AsfSkeleton,
    turn: float,
    fps: float,
    note: str,
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
    return Recording(hierarchy, rotations, translations, fps, path, note)
