"""Memo: results by key, at most a fixed number of them, without a cliff one past that number."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Memo(dict[Key, Value], Generic[Key, Value]):
    """A dict that makes what it lacks: `memo[key]` is as fast as a dict's where the result is known.

    A full one replaces the entry in the place that the key's hash names. Of more keys than there is room for, used one
    after another, it still knows most, where functools.lru_cache would know none. Threads may share it.

    most: how many values are kept, unless `hold` asks for more.
    make: makes the value of a key that is read and not there (default: that is a KeyError). What it raises is not kept.
    """

    __slots__ = ("_keys", "_make", "_most")

    def __init__(self, most: int, make: Callable[[Key], Value] | None = None) -> None:
        self._most = most
        self._make = make
        self._keys: list[Key] = []

    def __missing__(self, key: Key) -> Value:
        if self._make is None:
            raise KeyError(key)
        return self.put(key, self._make(key))

    def put(self, key: Key, value: Value) -> Value:
        """Keep a value, unless there is one by now, and return the one that is kept."""
        kept = self.setdefault(key, value)  # atomic: where two threads made one, both get the first
        if kept is value:
            most = self._most  # read once: `hold` may raise it meanwhile
            if len(self._keys) < most:
                self._keys.append(key)
            else:
                place = hash(key) % most
                old, self._keys[place] = self._keys[place], key
                if old != key:
                    self.pop(old, None)
        return kept

    def hold(self, count: int) -> None:
        """Keep at least `count` values from now on: what one call needs at a time, so that the next one finds it."""
        if count > self._most:
            self._most = count


class Memos:
    """Memos that belong together, each of which keeps `most` values, unless `hold` asks for more."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._all: list[Memo[Any, Any]] = []

    def memo(self, make: Callable[[Key], Value]) -> Memo[Key, Value]:
        """Make a Memo of a function of one argument, as `memo` does, which belongs to these."""
        made = Memo(self._most, make)
        self._all.append(made)
        return made

    def hold(self, count: int) -> None:
        """Keep at least `count` values in each from now on."""
        self._most = max(self._most, count)
        for each in self._all:
            each.hold(count)


def memo(most: int) -> Callable[[Callable[[Key], Value]], Memo[Key, Value]]:
    """Make a Memo of a function of one argument; what called the function then reads `memo[argument]`."""
    return lambda make: Memo(most, make)
