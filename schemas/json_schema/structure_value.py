"""Build instances of Python types from JSON values."""

from __future__ import annotations

import collections
import collections.abc
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from itertools import repeat
from typing import Any, Final

from attrs import evolve

from ..errors import ObjectInvalid, SchemaError
from ..json_types import JSONValue
from ..memo import Memo, memo
from .depth import too_deep
from .dialects.merging import json_equal
from .fields import Field, fields_of, is_qualifier
from .from_type import DICTS, is_adapter, schema_of, simple_kind, standing_for
from .keywords import pointer
from .validate import TOO_DEEP, Violation, errors_of

__all__ = ["structure_value", "violations_at"]

ReadValue = Callable[[Any, Any], Any]
MAX_REASON: Final = 500
_AS_IN_JSON: Final = (str, int, bool)
# What is built for each kind of collection; for an abstract one that cannot be changed, one that cannot be, either.
_COLLECTIONS: Final[dict[Any, Callable[[Iterable[Any]], Any]]] = {
    **{kind: kind for kind in (list, tuple, set, frozenset, collections.deque)},
    collections.abc.MutableSequence: list,
    collections.abc.Collection: list,
    collections.abc.Iterable: list,
    collections.abc.Sequence: tuple,
    collections.abc.MutableSet: set,
    collections.abc.Set: frozenset,
}


def structure_value(value: object, tp: object) -> Any:
    """Return the JSON value as an instance of a type.

    value: the value, already validated.
    tp: a type that `schema_of` understands; for a dict (a JSON Schema) or a list (a choice), the value itself is
        returned. Of a union, the first alternative whose schema the value fits is built.

    Raises ObjectInvalid, with JSON pointers, for a value that does not fit (`errors_of` lists all mismatches), and for
    one that its class refuses with a ValueError, TypeError or AssertionError, whose text is quoted. Raises SchemaError
    for a type that cannot be built.
    """
    if isinstance(tp, dict | list) or (type(value) is tp and tp in _AS_IN_JSON):
        return value
    if too_deep(value):
        raise _invalid(TOO_DEEP)
    try:
        return _validate(tp.validate_python, value) if is_adapter(tp) else _read(value, _bare(tp))
    except SchemaError:
        raise
    except RecursionError:
        raise _invalid(TOO_DEEP) from None
    except Exception as error:
        raise _invalid(*_violations(error)) from None


def violations_at(name: str | int, violations: Iterable[Violation]) -> list[Violation]:
    """Return the violations of a part of a value as those of the value: with the part's name or index in front."""
    place = pointer((name,))
    return [evolve(each, pointer=place + each.pointer) for each in violations]


def _read(value: object, tp: object) -> Any:
    return _reader_of[tp](value, tp)


@memo(4096)
def _reader_of(tp: object) -> ReadValue:
    for applies, read in _BY_KIND:
        if applies(tp):
            return read
    if (simple := simple_kind(tp, _SIMPLE)) is None:
        raise SchemaError(f"{getattr(tp, '__name__', tp)} cannot be built from JSON")
    return simple


def _checked(described: str, *kinds: type, read: ReadValue = lambda value, tp: tp(value)) -> ReadValue:
    """Make a reader of values of the JSON types `kinds`, which the type itself reads unless `read` does."""

    def read_checked(value: object, tp: object) -> Any:
        if type(value) not in kinds:
            raise _misfit(f"must be {described}")
        return read(value, tp)

    return read_checked


def _read_int(value: object, tp: Callable[[int], object]) -> Any:
    # JSON has only one kind of number: 3.0 is an integer.
    if type(value) is int or (type(value) is float and value.is_integer()):
        return tp(int(value))
    raise _misfit("must be an integer")


def _read_bytes(value: str, tp: Callable[[bytes], object]) -> Any:
    from base64 import b64decode  # rarely needed

    return tp(b64decode(value, validate=True))


