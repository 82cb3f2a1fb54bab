"""Handing the newest item from one thread to another."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

Item = TypeVar("Item")


class Newest(Generic[Item]):
    """A place for one item between two threads: a newer one replaces one that was not taken.

    A slow thread therefore always goes on with the present, and nothing piles up before it.

    Attributes:
        replaced: number of items that nobody took.
    """

    def __init__(self) -> None:
        self.replaced = 0
        self._changed = threading.Condition()
        self._item: Item | None = None
        self._closed = False
        self._error: BaseException | None = None

    def put(self, item: Item) -> None:
        """Leave an item; after `close` it is ignored."""
        with self._changed:
            if self._closed:
                return
            self.replaced += self._item is not None
            self._item = item
            self._changed.notify()

    def close(self, error: BaseException | None = None) -> None:
        """Say that nothing more will come; what is there can still be taken.

        Args:
            error: why; `take` raises it. The first call counts.
        """
        with self._changed:
            if not self._closed:
                self._closed, self._error = True, error
            self._changed.notify()

    def take(self) -> Item | None:
        """Wait for an item and take it; None at the end.

        Raises:
            BaseException: that with which it was closed.
        """
        with self._changed:
            while self._item is None and not self._closed:
                self._changed.wait()
            item, self._item = self._item, None
            if item is None and self._error is not None:
                raise self._error
            return item
