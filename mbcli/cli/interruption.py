"""Ctrl-C, SIGTERM and SIGHUP end a command within two seconds, and leave nothing unfinished."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from mbcli.storage.signals import Interruption, handled, status

# Seconds for the command to end by itself. Together with the removal of its files, two at most. No
# library keeps other threads of Python waiting for long: 0.35 s at most (in `infer`, with the
# processor to itself).
_GRACE = 1.5

_SHOW_CURSOR = b"\x1b[?25h"  # progress bars hide it

_received: int | None = None
_said = False


def cause(error: BaseException) -> int | None:
    """The number of the signal that caused an exception, None if none did.

    A library that is interrupted while it loads may raise anything in place of KeyboardInterrupt.
    """
    if _received is None and isinstance(error, KeyboardInterrupt):
        return int(error.args[0]) if error.args else signal.SIGINT
    return _received


def say_interrupted() -> None:
    """Tell people that a signal ended the command."""
    global _said
    _said = True
    print("interrupted", file=sys.stderr)


@contextmanager
def interruptible() -> Iterator[None]:
    """Run a command so that signals end it, whatever it does when they come.

    Raises:
        SystemExit: as the command, or with `mbcli.storage.signals.status` after a signal.
    """
    global _received, _said
    _received, _said = None, False
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    try:
        with handled(_interrupt):
            before = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
            threading.Thread(target=_watch, args=(reading,), daemon=True).start()
            try:
                yield
            finally:
                signal.set_wakeup_fd(before)
    except BaseException as error:
        number = cause(error)
        if number is None:
            raise
        if not _said:  # Typer, while it reads the command line, ends without a word
            say_interrupted()
        sys.exit(status(number))
    finally:
        os.close(writing)


def _interrupt(number: int, frame: FrameType | None) -> None:
    global _received
    _received = number
    raise Interruption(number)


def _watch(reading: int) -> None:
    """End the process if it has not ended by itself some time after a signal.

    Signals reach this thread while the main thread is inside a long call, and if a library has
    swallowed the KeyboardInterrupt.
    """
    with os.fdopen(reading, "rb", buffering=0) as signals:
        while number := signals.read(1):
            # A training handles signals itself, since its checkpoint may take longer.
            if signal.getsignal(number[0]) is _interrupt:
                threading.Timer(_GRACE, _end, number).start()


def _end(number: int) -> None:
    from mbcli.storage.workspace import discard_unfinished

    discard_unfinished()
    os.write(2, (_SHOW_CURSOR if os.isatty(2) else b"") + b"interrupted\n")
    os._exit(status(number))
