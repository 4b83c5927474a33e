"""Read the fields of a class that becomes a JSON object: attrs, dataclass, TypedDict or NamedTuple."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Mapping
from types import FunctionType
from typing import Any, cast

from attrs import NOTHING, evolve, frozen

from ..errors import SchemaError
from .docstrings import docstring_of, read_docstring


@frozen
class Field:
    """One field of a class."""

    name: str
    """Its name in the JSON."""
    type: Any
    """Its annotation."""
    required: bool = True
    default: Any = None
    """Its default, if `has_default`."""
    has_default: bool = False
    """Whether it has a default that a schema can show, and not one that a function makes."""
    description: str = ""
    argument: str = ""
    """Its name in the call that makes an instance."""
    converter: Callable[..., Any] | None = None
    """What the class does with its value; it may take more than the type says."""
    make: Callable[[], Any] | None = None
    """Makes its value where that is absent and the call would not have it."""


def fields_of(cls: Any, args: tuple[Any, ...] = ()) -> list[Field] | None:
    """Return the fields of a class; None for a class of another kind.

    cls: the class, without its type arguments.
    args: the types that replace its type parameters.
    """
    if hasattr(cls, "__attrs_attrs__"):
        found = _of_attrs(cls)
    elif hasattr(cls, "__dataclass_fields__"):
        found = _of_dataclass(cls)
    elif typing.is_typeddict(cls) or hasattr(cls, "__required_keys__"):
        found = _typed_dict_fields(cls)
    elif hasattr(cls, "_field_defaults"):
        found = _named_tuple_fields(cls)
    else:
        return None
    _, described = read_docstring(docstring_of(cls))
    bindings = {
        typing.Self: cls[args] if args else cls,
        **dict(zip(getattr(cls, "__parameters__", ()), args, strict=False)),
    }
    return [
        evolve(
            field,
            type=_bind_type_variables(field.type, bindings),
            description=field.description or described.get(field.name, ""),
            argument=field.argument or field.name,
        )
        for field in map(described_by_pydantic, found)
    ]


def described_by_pydantic(field: Field) -> Field:
    """Return a field whose default is pydantic's `Field(...)` with what that says: a description, bounds, a default.

    Also one with `Annotated[..., Field(alias=...)]`, by the name that it has then in the JSON.
    """
    info: Any = field.default if _is_field_info(field.default) else None
    if info is not None:
        has_factory = info.default_factory is not None
        required = info.is_required()
        field = evolve(
            field,
            type=typing.Annotated[field.type, info],
            required=required,
            default=None if required else info.default,
            has_default=not required and not has_factory,
            make=None if required else lambda: info.get_default(call_default_factory=True),
        )
    if typing.get_origin(field.type) is typing.Annotated:
        for note in filter(_is_field_info, field.type.__metadata__):
            alias = note.validation_alias
            alias = getattr(alias, "choices", [alias])[0]
            if isinstance(alias, str):
                field = evolve(field, name=alias, argument=field.argument or field.name)
    return field


def _is_field_info(value: object) -> bool:
    return type(value).__name__ == "FieldInfo" and type(value).__module__ == "pydantic.fields"


def type_hints(owner: object) -> dict[str, Any]:
    """Return the annotations of a class or function as types.

    The name of the class itself is known, too, so that a class inside a function may contain itself. Raises SchemaError
    for a name that cannot be resolved.
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
    """Return the annotations of a function's parameters as types.

    The return type may be unresolvable: it is often imported for type checkers only. Raises as `type_hints` does.
    """
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


def _of_attrs(cls: type[Any]) -> list[Field]:
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
            one.converter,
        )
        for one in cls.__attrs_attrs__
        if one.init
    ]


def _of_dataclass(cls: type[Any]) -> list[Field]:
    from dataclasses import MISSING, InitVar, fields  # already imported, since the class is a dataclass

    hints = type_hints(cls)
    variables = {name: hint.type for name, hint in hints.items() if isinstance(hint, InitVar)}
    hints |= variables
    return [
        Field(
            one.name,
            hints.get(one.name, Any),
            one.default is MISSING and one.default_factory is MISSING,
            one.default,
            one.default is not MISSING,
            _from_metadata(one.metadata),
        )
        for one in (*fields(cls), *map(cls.__dataclass_fields__.__getitem__, variables))
        if one.init
    ]


def _typed_dict_fields(cls: type[Any]) -> list[Field]:
    hints = type_hints(cls)
    required = set(cls.__required_keys__)
    for name, hint in hints.items():
        # `__required_keys__` lacks these marks under `from __future__ import annotations`.
        if (mark := _mark(hint)) is not None:
            required = required | {name} if mark is typing.Required else required - {name}
    return [Field(name, hint, name in required) for name, hint in hints.items()]


def _mark(hint: object) -> Any:
    """Return Required or NotRequired if the hint has it, inside Annotated and ReadOnly too."""
    while (origin := typing.get_origin(hint)) is not None:
        if origin in (typing.Required, typing.NotRequired):
            return origin
        if origin is not typing.Annotated and not is_qualifier(origin):
            return None
        hint = typing.get_args(hint)[0]
    return None


def is_qualifier(origin: object) -> bool:
    """Return whether a hint with this origin says something of the field, not of its type: Required, Final, ..."""
    known = (typing.Required, typing.NotRequired, typing.Final, typing.ClassVar)
    return origin in known or getattr(origin, "__name__", "") == "ReadOnly"


def is_alias(hint: object) -> bool:
    """Return whether this is an alias (`type X = ...`), perhaps with types for its variables."""
    return hasattr(typing.get_origin(hint) or hint, "__value__")


def aliased(hint: object) -> Any:
    """Return the type that an alias stands for."""
    alias: Any = typing.get_origin(hint) or hint
    variables = zip(getattr(alias, "__type_params__", ()), typing.get_args(hint), strict=False)
    return _bind_type_variables(alias.__value__, dict(variables))


def rebuilt(hint: object, change: Callable[[Any], Any]) -> Any:
    """Return a generic type with each of its arguments changed; the same one if none changes."""
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin in (None, typing.Literal) or not args:
        return hint
    if origin is typing.Annotated:
        inner = change(args[0])
        return hint if inner is args[0] else typing.Annotated[(inner, *args[1:])]
    inner = tuple([arg if arg is Ellipsis else change(arg) for arg in args])
    if all(new is old for new, old in zip(inner, args, strict=True)):
        return hint
    if origin in (typing.Union, types.UnionType):
        return typing.Union[inner]  # noqa: UP007
    return hint.copy_with(inner) if hasattr(hint, "copy_with") else cast(Any, origin)[inner]


def _named_tuple_fields(cls: type[Any]) -> list[Field]:
    hints = type_hints(cls)
    defaults = cls._field_defaults
    return [
        Field(name, hints.get(name, Any), name not in defaults, defaults.get(name), name in defaults)
        for name in cls._fields
    ]


def _from_metadata(metadata: Mapping[Any, Any]) -> str:
    text = metadata.get("description", "")
    return text if isinstance(text, str) else ""


def _bind_type_variables(hint: Any, bindings: Mapping[Any, Any]) -> Any:
    """Return the hint with type variables and Self replaced."""
    if hint is typing.Self or isinstance(hint, typing.TypeVar):
        return bindings.get(hint, hint)
    return rebuilt(hint, lambda part: _bind_type_variables(part, bindings))
