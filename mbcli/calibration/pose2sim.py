"""TOML of Pose2Sim, Sports2D, Anipose, Caliscope and FreeMoCap: a table for each camera.

``name``, ``size`` (width, height), ``matrix`` (3, 3), ``distortions`` (4 or 5 of OpenCV's), and
whether they are of its ``fisheye`` model; rotation and translation are for several cameras and not
used.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

from mbcli.calibration.content import Content
from mbcli.calibration.lens import Lens, opencv_lens

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib


def recognise(content: Content) -> bool:
    """Whether it is TOML with cameras; raises for what is no TOML."""
    return bool(_tables(content))


def read(content: Content) -> list[Lens]:
    """Read the lenses; see `mbcli.calibration.CalibrationFormat`."""
    lenses = []
    for title, table in _tables(content).items():
        name, bent = str(table.get("name", title)), table.get("distortions", [])
        fisheye = bool(table.get("fisheye"))
        lenses.append(opencv_lens(name, table.get("size"), table["matrix"], bent, fisheye=fisheye))
    return lenses


def _tables(content: Content) -> dict[str, Mapping[str, Any]]:
    document = tomllib.loads(content.text)
    return {
        title: table
        for title, table in document.items()
        if isinstance(table, Mapping) and "matrix" in table
    }
