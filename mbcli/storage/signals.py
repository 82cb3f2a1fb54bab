"""The signals that ask a process to end: Ctrl-C, SIGTERM (kill, docker stop) and SIGHUP."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP")  # Windows has no SIGHUP


class Interruption(KeyboardInterrupt):
    """A signal that asks the process to end; its argument is the number.

    Not KeyboardInterrupt itself: Python remembers one that passes code in a string, as dataclasses
    run it, and under ``python -m`` then dies of SIGINT in the end, whatever the exit status is.
    """


@contextmanager
def handled(handler: Callable[[int, FrameType | None], None]) -> Iterator[None]:
    """Handle the signals inside the context, and restore their handlers afterwards.

    Signals that the process was told to ignore, as by nohup, stay ignored. Main thread only.
    """
    numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
    previous = {
        number: signal.signal(number, handler)
        for number in numbers
        if signal.getsignal(number) != signal.SIG_IGN
    }
    try:
        yield
    finally:
        for number, old in previous.items():
            signal.signal(number, old)


def status(number: int) -> int:
    """The exit status after a signal, as in shells: 130, 143 or 129."""
    return 128 + number
