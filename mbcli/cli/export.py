"""``mbcli export``: a pose.npz in the formats of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mbcli.cli.arguments import Overwrite, Pose, Quiet
from mbcli.cli.parameters import command
from mbcli.cli.refining import refined
from mbcli.exports.options import PANEL, ExportOptions
from mbcli.refinement.options import RefineOptions


def _list(wanted: bool) -> None:
    """Print the table of formats, and be done."""
    if not wanted:
        return
    from mbcli.exports import FORMATS

    head = ("suffix", "--format", "up", "unit", "people", "")
    rows = [
        (
            " ".join(row.suffixes),
            row.name,
            row.up or "-",
            row.unit or "-",
            "a file each" if row.per_person else "one file",
            row.about + ("" if row.extra is None else f" (pip install 'mbcli[{row.extra}]')"),
        )
        for row in FORMATS.values()
    ]
    widths = [max(map(len, cells)) for cells in zip(head, *rows, strict=True)]
    for cells in (head, *rows):
        line = "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
        typer.echo(line.rstrip())
    raise typer.Exit


@command
def export(
    pose: Pose,
    *,
    out: Annotated[
        Path,
        typer.Option(
            "--out",
            "-o",
            show_default=False,
            help="The file to write; its suffix tells the format, see --list. Several people get "
            "a file each, NAME_ID.SUFFIX, where the format holds one.",
        ),
    ],
    overwrite: Overwrite = False,
    formats: Annotated[
        bool,
        typer.Option("--list", help="List the formats and leave.", callback=_list, is_eager=True),
    ] = False,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The format, whatever the suffix.",
            show_default="by suffix",
            rich_help_panel=PANEL,
        ),
    ] = None,
    options: ExportOptions,
    refinement: RefineOptions,
    quiet: Quiet = False,
) -> None:
    """Write a pose.npz for other programs, refined first if asked for."""
    # Imported on use, so that --help answers at once.
    from mbcli.cli.screen import Screen
    from mbcli.exports.export import exported, format_of
    from mbcli.motion import load_motion

    format_of(out, format).check(options)
    motion = refined(load_motion(pose), refinement)
    done = exported(motion, out, options, format=format, overwrite=overwrite, inputs=(pose,))
    screen = Screen(quiet=quiet)
    for path, number in zip(done.paths, done.track_ids, strict=False):
        who = str(number) if len(done.paths) > 1 else ", ".join(map(str, done.track_ids))
        people = "person" if "," not in who else "people"
        screen.say(f"{path}: {done.frames} frames, {done.fps:g} frames/s, {people} {who}")
    screen.say("; ".join(done.notes))
