"""TRC files of Sports2D, Pose2Sim and motion capture (Track Row Column, by Motion Analysis).

Columns separated by tabs:

    PathFileType  4  (X/Y/Z)  name
    DataRate      CameraRate  NumFrames  NumMarkers  Units  ...
    30            30          120        22          m      ...
    Frame#        Time        Hip  ...   joint names (see `joint_names`), each over three columns
                              X1   Y1    Z1  X2 ...
    0             0.0         ...        missing: an empty cell, NaN or 0, 0, 0

Sports2D writes two such files per person, one in metres and one in pixels (``..._px_person00.trc``,
although its unit is called metres). Pixels are recognised by heads with smaller y than feet.
Positions in space are projected without perspective, from the side on which they spread least, into
a picture of their own; their depth is lost and lifted anew.

Frames are those at the file's times. There are no confidences.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mbcli.errors import InputError
from mbcli.keypoints.cells import check_width, number
from mbcli.keypoints.clock import frames_by_time
from mbcli.keypoints.free_names import with_our_names
from mbcli.keypoints.gather import Times
from mbcli.keypoints.joint_names import match_joints
from mbcli.keypoints.records import KeypointFile
from mbcli.keypoints.source import Source
from mbcli.keypoints.text import table
from mbcli.types import FloatArray

FORMAT = "trc"

_HEAD = 5  # rows before the first frame, with the first one
_SIDE, _MARGIN = 1000, 100  # pixels; size of the picture for positions in space
_PIXELS = 20.0  # larger bodies are in pixels or millimetres
_UPPER = ("left_shoulder", "right_shoulder", "neck", "thorax", "head", "nose")
_LOWER = ("left_hip", "right_hip", "pelvis", "left_knee", "right_knee", "left_ankle", "right_ankle")


def recognise(source: Source) -> bool:
    """Whether the file begins like a TRC file."""
    return source.kind == "text" and source.text.lstrip().lower().startswith("pathfiletype")


def read(source: Source) -> KeypointFile:
    """Read the file as one person.

    Raises:
        InputError: the file does not follow this layout, or its joints cannot be matched.
        ConfigError: the joint map breaks its rules.
    """
    path = source.path
    # The name in the first row is free text, whose commas separate nothing.
    rows = table("\n".join(source.text.lstrip().splitlines()[1:]), path)
    if len(rows) < _HEAD:
        raise InputError(f"{path} must hold frames below its {_HEAD} rows of names")
    names = [name for name in rows[2][2:] if name]
    width = 2 + 3 * len(names)
    body = [row for row in rows[_HEAD - 1 :] if row[0]]
    if len(body) * len(names) == 0:
        raise InputError(f"{path} must hold frames of named joints")
    # Cells beyond the last column are empty ones at the end of each row.
    check_width([row[:width] for row in body], width, path, first=_HEAD + 1)
    values = np.array([[number(c, path, "its columns") for c in row[:width]] for row in body])
    places = values[:, 2:].reshape(len(body), len(names), 3)
    places[(places == 0).all(axis=-1)] = np.nan
    times, numbers = values[:, 1], values[:, 0]
    frames = frames_by_time(times.tolist())
    if (np.diff(numbers) > 0).all() and (numbers == numbers.round()).all():
        frames = (numbers - numbers[0]).astype(int).tolist()
    matched, _ = match_joints(names, source.joint_map, str(path))
    flat, size, notes = places[..., :2], None, list[str]()
    if np.isfinite(places).any():
        flat, size, notes = _seen(places, _trunk(places, names, matched), path.name)
    file = with_our_names(
        source,
        FORMAT,
        names,
        frames,
        np.concatenate([flat, np.full_like(flat[..., :1], np.nan)], axis=-1),
        ids=[0] * len(body),
        size=size,
        times=Times(frames, times, 1.0),
        numbered=False,
        notes=notes,
    )
    return replace(file, projected=size is not None)


def _trunk(places: FloatArray, names: list[str], matched: dict[str, str]) -> FloatArray:
    """(3,) vector from the lower to the upper joints, the median over the frames."""

    def middle(joints: tuple[str, ...]) -> FloatArray:
        columns = [names.index(theirs) for theirs, ours in matched.items() if ours in joints]
        known = places[:, columns].reshape(-1, 3)
        known = known[np.isfinite(known).all(axis=1)]
        return np.median(known, axis=0) if len(known) else np.zeros(3)

    return middle(_UPPER) - middle(_LOWER)


def _seen(
    places: FloatArray, trunk: FloatArray, name: str
) -> tuple[FloatArray, tuple[int, int] | None, list[str]]:
    """(T, N, 2) pixels; the size of the picture if one was made; and notes."""
    spread = np.nanpercentile(places, 95, axis=(0, 1)) - np.nanpercentile(places, 5, axis=(0, 1))
    if "_px" in name or (spread[2] == 0 and trunk[1] < 0 and spread.max() > _PIXELS):
        return places[..., :2], None, []
    up_axis = int(np.abs(trunk).argmax())
    up = np.zeros(3)
    up[up_axis] = np.sign(trunk[up_axis])
    depth = min((axis for axis in range(3) if axis != up_axis), key=lambda axis: spread[axis])
    # Rotated about the vertical, never mirrored, whichever way this axis points.
    right = np.abs(np.cross(up, np.eye(3)[depth]))
    flat = np.stack([places @ right, -(places @ up)], axis=-1)
    low, high = np.nanmin(flat, axis=(0, 1)), np.nanmax(flat, axis=(0, 1))
    scale = (_SIDE - 2 * _MARGIN) / (high - low).max()
    note = f"positions in space are looked at along {'xyz'[depth]}, without perspective"
    return (flat - (low + high) / 2) * scale + _SIDE / 2, (_SIDE, _SIDE), [note]
