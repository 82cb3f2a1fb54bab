"""``mbcli weights export``: a lifter for other runtimes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mbcli.cli.arguments import Debug, Overwrite, Quiet, output
from mbcli.cli.guard import exit_codes

ExportFormat = Literal["onnx", "openvino", "coreml-ready"]  # the table is mbcli.lift.exporting's


def export_weights(
    name: Annotated[
        str,
        typer.Argument(
            metavar="NAME|PATH", show_default=False, help="A lifter, as in mbcli weights list."
        ),
    ],
    format: Annotated[
        ExportFormat,
        typer.Option(
            help="onnx: any number of clips, each of up to the longest length. openvino: the same "
            "for Intel's runtime. coreml-ready: TorchScript of one clip of exactly the longest "
            "length, for Core ML's converter."
        ),
    ] = "onnx",
    out: Annotated[
        Path | None,
        output("The file to write; by default the name of the weights in the working directory."),
    ] = None,
    overwrite: Overwrite = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Export a lifter for programs without torch; mbcli infer --weights takes the ONNX file.

    The file is compared with torch before it is kept. Its path goes to stdout.
    """
    with exit_codes(debug=debug):
        # Imported on use, to keep --help fast.
        from mbcli.cli.screen import Screen
        from mbcli.lift.exporting import export_lifter

        done = export_lifter(name, format, out, overwrite=overwrite)
        Screen(quiet=quiet).say(
            f"{done.path}: compared with torch, differs by {done.difference:.1g} of half a window"
        )
        typer.echo(str(done.path))
