"""C3D, the binary marker file of biomechanics (c3d.org), written by ezc3d.

Millimetres and z up, as in Vicon and Mokka; ``POINT:X_SCREEN`` and ``Y_SCREEN`` declare it. A
missing marker has the residual -1, as required by the specification. Points have no field for
confidence, so it is stored in analog channels, one per joint, at the rate of the points. Expected
errors, if a motion has them, are stored as the residuals, in the unit of the points: one byte,
hence integers up to 255, and 0 (for points that were not measured) where unknown. Exact values in
metres are stored in analog channels as well. Frames are numbered from 1 at time 0, as far as the
header can count. Assumptions are stored in the strings of ``MBCLI:NOTES``, and the time of the
first frame in ``MBCLI:START_TIME``.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mbcli.errors import ConfigError
from mbcli.exports.axes import place
from mbcli.exports.format import library
from mbcli.exports.options import ExportOptions
from mbcli.motion import Motion3D
from mbcli.types import FloatArray

_UNITS = {1.0: "m", 1000.0: "mm", 100.0: "cm"}

# Characters of a string parameter, whose length is one byte.
_LONGEST = 255

_LARGEST_RESIDUAL = 255  # of a point, also one byte

# The header counts frames in two bytes.
_MOST_FRAMES = 65535


def write_c3d(motion: Motion3D, path: Path, options: ExportOptions) -> None:
    """Write the only person of ``motion``.

    Args:
        motion: a motion with one person and even times.
        path: the file to create.
        options: ``up`` and ``scale``.

    Raises:
        ConfigError: ezc3d is not installed, or there are more frames than the format can count.
        OSError: the file cannot be written.
    """
    ezc3d = library("ezc3d", "C3D")
    count = len(motion.timestamps)
    if count > _MOST_FRAMES:
        raise ConfigError(
            f"a C3D holds at most {_MOST_FRAMES} frames, got {count}: lower the rate with --fps, "
            "or write .trc"
        )
    placed = place(motion, options, "mm")
    points = np.moveaxis(placed.positions[:, 0], 0, -1).transpose(1, 0, 2)  # (3, J, T)
    missing = np.isnan(points).any(axis=0)
    joints, frames = missing.shape
    file = ezc3d.c3d()
    file["data"]["points"] = np.ones((4, joints, frames))
    file["data"]["points"][:3] = np.where(missing, 0.0, points)
    residuals = np.where(missing, -1.0, 0.0)
    channels = [("confidence", "", motion.confidence[:, 0].T)]
    if motion.expected_error is not None:
        expected = motion.expected_error[:, 0].T
        known = np.nan_to_num(expected * placed.per_metre)
        rounded = np.clip(np.rint(known), 0, _LARGEST_RESIDUAL)
        residuals = np.where(missing, residuals, rounded)
        channels.append(("expected_error", "m", np.nan_to_num(expected)))
    file["data"]["meta_points"]["residuals"] = residuals[None]
    file["data"]["meta_points"]["camera_masks"] = np.zeros((7, joints, frames), dtype=bool)
    values = np.concatenate([rows for _, _, rows in channels])
    file["data"]["analogs"] = values[None].astype(np.float64)
    names = list(motion.skeleton.joints)
    point, analog = file["parameters"]["POINT"], file["parameters"]["ANALOG"]
    point["RATE"]["value"] = [motion.fps]
    point["UNITS"]["value"] = [_UNITS.get(placed.per_metre, "unknown")]
    point["LABELS"]["value"] = names
    analog["RATE"]["value"] = [motion.fps]
    analog["LABELS"]["value"] = [f"{name}_{what}" for what, _, _ in channels for name in names]
    analog["UNITS"]["value"] = [unit for _, unit, _ in channels for _ in names]
    analog["SCALE"]["value"] = [1.0] * len(values)
    analog["OFFSET"]["value"] = [0] * len(values)
    for name, text in (("X_SCREEN", "+X"), ("Y_SCREEN", f"+{placed.up.upper()}")):
        file.add_parameter("POINT", name, [text])
    file.add_parameter("SUBJECTS", "NAMES", [f"person_{int(motion.track_ids[0])}"])
    file.add_parameter("SUBJECTS", "USED", 1)
    file.add_parameter("MANUFACTURER", "SOFTWARE", ["mbcli"])
    file.add_parameter("MBCLI", "NOTES", [note[:_LONGEST] for note in placed.notes])
    file.add_parameter("MBCLI", "START_TIME", [float(motion.timestamps[0])])
    first = round(float(motion.timestamps[0]) * motion.fps)
    if first + count <= _MOST_FRAMES:
        file["header"]["points"]["first_frame"] = first
    file.write(str(path))
    _check_whole(path, 4 * frames * (4 * joints + len(values)))
    if motion.expected_error is not None:
        _set_residuals(path, residuals, len(values))


def _check_whole(path: Path, size: int) -> None:
    """Check whether a file has all its data, since ezc3d does not report a full disk.

    Args:
        path: the file.
        size: bytes of points and analog values.

    Raises:
        OSError: the file is too short.
    """
    start = _data_start(path)
    if start == 0 or path.stat().st_size < start + size:
        raise OSError("ezc3d left it incomplete; is the disk full?")


def _set_residuals(path: Path, residuals: FloatArray, channels: int) -> None:
    """Put residuals where the specification wants them.

    The fourth number of a point is two bytes, the cameras in the high one and the residual in the
    low one. ezc3d up to 1.7 swaps them in files of floating-point numbers.

    Args:
        path: a complete file of little-endian floating-point numbers.
        residuals: (J, T) integers, -1 where missing.
        channels: analog values per frame.
    """
    joints, frames = residuals.shape
    shape = (frames, 4 * joints + channels)
    data = np.memmap(path, dtype="<f4", mode="r+", offset=_data_start(path), shape=shape)
    data[:, 3 : 4 * joints : 4] = residuals.T
    data.flush()


def _data_start(path: Path) -> int:
    """Offset of the numbers in bytes; 0 without a complete header."""
    with path.open("rb") as stream:
        header = stream.read(512)
    if len(header) < 512:
        return 0
    return 512 * (int.from_bytes(header[16:18], "little") - 1)
