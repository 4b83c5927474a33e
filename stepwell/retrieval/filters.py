"""Which nodes may be found, by their metadata."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from ..schemas.errors import ConfigError

Where = Mapping[str, Any] | Callable[[Mapping[str, Any]], bool] | None


def check_where(where: Where) -> None:
    """Raise ConfigError for what is no filter."""
    if where is not None and not callable(where) and not isinstance(where, Mapping):
        raise ConfigError(f"a filter cannot be a {type(where).__name__}", hint='where={"lang": "en"}, or a function')


def matches(where: Where, metadata: Mapping[str, Any], source: str = "") -> bool:
    """Whether a node passes. `where` is a function of the metadata, or what must hold of each name in it: a value, a
    list, tuple or set of values of which one will do, or a function of the value. A node whose own value is a list
    passes with any of its members; `source` is a name like the others, unless the metadata has one of its own."""
    if where is None:
        return True
    known = {"source": source, **metadata}
    if callable(where):
        return bool(where(known))
    return all(name in known and _fits(known[name], wanted) for name, wanted in where.items())


def _fits(value: Any, wanted: Any) -> bool:
    if callable(wanted):
        return bool(wanted(value))
    values = value if isinstance(value, list | tuple) else (value,)
    options: Collection[Any] = wanted if isinstance(wanted, list | tuple | set | frozenset) else (wanted,)
    return wanted == value or any(each in options for each in values)
