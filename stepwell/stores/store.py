"""MemoryStore: a key-value store in memory; and the store that a `cache=` argument means."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import cast

from ..pipeline.key_value import KeyValueStore, refuse_coroutines
from ..providers.local.install import cache_folder
from ..schemas.errors import ConfigError
from ..schemas.process_lock import ProcessLock
from .sqlite import SQLiteStore


class MemoryStore:
    """A store in memory of at most `max_items` entries (None: no bound); the least recently used are removed first."""

    def __init__(self, max_items: int | None = 100_000) -> None:
        self._max = max_items
        self._items: OrderedDict[str, bytes] = OrderedDict()
        self._lock = ProcessLock()

    def get_many(self, keys: Sequence[str]) -> dict[str, bytes]:
        """Return the stored values, by key."""
        with self._lock:
            found = {key: self._items[key] for key in keys if key in self._items}
            for key in found:
                self._items.move_to_end(key)
            return found

    def set_many(self, items: Mapping[str, bytes]) -> None:
        """Store values by key."""
        with self._lock:
            for key, value in items.items():
                self._items[key] = value
                self._items.move_to_end(key)
            while self._max is not None and len(self._items) > self._max:
                self._items.popitem(last=False)

    def __len__(self) -> int:
        return len(self._items)


def store_of(cache: object, file: str) -> KeyValueStore | None:
    """Return the store for a `cache=` argument. Raises ConfigError for anything but the values below.

    cache: None or False (no store), True (`file`), a path of an SQLite file, or a store.
    file: the name of the file for True, in the folder STEPWELL_CACHE, else in the user's cache folder.
    """
    if cache is None or cache is False:
        return None
    if cache is True:
        return SQLiteStore(cache_folder() / file)
    if isinstance(cache, str | Path):
        return SQLiteStore(cache)
    methods = [getattr(cache, name, None) for name in ("get_many", "set_many")]
    refuse_coroutines(methods)
    if all(callable(method) for method in methods):
        return cast(KeyValueStore, cache)
    raise ConfigError(
        f"a cache cannot be a {type(cache).__name__}", hint="pass True, a path, or a store with get_many and set_many"
    )
