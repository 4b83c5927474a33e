"""Read async iterators of any kind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TypeVar

Item = TypeVar("Item")
Default = TypeVar("Default")


async def next_item(items: AsyncIterator[Item], default: Default) -> Item | Default:
    """Return the next item, or the default at the end.

    In CPython 3.11, `anext(items, default)` crashes or hangs where `__anext__` gives an awaitable of a class in Python.
    """
    try:
        return await items.__anext__()
    except StopAsyncIteration:
        return default
