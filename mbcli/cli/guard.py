"""From an exception to one line on stderr and an exit code."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from mbcli.cli.interruption import cause, status
from mbcli.errors import MbcliError

FAILED = 1  # exit status of an error


def one_line(error: Exception) -> str:
    """The message of an error without line breaks."""
    return " ".join(str(error).split())


def show_error(message: str, *, debug: bool = False) -> None:
    """Print an error, with the traceback of the exception being handled if ``debug``."""
    if debug:
        traceback.print_exc(file=sys.stderr)
    typer.echo(f"error: {message}", err=True)


@contextmanager
def exit_codes(*, debug: bool, as_json: bool = False) -> Iterator[None]:
    """Turn mbcli's own errors into exit code 1, and signals into theirs; let defects pass.

    Args:
        debug: also show the traceback of mbcli's own errors.
        as_json: also report the error on stdout, as the one JSON object that is promised there.
    """
    try:
        yield
    except BaseException as error:
        number = cause(error)
        if number is not None:
            typer.echo("interrupted", err=True)
            raise typer.Exit(status(number)) from None
        if not isinstance(error, MbcliError):
            raise
        message = one_line(error)
        show_error(message, debug=debug)
        if as_json:
            typer.echo(json.dumps({"ok": False, "error": message, "results": []}))
        raise typer.Exit(FAILED) from None
