"""The stores in which steps keep things between calls: anything with `get_many` and `set_many`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class KeyValueStore(Protocol):
    """A store of bytes under keys, which are short ASCII texts.

    It must allow several threads at once: async work calls it in threads, so that a slow store never blocks the event
    loop.
    """

    def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Return the values of those keys that the store has."""
        ...

    def set_many(self, items: Mapping[str, bytes]) -> None: ...
