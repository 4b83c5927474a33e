"""Tables whose names are patterns of model ids (`gpt-5*`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import TypeVar

T = TypeVar("T")


def matching(table: Mapping[str, T], model_id: str) -> Iterator[T]:
    """Yield the values of the patterns that match a model's id, the last one first: it takes precedence."""
    return (value for pattern, value in reversed([*table.items()]) if fnmatchcase(model_id, pattern))
