"""NamedStates: what steps know by name, such as a user or a model, without names that only accumulate."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from typing import Generic, TypeVar
from weakref import WeakValueDictionary

State = TypeVar("State")
_MANY = 1000


class NamedStates(Generic[State]):
    """One state for each name. It is dropped once no call holds it, unless it is kept.

    By process: what another thread held before a fork, the child would never see the end of.
    """

    def __init__(self) -> None:
        self._used: WeakValueDictionary[tuple[int, str], State] = WeakValueDictionary()
        self._kept: dict[str, State] = {}
        self._most = _MANY
        self._lock = threading.Lock()

    def of(self, name: str, make: Callable[[], State]) -> State:
        """Return the state of a name; made anew where there is none."""
        with self._lock:
            state = self._used.get((os.getpid(), name))
            if state is None:
                state = self._used[os.getpid(), name] = make()
            return state

    def keep(self, name: str, state: State, rests: Callable[[State], bool]) -> None:
        """Keep a state between calls. Once there are many, those that are as good as new (`rests`) are dropped."""
        with self._lock:
            self._kept[name] = state
            if len(self._kept) > self._most:
                self._kept = {each: kept for each, kept in self._kept.items() if not rests(kept)}
                self._most = max(_MANY, 2 * len(self._kept))

    def drop(self, name: str) -> None:
        """Keep the state of a name no longer than calls hold it."""
        with self._lock:
            self._kept.pop(name, None)

    def __len__(self) -> int:
        return len(self._used)
