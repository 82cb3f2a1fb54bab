"""Reader of C3D files (c3d.org), the marker files of biomechanics, by ezc3d."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from mbcli.boundary import reading
from mbcli.data.recordings.trc import Points
from mbcli.data.recordings.units import word_of
from mbcli.errors import ConfigError, DataError


def read_c3d(path: Path, *, fps: float | None = None) -> Points:
    """Read the points of a C3D file.

    Labels with the name of a subject (``Anna:LASI``) are those of one person; of several, the one
    with the most points is read.

    Args:
        path: the file.
        fps: frames per second, instead of the file's own.

    Raises:
        ConfigError: ezc3d is not installed.
        DataError: the file cannot be read or holds no points.
    """
    try:
        import ezc3d
    except ModuleNotFoundError as error:
        raise ConfigError(
            "C3D needs ezc3d, which is not installed: pip install 'mbcli[formats]'"
        ) from error
    with reading(path, "a C3D file", DataError):
        file = ezc3d.c3d(str(path))
    point = file["parameters"]["POINT"]
    labels = [str(label).strip() for label in _values(point, "LABELS")]
    for more in range(2, 10):  # a parameter holds 255 labels
        labels += [str(label).strip() for label in _values(point, f"LABELS{more}")]
    places = np.moveaxis(np.array(file["data"]["points"][:3], dtype=np.float64), -1, 0)  # (F, 3, N)
    places = places.swapaxes(1, 2)[:, : len(labels)]
    labels = labels[: places.shape[1]]
    if not labels or not len(places):
        raise DataError(f"{path}: must hold frames of labelled points, got none")
    lost = np.array(file["data"]["meta_points"]["residuals"])[0].T[:, : len(labels)] < 0
    places[lost | (places == 0).all(axis=-1)] = np.nan
    note = ""
    people = Counter(label.rpartition(":")[0] for label in labels)
    if len(people) > 1:
        chosen = people.most_common(1)[0][0]
        kept = [i for i, label in enumerate(labels) if label.rpartition(":")[0] == chosen]
        labels, places = [labels[i] for i in kept], places[:, kept]
        left = ", ".join(sorted(repr(name) for name in people if name != chosen))
        note = f"points of {chosen!r} were read, not those of {left}"
    rate = fps or float(str(next(iter(_values(point, "RATE")), 0.0)))
    if rate <= 0:
        raise DataError(f"{path}: has no frame rate; give it with --fps")
    units = [str(unit) for unit in _values(point, "UNITS")]
    return Points(tuple(labels), places, rate, word_of(units[0] if units else ""), note)


def _values(group: object, name: str) -> list[object]:
    """The values of a parameter; none if it is not there."""
    try:
        return list(group[name]["value"])  # type: ignore[index]
    except KeyError:
        return []
