"""``mbcli export``: a pose.npz in the formats of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mbcli.cli.arguments import Overwrite, PoseFile, Quiet, output
from mbcli.cli.parameters import command
from mbcli.cli.refining import refined
from mbcli.exports.options import PANEL, ExportOptions
from mbcli.refinement.options import RefineOptions


def _list(wanted: bool) -> None:
    """Print the table of formats and exit."""
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
            "one file each" if row.per_person else "one file",
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
    pose: PoseFile,
    *,
    out: Annotated[
        Path,
        output(
            "The file to write; its suffix selects the format, see --list. If the format "
            "holds one person, several people get one file each, NAME_ID.SUFFIX."
        ),
    ],
    overwrite: Overwrite = False,
    formats: Annotated[
        bool,
        typer.Option("--list", help="List the formats and exit.", callback=_list, is_eager=True),
    ] = False,
    format: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="The format, regardless of the suffix.",
            show_default="by suffix",
            rich_help_panel=PANEL,
        ),
    ] = None,
    options: ExportOptions,
    refinement: RefineOptions,
    quiet: Quiet = False,
) -> None:
    """Export a pose.npz for other programs, optionally refined first."""
    # Imported on use, to keep --help fast.
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
