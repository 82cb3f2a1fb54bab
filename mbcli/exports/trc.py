"""TRC, the track-row-column marker file of Motion Analysis, as read by OpenSim.

Lines end with a newline, and cells are separated by tabs:

    PathFileType 4 (X/Y/Z) NAME
    DataRate CameraRate NumFrames NumMarkers Units OrigDataRate OrigDataStartFrame OrigNumFrames
    their values
    Frame# Time, then each marker's name and two empty cells
    two empty cells, then X1 Y1 Z1 X2 ...
    an empty line
    frame number, seconds, x y z of each marker

OpenSim requires the eight keys in this order, the subscripts, and as many cells in each row as the
markers need. A missing marker is ``nan`` three times: OpenSim's reader since 4.0 treats it as a
gap, whereas it miscounts rows that end with empty cells. A row without any marker ends OpenSim's
inverse kinematics, so frames without the person are left out. Frames are numbered from 1 at time 0,
as in C3D. Laboratory axes with y up and millimetres, as in OpenSim's models. The only room for
comments is the name in the first line, which holds everything else.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mbcli.exports.axes import place
from mbcli.exports.options import ExportOptions
from mbcli.motion import Motion3D

_UNITS = {1.0: "m", 1000.0: "mm", 100.0: "cm"}


def write_trc(motion: Motion3D, path: Path, options: ExportOptions) -> None:
    """Write the only person of ``motion``.

    Args:
        motion: a motion with one person and even times.
        path: the file to create.
        options: ``up`` and ``scale``.

    Raises:
        OSError: the file cannot be written.
    """
    placed = place(motion, options, "mm")
    names = motion.skeleton.joints
    points = placed.positions[:, 0].reshape(len(placed.positions), -1)
    points[np.repeat(np.isnan(points.reshape(len(points), -1, 3)).any(-1), 3, axis=1)] = np.nan
    there = motion.glimpsed.dense()[:, 0]
    points, times = points[there], motion.timestamps[there]
    first = round(float(motion.timestamps[0]) * motion.fps) + 1
    numbers = (np.flatnonzero(there) + first).tolist()
    rate, frames = f"{motion.fps:.10g}", str(len(points))
    unit = _UNITS.get(placed.per_metre, "unknown")
    about = "; ".join((f"person {int(motion.track_ids[0])} by mbcli", *placed.notes))
    with path.open("x", encoding="utf-8", newline="\n") as stream:
        stream.write(f"PathFileType\t4\t(X/Y/Z)\t{about}\n")
        stream.write(
            "DataRate\tCameraRate\tNumFrames\tNumMarkers\tUnits\tOrigDataRate\t"
            "OrigDataStartFrame\tOrigNumFrames\n"
        )
        values = (rate, rate, frames, str(len(names)), unit, rate, str(numbers[0]), frames)
        stream.write("\t".join(values) + "\n")
        stream.write("Frame#\tTime\t" + "\t\t\t".join(names) + "\t\t\n")
        markers = range(1, len(names) + 1)
        stream.write("\t\t" + "\t".join(f"X{n}\tY{n}\tZ{n}" for n in markers) + "\n\n")
        for number, time, row in zip(numbers, times, points, strict=True):
            cells = "\t".join(f"{value:.9g}" for value in row.tolist())
            stream.write(f"{number}\t{time:.9g}\t{cells}\n")
