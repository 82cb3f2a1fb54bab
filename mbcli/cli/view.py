"""``mbcli view``: a pose.npz in the Rerun viewer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mbcli.cli.arguments import Overwrite, PoseFile, Quiet, Video
from mbcli.cli.parameters import command
from mbcli.cli.refining import refined
from mbcli.errors import ConfigError
from mbcli.refinement.options import RefineOptions
from mbcli.show.rerun.options import ViewOptions

if TYPE_CHECKING:
    from mbcli.show.rerun.view import ViewReport


@command
def view(
    pose: PoseFile,
    *,
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.rrd",
            show_default=False,
            help="Write a recording for `rerun FILE.rrd` instead of opening the viewer.",
        ),
    ] = None,
    overwrite: Overwrite = False,
    video: Video = None,
    no_video: Annotated[bool, typer.Option("--no-video", help="Leave the video out.")] = False,
    options: ViewOptions,
    refinement: RefineOptions,
    quiet: Quiet = False,
    given: frozenset[str],
) -> None:
    """View a pose.npz: video, skeletons, confidence and joint angles on one timeline."""
    if overwrite and save is None:
        raise ConfigError("--overwrite needs --save, which is not given")
    for name, value in (("video", video), ("footage", options.footage)):
        if no_video and name in given:
            raise ConfigError(f"--{name} and --no-video exclude each other, got {value}")
    # Imported on use, to keep --help fast.
    from mbcli.cli.screen import Screen
    from mbcli.motion import load_motion
    from mbcli.show.rerun.view import view as show
    from mbcli.storage.output import check_output

    if save is not None:
        check_output(save, overwrite=overwrite, inputs=(pose, video))
    motion = refined(load_motion(pose), refinement)
    screen = Screen(quiet=quiet)
    with screen.progress(str(pose)) as observer:
        report = show(
            motion,
            save,
            video=video,
            footage="none" if no_video else options.footage,
            overwrite=overwrite,
            observer=observer,
        )
    if report.video is None and not no_video and options.footage != "none":
        noted = motion.meta.get("source")
        why = f"is no longer at {noted}" if isinstance(noted, str) else "is not recorded"
        screen.say(f"warning: the video of {pose} {why}: shown without it (--video FILE)")
    for line in _lines(report, save):
        screen.say(line)


def _lines(report: ViewReport, save: Path | None) -> list[str]:
    lines = []
    if report.missing:
        lines.append(
            f"warning: {report.missing} of {report.frames} frames are not in {report.video}"
        )
    where = "the viewer" if save is None else save
    with_video = "" if report.footage is None else f", the video as {report.footage}"
    what = f"{report.frames} frames, {report.people} people{with_video}"
    lines.append(f"{where}: {what}")
    if save is not None:
        lines.append(f"open it with: rerun {save}")
    return lines
