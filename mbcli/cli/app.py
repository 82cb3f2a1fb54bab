"""The command line: one file per command group, imported here without their dependencies."""

from __future__ import annotations

import os
from typing import Annotated

import typer

from mbcli.cli import data, weights
from mbcli.cli.doctor import doctor
from mbcli.cli.evaluate import evaluate
from mbcli.cli.export import export
from mbcli.cli.gait import gait
from mbcli.cli.infer import infer
from mbcli.cli.keypoints import keypoints
from mbcli.cli.live import live
from mbcli.cli.plain import PlainCommand
from mbcli.cli.plot import plot
from mbcli.cli.refine import refine
from mbcli.cli.render import render
from mbcli.cli.train import finetune, pretrain
from mbcli.cli.view import view
from mbcli.version import version

app = typer.Typer(
    name="mbcli",
    help="Video to 3D human pose.",
    no_args_is_help=True,
    rich_markup_mode=None,
    # The traceback of a defect is for a bug report: plain, complete, without local variables.
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mbcli {version()}")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool,
        typer.Option(
            "--version", "-V", help="Show the version.", callback=_show_version, is_eager=True
        ),
    ] = False,
) -> None:
    """Video to 3D human pose."""
    # Imported on use: help needs none of it.
    from mbcli.weights import cache_directory

    # Keep Matplotlib's list of fonts beside our own cache.
    os.environ.setdefault("MPLCONFIGDIR", str(cache_directory().parent / "matplotlib"))


for _command in (
    infer,
    live,
    keypoints,
    refine,
    render,
    view,
    plot,
    export,
    gait,
    pretrain,
    finetune,
    evaluate,
    doctor,
):
    app.command(cls=PlainCommand)(_command)
app.add_typer(data.app, name="data")
app.add_typer(weights.app, name="weights")
