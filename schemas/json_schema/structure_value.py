"""Build instances of Python types from JSON values."""

from __future__ import annotations

import collections
import collections.abc
import types
import typing
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from ..errors import ObjectInvalid, SchemaError
from .depth import too_deep
from .fields import Field, fields_of
from .from_type import DICTS, is_adapter, schema_of, standing_for
from .keywords import pointer
from .validate import TOO_DEEP, Violation, errors_of

if TYPE_CHECKING:
    from cattrs import Converter

ReadValue = Callable[[Any, Any], Any]
MAX_REASON: Final = 500
_AS_IN_JSON: Final = (str, int, bool)
_ITERABLES: Final = (collections.deque, collections.abc.Collection, collections.abc.Iterable)


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
    # cattrs takes 50 ms to import.
    from cattrs.errors import StructureHandlerNotFoundError

    if too_deep(value):
        raise _invalid([TOO_DEEP])
    try:
        return _validate(tp.validate_python, value) if is_adapter(tp) else _converter().structure(value, _bare(tp))
    except (SchemaError, StructureHandlerNotFoundError) as error:
        if isinstance(error, SchemaError):
            raise
        raise SchemaError(f"{getattr(tp, '__name__', tp)} cannot be built from JSON") from None
    except Exception as error:
        found = _out_of_stack(error)
        raise _invalid([TOO_DEEP] if found else list(_violations(error, ()))) from None


class _Unreadable(Exception):
    """A value that does not fit its type. The text never quotes the value."""


@lru_cache(maxsize=1)
def _converter() -> Converter:
    import cattrs

    converter = cattrs.Converter(detailed_validation=True)
    for tp, read in _PRIMITIVES.items():
        converter.register_structure_hook(tp, _of_kind(tp, read))
    # What is registered last is tried first.
    hooks: tuple[tuple[Callable[[Any], bool], ReadValue], ...] = (
        (lambda tp: tp is Any or tp is object, lambda value, _: value),
        (lambda tp: _key(tp) in _READERS, _read_simple),
        (lambda tp: typing.get_origin(tp) in DICTS, lambda value, tp: _read_mapping(converter, value, tp)),
        (_is_union, lambda value, tp: _read_union(converter, value, tp)),
        (lambda tp: _fields(tp) is not None, lambda value, tp: _read_object(converter, value, tp)),
        (lambda tp: hasattr(tp, "__value__"), lambda value, tp: converter.structure(value, _bare(tp.__value__))),
        (
            lambda tp: isinstance(tp, typing.TypeVar),
            lambda value, tp: converter.structure(value, _bare(standing_for(tp))),
        ),
        # cattrs needs help to build an abstract collection, with or without items, or a deque.
        (
            lambda tp: (typing.get_origin(tp) or tp) in _ITERABLES,
            lambda value, tp: _read_items(converter, value, tp),
        ),
        (lambda tp: hasattr(tp, "model_validate"), lambda value, tp: _validate(tp.model_validate, value)),
    )
    for applies, read in hooks:
        converter.register_structure_hook_func(applies, read)
    return converter


def _of_kind(kind: type, read: ReadValue) -> ReadValue:
    """Make a reader of `kind` and of types made from it: enums of strings or integers, and other subclasses."""
    return lambda value, tp: read(value, tp) if tp is kind else tp(read(value, tp))


def _exactly(*kinds: type, described: str) -> ReadValue:
    def read(value: object, _: object) -> Any:
        if type(value) in kinds:
            return value
        raise _Unreadable(f"must be {described}")

    return read


def _read_int(value: object, _: object) -> int:
    # JSON has only one kind of number: 3.0 is an integer.
    if type(value) is int or (type(value) is float and value.is_integer()):
        return int(value)
    raise _Unreadable("must be an integer")


