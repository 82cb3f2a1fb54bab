from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import closing

import pytest

from mbcli.video import ahead


def test_order_and_end() -> None:
    assert list(ahead(iter(range(50)), depth=3)) == list(range(50))
    assert list(ahead(iter([None, None]))) == [None, None]


def test_works_ahead_but_not_too_far() -> None:
    made: list[int] = []

    def items() -> Iterator[int]:
        for number in range(100):
            made.append(number)
            yield number

    with closing(ahead(items(), depth=3)) as given:
        assert next(given) == 0
        until = time.monotonic() + 5
        while len(made) < 5 and time.monotonic() < until:
            time.sleep(0.01)
        time.sleep(0.05)
        # Three wait, one was taken, and one is about to be put.
        assert len(made) == 5


def test_errors_come_out_where_they_are_waited_for() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broke")

    given = ahead(items())
    assert next(given) == 1
    with pytest.raises(ValueError, match="broke"):
        next(given)


def test_closing_ends_the_thread_and_what_it_runs() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from range(1000)
        finally:
            closed.set()

    before = threading.active_count()
    given = ahead(items())
    next(given)
    given.close()
    assert closed.is_set()
    assert threading.active_count() == before
