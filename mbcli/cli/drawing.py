"""The options of drawing, and what they go with."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from mbcli.errors import ConfigError
from mbcli.people import GRAMMAR

_LOOK, _VIEW, _PICTURES, _VIDEOS = "Look", "3D view", "Pictures (.png, .jpg)", "Videos (.mp4, .gif)"
STILLS, _MOVING, PAGE = (".png", ".jpg", ".jpeg"), (".mp4", ".gif"), ".html"

Layout = Annotated[
    Literal["side", "overlay", "3d", "grid"] | None,
    typer.Option(
        help="Skeletons on the video, the 3D view, both side by side, or a grid of views: "
        "front, side, top and 3D.",
        show_default="side",
        rich_help_panel=_LOOK,
    ),
]
Style = Annotated[
    Literal["dark", "light"] | None,
    typer.Option(help="Tones.", show_default="dark", rich_help_panel=_LOOK),
]
Width = Annotated[
    int | None,
    typer.Option(
        metavar="PIXELS",
        help="Width of the output; lines and letters grow with it.",
        show_default="as the video; for .gif the longer side 640",
        rich_help_panel=_LOOK,
    ),
]
Person = Annotated[
    str | None,
    typer.Option(
        metavar=GRAMMAR,
        help="Whom to draw.",
        show_default="all",
        rich_help_panel=_LOOK,
    ),
]
Camera = Annotated[
    Literal["fixed", "orbit", "follow"] | None,
    typer.Option(
        help="Stand, go around the people, or go with them.",
        show_default="fixed",
        rich_help_panel=_VIEW,
    ),
]
Projection = Annotated[
    Literal["perspective", "orthographic"] | None,
    typer.Option(
        help="With or without perspective.",
        show_default="perspective",
        rich_help_panel=_VIEW,
    ),
]
Azimuth = Annotated[
    float | None,
    typer.Option(
        help="Degrees around the people: 0 as the camera, 90 from the side.",
        show_default="35",
        rich_help_panel=_VIEW,
    ),
]
Elevation = Annotated[
    float | None,
    typer.Option(
        help="Degrees from above: 0 level, 90 a plan.",
        show_default="12",
        rich_help_panel=_VIEW,
    ),
]
Turn = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        help="Time in which an orbit comes around.",
        show_default="12",
        rich_help_panel=_VIEW,
    ),
]
Trail = Annotated[
    float | None,
    typer.Option(
        metavar="SECONDS",
        help="How long a trail joints leave; 0 for none.",
        show_default="1",
        rich_help_panel=_VIEW,
    ),
]
TrailJoints = Annotated[
    str | None,
    typer.Option(
        metavar="JOINT[,JOINT]",
        help="Which joints do.",
        show_default="pelvis",
        rich_help_panel=_VIEW,
    ),
]
MaxFps = Annotated[
    float | None,
    typer.Option(
        help="Frames a second at most; every n-th is drawn of a faster motion.",
        show_default="all; 15 for .gif",
        rich_help_panel=_VIDEOS,
    ),
]
Sound = Annotated[
    bool | None,
    typer.Option(
        "--sound/--no-sound",
        help="Keep the sound of the video (.mp4).",
        show_default="sound",
        rich_help_panel=_VIDEOS,
    ),
]
Frame = Annotated[
    int | None,
    typer.Option(
        help="Number of the one frame to draw, as counted in the video.",
        show_default="a contact sheet",
        rich_help_panel=_PICTURES,
    ),
]
Columns = Annotated[
    int | None,
    typer.Option(help="Columns of the contact sheet.", show_default="3", rich_help_panel=_PICTURES),
]
Count = Annotated[
    int | None,
    typer.Option(
        help="Pictures on the contact sheet, evenly spaced.",
        show_default="12",
        rich_help_panel=_PICTURES,
    ),
]

# Which suffixes and layouts an option does something for; the others take it for a mistake.
_FOR_KINDS = {
    "max_fps": _MOVING,
    "sound": (".mp4",),
    "frame": STILLS,
    "columns": STILLS,
    "count": STILLS,
}
_FOR_VIEWS = ("camera", "projection", "azimuth", "elevation", "turn", "trail", "trail_joints")


def check_used(kind: str, given: dict[str, object]) -> None:
    """Refuse options that would do nothing.

    Raises:
        ConfigError: so does one that is given.
    """
    for name, value in given.items():
        option = "--" + name.replace("_", "-")
        kinds = _FOR_KINDS.get(name)
        if kinds is not None and kind not in kinds:
            raise ConfigError(f"{option} is for {', '.join(kinds)} only, got {_shown(value)}")
        if kind == PAGE and name != "person":
            raise ConfigError(f"{option} is for videos and pictures only, got {_shown(value)}")
        if name in _FOR_VIEWS and given.get("layout") == "overlay":
            raise ConfigError(f"{option} is for --layout side, 3d, grid only, got {_shown(value)}")
        if name in ("columns", "count") and "frame" in given:
            raise ConfigError(f"{option} is for contact sheets only, got {_shown(value)}")
    if "turn" in given and given.get("camera") != "orbit":
        raise ConfigError(f"--turn is for --camera orbit only, got {_shown(given['turn'])}")


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:g}"
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)