def _read_float(value: object, _: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    raise _Unreadable("must be a number")


def _read_bytes(value: str, _: object) -> bytes:
    from base64 import b64decode  # rarely needed

    return b64decode(value, validate=True)


def _read_duration(value: str, tp: Callable[..., object]) -> Any:
    import re

    found = re.fullmatch(r"P(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?)?", value)
    if found is None or not any(found.groups()):
        raise _Unreadable("must be a duration in weeks, days, hours, minutes and seconds, as in 'P1DT2H'")
    weeks, days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return tp(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


_PRIMITIVES: Final[dict[type, ReadValue]] = {
    str: _exactly(str, described="a string"),
    bool: _exactly(bool, described="true or false"),
    int: _read_int,
    float: _read_float,
    bytes: _read_bytes,
}
_READERS: Final[dict[tuple[str, str], ReadValue]] = {
    ("datetime", "datetime"): lambda value, tp: tp.fromisoformat(value),
    ("datetime", "date"): lambda value, tp: tp.fromisoformat(value),
    ("datetime", "time"): lambda value, tp: tp.fromisoformat(value),
    ("datetime", "timedelta"): _read_duration,
    ("uuid", "UUID"): lambda value, tp: tp(value),
    ("decimal", "Decimal"): lambda value, tp: tp(value),
    ("pathlib", "Path"): lambda value, tp: tp(value),
    ("pathlib._local", "Path"): lambda value, tp: tp(value),
}


def _key(tp: object) -> tuple[str, str]:
    return getattr(tp, "__module__", ""), getattr(tp, "__qualname__", "")


def _read_simple(value: object, tp: object) -> Any:
    if not isinstance(value, str):
        raise _Unreadable("must be a string")
    return _READERS[_key(tp)](value, tp)


def _is_union(tp: object) -> bool:
    return typing.get_origin(tp) in (typing.Union, types.UnionType)


@lru_cache(maxsize=1024)
def _fields(tp: object) -> list[Field] | None:
    return fields_of(typing.get_origin(tp) or tp, typing.get_args(tp))


_schema_of = lru_cache(maxsize=1024)(schema_of)


def _read_union(converter: Converter, value: object, tp: object) -> Any:
    arms = typing.get_args(tp)
    if type(value) in arms or (value is None and type(None) in arms):
        return value
    others = [arm for arm in arms if arm is not type(None)]
    if len(others) == 1:
        return converter.structure(value, others[0])
    for arm in others:
        if not errors_of(value, _schema_of(arm)):
            return converter.structure(value, arm)
    raise _Unreadable("fits none of the alternatives")


def _read_mapping(converter: Converter, value: object, tp: object) -> dict[Any, Any]:
    if not isinstance(value, dict):
        raise _Unreadable("must be an object")
    keys, values = typing.get_args(tp) or (Any, Any)
    return _each(
        tp,
        {
            (int(name) if keys is int else converter.structure(name, keys)): (name, part, values)
            for name, part in value.items()
        },
        converter,
    )


def _read_items(converter: Converter, value: object, tp: object) -> Any:
    kind: Any = list[typing.get_args(tp) or (Any,)]  # type: ignore[misc]
    items = converter.structure(value, kind)
    return collections.deque(items) if (typing.get_origin(tp) or tp) is collections.deque else items


def _read_object(converter: Converter, value: object, tp: object) -> Any:
    if not isinstance(value, Mapping):
        raise _Unreadable("must be an object")
    cls: Any = typing.get_origin(tp) or tp
    fields = _fields(tp) or []
    absent = [field.name for field in fields if field.required and field.name not in value]
    if absent:
        raise _Unreadable(f"lacks the required {', '.join(map(repr, absent))}")
    present = [field for field in fields if field.name in value]
    parts = {field.argument: (field.name, value[field.name], field.type) for field in present}
    arguments = _each(tp, parts, converter)
    try:
        return cls(**arguments)
    except (ValueError, TypeError, AssertionError) as error:
        raise _Unreadable(_refusal(error)) from None


def _refusal(error: Exception) -> str:
    """Describe why a class of the program refuses a value, in the text of its error, which the model gets to see."""
    reason = error.args[0] if error.args else ""
    if not isinstance(reason, str) or not reason.strip():
        return f"cannot be read ({type(error).__name__})"
    return f"is refused: {reason.strip()[:MAX_REASON]}"


def _each(tp: Any, parts: dict[Any, tuple[str, Any, Any]], converter: Converter) -> dict[Any, Any]:
    """Build each part of an object.

    tp: the object's type, for the error.
    parts: the name, the value and the type of each part, by the key of the result.
    converter: builds the parts.

    Raises one ClassValidationError for all parts that do not fit, each with its name.
    """
    from cattrs.errors import AttributeValidationNote, ClassValidationError

    read: dict[Any, Any] = {}
    failures: list[Exception] = []
    for key, (name, part, wanted) in parts.items():
        try:
            read[key] = converter.structure(part, _bare(wanted))
        except Exception as error:
            error.__notes__ = [AttributeValidationNote("", name, wanted)]
            failures.append(error)
    if failures:
        raise ClassValidationError("", failures, tp)
    return read


def _bare(tp: object) -> Any:
    """Return the type without Annotated, Required, NotRequired and ReadOnly, at any depth.

    What they add concerns only the schema, and cattrs needs hashable types, which a dict in Annotated prevents.
    """
    origin, args = typing.get_origin(tp), typing.get_args(tp)
    if origin is typing.Annotated:
        return _bare(args[0])
    if origin in (typing.Required, typing.NotRequired) or getattr(origin, "__name__", "") == "ReadOnly":
        return _bare(args[0])
    if origin in (None, typing.Literal) or not args:
        return tp
    inner = tuple(map(_bare, args))
    if all(new is old for new, old in zip(inner, args, strict=True)):
        return tp
    if _is_union(tp):
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
        raise _invalid([Violation(pointer(one["loc"]), one["msg"], one["type"]) for one in found]) from None


def _invalid(violations: list[Violation]) -> ObjectInvalid:
    places = ", ".join(violation.pointer or "the top" for violation in violations[:5])
    return ObjectInvalid(f"the answer does not fit its type at {places}", violations=tuple(violations))


def _out_of_stack(error: BaseException) -> bool:
    """Return whether the stack overflowed, in nested groups of exceptions too, which may be as deep as the value."""
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if isinstance(each, RecursionError):
            return True
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions
    return False


def _violations(error: BaseException, path: tuple[Any, ...]) -> Iterator[Violation]:
    if isinstance(error, ObjectInvalid):
        for inner in error.violations:
            yield Violation(pointer(path) + inner.pointer, inner.message, inner.keyword)
    elif isinstance(error, ExceptionGroup):
        for part in error.exceptions:
            notes = getattr(part, "__notes__", ())
            steps = [getattr(note, "name", getattr(note, "index", None)) for note in notes]
            yield from _violations(part, (*path, *(step for step in steps if step is not None)))
    elif isinstance(error, _Unreadable):
        yield Violation(pointer(path), str(error), "type")
    else:
        yield Violation(pointer(path), f"cannot be read ({type(error).__name__})", "type")
