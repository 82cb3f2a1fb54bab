"""What to plot: of whom, of which joints, and when."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

from mbcli.errors import ConfigError
from mbcli.people import read_person

What = Literal["angles", "trajectories", "speeds", "confidence"]


@dataclass(frozen=True)
class PlotOptions:
    """What `mbcli.show.plots.figure.plot` draws.

    Attributes:
        what: ``angles`` of joints in degrees over time; ``speeds`` of joints in metres a second
            over time; ``confidence`` of joints over time; ``trajectories`` of joints from above
            and from the side.
        person: ``"all"``, ``"largest"``, or track ids with commas between, such as ``"1,3"``.
        joints: names of joints, with or without ``left_`` or ``right_``; for angles also names of
            angles, and ``trunk``. Nothing takes the usual ones.
        start: seconds at which to begin; None is the first frame.
        end: seconds at which to stop; None is the last frame.

    Raises:
        ConfigError: a value outside its rule.
    """

    what: What = "angles"
    person: str = "all"
    joints: tuple[str, ...] = ()
    start: float | None = None
    end: float | None = None

    def __post_init__(self) -> None:
        if self.what not in get_args(What):
            raise ConfigError(f"--what must be one of {', '.join(get_args(What))}, got {self.what}")
        for option, value in (("--start", self.start), ("--end", self.end)):
            if value is not None and not math.isfinite(value):
                raise ConfigError(f"{option} must be a number of seconds, got {value}")
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ConfigError(f"--end must be after --start {self.start:g}, got {self.end:g}")
        read_person(self.person)
