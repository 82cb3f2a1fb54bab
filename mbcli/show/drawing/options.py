"""How to draw: what is chosen on the command line and in Python alike."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, get_args

from mbcli.errors import ConfigError
from mbcli.people import EVERYBODY, read_person
from mbcli.show.drawing.shots import CameraMove
from mbcli.show.drawing.styles import StyleName
from mbcli.show.drawing.viewpoint import Projection

Layout = Literal["overlay", "3d", "side", "grid"]
_WIDTHS = (64, 8192)  # pixels


@dataclass(frozen=True)
class RenderOptions:
    """How to draw a motion.

    Attributes:
        layout: ``overlay`` is the video with skeletons, ``3d`` the view, ``side`` both, ``grid``
            views from the front, the side and the top beside the view.
        style: ``dark`` or ``light``.
        width: pixels of the output; None takes what the video's picture asks for, and for GIF
            640 pixels along the longer side.
        person: who is drawn: ``all``, ``largest`` or track ids such as ``1,3``.
        camera: ``fixed`` sees the whole clip, ``orbit`` goes around it, ``follow`` goes with the
            people.
        projection: ``perspective`` or ``orthographic``, of the view.
        azimuth: degrees by which one has walked around the people, to the right, before looking:
            0 is the view of the video's camera, 90 from the side.
        elevation: degrees by which the view looks down, -90 to 90.
        turn: seconds in which an orbit comes around; below 0 it goes the other way.
        trail: seconds over which joints leave a trail in the view, 0 for none.
        trail_joints: which joints do.
        max_fps: frames a second at most; every n-th frame of a faster motion is drawn. None is
            all of them, and 15 for GIF.
        sound: keep the sound of the video.
        frame: number of the one frame to draw as a still, as counted in the video; None draws a
            contact sheet.
        columns: pictures side by side on the contact sheet.
        count: pictures on the contact sheet.

    Raises:
        ConfigError: a value outside its rule.
    """

    layout: Layout = "side"
    style: StyleName = "dark"
    width: int | None = None
    person: str = EVERYBODY
    camera: CameraMove = "fixed"
    projection: Projection = "perspective"
    azimuth: float = 35.0
    elevation: float = 12.0
    turn: float = 12.0
    trail: float = 1.0
    trail_joints: tuple[str, ...] = ("pelvis",)
    max_fps: float | None = None
    sound: bool = True
    frame: int | None = None
    columns: int = 3
    count: int = 12

    def __post_init__(self) -> None:
        read_person(self.person)
        _one_of("--layout", self.layout, get_args(Layout))
        _one_of("--style", self.style, get_args(StyleName))
        _one_of("--camera", self.camera, get_args(CameraMove))
        _one_of("--projection", self.projection, get_args(Projection))
        low, high = _WIDTHS
        if self.width is not None and not low <= self.width <= high:
            raise ConfigError(f"--width must be {low}..{high} pixels, got {self.width}")
        if not math.isfinite(self.azimuth):
            raise ConfigError(f"--azimuth must be a number of degrees, got {self.azimuth:g}")
        if not -90 <= self.elevation <= 90:
            raise ConfigError(f"--elevation must be within -90..90 degrees, got {self.elevation:g}")
        if not (math.isfinite(self.turn) and abs(self.turn) >= 1):
            raise ConfigError(f"--turn must be 1 second or more, got {self.turn:g}")
        if not (math.isfinite(self.trail) and self.trail >= 0):
            raise ConfigError(f"--trail must be 0 or more seconds, got {self.trail:g}")
        if self.max_fps is not None and not (math.isfinite(self.max_fps) and self.max_fps > 0):
            raise ConfigError(f"--max-fps must be a positive number, got {self.max_fps:g}")
        for option, value in (("--columns", self.columns), ("--count", self.count)):
            if value < 1:
                raise ConfigError(f"{option} must be 1 or more, got {value}")

    @property
    def needs_video(self) -> bool:
        """Whether the video's pictures are drawn on."""
        return self.layout in ("overlay", "side")


def _one_of(option: str, value: str, known: Iterable[str]) -> None:
    known = tuple(known)
    if value not in known:
        raise ConfigError(f"{option} must be {', '.join(known[:-1])} or {known[-1]}, got {value}")
