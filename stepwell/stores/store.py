"""The store in memory, and what `cache=` may be."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

from ..pipeline.key_value import KeyValueStore
from ..providers.local.install import cache_folder
from ..schemas.errors import ConfigError
from .sqlite import SQLiteStore


class MemoryStore:
    """A store in memory. Over `max_items`, what was not used for longest goes first (None: no bound)."""

    def __init__(self, max_items: int | None = 100_000) -> None:
        self._max = max_items
        self._items: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        with self._lock:
            found = {key: self._items[key] for key in keys if key in self._items}
            for key in found:
                self._items.move_to_end(key)
            return found

    def set_many(self, items: Mapping[str, bytes]) -> None:
        with self._lock:
            for key, value in items.items():
                self._items[key] = value
                self._items.move_to_end(key)
            while self._max is not None and len(self._items) > self._max:
                self._items.popitem(last=False)

    def __len__(self) -> int:
        return len(self._items)


def store_of(given: Any, file: str) -> KeyValueStore | None:
    """The store that is meant: None or False, True (that file, in STEPWELL_CACHE or else in the user's cache folder),
    a path, or a store.

    Raises ConfigError for anything else.
    """
    if given is None or given is False:
        return None
    if given is True:
        return SQLiteStore(cache_folder() / file)
    if isinstance(given, str | Path):
        return SQLiteStore(given)
    methods = [getattr(given, name, None) for name in ("get_many", "set_many")]
    if any(iscoroutinefunction(method) for method in methods):
        raise ConfigError("a store's methods cannot be coroutine functions", hint="plain ones are called in threads")
    if all(callable(method) for method in methods):
        store: KeyValueStore = given
        return store
    raise ConfigError(
        f"a cache cannot be a {type(given).__name__}", hint="pass True, a path, or a store with get_many and set_many"
    )
