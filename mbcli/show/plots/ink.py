"""What figures are drawn with: type, colours and strokes that paper and print keep apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from mbcli.show.colours import LEFT, RIGHT, Colour, person_colour

# Points. Letters of 7 points are what journals ask for at the size of print.
TEXT, SMALL = 8.0, 6.5
SURE = 0.5  # confidence from which on a line is full

STYLE: dict[str, Any] = {
    "axes.grid": True,
    "axes.labelsize": TEXT,
    "axes.linewidth": 0.6,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.titlesize": TEXT,
    "font.family": ["DejaVu Sans"],  # comes with Matplotlib, so that figures are alike everywhere
    "font.size": TEXT,
    "grid.color": "#e4e4e4",
    "grid.linewidth": 0.5,
    "legend.fontsize": SMALL,
    "legend.frameon": False,
    "pdf.fonttype": 42,  # TrueType: letters stay letters, which editors can change
    "svg.fonttype": "none",
    "svg.hashsalt": "mbcli",  # the same motion gives the same file
    "xtick.labelsize": SMALL,
    "ytick.labelsize": SMALL,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
}

Dashes = Literal["solid"] | tuple[float, tuple[float, ...]]


@dataclass(frozen=True)
class Stroke:
    """How a line is drawn, and what it is called."""

    label: str
    colour: str
    dashes: Dashes


def _on_paper(colour: Colour, darker: float) -> str:
    """The colours of videos are for dark backgrounds."""
    return "#" + "".join(f"{round(part * darker):02x}" for part in colour)


# Sides differ in their dashes too, for eyes and printers that see no colour.
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
    """A person's colour, that of the videos, on white."""
    return _on_paper(person_colour(column), 0.62)
