"""Look up classes in tables whose keys are modules and names, so that no table imports a class to name it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, TypeVar

Kind = TypeVar("Kind")

_OBJECT: Final = ("builtins", "object")


def class_key(tp: object) -> tuple[str, str]:
    """Return the module and the name of a class, as in the keys of a table."""
    return getattr(tp, "__module__", ""), getattr(tp, "__qualname__", getattr(tp, "__name__", ""))


def simple_kind(tp: object, kinds: Mapping[tuple[str, str], Kind]) -> Kind | None:
    """Return what a table has for a class, or for the first of its base classes."""
    keys = map(class_key, getattr(tp, "__mro__", ()))
    return next((kinds[key] for key in keys if key in kinds and key != _OBJECT), None)
