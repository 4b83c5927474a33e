"""Find NaN and infinities in plain data: JSON has no such numbers, and orjson silently writes null for them."""

from __future__ import annotations

from collections.abc import Iterable
from math import isfinite

from .json_text import dumps, spaced


def not_finite(value: object, place: str = "", depth: int = 0) -> str | None:
    """Return the JSON pointer of the first NaN or infinity in plain data ("" for the value itself), else None.

    value: the data.
    place: the pointer of `value` itself.
    depth: how many levels above `value` have been searched; the search stops at 255.
    """
    if depth > _DEEPEST:
        return None
    if isinstance(value, float):
        return None if isfinite(value) else place
    pairs: Iterable[tuple[object, object]]
    if isinstance(value, dict):
        pairs = value.items()
    elif isinstance(value, list | tuple):
        pairs = enumerate(value)
    else:
        return None
    for name, each in pairs:
        if each.__class__ in _SEARCHED and (found := not_finite(each, f"{place}/{name}", depth + 1)) is not None:
            return found
    return None


def dumps_as_read(value: object) -> bytes:
    """Return the JSON of a value that was read leniently: NaN and infinities stay, where `dumps` would write null."""
    data = dumps(value)
    return data if b"null" not in data or not_finite(value) is None else spaced(value).encode()


_DEEPEST = 255  # orjson refuses deeper nesting
_SEARCHED = frozenset((float, dict, list, tuple))
