"""Where steps keep things between calls: anything with `get_many` and `set_many`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol


class KeyValueStore(Protocol):
    """Keys are short ASCII texts, values bytes. Must bear use by several threads at once: async work calls it in
    threads of its own, so that a slow store never holds up the event loop."""

    def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """The values of those keys that are there."""
        ...

    def set_many(self, items: Mapping[str, bytes]) -> None: ...
