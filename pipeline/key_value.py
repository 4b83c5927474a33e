"""The stores in which steps keep things between calls: anything with `get_many` and `set_many`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from inspect import iscoroutinefunction
from typing import Protocol

from ..schemas.errors import ConfigError, StepwellError


class KeyValueStore(Protocol):
    """A store of bytes under keys, which are short ASCII texts.

    It must allow several threads at once: async work calls it in threads, so that a slow store never blocks the event
    loop.
    """

    def get_many(self, keys: Sequence[str]) -> Mapping[str, bytes]:
        """Return the values of those keys that the store has."""
        ...

    def set_many(self, items: Mapping[str, bytes]) -> None: ...


def refuse_coroutines(methods: Iterable[object]) -> None:
    """Raise ConfigError if one of a store's methods is a coroutine function."""
    if any(map(iscoroutinefunction, methods)):
        raise ConfigError(
            "a store's methods cannot be coroutine functions", hint="write plain ones, which are called in threads"
        )


def store_trouble(done: str, error: Exception) -> str:
    """Return the warning for a store that failed. Raises the ConfigError of a store that cannot be used at all.

    done: what it was used for: read or written.
    """
    if isinstance(error, ConfigError):
        raise error
    text = str(error) if isinstance(error, StepwellError) else f"{type(error).__name__}: {error}"
    return f"could not be {done}: {text[:200]}"
