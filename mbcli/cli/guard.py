"""From an exception to one line on stderr and an exit code."""

from __future__ import annotations

import json
import os
import sys
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import typer

from mbcli.bounds import LEAST_ADDRESS_SPACE, memory_size
from mbcli.cli.interruption import cause, say_interrupted
from mbcli.errors import ConfigError, explained
from mbcli.storage.signals import status

FAILED = 1  # exit status of an error


def show_error(message: str, *, debug: bool = False) -> None:
    """Print an error, with the traceback of the exception being handled if ``debug``."""
    if debug:
        traceback.print_exc(file=sys.stderr)
    typer.echo(f"error: {message}", err=True)


def check_address_space() -> None:
    """Check that the libraries can be loaded, which crash without address space.

    Raises:
        ConfigError: the process may use less than `LEAST_ADDRESS_SPACE`.
    """
    try:
        import resource
    except ImportError:  # Windows has no such limit
        return
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < LEAST_ADDRESS_SPACE:
        raise ConfigError(
            f"mbcli must have {memory_size(LEAST_ADDRESS_SPACE)} of address space or more "
            f"(ulimit -v), got {memory_size(limit)}"
        )


def _discard_stdout() -> None:
    """Let what could not be printed go, which Python would try again at its end."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@contextmanager
def exit_codes(*, debug: bool, as_json: bool = False) -> Iterator[None]:
    """Turn mbcli's own errors into exit code 1, and signals into theirs; let defects pass.

    Args:
        debug: also show the traceback of mbcli's own errors.
        as_json: also report the error on stdout, as the one JSON object that is promised there.
    """
    try:
        check_address_space()
        yield
        sys.stdout.flush()
    except BaseException as error:
        number = cause(error)
        if number is not None:
            say_interrupted()
            raise typer.Exit(status(number)) from None
        message = explained(error)
        if message is None:
            raise
        show_error(message, debug=debug)
        if isinstance(error, OSError):
            _discard_stdout()
        elif as_json:
            typer.echo(json.dumps({"ok": False, "error": message, "results": []}))
        raise typer.Exit(FAILED) from None
