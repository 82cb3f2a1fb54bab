"""How to export: which people, in which axes, how large, how fast."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from mbcli.errors import ConfigError
from mbcli.people import read_person

Up = Literal["y", "z"]
Shape = Literal["wide", "long"]


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

    person: str = "all"
    up: Up | None = None
    scale: float | None = None
    fps: float | None = None
    shape: Shape = "wide"

    def __post_init__(self) -> None:
        if self.up not in (None, "y", "z"):
            raise ConfigError(f"--up must be y or z, got {self.up}")
        if self.shape not in ("wide", "long"):
            raise ConfigError(f"--shape must be wide or long, got {self.shape}")
        for option, value in (("--scale", self.scale), ("--fps", self.fps)):
            if value is not None and not (math.isfinite(value) and value > 0):
                raise ConfigError(f"{option} must be a positive number, got {value:g}")
        read_person(self.person)
