from __future__ import annotations

import threading

import pytest

from mbcli.live.newest import Newest


def test_a_newer_item_replaces_one_that_nobody_took() -> None:
    place: Newest[int] = Newest()
    for number in range(5):
        place.put(number)
    assert (place.take(), place.replaced) == (4, 4)
    place.put(5)
    assert (place.take(), place.replaced) == (5, 4)


def test_what_is_there_at_the_end_is_still_taken() -> None:
    place: Newest[int] = Newest()
    place.put(1)
    place.close()
    place.put(2)
    assert [place.take(), place.take(), place.take()] == [1, None, None]


def test_an_error_comes_after_the_last_item_and_the_first_one_counts() -> None:
    place: Newest[int] = Newest()
    place.put(1)
    place.close(ValueError("first"))
    place.close(ValueError("second"))
    assert place.take() == 1
    with pytest.raises(ValueError, match="first"):
        place.take()


def test_whoever_waits_is_woken() -> None:
    place: Newest[int] = Newest()
    taken: list[int | None] = []

    def work() -> None:
        while (item := place.take()) is not None:
            taken.append(item)

    thread = threading.Thread(target=work)
    thread.start()
    place.put(7)
    while not taken:
        thread.join(0.01)
    place.close()
    thread.join(10)
    assert not thread.is_alive()
    assert taken == [7]
