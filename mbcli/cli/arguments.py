"""Parameters that mean the same in every command and belong to no option dataclass."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mbcli.options import INPUT

SCREEN = "Screen"

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a result that exists.")]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Show nothing but errors.", rich_help_panel=SCREEN),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="One JSON object on stdout.", rich_help_panel=SCREEN)
]
Debug = Annotated[
    bool, typer.Option("--debug", help="Errors with traceback.", rich_help_panel=SCREEN)
]

Sources = Annotated[
    list[Path],
    typer.Argument(
        metavar="INPUT",
        show_default=False,
        help="Videos, images, folders of images or of videos, or keypoint files.",
    ),
]
Pose = Annotated[
    Path,
    typer.Argument(metavar="POSE.NPZ", show_default=False, help="A result of mbcli infer."),
]
Video = Annotated[
    Path | None,
    typer.Option(help="The video it was inferred from.", show_default="as noted in POSE.NPZ"),
]
KeypointFile = Annotated[
    Path | None,
    typer.Option(
        "--keypoints",
        metavar="FILE",
        help="2D keypoints of the video from another program: AlphaPose, OpenPose, MMPose, COCO, "
        "DeepLabCut, SLEAP, VideoPose3D, BlazePose or mbcli.",
        show_default=False,
        rich_help_panel=INPUT,
    ),
]
Device = Annotated[
    str,
    typer.Option(
        metavar="auto|cpu|cuda|cuda:N|mps", help="Where to run.", rich_help_panel="Networks"
    ),
]
