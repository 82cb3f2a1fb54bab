"""Options that mean the same in every command."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from mbcli.errors import ConfigError
from mbcli.people import GRAMMAR

INPUT, PEOPLE, NETWORKS, KEYPOINTS, SCREEN = (
    "What to read",
    "People and camera",
    "Networks",
    "2D stage",
    "Screen",
)

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
Start = Annotated[
    float | None, typer.Option(help="Seconds at which to begin.", rich_help_panel=INPUT)
]
End = Annotated[float | None, typer.Option(help="Seconds at which to stop.", rich_help_panel=INPUT)]
Every = Annotated[int, typer.Option(help="Take every n-th frame.", rich_help_panel=INPUT)]
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
ImageSize = Annotated[
    str | None,
    typer.Option(
        metavar="WIDTHxHEIGHT",
        help="Size of the pictures, for a keypoint file that does not tell.",
        show_default=False,
        rich_help_panel=INPUT,
    ),
]
Fps = Annotated[
    float | None,
    typer.Option(
        help="Frames per second, for such a file or a folder of pictures.",
        show_default=False,
        rich_help_panel=INPUT,
    ),
]
JointMap = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.json",
        help="Joint names of a DeepLabCut or SLEAP file to ours, as a JSON object.",
        show_default=False,
        rich_help_panel=INPUT,
    ),
]
Person = Annotated[str, typer.Option(metavar=GRAMMAR, help="Whom to keep.", rich_help_panel=PEOPLE)]
Pose2D = Annotated[
    Literal["auto", "mmpose", "rtmpose", "movenet"],
    typer.Option(
        help="What finds people and their keypoints; auto takes the best that is on disk.",
        rich_help_panel=KEYPOINTS,
    ),
]
MinScore = Annotated[
    float | None,
    typer.Option(
        help="0 to 1: how sure it must be of a person; lower finds more, also ghosts.",
        show_default="that of --pose2d",
        rich_help_panel=KEYPOINTS,
    ),
]
Mode = Annotated[
    Literal["light", "balanced", "accurate"] | None,
    typer.Option(
        "--pose2d-mode",
        help="How large the models of rtmpose are.",
        show_default="balanced",
        rich_help_panel=KEYPOINTS,
    ),
]
Pose2DConfig = Annotated[
    str | None,
    typer.Option(
        "--pose2d-config",
        metavar="NAME|PATH",
        help="MMPose configuration of the keypoint model.",
        show_default=False,
        rich_help_panel=KEYPOINTS,
    ),
]
Pose2DCheckpoint = Annotated[
    str | None,
    typer.Option(
        "--pose2d-checkpoint",
        metavar="NAME|PATH",
        help="Its weights: .pth for mmpose, .onnx for rtmpose.",
        show_default=False,
        rich_help_panel=KEYPOINTS,
    ),
]
DetConfig = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|PATH",
        help="MMDetection configuration of the person detector.",
        show_default=False,
        rich_help_panel=KEYPOINTS,
    ),
]
DetCheckpoint = Annotated[
    str | None,
    typer.Option(
        metavar="NAME|PATH",
        help="Its weights: .pth for mmpose, .onnx for rtmpose.",
        show_default=False,
        rich_help_panel=KEYPOINTS,
    ),
]
Pose2DFlip = Annotated[
    bool | None,
    typer.Option(
        "--pose2d-flip/--no-pose2d-flip",
        help="Average keypoints with those of the mirrored crop: better, and half as fast.",
        show_default="off",
        rich_help_panel=KEYPOINTS,
    ),
]
Pose2DBatch = Annotated[
    int | None,
    typer.Option(
        "--pose2d-batch",
        help="People that go through the network together.",
        show_default="that of --pose2d",
        rich_help_panel=KEYPOINTS,
    ),
]
FixSwaps = Annotated[
    bool,
    typer.Option(
        "--fix-swaps/--no-fix-swaps",
        help="Undo short swaps of left and right.",
        rich_help_panel=KEYPOINTS,
    ),
]
Bridge = Annotated[
    bool,
    typer.Option(
        "--bridge/--no-bridge",
        help="Bridge keypoints that flicker for a few frames.",
        rich_help_panel=KEYPOINTS,
    ),
]
Device = Annotated[
    str,
    typer.Option(
        metavar="auto|cpu|cuda|cuda:N|mps", help="Where to run.", rich_help_panel=NETWORKS
    ),
]


def parse_size(text: str | None) -> tuple[int, int] | None:
    """WIDTHxHEIGHT as two numbers.

    Raises:
        ConfigError: it is written otherwise.
    """
    if text is None:
        return None
    found = re.fullmatch(r"\s*(\d+)\s*[xX]\s*(\d+)\s*", text)
    if found is None:
        raise ConfigError(f"--image-size must be WIDTHxHEIGHT, such as 1920x1080, got {text!r}")
    return int(found[1]), int(found[2])


def read_map(path: Path | None) -> dict[str, str] | None:
    """The joint map in a JSON file.

    Raises:
        InputError, ConfigError: the file cannot be read, or names joints that mbcli has not.
    """
    if path is None:
        return None
    from mbcli.keypoints.joint_names import read_joint_map

    return read_joint_map(path)
