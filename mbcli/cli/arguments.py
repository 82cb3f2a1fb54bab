"""Parameters shared by several commands that belong to no option dataclass."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from mbcli.keypoints import FORMATS
from mbcli.options import INPUT

SCREEN = "Screen"


def output(help: str) -> Any:
    """The option ``--out``, for use in an annotation; ``help`` says what is written."""
    return typer.Option("--out", "-o", show_default=False, help=help)


Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace an existing result.")]
Restart = Annotated[
    bool,
    typer.Option("--restart", help="Discard what an interrupted earlier run has already done."),
]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Show errors only.", rich_help_panel=SCREEN),
]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Write a JSON object to stdout; for several inputs, a line for each.",
        rich_help_panel=SCREEN,
    ),
]
Debug = Annotated[
    bool, typer.Option("--debug", help="Show errors with a traceback.", rich_help_panel=SCREEN)
]

Sources = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="INPUT...",
        show_default=False,
        help="Videos, images, folders of images or of videos, or keypoint files; patterns such as "
        "'*.mp4'; - for names on standard input.",
    ),
]
PoseFile = Annotated[
    Path,
    typer.Argument(metavar="POSE.NPZ", show_default=False, help="A result of mbcli infer."),
]
PoseFiles = Annotated[
    list[Path] | None,
    typer.Argument(
        metavar="POSE.NPZ...",
        show_default=False,
        help="Results of mbcli infer, folders of them, patterns, or - for names on standard input.",
    ),
]
Video = Annotated[
    Path | None,
    typer.Option(help="The video it was inferred from.", show_default="as recorded in POSE.NPZ"),
]
KeypointFile = Annotated[
    Path | None,
    typer.Option(
        "--keypoints",
        metavar="FILE",
        help=f"2D keypoints of the video: {'; '.join(row.title for row in FORMATS.values())}.",
        show_default=False,
        rich_help_panel=INPUT,
    ),
]
Device = Annotated[
    str,
    typer.Option(
        metavar="auto|cpu|cuda|cuda:N|mps", help="Device to run on.", rich_help_panel="Networks"
    ),
]
