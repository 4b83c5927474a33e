"""NamedStates: what steps know of each name, such as a user or a model; names that are no longer needed are dropped."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)
State = TypeVar("State")
_MANY = 1000
"""At so many states, those that rest are dropped; the next time, at twice as many as were left."""


class NamedStates(dict[Name, State], Generic[Name, State]):
    """A dict with one state for each name. Hold a lock while it is used."""

    _most = _MANY

    def of(self, name: Name, make: Callable[[], State], rests: Callable[[State], bool]) -> State:
        """Return the state of a name; make it if there is none. If there are many, those that rest are dropped.

        make: makes a state.
        rests: whether a state is no longer needed: the next call of its name may start with a new one.
        """
        state = self.get(name)
        if state is None:
            if len(self) >= self._most:
                for each in [each for each, known in self.items() if rests(known)]:
                    del self[each]
                self._most = max(_MANY, 2 * len(self))
            state = self[name] = make()
        return state
