"""The options of drawing, for the command line and Python alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

from mbcli.bounds import MAX_PICTURES
from mbcli.errors import ConfigError
from mbcli.flags import check, option
from mbcli.people import EVERYBODY, GRAMMAR, read_person

Layout = Literal["side", "overlay", "3d", "grid"]
StyleName = Literal["dark", "light"]
CameraMove = Literal["fixed", "orbit", "follow"]
Projection = Literal["perspective", "orthographic"]

STILLS, MOVING, PAGE = (".png", ".jpg", ".jpeg"), (".mp4", ".gif"), ".html"
LOOK, VIEW, VIDEOS, PICTURES = "Look", "3D view", "Videos (.mp4, .gif)", "Pictures (.png, .jpg)"


@dataclass(frozen=True)
class RenderOptions:
    """Options of drawing a motion.

    Attributes:
        layout: ``overlay`` is the video with skeletons, ``3d`` the 3D view, ``side`` both,
            ``grid`` views from the front, the side and the top next to the 3D view.
        style: ``dark`` or ``light``.
        width: width of the output in pixels; None derives it from the video's picture, and for
            GIF sets the longer side to 640 pixels.
        person: people to draw: ``all``, ``largest`` or track ids such as ``1,3``.
        camera: ``fixed`` sees the whole clip, ``orbit`` circles around it, ``follow`` moves with
            the people.
        projection: ``perspective`` or ``orthographic``, of the view.
        azimuth: degrees by which the view is rotated around the people, to the right: 0 is the
            view of the video's camera, 90 a view from the side.
        elevation: degrees by which the view looks down, -90 to 90.
        turn: seconds per revolution of an orbit; below 0 it runs the other way.
        trail: seconds for which joints leave a trail in the view, 0 for none.
        trail_joints: joints that leave a trail.
        max_fps: maximum frames per second; of a faster motion, every n-th frame is drawn. None
            means all frames, and 15 per second for GIF.
        sound: keep the sound of the video.
        frame: number of the single frame to draw as a still, as counted in the video; None draws
            a contact sheet.
        columns: columns of the contact sheet.
        count: pictures on the contact sheet.

    Raises:
        ConfigError: a value breaks its rule.
    """

    layout: Layout = option(
        "side",
        "Skeletons on the video, the 3D view, both side by side, or a grid of views: front, side, "
        "top and 3D.",
        panel=LOOK,
        choices=get_args(Layout),
    )
    style: StyleName = option("dark", "Colour style.", panel=LOOK, choices=get_args(StyleName))
    width: int | None = option(
        None,
        "Width of the output; lines and letters scale with it.",
        panel=LOOK,
        metavar="PIXELS",
        unit="pixels",
        least=64,
        most=8192,
        shown="as the video; for .gif the longer side 640",
    )
    person: str = option(EVERYBODY, "Which people to draw.", panel=LOOK, metavar=GRAMMAR)
    camera: CameraMove = option(
        "fixed",
        "Stand still, orbit around the people, or follow them.",
        panel=VIEW,
        choices=get_args(CameraMove),
    )
    projection: Projection = option(
        "perspective",
        "With or without perspective.",
        panel=VIEW,
        choices=get_args(Projection),
    )
    azimuth: float = option(
        35.0,
        "Degrees around the people: 0 like the video's camera, 90 from the side.",
        panel=VIEW,
        unit="degrees",
    )
    elevation: float = option(
        12.0,
        "Degrees from above: 0 level, 90 from the top.",
        panel=VIEW,
        unit="degrees",
        least=-90,
        most=90,
    )
    turn: float = option(
        12.0,
        "Time per revolution of an orbit.",
        panel=VIEW,
        metavar="SECONDS",
        unit="seconds",
    )
    trail: float = option(
        1.0,
        "Length of the trail that joints leave; 0 for none.",
        panel=VIEW,
        metavar="SECONDS",
        unit="seconds",
        least=0,
    )
    trail_joints: tuple[str, ...] = option(
        ("pelvis",),
        "Joints that leave a trail.",
        panel=VIEW,
        metavar="JOINT[,JOINT]",
        parse=lambda text: tuple(text.split(",")),
    )
    max_fps: float | None = option(
        None,
        "Maximum frames per second; of a faster motion, every n-th frame is drawn.",
        panel=VIDEOS,
        above=0,
        shown="all; 15 for .gif",
        suffixes=MOVING,
    )
    sound: bool = option(
        True, "Keep the sound of the video (.mp4).", panel=VIDEOS, suffixes=(".mp4",)
    )
    frame: int | None = option(
        None,
        "Number of the single frame to draw, as counted in the video.",
        panel=PICTURES,
        shown="a contact sheet",
        suffixes=STILLS,
    )
    columns: int = option(
        3,
        "Columns of the contact sheet.",
        panel=PICTURES,
        least=1,
        most=MAX_PICTURES,
        suffixes=STILLS,
    )
    count: int = option(
        12,
        "Pictures on the contact sheet, evenly spaced.",
        panel=PICTURES,
        least=1,
        most=MAX_PICTURES,
        suffixes=STILLS,
    )

    def __post_init__(self) -> None:
        check(self)
        read_person(self.person)
        if abs(self.turn) < 1:
            raise ConfigError(f"--turn must be 1 second or more, got {self.turn:g}")

    @property
    def needs_video(self) -> bool:
        """Whether the layout shows the video's pictures."""
        return self.layout in ("overlay", "side")
