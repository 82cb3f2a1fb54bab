"""Options that mean the same in every command."""

from __future__ import annotations

from typing import Annotated

import typer

_SCREEN = "Screen"

Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a result that exists.")]
Quiet = Annotated[
    bool,
    typer.Option("--quiet", "-q", help="Show nothing but errors.", rich_help_panel=_SCREEN),
]
AsJson = Annotated[
    bool, typer.Option("--json", help="One JSON object on stdout.", rich_help_panel=_SCREEN)
]
Debug = Annotated[
    bool, typer.Option("--debug", help="Errors with traceback.", rich_help_panel=_SCREEN)
]
