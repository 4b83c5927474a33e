"""Filters: which nodes may be found, by their metadata."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

from ..schemas.errors import ConfigError

Where = Mapping[str, Any] | Callable[[Mapping[str, Any]], bool] | None


def check_where(where: Where) -> None:
    """Raise ConfigError unless `where` is a mapping, a function or None."""
    if where is not None and not callable(where) and not isinstance(where, Mapping):
        raise ConfigError(f"a filter cannot be a {type(where).__name__}", hint='where={"lang": "en"}, or a function')


def matches(where: Where, metadata: Mapping[str, Any], source: str = "") -> bool:
    """Return whether a node passes the filter.

    where: a function of the metadata, or a mapping in which every name must match: with a value, with one value of a
        list, tuple or set, or with a function of the value. None: every node passes.
    metadata: the node's metadata; where a value is a list, one matching member is enough.
    source: the node's source, which is filtered by the name "source" unless the metadata has that name.
    """
    if where is None:
        return True
    known = {"source": source, **metadata}
    if callable(where):
        return bool(where(known))
    return all(name in known and _fits(known[name], wanted) for name, wanted in where.items())


def _fits(value: object, wanted: object) -> bool:
    if callable(wanted):
        return bool(wanted(value))
    values = value if isinstance(value, list | tuple) else (value,)
    options: Collection[object] = wanted if isinstance(wanted, list | tuple | set | frozenset) else (wanted,)
    return wanted == value or any(member in options for member in values)
