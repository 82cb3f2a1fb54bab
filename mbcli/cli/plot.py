"""``mbcli plot``: figures of a pose.npz."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mbcli.cli import refining as r
from mbcli.cli.arguments import Debug, Overwrite, Quiet
from mbcli.cli.guard import exit_codes
from mbcli.people import GRAMMAR


def plot(
    pose: Annotated[
        Path,
        typer.Argument(metavar="POSE.NPZ", show_default=False, help="A result of mbcli infer."),
    ],
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", show_default=False, help="The figure to write: .pdf, .svg or .png."
        ),
    ],
    overwrite: Overwrite = False,
    what: Annotated[
        Literal["angles", "trajectories", "speeds", "confidence"],
        typer.Option(
            help="Angles of joints, ways of joints from above and from the side, their speeds, or "
            "how sure they are."
        ),
    ] = "angles",
    person: Annotated[
        str, typer.Option(metavar=GRAMMAR, help="Whom to draw; six people at most.")
    ] = "all",
    joint: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            show_default="the usual ones",
            help="A joint such as knee or left_wrist, or an angle such as hip_rotation; may be "
            "given several times.",
        ),
    ] = None,
    start: Annotated[
        float | None, typer.Option(help="Seconds at which to begin.", show_default=False)
    ] = None,
    end: Annotated[
        float | None, typer.Option(help="Seconds at which to stop.", show_default=False)
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
    """Draw a figure of a pose.npz: joint angles, trajectories, speeds, confidence.

    Left and right differ in colour and in dashes, and a line is thin where its joints are not
    sure.
    """
    with exit_codes(debug=debug):
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
        from mbcli.show.plots.figure import check_suffix
        from mbcli.show.plots.figure import plot as draw
        from mbcli.show.plots.options import PlotOptions
        from mbcli.storage.output import check_output

        options = PlotOptions(what, person, tuple(joint or ()), start, end)
        check_suffix(out)
        check_output(out, overwrite=overwrite, inputs=(pose,))
        motion = r.refined(load_motion(pose), refinement)
        report = draw(motion, out, options, overwrite=overwrite)
        screen = Screen(quiet=quiet)
        if report.left_out:
            screen.say(
                f"warning: {report.left_out} people who are seen for less time are not in the "
                "figure; choose with --person"
            )
        width, height = report.inches
        people = "1 person" if len(report.people) == 1 else f"{len(report.people)} people"
        screen.say(
            f"{out}: {what} of {people} in {report.frames} frames, "
            f"{width:.1f} x {height:.1f} inches"
        )
