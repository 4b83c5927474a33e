"""NamedStates: what steps know by name, such as a user or a model, without names that only accumulate."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

Name = TypeVar("Name", bound=Hashable)
State = TypeVar("State")
_MANY = 1000
"""States from which on those are looked for that rest; later, whenever they are twice as many as were left."""


class NamedStates(dict[Name, State], Generic[Name, State]):
    """A dict with one state for each name. Hold a lock while it is used."""

    _most = _MANY

    def of(self, name: Name, make: Callable[[], State], rests: Callable[[State], bool]) -> State:
        """Return the state of a name. Where there is none, it is made; if there are many, those that rest are dropped.

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
