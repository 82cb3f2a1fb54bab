"""``mbcli export``: a pose.npz in the formats of other programs."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mbcli.batch.options import BatchOptions
from mbcli.cli.arguments import AsJson, Overwrite, PoseFiles, Quiet, output
from mbcli.cli.parameters import command, without
from mbcli.cli.refining import refined
from mbcli.errors import ConfigError
from mbcli.exports.options import PANEL, ExportOptions
from mbcli.refinement.options import RefineOptions

if TYPE_CHECKING:
    from mbcli.batch.result import Result
    from mbcli.batch.work import Watcher


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
    poses: PoseFiles = None,
    *,
    out: Annotated[
        Path,
        output(
            "The file to write; its suffix selects the format, see --list. If the format "
            "holds one person, several people get one file each, NAME_ID.SUFFIX. Or a folder, with "
            "--format; or a name with {name}, {folder} or {parent} of the input."
        ),
    ],
    batch: BatchOptions,
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
    refinement: Annotated[RefineOptions, without("feet")],
    quiet: Quiet = False,
    as_json: AsJson = False,
    debug: bool,
) -> None:
    """Export a pose.npz for other programs, optionally refined first."""
    # Imported on use, to keep --help fast.
    from mbcli.cli.jobs import planned, pose_files, run_jobs
    from mbcli.cli.screen import Screen
    from mbcli.exports.export import format_of

    row = format_of(out, format)
    row.check(options)
    folder = out.is_dir() or not out.suffix
    suffixes = row.suffixes if format is None or folder else (out.suffix.lower(),)
    plan = planned(poses, out, batch, inside=pose_files, suffixes=suffixes)
    if refinement.world and options.space == "camera":
        raise ConfigError("--space must be auto or world with --world, got camera")
    work = Exporting(options, refinement, format, overwrite)
    run_jobs(plan, work, Screen(quiet=quiet), batch, as_json=as_json, debug=debug)


@dataclass(frozen=True)
class Exporting:
    """``mbcli export`` of one file after the other."""

    options: ExportOptions
    refinement: RefineOptions
    format: str | None
    overwrite: bool

    def key(self, source: Path) -> str:
        """The fingerprint of a result."""
        from mbcli.batch.finished import fingerprint

        return fingerprint(
            "export",
            [self.options, self.refinement],
            [source, str(self.format), self.options.character],
        )

    def __call__(self, source: Path, target: Path, progress: Watcher) -> Result:
        """Export one file."""
        from mbcli.batch.result import Result
        from mbcli.exports.export import exported
        from mbcli.motion import load_motion

        motion = refined(load_motion(source), self.refinement)
        done = exported(
            motion,
            target,
            self.options,
            format=self.format,
            overwrite=self.overwrite,
            inputs=(source,),
        )
        notes = []
        for path, frames, number in zip(done.paths, done.frames, done.track_ids, strict=False):
            who = str(number) if len(done.paths) > 1 else ", ".join(map(str, done.track_ids))
            people = "person" if "," not in who else "people"
            notes.append(f"{path}: {frames} frames, {done.fps:g} frames/s, {people} {who}")
        notes.append("; ".join(done.notes))
        return Result(source, target, files=done.paths, notes=tuple(notes))
