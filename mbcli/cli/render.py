"""``mbcli render``: pictures and videos of a pose.npz."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mbcli.cli.arguments import Debug, Overwrite, Quiet
from mbcli.cli.guard import exit_codes
from mbcli.errors import ConfigError, InputError, OutputError

if TYPE_CHECKING:
    from mbcli.motion import Motion3D

_VIEW, _PICTURES = "3D view", "Pictures (.png)"
_COLUMNS, _COUNT = 3, 12


def render(
    pose: Annotated[
        Path,
        typer.Argument(metavar="POSE.NPZ", show_default=False, help="A result of mbcli infer."),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            show_default=False,
            help="The file to write: .mp4 is a video, .png one frame or a contact sheet.",
        ),
    ],
    overwrite: Overwrite = False,
    video: Annotated[
        Path | None,
        typer.Option(help="The video it was inferred from.", show_default="as noted in POSE.NPZ"),
    ] = None,
    layout: Annotated[
        Literal["side", "overlay", "3d"],
        typer.Option(help="Skeletons on the video, the 3D view, or both side by side."),
    ] = "side",
    azimuth: Annotated[
        float | None,
        typer.Option(
            help="Degrees around the people: 0 as the camera, 90 from the side.",
            show_default="35",
            rich_help_panel=_VIEW,
        ),
    ] = None,
    elevation: Annotated[
        float | None,
        typer.Option(
            help="Degrees from above: 0 level, 90 a plan.",
            show_default="12",
            rich_help_panel=_VIEW,
        ),
    ] = None,
    frame: Annotated[
        int | None,
        typer.Option(
            help="Number of the one frame to draw, as counted in the video.",
            show_default="a contact sheet",
            rich_help_panel=_PICTURES,
        ),
    ] = None,
    columns: Annotated[
        int | None,
        typer.Option(
            help="Columns of the contact sheet.",
            show_default=str(_COLUMNS),
            rich_help_panel=_PICTURES,
        ),
    ] = None,
    count: Annotated[
        int | None,
        typer.Option(
            help="Pictures on the contact sheet, evenly spaced.",
            show_default=str(_COUNT),
            rich_help_panel=_PICTURES,
        ),
    ] = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Draw a pose.npz: skeletons on the video, a 3D view, or both."""
    with exit_codes(debug=debug):
        kind = out.suffix.lower()
        if kind not in (".mp4", ".png"):
            raise OutputError(f"--out must end in .mp4 or .png, got {out}")
        _check_used(
            {"--azimuth": azimuth, "--elevation": elevation},
            layout != "overlay",
            "--layout side, 3d",
        )
        _check_used({"--video": video}, layout != "3d", "--layout side, overlay")
        _check_used(
            {"--frame": frame, "--columns": columns, "--count": count}, kind == ".png", ".png"
        )
        _check_used({"--columns": columns, "--count": count}, frame is None, "contact sheets")
        # Imported on use, so that --help answers at once.
        from mbcli.cli.screen import Screen
        from mbcli.drawing.compose import RenderOptions
        from mbcli.drawing.files import evenly_spaced, render_picture, render_video
        from mbcli.motion import load_motion
        from mbcli.output import check_output

        defaults = RenderOptions()
        options = RenderOptions(
            layout=layout,
            azimuth=defaults.azimuth if azimuth is None else azimuth,
            elevation=defaults.elevation if elevation is None else elevation,
        )
        columns = _positive("--columns", columns, _COLUMNS)
        count = _positive("--count", count, _COUNT)
        check_output(out, overwrite=overwrite)
        motion = load_motion(pose)
        if not len(motion.timestamps):
            raise InputError(f"{pose} holds no frames to draw")
        source = None if layout == "3d" else _video_of(motion, pose, video)
        rows = evenly_spaced(len(motion.timestamps), count)
        if frame is not None:
            rows = [_row_of(motion, pose, frame)]
        screen = Screen(quiet=quiet)
        began = time.perf_counter()
        with screen.progress(str(pose)) as observer:
            if kind == ".mp4":
                report = render_video(
                    motion,
                    out,
                    video=source,
                    options=options,
                    overwrite=overwrite,
                    observer=observer,
                )
            else:
                report = render_picture(
                    motion,
                    out,
                    video=source,
                    rows=rows,
                    columns=columns,
                    options=options,
                    overwrite=overwrite,
                    observer=observer,
                )
        seconds = time.perf_counter() - began
        if report.missing:
            screen.say(
                f"warning: {report.missing} of {report.frames} frames are not in {source}; they "
                "are drawn on grey"
            )
        width, height = report.size
        screen.say(
            f"{out}: {report.frames} frames, {width}x{height}, in {seconds:.1f} s "
            f"({report.frames / seconds:.1f} frames/s)"
        )


def _check_used(given: dict[str, object], used: bool, where: str) -> None:
    """Refuse options that would do nothing.

    Raises:
        ConfigError: one is given, and not used.
    """
    for option, value in given.items():
        if value is not None and not used:
            raise ConfigError(f"{option} is for {where} only, got {value}")


def _positive(option: str, value: int | None, default: int) -> int:
    number = default if value is None else value
    if number < 1:
        raise ConfigError(f"{option} must be 1 or more, got {number}")
    return number


def _video_of(motion: Motion3D, pose: Path, given: Path | None) -> Path:
    """The video to draw on.

    Raises:
        InputError: the one that the file names is not there.
    """
    if given is not None:
        return given
    noted = motion.meta.get("source")
    if not isinstance(noted, str):
        raise InputError(
            f"{pose} does not say which video it is from: name it with --video, or draw without "
            "it (--layout 3d)"
        )
    if not Path(noted).exists():
        raise InputError(
            f"the video of {pose} is no longer at {noted}: name it with --video, or draw without "
            "it (--layout 3d)"
        )
    return Path(noted)


def _row_of(motion: Motion3D, pose: Path, frame: int) -> int:
    """The row that holds a frame of the video.

    Raises:
        ConfigError: none does.
    """
    numbers = motion.keypoints.frame_index.tolist()
    if frame in numbers:
        return int(numbers.index(frame))
    nearest = min(numbers, key=lambda number: abs(number - frame))
    raise ConfigError(
        f"--frame must be one of the {len(numbers)} frames of {pose}, {numbers[0]} to "
        f"{numbers[-1]}, got {frame}; the nearest is {nearest}"
    )