def _read_duration(value: str, tp: Callable[..., object]) -> Any:
    import re

    found = re.fullmatch(
        r"P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
        r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?",
        value,
    )
    if found is None or not any(found.groups()):
        raise _misfit("must be a duration in weeks, days, hours, minutes and seconds, as in 'P1DT2H'")
    return tp(**{unit: float(number) for unit, number in found.groupdict("0").items()})


_from_iso = _checked("a string", str, read=lambda value, tp: tp.fromisoformat(value))
_from_text = _checked("a string", str)
# By module and name, so that no module is imported for a type that is not used.
_SIMPLE: Final[dict[tuple[str, str], ReadValue]] = {
    ("builtins", "str"): _from_text,
    ("builtins", "bool"): _checked("true or false", bool),
    ("builtins", "int"): _read_int,
    ("builtins", "float"): _checked("a number", int, float),
    ("builtins", "NoneType"): _checked("null", types.NoneType, read=lambda value, tp: None),
    ("builtins", "bytes"): _checked("a string", str, read=_read_bytes),
    ("datetime", "datetime"): _from_iso,
    ("datetime", "date"): _from_iso,
    ("datetime", "time"): _from_iso,
    ("datetime", "timedelta"): _checked("a string", str, read=_read_duration),
    ("uuid", "UUID"): _from_text,
    ("decimal", "Decimal"): _from_text,
    ("pathlib", "Path"): _from_text,
    ("pathlib._local", "Path"): _from_text,
}


@memo(1024)
def _fields(tp: object) -> list[Field] | None:
    found = fields_of(typing.get_origin(tp) or tp, typing.get_args(tp))
    return found and [evolve(field, type=_bare(field.type)) for field in found]


_schema_of = Memo(1024, schema_of)


def _read_union(value: object, tp: object) -> Any:
    arms = typing.get_args(tp)
    if type(value) in arms:
        return value
    others = [arm for arm in arms if arm is not types.NoneType]
    if len(others) == 1:
        return _read(value, others[0])
    for arm in others:
        if not errors_of(value, _schema_of[arm]):
            return _read(value, arm)
    raise _misfit("fits none of the alternatives")


def _read_literal(value: JSONValue, tp: object) -> Any:
    for choice in typing.get_args(tp):
        if json_equal(choice.value if isinstance(choice, Enum) else choice, value):
            return choice
    raise _misfit("is none of the values")


def _read_mapping(value: object, tp: object) -> dict[Any, Any]:
    if not isinstance(value, Mapping):
        raise _misfit("must be an object")
    keys, values = typing.get_args(tp) or (Any, Any)
    return _read_parts(
        (int(name) if keys is int else _read(name, keys), name, part, values) for name, part in value.items()
    )


def _read_items(value: object, tp: object) -> Any:
    if not isinstance(value, list | tuple):
        raise _misfit("must be a list")
    origin, args = typing.get_origin(tp) or tp, typing.get_args(tp)
    kinds: Iterable[Any] = repeat(args[0] if args else Any, len(value))
    if origin is tuple and args and args[-1] is not Ellipsis:
        kinds = args
        if len(args) != len(value):
            raise _misfit(f"must have {len(args)} items")
    items = _read_parts((at, at, *part) for at, part in enumerate(zip(value, kinds, strict=True)))
    return _COLLECTIONS[origin](items.values())


def _read_object(value: object, tp: object) -> Any:
    if not isinstance(value, Mapping):
        raise _misfit("must be an object")
    cls: Any = typing.get_origin(tp) or tp
    fields = _fields[tp] or []
    absent = [field.name for field in fields if field.required and field.name not in value]
    if absent:
        raise _misfit(f"lacks the required {', '.join(map(repr, absent))}")
    arguments = _read_parts(
        (field.argument, field.name, value[field.name], field.type) for field in fields if field.name in value
    )
    try:
        return cls(**arguments)
    except (ValueError, TypeError, AssertionError) as error:
        raise _misfit(_refusal(error)) from None


