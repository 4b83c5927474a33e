"""Keep what was found out about the options of a call: most programs give the same ones in call after call.

Checking and translating two options takes 10 µs, looking them up 1 µs.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...schemas.memo import Memo

_SCALARS = frozenset((str, int, float, bool))
MOST, _LONGEST = 256, 64
"""Of the entries of one table, and of the characters of a text: more would hold the memory that users' values fill."""

OptionsKey = tuple[tuple[tuple[str, Any], ...], tuple[type, ...]]


def scalars_key(options: Mapping[str, Any]) -> OptionsKey | None:
    """Return options as a key for a cache; None if one is an object or a list, which may be changed later.

    The types belong to the key, since True equals 1.
    """
    types = tuple(map(type, options.values()))
    return (tuple(options.items()), types) if _SCALARS.issuperset(types) else None


def keep(table: Memo[Any, Any], key: object, options: Mapping[str, Any], value: object) -> None:
    """Keep a value under a key made of options, unless a text among them is long."""
    if not any(isinstance(each, str) and len(each) > _LONGEST for each in options.values()):
        table.put(key, value)
