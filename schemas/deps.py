"""Deps: marks a parameter of a tool that the caller supplies, and not the model."""

from __future__ import annotations

from types import UnionType
from typing import Annotated, Any, Final, TypeAlias, TypeVar, Union, get_args, get_origin

T = TypeVar("T")


class _OfCaller:
    """Marks a parameter that gets the `deps=` of a call."""

    def __repr__(self) -> str:
        return "the deps= of the call"


_MARK: Final = _OfCaller()

Deps: TypeAlias = Annotated[T, _MARK]
"""The annotation of a tool's parameter that gets the object of `run_tools(..., deps=...)`, and that the model does not
see: `db: Deps[Database]`, for type checkers a Database."""


def type_of_deps(annotation: object) -> tuple[Any] | None:
    """Return the type inside Deps[...], in a tuple since it may be None; None for an annotation without Deps."""
    if get_origin(annotation) is Annotated:
        kind, *notes = get_args(annotation)
        return (kind,) if _MARK in notes else type_of_deps(kind)
    if get_origin(annotation) in (Union, UnionType):  # Deps[Database] | None
        return next((found for each in get_args(annotation) if (found := type_of_deps(each))), None)
    return None


def is_deps(value: object, kind: object) -> bool:
    """Check whether an object is of a type. True where that cannot be checked at run time, as for a type variable."""
    try:
        kind = kind if get_origin(kind) in (None, Union, UnionType) else get_origin(kind)
        return isinstance(value, kind)  # type: ignore[arg-type]  # else the TypeError below
    except TypeError:  # a type variable, a protocol, a type that exists for type checkers only
        return True