# The reader of each kind of type, beside the simple ones; the first that applies counts.
_BY_KIND: Final[tuple[tuple[Callable[[Any], bool], ReadValue], ...]] = (
    (lambda tp: tp in (Any, object), lambda value, _: value),
    (lambda tp: typing.get_origin(tp) in (typing.Union, types.UnionType), _read_union),
    (lambda tp: typing.get_origin(tp) is typing.Literal, _read_literal),
    (lambda tp: (typing.get_origin(tp) or tp) in DICTS, _read_mapping),
    (lambda tp: (typing.get_origin(tp) or tp) in _COLLECTIONS, _read_items),
    (lambda tp: hasattr(tp, "model_validate"), lambda value, tp: _validate(tp.model_validate, value)),
    (lambda tp: isinstance(tp, typing.TypeVar), lambda value, tp: _read(value, _bare(standing_for(tp)))),
    (lambda tp: hasattr(tp, "__supertype__"), lambda value, tp: _read(value, _bare(tp.__supertype__))),
    (lambda tp: hasattr(tp, "__value__"), lambda value, tp: _read(value, _bare(tp.__value__))),
    (lambda tp: isinstance(tp, type) and issubclass(tp, Enum), lambda value, tp: tp(value)),
    (lambda tp: _fields[tp] is not None, _read_object),
)


def _refusal(error: Exception) -> str:
    """Describe why a class of the program refuses a value, in the text of its error, which the model gets to see."""
    reason = error.args[0] if error.args else ""
    if not isinstance(reason, str) or not reason.strip():
        return f"cannot be read ({type(error).__name__})"
    return f"is refused: {reason.strip()[:MAX_REASON]}"


def _read_parts(parts: Iterable[tuple[Any, Any, object, Any]]) -> dict[Any, Any]:
    """Build each part of an object or a list.

    parts: the key of the result, the name or index, the value and the type of each part.

    Raises one ObjectInvalid for all parts that do not fit.
    """
    read: dict[Any, Any] = {}
    wrong: list[Violation] = []
    for key, name, part, tp in parts:
        try:
            read[key] = _read(part, tp)
        except (SchemaError, RecursionError):
            raise
        except Exception as error:
            wrong += violations_at(name, _violations(error))
    if wrong:
        raise _invalid(*wrong)
    return read


def _bare(tp: object) -> Any:
    """Return the type without Annotated and qualifiers such as Required, at any depth.

    What they add concerns only the schema, and a dict in Annotated prevents hashing.
    """
    origin, args = typing.get_origin(tp), typing.get_args(tp)
    if origin is typing.Annotated or is_qualifier(origin):
        return _bare(args[0])
    if origin in (None, typing.Literal) or not args:
        return types.NoneType if tp is None else tp
    inner = tuple(map(_bare, args))
    if all(new is old for new, old in zip(inner, args, strict=True)):
        return tp
    if origin in (typing.Union, types.UnionType):
        return typing.Union[inner]  # noqa: UP007
    return tp.copy_with(inner) if hasattr(tp, "copy_with") else origin[inner]


def _validate(validate: Callable[[Any], Any], value: object) -> Any:
    """Return what pydantic makes of the value. Raises ObjectInvalid with its errors as violations."""
    try:
        return validate(value)
    except ValueError as error:
        if not hasattr(error, "errors"):
            raise
        found = error.errors(include_url=False, include_input=False, include_context=False)
        raise _invalid(*(Violation(pointer(one["loc"]), one["msg"], one["type"]) for one in found)) from None


def _invalid(*violations: Violation) -> ObjectInvalid:
    places = ", ".join(violation.pointer or "the top" for violation in violations[:5])
    return ObjectInvalid(f"the answer does not fit its type at {places}", violations=violations)


def _misfit(message: str) -> ObjectInvalid:
    """Return the error of a value that does not fit its type. The message never quotes the value."""
    return _invalid(Violation("", message, "type"))


def _violations(error: Exception) -> Iterable[Violation]:
    if isinstance(error, ObjectInvalid):
        return error.violations
    return [Violation("", f"cannot be read ({type(error).__name__})", "type")]
