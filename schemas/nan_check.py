"""Numbers that JSON has not. The writer gives null for them, silently, which is something else."""

from __future__ import annotations

from math import isfinite
from typing import Any


def not_finite(value: Any, place: str = "", depth: int = 0) -> str | None:
    """Where in plain data a NaN or an infinity stands, as a JSON pointer ("" for the value itself); None: nowhere."""
    if depth > _DEEPEST:
        return None
    kind = value.__class__
    if kind is float:
        return None if isfinite(value) else place
    if kind is dict:
        pairs = value.items()
    elif kind is list or kind is tuple:
        pairs = enumerate(value)
    else:
        return None
    for name, each in pairs:
        if each.__class__ in _HOLDING and (found := not_finite(each, f"{place}/{name}", depth + 1)) is not None:
            return found
    return None


_DEEPEST = 255  # the writer refuses what is nested more deeply
_HOLDING = frozenset((float, dict, list, tuple))
