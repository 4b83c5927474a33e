"""How deeply plain data is nested: what recurses over it refuses more than this beforehand, whoever calls it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

MAX_VALUE_DEPTH: Final = 200


def too_deep(value: Any, limit: int = MAX_VALUE_DEPTH) -> bool:
    """Whether lists and objects stand more than `limit` levels deep in one another. Takes no stack, and time linear in
    the size of each level."""
    level = [value] if isinstance(value, _HOLDING) else []
    for _ in range(limit):
        inner = [
            part
            for holder in level
            for part in (holder.values() if isinstance(holder, Mapping) else holder)
            if isinstance(part, _HOLDING)
        ]
        if not inner:
            return False
        # An object that stands in many places is looked at once.
        level = inner if len(inner) < _MANY else list({id(part): part for part in inner}.values())
    return True


_HOLDING: Final = (dict, list, tuple)
_MANY: Final = 1_000


def ran_out_of_stack(error: BaseException) -> bool:
    """Whether the stack overflowed, in Python or in a library in Rust: there it is a PanicException, no Exception."""
    return isinstance(error, RecursionError) or type(error).__name__ == "PanicException"
