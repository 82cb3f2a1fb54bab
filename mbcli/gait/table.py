"""Gait as CSV and as the document of ``--json``."""

from __future__ import annotations

import csv
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mbcli.gait.events import SIDES
from mbcli.gait.parameters import UNITS, Gait

HEADER = ("person", "side", "strides", *UNITS)


def rows_of(gait: Gait) -> list[tuple[str, ...]]:
    """The rows of a person under ``HEADER``: right, left, and symmetry in percent."""
    values: list[tuple[str, str, dict[str, float]]] = [
        *((side, str(gait.strides[side]), gait.means[side]) for side in SIDES),
        ("symmetry", "", gait.symmetry),
    ]
    return [
        (str(gait.person), side, count, *(_text(means[name]) for name in UNITS))
        for side, count, means in values
    ]


def write_gait(found: Sequence[Gait], path: Path) -> None:
    """Write the parameters of each person: right, left, symmetry."""
    with path.open("x", newline="", encoding="utf-8") as stream:
        table = csv.writer(stream, lineterminator="\n")
        table.writerow(HEADER)
        table.writerows(row for gait in found for row in rows_of(gait))


def document(found: Sequence[Gait]) -> dict[str, Any]:
    """Parameters, and events with their times in seconds, for JSON; undetermined is null."""
    return {
        "units": UNITS | {"symmetry": "percent"},
        "people": [
            {
                "person": gait.person,
                "events_from": gait.read_from,
                "strides": gait.strides,
                **{side: _known(gait.means[side]) for side in SIDES},
                "symmetry": _known(gait.symmetry),
                "events": [
                    {"time": round(time, 4), "side": side, "event": what}
                    for time, side, what in gait.events
                ],
            }
            for gait in found
        ],
    }


def _known(values: dict[str, float]) -> dict[str, float | None]:
    return {name: value if math.isfinite(value) else None for name, value in values.items()}


def _text(value: float) -> str:
    return f"{round(value, 3) + 0.0:.3f}" if math.isfinite(value) else ""
