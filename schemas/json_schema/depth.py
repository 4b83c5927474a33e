"""Measure how deeply plain data is nested, before anything recurses over it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

MAX_VALUE_DEPTH: Final = 200


def too_deep(value: object, limit: int = MAX_VALUE_DEPTH) -> bool:
    """Return whether lists and objects are nested more than `limit` levels deep.

    Does not recurse, and takes time linear in the size of each level.
    """
    level: list[Any] = [value] if isinstance(value, _CONTAINERS) else []
    for _ in range(limit):
        inner = [
            part
            for holder in level
            for part in (holder.values() if isinstance(holder, Mapping) else holder)
            if isinstance(part, _CONTAINERS)
        ]
        if not inner:
            return False
        # Visit an object that is in many places only once.
        level = inner if len(inner) < _MANY else list({id(part): part for part in inner}.values())
    return True


_CONTAINERS: Final = (dict, list, tuple)
_MANY: Final = 1_000
