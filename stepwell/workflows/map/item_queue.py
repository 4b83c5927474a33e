"""The queue of items between the flow that reads them and the workers that answer them."""

from __future__ import annotations

from collections import deque
from typing import Generic, TypeVar

from ...pipeline.effects import Flow, Wait
from ...pipeline.signal import Signal

Item = TypeVar("Item")


class ItemQueue(Generic[Item]):
    """Items that no worker has taken yet, and the workers that wait for some, each for a signal of its own.

    An item wakes one worker. While that one is on its way, no further one is woken; when it has arrived and there are
    more items, it wakes the next. So items that come quickly wake as many workers as they keep busy, and no worker is
    woken for nothing more than once. Nothing in here takes a lock: all threads may use it, and each call is quick.
    """

    def __init__(self) -> None:
        self.over = False
        """Whether no more items will come."""
        self._items: deque[Item] = deque()
        self._idle: deque[Signal] = deque()
        """One for each worker that waits."""
        self._tickets: deque[None] = deque((None,), 1)
        """Who takes the ticket may wake a worker, which then gives it back."""

    def __len__(self) -> int:
        return len(self._items)

    @property
    def idle(self) -> int:
        """How many workers wait, without the one that is on its way."""
        return len(self._idle)

    def put(self, item: Item) -> None:
        """Add an item, and wake a worker for it."""
        self._items.append(item)
        if self._idle:
            self._wake_one()

    def take(self) -> Item:
        """Return the next item, and wake a worker for the one after it. Raises IndexError if there is none."""
        item = self._items.popleft()
        if self._idle and self._items:
            self._wake_one()
        return item

    def close(self) -> None:
        """Note that no more items will come, and wake all workers."""
        self.over = True
        while self._idle:
            try:
                signal = self._idle.popleft()
            except IndexError:  # another thread was quicker
                return
            signal.set()

    def wait(self) -> Flow:
        """Wait until there may be an item, or until no more will come."""
        signal = Signal()
        self._idle.append(signal)
        # Who has put an item, or closed the queue, before that line did not see the signal: so look once more.
        if self._items or self.over:
            try:
                self._idle.remove(signal)
                return
            except ValueError:  # it was seen after all, and is being set
                pass
        try:
            yield Wait(signal)
        finally:
            self._tickets.append(None)  # before the worker looks for an item: who found no ticket has put one before

    def _wake_one(self) -> None:
        """Wake a worker, unless one is on its way."""
        while self._items and self._idle:
            try:
                self._tickets.popleft()
            except IndexError:  # who has it looks for items after giving it back
                return
            try:
                signal = self._idle.popleft()
            except IndexError:
                self._tickets.append(None)  # and look again: a worker that waits since then found no one to wake it
                continue
            signal.set()
            return
