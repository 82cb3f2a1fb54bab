"""``mbcli view``: a pose.npz in the Rerun viewer."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mbcli.cli import refining as r
from mbcli.cli.arguments import Debug, Overwrite, Quiet
from mbcli.cli.guard import exit_codes
from mbcli.errors import ConfigError

if TYPE_CHECKING:
    from mbcli.show.rerun.view import ViewReport


def view(
    pose: Annotated[
        Path,
        typer.Argument(metavar="POSE.NPZ", show_default=False, help="A result of mbcli infer."),
    ],
    save: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE.rrd",
            show_default=False,
            help="Write a recording, which `rerun FILE.rrd` opens anywhere, instead of opening "
            "the viewer.",
        ),
    ] = None,
    overwrite: Overwrite = False,
    video: Annotated[
        Path | None,
        typer.Option(help="The video it was inferred from.", show_default="as noted in POSE.NPZ"),
    ] = None,
    no_video: Annotated[bool, typer.Option("--no-video", help="Leave the video out.")] = False,
    footage: Annotated[
        Literal["auto", "file", "pictures"] | None,
        typer.Option(
            help="Store the video as it is (small; needs ffmpeg to be shown unless it is AV1) or "
            "its pictures; auto is the file where this machine could show it.",
            show_default="auto",
        ),
    ] = None,
    max_gap: r.MaxGap = None,
    outliers: r.Outliers = False,
    filter_: r.Filter = "none",
    cutoff: r.Cutoff = None,
    order: r.Order = None,
    beta: r.Beta = None,
    bones: r.Bones = False,
    symmetric: r.Symmetric = False,
    feet: r.Feet = False,
    world: r.World = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Look at a pose.npz: video, skeletons, confidence and joint angles on one time line."""
    with exit_codes(debug=debug):
        if overwrite and save is None:
            raise ConfigError("--overwrite goes with --save, which is not given")
        for option, value in (("--video", video), ("--footage", footage)):
            if no_video and value is not None:
                raise ConfigError(f"{option} and --no-video exclude each other, got {value}")
        refinement = r.refine_options(
            max_gap=max_gap,
            outliers=outliers,
            filter_=filter_,
            cutoff=cutoff,
            order=order,
            beta=beta,
            bones=bones,
            symmetric=symmetric,
            feet=feet,
            world=world,
        )
        # Imported on use, so that --help answers at once.
        from mbcli.cli.screen import Screen
        from mbcli.motion import load_motion
        from mbcli.show.rerun.view import view as show
        from mbcli.storage.output import check_output

        if save is not None:
            check_output(save, overwrite=overwrite, inputs=(pose, video))
        motion = r.refined(load_motion(pose), refinement)
        screen = Screen(quiet=quiet)
        with screen.progress(str(pose)) as observer:
            report = show(
                motion,
                save,
                video=video,
                footage="none" if no_video else footage or "auto",
                overwrite=overwrite,
                observer=observer,
            )
        if report.video is None and not no_video:
            noted = motion.meta.get("source")
            why = f"is no longer at {noted}" if isinstance(noted, str) else "is not noted"
            screen.say(f"warning: the video of {pose} {why}: shown without it (--video FILE)")
        for line in _told(report, save):
            screen.say(line)


def _told(report: ViewReport, save: Path | None) -> list[str]:
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
