"""``mbcli plot``: figures of a pose.npz."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from mbcli.cli.arguments import Overwrite, PoseFile, Quiet, output
from mbcli.cli.parameters import command
from mbcli.cli.refining import refined
from mbcli.refinement.options import RefineOptions
from mbcli.show.plots.options import PlotOptions


@command
def plot(
    pose: PoseFile,
    *,
    out: Annotated[
        Path,
        output("The figure to write: .pdf, .svg or .png."),
    ],
    overwrite: Overwrite = False,
    options: PlotOptions,
    refinement: RefineOptions,
    quiet: Quiet = False,
) -> None:
    """Draw a figure of a pose.npz: joint angles, trajectories, speeds, confidence.

    Left and right differ in colour and line style, and lines are thin where joints are uncertain.
    """
    # Imported on use, to keep --help fast.
    from mbcli.cli.screen import Screen
    from mbcli.motion import load_motion
    from mbcli.show.plots.figure import check_suffix
    from mbcli.show.plots.figure import plot as draw
    from mbcli.storage.output import check_output

    check_suffix(out)
    check_output(out, overwrite=overwrite, inputs=(pose,))
    motion = refined(load_motion(pose), refinement)
    report = draw(motion, out, options, overwrite=overwrite)
    screen = Screen(quiet=quiet)
    if report.left_out:
        screen.say(
            f"warning: {report.left_out} people who are seen for less time are left out of the "
            "figure; choose with --person"
        )
    width, height = report.inches
    people = "1 person" if len(report.people) == 1 else f"{len(report.people)} people"
    screen.say(
        f"{out}: {options.what} of {people} in {report.frames} frames, "
        f"{width:.1f} x {height:.1f} inches"
    )
