"""Work that goes on ahead of whoever needs it, in a thread of its own."""

from __future__ import annotations

import queue
import threading
from collections.abc import Generator, Iterator
from typing import TypeVar

Item = TypeVar("Item")

_LOOK = 0.1  # seconds between looks at whether anybody still waits


def ahead(items: Iterator[Item], depth: int = 4) -> Generator[Item, None, None]:
    """The same items, made up to ``depth`` of them before they are asked for.

    What ``items`` raises is raised here. Closing this generator, also by an error of whoever uses
    it, ends the thread and closes ``items`` in it.

    Args:
        items: run in the thread from its first item on.
        depth: how many finished items may wait.
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
