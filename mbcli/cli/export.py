"""``mbcli export``: a pose.npz in the formats of other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mbcli.cli import refining as r
from mbcli.cli.arguments import Debug, Overwrite, Quiet
from mbcli.cli.guard import exit_codes
from mbcli.people import GRAMMAR

_FILE = "What to write"


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


def export(
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
            help="The file to write; its suffix tells the format, see --list. Several people get "
            "a file each, NAME_ID.SUFFIX, where the format holds one.",
        ),
    ],
    overwrite: Overwrite = False,
    formats: Annotated[
        bool,
        typer.Option("--list", help="List the formats and leave.", callback=_list, is_eager=True),
    ] = False,
    format_: Annotated[
        str | None,
        typer.Option(
            "--format",
            metavar="NAME",
            help="The format, whatever the suffix.",
            show_default="by suffix",
            rich_help_panel=_FILE,
        ),
    ] = None,
    person: Annotated[
        str, typer.Option(metavar=GRAMMAR, help="Whom to write.", rich_help_panel=_FILE)
    ] = "all",
    up: Annotated[
        Literal["y", "z"] | None,
        typer.Option(
            help="The axis that points up.",
            show_default="the format's own",
            rich_help_panel=_FILE,
        ),
    ] = None,
    scale: Annotated[
        float | None,
        typer.Option(
            help="Factor on lengths: 100 turns metres into centimetres.",
            show_default="1",
            rich_help_panel=_FILE,
        ),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(
            help="Frames per second to resample to, positions by cubic splines.",
            show_default="as it is",
            rich_help_panel=_FILE,
        ),
    ] = None,
    shape: Annotated[
        Literal["wide", "long"],
        typer.Option(
            help="Of tables: a row for each frame and person, or for each joint too.",
            rich_help_panel=_FILE,
        ),
    ] = "wide",
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
    """Write a pose.npz for other programs, refined first if asked for."""
    with exit_codes(debug=debug):
        # Imported on use, so that --help answers at once.
        from mbcli.cli.screen import Screen
        from mbcli.exports.export import exported, format_of
        from mbcli.exports.options import ExportOptions
        from mbcli.motion import load_motion

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
        options = ExportOptions(person=person, up=up, scale=scale, fps=fps, shape=shape)
        format_of(out, format_).check(options)
        motion = r.refined(load_motion(pose), refinement)
        done = exported(motion, out, options, format=format_, overwrite=overwrite, inputs=(pose,))
        screen = Screen(quiet=quiet)
        for path, number in zip(done.paths, done.track_ids, strict=False):
            who = str(number) if len(done.paths) > 1 else ", ".join(map(str, done.track_ids))
            people = "person" if "," not in who else "people"
            screen.say(f"{path}: {done.frames} frames, {done.fps:g} frames/s, {people} {who}")
        screen.say("; ".join(done.notes))
