"""Signals, which flows wait for, and tasks, which are flows that run beside another.

Threads, event loops and the simulation use the same ones. Nothing in here takes a lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any


class Signal:
    """Something that happens once. A flow waits for it by `yield Wait(signal)`.

    It takes no lock, so `set` may be called from any thread, event loop or finalizer.
    """

    __slots__ = ("_waiting", "is_set")

    def __init__(self) -> None:
        self.is_set = False
        self._waiting: deque[Callable[[], object]] = deque()

    def set(self) -> None:
        """Note that it has happened, and wake all that wait for it. A second call does nothing."""
        self.is_set = True
        self._wake()

    def on_set(self, wake: Callable[[], object]) -> None:
        """Call `wake`, which must not block, once the signal is set; at once if it is set already."""
        self._waiting.append(wake)
        if self.is_set:  # perhaps set between the two lines: the one that takes it out of the queue calls it
            self._wake()

    def forget(self, wake: Callable[[], object]) -> None:
        """Drop a function given to `on_set`, if it was not called yet."""
        with suppress(ValueError):
            self._waiting.remove(wake)

    def _wake(self) -> None:
        while True:
            try:
                wake = self._waiting.popleft()  # atomic
            except IndexError:
                return
            wake()


class News:
    """A signal that can be set again and again. Take `signal` first, look at what it is about, and wait last."""

    __slots__ = ("signal",)

    def __init__(self) -> None:
        self.signal = Signal()

    def publish(self) -> None:
        """Wake all that wait."""
        signal, self.signal = self.signal, Signal()
        signal.set()


class Task:
    """A flow that runs beside the one that started it.

    news: published when the task has emitted an item or ended; several tasks may share it.
    """

    __slots__ = ("_tickets", "abandoned", "cancel", "emitted", "ended", "error", "join", "news", "result", "taken")

    def __init__(self, news: News) -> None:
        self.news = news
        self.emitted: deque[Any] = deque()
        """Items that nobody has taken yet: at most one, since the task waits for `taken`."""
        self.taken = Signal()
        self.ended = Signal()
        self.result: Any = None
        self.error: BaseException | None = None
        self.abandoned = False
        """True once nobody wants its result any more."""
        self.cancel: Callable[[], object] | None = None
        """Set by the driver that has started it."""
        self.join: Any = None
        """Set by the driver that has started it: what it waits for until the task has ended and cleaned up."""
        self._tickets = deque((None,))

    @property
    def running(self) -> bool:
        """Whether it has been started and has not ended."""
        return self.cancel is not None and not self.ended.is_set

    def claim(self) -> bool:
        """Return True to the first caller only, which must then close the result, since the task was abandoned."""
        try:
            self._tickets.popleft()  # atomic
        except IndexError:
            return False
        return True
