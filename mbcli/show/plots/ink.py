"""Type, colours and strokes of figures, which remain distinct on paper and in print."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from mbcli.show.colours import LEFT, RIGHT, Colour, person_colour

# Points. Journals require letters of some 7 points at print size.
TEXT, SMALL = 8.0, 6.5
SURE = 0.5  # confidence from which a line is thick

STYLE: dict[str, Any] = {
    "axes.grid": True,
    "axes.labelsize": TEXT,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": TEXT,
    "font.family": ["DejaVu Sans"],  # ships with Matplotlib, so that figures are alike everywhere
    "font.size": TEXT,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.5,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "pdf.fonttype": 42,  # TrueType: letters stay editable
    "svg.fonttype": "none",
    "svg.hashsalt": "mbcli",  # equal motions give equal files
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
}

Dashes = Literal["solid"] | tuple[float, tuple[float, ...]]


@dataclass(frozen=True)
class Stroke:
    """The appearance of a line, and its label."""

    label: str
    colour: str
    dashes: Dashes


def _on_paper(colour: Colour, darker: float) -> str:
    """Darken a colour of the videos, which are made for dark backgrounds."""
    return "#" + "".join(f"{round(part * darker):02x}" for part in colour)


# Sides also differ in line style, for eyes and printers without colour.
SIDES = {
    "left": Stroke("left", _on_paper(LEFT, 0.82), (0.0, (4.0, 1.4))),
    "right": Stroke("right", _on_paper(RIGHT, 0.8), "solid"),
    "": Stroke("middle of the body", "#303030", "solid"),
}


def side_of(name: str) -> str:
    """The side of a joint: ``"left"``, ``"right"`` or ``""``."""
    side = name.partition("_")[0]
    return side if side in ("left", "right") else ""


def person_ink(column: int) -> str:
    """A person's colour in the videos, adapted to white."""
    return _on_paper(person_colour(column), 0.62)
