"""Prefetching: an iterator that runs ahead of its consumer, in a separate thread."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from typing import TypeVar

Item = TypeVar("Item")

_LOOK = 0.1  # seconds between checks for whether the consumer has stopped


def ahead(items: Iterator[Item], depth: int = 4) -> Generator[Item, None, None]:
    """Yield items that are produced up to ``depth`` items in advance.

    Exceptions raised by ``items`` are raised here. Closing this generator, also through an error in
    the consumer, ends the thread and closes ``items`` in it.

    Args:
        items: runs entirely in the thread.
        depth: maximum number of finished items in the queue.
    """
    waiting: queue.Queue[tuple[bool, Item | BaseException | None]] = queue.Queue(depth)
    stopped = threading.Event()

    def hand_over(more: bool, item: Item | BaseException | None) -> bool:
        while not stopped.is_set():
            try:
                waiting.put((more, item), timeout=_LOOK)
            except queue.Full:
                continue
            return True
        return False

    def work() -> None:
        try:
            for item in items:
                if not hand_over(True, item):
                    break
            else:
                hand_over(False, None)
        except BaseException as error:
            hand_over(False, error)
        finally:
            if isinstance(items, Generator):
                items.close()

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    try:
        while True:
            more, item = waiting.get()
            if not more:
                if isinstance(item, BaseException):
                    raise item
                return
            yield item  # type: ignore[misc]
    finally:
        stopped.set()
        thread.join()
