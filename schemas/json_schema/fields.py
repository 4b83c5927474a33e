"""The fields of a class that becomes a JSON object: attrs, dataclass, TypedDict or NamedTuple, read alike."""

from __future__ import annotations

import typing
from collections.abc import Mapping
from types import FunctionType
from typing import Any

from attrs import NOTHING, evolve, frozen

from ..errors import SchemaError
from .docstrings import docstring_of, read_docstring


@frozen
class Field:
    """One field: `name` is its name in the JSON, `argument` in the call that makes an instance.

    `default` counts only when `has_default`; a field whose default is made by a function has none to show.
    """

    name: str
    type: Any
    required: bool = True
    default: Any = None
    has_default: bool = False
    description: str = ""
    argument: str = ""


def fields_of(cls: Any, args: tuple[Any, ...] = ()) -> list[Field] | None:
    """The fields of a class, with its type parameters replaced by `args`; None for a class of no such kind."""
    if hasattr(cls, "__attrs_attrs__"):
        found = _of_attrs(cls)
    elif hasattr(cls, "__dataclass_fields__"):
        found = _of_dataclass(cls)
    elif typing.is_typeddict(cls) or hasattr(cls, "__required_keys__"):
        found = _of_typed_dict(cls)
    elif hasattr(cls, "_field_defaults"):
        found = _of_named_tuple(cls)
    else:
        return None
    _, described = read_docstring(docstring_of(cls))
    given = dict(zip(getattr(cls, "__parameters__", ()), args, strict=False))
    return [
        evolve(
            field,
            type=_replaced(field.type, given),
            description=field.description or described.get(field.name, ""),
            argument=field.argument or field.name,
        )
        for field in found
    ]


def type_hints(owner: Any) -> dict[str, Any]:
    """The annotations of a class or function, as types.

    A name that cannot be found is looked for in the class itself too, so that a class defined inside a function may
    contain itself. Raises SchemaError when it is nowhere.
    """
    nearby = {owner.__name__: owner} if isinstance(owner, type) else {}
    try:
        return typing.get_type_hints(owner, localns=nearby, include_extras=True)
    except NameError as error:
        raise SchemaError(
            f"the annotation {error.name!r} in {getattr(owner, '__qualname__', owner)} cannot be resolved",
            hint="define that type at the top of its module",
        ) from None


def parameter_hints(function: Any) -> dict[str, Any]:
    """The annotations of a function's parameters, as types. What it returns matters only where it can be resolved: such
    a type is often imported for type checkers alone. Raises as `type_hints` does."""
    try:
        return type_hints(function)
    except SchemaError:
        annotations = dict(getattr(function, "__annotations__", {}))
        if annotations.pop("return", None) is None:
            raise
        closure = function.__closure__
        parameters = FunctionType(function.__code__, function.__globals__, function.__name__, closure=closure)
        parameters.__annotations__, parameters.__qualname__ = annotations, function.__qualname__
        return type_hints(parameters)


def _of_attrs(cls: Any) -> list[Field]:
    hints = type_hints(cls)
    return [
        Field(
            one.name,
            hints.get(one.name, Any),
            one.default is NOTHING,
            one.default,
            one.default is not NOTHING and not hasattr(one.default, "factory"),
            _from_metadata(one.metadata),
            one.alias,
        )
        for one in cls.__attrs_attrs__
        if one.init
    ]


def _of_dataclass(cls: Any) -> list[Field]:
    from dataclasses import MISSING, fields  # loaded already: the class is one

    hints = type_hints(cls)
    return [
        Field(
            one.name,
            hints.get(one.name, Any),
            one.default is MISSING and one.default_factory is MISSING,
            one.default,
            one.default is not MISSING,
            _from_metadata(one.metadata),
        )
        for one in fields(cls)
        if one.init
    ]


def _of_typed_dict(cls: Any) -> list[Field]:
    hints = type_hints(cls)
    required = set(cls.__required_keys__)
    for name, hint in hints.items():
        # Under `from __future__ import annotations` the class itself could not see these marks.
        if (mark := _mark(hint)) is not None:
            required = required | {name} if mark is typing.Required else required - {name}
    return [Field(name, hint, name in required) for name, hint in hints.items()]


def _mark(hint: Any) -> Any:
    """Required or NotRequired, wherever it stands among Annotated and ReadOnly."""
    while (origin := typing.get_origin(hint)) is not None:
        if origin in (typing.Required, typing.NotRequired):
            return origin
        if origin is not typing.Annotated and getattr(origin, "__name__", "") != "ReadOnly":
            return None
        hint = typing.get_args(hint)[0]
    return None


def _of_named_tuple(cls: Any) -> list[Field]:
    hints = type_hints(cls)
    defaults = cls._field_defaults
    return [
        Field(name, hints.get(name, Any), name not in defaults, defaults.get(name), name in defaults)
        for name in cls._fields
    ]


def _from_metadata(metadata: Mapping[Any, Any]) -> str:
    text = metadata.get("description", "")
    return text if isinstance(text, str) else ""


def _replaced(hint: Any, given: Mapping[Any, Any]) -> Any:
    """The hint with type variables replaced."""
    if isinstance(hint, typing.TypeVar):
        return given.get(hint, hint)
    wanted = getattr(hint, "__parameters__", ())
    if not given or not wanted or isinstance(hint, type):
        return hint
    return hint[tuple(given.get(variable, variable) for variable in wanted)]
