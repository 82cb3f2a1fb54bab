"""The options of plotting: people, joints and times."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from mbcli.errors import ConfigError
from mbcli.flags import check, option
from mbcli.people import EVERYBODY, GRAMMAR, read_person

What = Literal["angles", "trajectories", "speeds", "confidence"]


@dataclass(frozen=True)
class PlotOptions:
    """Options of `mbcli.show.plots.figure.plot`.

    Attributes:
        what: ``angles`` of joints in degrees over time; ``speeds`` of joints in metres per second
            over time; ``confidence`` of joints over time; ``trajectories`` of joints from above
            and from the side.
        person: ``"all"``, ``"largest"``, or track ids separated by commas, such as ``"1,3"``.
        joint: names of joints, with or without ``left_`` or ``right_``; for angles also names of
            angles, and ``trunk``. Empty means the usual ones.
        start: start time in seconds; None means the first frame.
        end: end time in seconds; None means the last frame.

    Raises:
        ConfigError: a value breaks its rule.
    """

    what: What = option(
        "angles",
        "Joint angles, trajectories from above and from the side, speeds, or confidence.",
        choices=get_args(What),
    )
    person: str = option(EVERYBODY, "Which people to draw; at most six.", metavar=GRAMMAR)
    joint: tuple[str, ...] = option(
        (),
        "A joint such as knee or left_wrist, or an angle such as hip_rotation; repeatable.",
        metavar="NAME",
        shown="the usual ones",
    )
    start: float | None = option(None, "Start time in seconds.", unit="seconds")
    end: float | None = option(None, "End time in seconds.", unit="seconds")

    def __post_init__(self) -> None:
        check(self)
        read_person(self.person)
        if self.start is not None and self.end is not None and self.end <= self.start:
            raise ConfigError(f"--end must be after --start {self.start:g}, got {self.end:g}")
