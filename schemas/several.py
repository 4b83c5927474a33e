"""Tell values that hold several things from those that are one thing."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, TypeGuard


def holds_several(value: object) -> TypeGuard[Iterable[Any]]:
    """Tell whether a value is a collection, or an iterator, of things.

    Texts, bytes and mappings are one thing each. So are the objects of pydantic, of which other libraries make their
    messages, tools, templates and documents: they iterate over the names and values of their fields.
    """
    one = isinstance(value, str | bytes | bytearray | Mapping) or hasattr(value, "model_dump")
    return isinstance(value, Iterable) and not one
