"""How to export: which people, in which axes, how large, how fast."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from mbcli.flags import check, option
from mbcli.people import EVERYBODY, GRAMMAR, read_person

Up = Literal["y", "z"]
Shape = Literal["wide", "long"]

PANEL = "What to write"


@dataclass(frozen=True)
class ExportOptions:
    """What `mbcli.exports.export.export` and the writers of `FORMATS` go by.

    Attributes:
        person: ``"all"``, ``"largest"``, or track ids with commas between, such as ``"1,3"``.
            Whoever calls a writer has already left out the others.
        up: the axis that points up; None takes the format's own, which a writer is told.
        scale: factor on the lengths, on top of the format's unit: 100 gives a format of metres
            centimetres. Files that say their unit say it times this.
        fps: rate to resample to; None keeps every frame. A writer gets a motion that has it.
        shape: of tables: ``wide`` has a row for each frame and person, ``long`` one for each
            joint.

    Raises:
        ConfigError: a value outside its rule.
    """

    person: str = option(EVERYBODY, "Whom to write.", panel=PANEL, metavar=GRAMMAR)
    up: Up | None = option(
        None,
        "The axis that points up.",
        panel=PANEL,
        choices=get_args(Up),
        shown="the format's own",
    )
    scale: float | None = option(
        None,
        "Factor on lengths: 100 turns metres into centimetres.",
        panel=PANEL,
        above=0,
        shown="1",
    )
    fps: float | None = option(
        None,
        "Frames per second to resample to, positions by cubic splines.",
        panel=PANEL,
        above=0,
        shown="as it is",
    )
    shape: Shape = option(
        "wide",
        "Of tables: a row for each frame and person, or for each joint too.",
        panel=PANEL,
        choices=get_args(Shape),
    )

    def __post_init__(self) -> None:
        check(self)
        read_person(self.person)
