"""``mbcli data``: motion recordings into clip stores, for training."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from mbcli.cli.arguments import AsJson, Debug, Overwrite, Quiet
from mbcli.cli.guard import exit_codes
from mbcli.errors import ConfigError, InputError

app = typer.Typer(help="Motion recordings and clip stores, for training.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """Keep ``import`` a word of its own while it is the only command here."""


@app.command("import")
def import_recordings(
    format: Annotated[
        str, typer.Argument(show_default=False, help="Format of the recordings: bvh or asf-amc.")
    ],
    source: Annotated[
        Path,
        typer.Argument(show_default=False, help="Folder that is searched, with its subfolders."),
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", show_default=False, help="The clip store to make.")
    ],
    scale: Annotated[
        str | None,
        typer.Option(
            metavar="METRES|UNIT",
            help="Metres of one unit of the recordings, or the unit: m, cm, mm, inch, cmu.",
            show_default="found out",
        ),
    ] = None,
    fps: Annotated[
        float | None,
        typer.Option(help="Frames per second.", show_default="the file's; 120 for AMC"),
    ] = None,
    max_fps: Annotated[
        float, typer.Option(help="Faster recordings are thinned out to this rate.")
    ] = 60.0,
    subject: Annotated[
        str | None,
        typer.Option(
            metavar="REGEX",
            help="Matches a recording's path in SOURCE; its group 'subject' names the person.",
            show_default="the file's folder",
        ),
    ] = None,
    prefix: Annotated[str, typer.Option(help="Put before every person's name.")] = "",
    licence: Annotated[str, typer.Option(help="Terms of use, noted with every clip.")] = "",
    jobs: Annotated[int, typer.Option(help="Recordings read at the same time.")] = 1,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
    debug: Debug = False,
) -> None:
    """Read all recordings under a folder into a new clip store."""
    with exit_codes(debug=debug, as_json=as_json):
        # Imported on use, so that --help answers at once.
        from mbcli.cli.screen import Screen
        from mbcli.data.importing import import_folder

        if not source.is_dir():
            raise InputError(f"the recordings must be in a folder, but {source} is none")
        screen = Screen(quiet=quiet)
        chosen = {} if subject is None else {"subject": subject}
        with screen.progress(str(source)) as observer:
            report = import_folder(
                format,
                source,
                out,
                scale=None if scale is None else metres_of(scale),
                fps=fps,
                max_fps=max_fps,
                prefix=prefix,
                licence=licence,
                jobs=jobs,
                progress=lambda done, total: observer("import", done, total),
                overwrite=overwrite,
                **chosen,
            )
        if as_json:
            document = {
                "ok": True,
                "output": str(out),
                "imported": list(report.imported),
                "refused": [{"file": file, "reason": reason} for file, reason in report.refused],
                "notes": [{"file": file, "note": note} for file, note in report.notes],
                "hours": report.hours,
            }
            typer.echo(json.dumps(document, indent=2))
            return
        for file, reason in (*report.refused, *report.notes):
            screen.say(f"{file}: {reason}")
        screen.facts(
            str(source),
            [
                ("clips", f"{len(report.imported)}, {report.hours:.2f} hours"),
                ("refused", str(len(report.refused))),
                ("result", str(out)),
            ],
        )


def metres_of(scale: str) -> float:
    """Metres of one unit, from a number or the name of a unit.

    Raises:
        ConfigError: it is neither.
    """
    from mbcli.data.bvh import UNITS

    if scale in UNITS:
        return UNITS[scale]
    try:
        return float(scale)
    except ValueError:
        raise ConfigError(
            f"--scale must be a number of metres or {', '.join(UNITS)}, got {scale!r}"
        ) from None


@app.command("merge")
def merge(
    stores: Annotated[
        list[Path], typer.Argument(show_default=False, help="Clip stores, in this order.")
    ],
    out: Annotated[
        Path, typer.Option("--out", "-o", show_default=False, help="The clip store to make.")
    ],
    leave_out: Annotated[
        list[str] | None,
        typer.Option(
            metavar="SUBJECT", show_default=False, help="A person to leave out; repeatable."
        ),
    ] = None,
    duplicates: Annotated[
        bool,
        typer.Option(
            "--duplicates/--no-duplicates",
            help="Keep clips that show what another clip shows too.",
        ),
    ] = False,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Join clip stores into a new one, each performance once."""
    with exit_codes(debug=debug):
        # Imported on use, so that --help answers at once.
        from mbcli.cli.screen import Screen
        from mbcli.data.duplicates import find_duplicates
        from mbcli.data.store import ClipStore, check_new_store, merge_stores

        check_new_store(out, overwrite=overwrite)
        opened = [ClipStore.open(path) for path in stores]
        people = sorted({subject for store in opened for subject in store.subjects})
        absent = set(leave_out or ())
        unknown = sorted(absent - set(people))
        if unknown:
            raise ConfigError(
                f"--leave-out must name a person of the stores, got {', '.join(unknown)} "
                f"(known: {', '.join(people)})"
            )
        unwanted = {clip.name for store in opened for clip in store.clips if clip.subject in absent}
        twins = [] if duplicates else find_duplicates(opened)
        unwanted |= {twin.clip.name for twin in twins}
        merged = merge_stores(opened, out, leave_out=unwanted, overwrite=overwrite)
        screen = Screen(quiet=quiet)
        for twin in twins:
            screen.say(f"{twin.clip.name}: left out, {twin.of.name} shows the same")
        screen.facts(
            str(out),
            [
                ("clips", f"{len(merged.clips)}, {merged.hours:.2f} hours"),
                ("people", str(len(merged.subjects))),
                ("left out", str(len(unwanted))),
            ],
        )
