"""What to plot: of whom, of which joints, and when."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from mbcli.errors import ConfigError
from mbcli.flags import check, option
from mbcli.people import EVERYBODY, GRAMMAR, read_person

What = Literal["angles", "trajectories", "speeds", "confidence"]


@dataclass(frozen=True)
class PlotOptions:
    """What `mbcli.show.plots.figure.plot` draws.

    Attributes:
        what: ``angles`` of joints in degrees over time; ``speeds`` of joints in metres a second
            over time; ``confidence`` of joints over time; ``trajectories`` of joints from above
            and from the side.
        person: ``"all"``, ``"largest"``, or track ids with commas between, such as ``"1,3"``.
        joint: names of joints, with or without ``left_`` or ``right_``; for angles also names of
            angles, and ``trunk``. Nothing takes the usual ones.
        start: seconds at which to begin; None is the first frame.
        end: seconds at which to stop; None is the last frame.

    Raises:
        ConfigError: a value outside its rule.
    """

    what: What = option(
        "angles",
        "Angles of joints, ways of joints from above and from the side, their speeds, or how sure "
        "they are.",
        choices=get_args(What),
    )
    person: str = option(EVERYBODY, "Whom to draw; six people at most.", metavar=GRAMMAR)
    joint: tuple[str, ...] = option(
        (),
        "A joint such as knee or left_wrist, or an angle such as hip_rotation; may be given "
        "several times.",
        metavar="NAME",
        shown="the usual ones",
    )
    start: float | None = option(None, "Seconds at which to begin.", unit="seconds")
    end: float | None = option(None, "Seconds at which to stop.", unit="seconds")

    def __post_init__(self) -> None:
        check(self)
        read_person(self.person)
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ConfigError(f"--end must be after --start {self.start:g}, got {self.end:g}")
