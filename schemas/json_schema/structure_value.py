"""Build instances of Python types from JSON values."""

from __future__ import annotations

import collections
import collections.abc
import sys
import types
import typing
from collections.abc import Callable, Iterable, Mapping
from enum import Enum
from itertools import repeat
from typing import Any, Final

from attrs import Converter, evolve, frozen

from ..errors import ObjectInvalid, SchemaError
from ..json_types import JSONValue
from ..memo import Memo, memo
from .depth import too_deep
from .dialects.merging import json_equal
from .fields import Field, aliased, fields_of, is_alias, is_qualifier, rebuilt
from .from_type import DICTS, schema_of, standing_for, trusting_schema
from .keywords import pointer
from .kinds import simple_kind
from .own_types import adapter_of, read_own, reads_itself
from .validate import TOO_DEEP, errors_of
from .violation import REFUSED, Violation

__all__ = ["invalid", "read_fields", "structure_value"]

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
        raise invalid(TOO_DEEP)
    try:
        return _read(value, _bare(tp))
    except SchemaError:
        raise
    except RecursionError:
        raise invalid(TOO_DEEP) from None
    except Exception as error:
        raise invalid(*_violations(error)) from None


def _violations_at(name: str | int, violations: Iterable[Violation]) -> list[Violation]:
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
    if getattr(tp, "__module__", "").partition(".")[0] in sys.stdlib_module_names:
        return simple
    return lambda value, cls: _made_by(lambda: simple(value, cls))


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
        r"(?P<sign>[+-])?P(?:(?P<weeks>\d+)W)?(?:(?P<days>\d+)D)?"
        r"(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?",
        value,
    )
    if found is None or not any(found.groups()[1:]):
        raise _misfit("must be a duration in weeks, days, hours, minutes and seconds, as in 'P1DT2H'")
    parts = found.groupdict("0")
    factor = -1 if parts.pop("sign") == "-" else 1
    return tp(**{unit: factor * float(number) for unit, number in parts.items()})


def _read_decimal(value: object, tp: Callable[[str], Any]) -> Any:
    # A number has been a float, which keeps 15 digits as they were written. NaN and Infinity are none in JSON.
    written = value if type(value) is str else repr(value)
    number = tp(written)
    if not number.is_finite() or (type(value) is float and len(number.as_tuple().digits) > sys.float_info.dig):
        raise _misfit("must be a decimal number, in a string")
    return number


_from_iso = _checked("a string", str, read=lambda value, tp: tp.fromisoformat(value.upper()))
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
    ("decimal", "Decimal"): _checked("a decimal number, in a string", str, int, float, read=_read_decimal),
    ("pathlib", "Path"): _from_text,
    ("pathlib._local", "Path"): _from_text,
}


@memo(1024)
def _fields(tp: object) -> dict[str, Field] | None:
    found = fields_of(typing.get_origin(tp) or tp, typing.get_args(tp))
    return None if found is None else {field.name: evolve(field, type=_bare(field.type)) for field in found}


_schema_of, _trusting_schema = Memo(1024, schema_of), Memo(1024, trusting_schema)


def _read_union(value: object, tp: object) -> Any:
    arms = typing.get_args(tp)
    if type(value) in arms:
        return value
    others = [arm for arm in arms if arm is not types.NoneType]
    if len(others) == 1:
        return _read(value, others[0])
    refusal = _misfit("fits none of the alternatives")
    # A class of the program may read what its schema does not describe: that counts only if nothing else fits.
    for schema_for in (_schema_of, _trusting_schema):
        for at, arm in enumerate([arm for arm in others if not errors_of(value, schema_for[arm])]):
            try:
                return _read(value, arm)
            except (ObjectInvalid, ValueError, ArithmeticError) as error:  # of its text, not of its schema
                refusal = refusal if at else invalid(*_violations(error))
    raise refusal


def _read_literal(value: JSONValue, tp: object) -> Any:
    for choice in typing.get_args(tp):
        if json_equal(choice.value if isinstance(choice, Enum) else choice, value):
            return choice
    raise _misfit("is none of the values")


def _read_mapping(value: object, tp: object) -> dict[Any, Any]:
    if not isinstance(value, Mapping):
        raise _misfit("must be an object")
    keys, values = typing.get_args(tp) or (Any, Any)
    return _read_parts((_read_name(name, keys), name, part, values) for name, part in value.items())


def _read_name(name: str, tp: object) -> Any:
    """Return the name of a property as a key; one of an integer type is written as its digits."""
    try:
        return _read(name, tp)
    except (ObjectInvalid, ValueError):  # an enum raises a ValueError
        if not name.lstrip("-").isdecimal():
            raise
    return _read(int(name), tp)


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
    fields = _fields[tp] or {}
    absent = [name for name, field in fields.items() if field.required and name not in value]
    if absent:
        raise _misfit(f"lacks the required {', '.join(map(repr, absent))}")
    arguments = read_fields(value, fields)
    return _made_by(lambda: cls(**arguments))


def _made_by(make: Callable[[], Any]) -> Any:
    """Return what a class of the program makes. Raises ObjectInvalid, with its message, if it refuses."""
    try:
        return make()
    except (ValueError, TypeError, AssertionError) as error:
        raise _refused(error) from None


def read_fields(value: Mapping[str, Any], fields: Mapping[str, Field], *, unknown: bool = False) -> dict[str, Any]:
    """Return the arguments of a call from the names and values of a JSON object.

    value: the object.
    fields: what is read of it, by name; a default that the call would not know is added.
    unknown: give a value unchanged whose type cannot be built, instead of raising SchemaError.

    Raises one ObjectInvalid for all values that do not fit.
    """
    made: dict[str, Any] = {}
    parts = []
    for name, field in fields.items():
        if name in value:
            tp = _Converted(field.type, field.converter) if field.converter else field.type
            parts.append((field.argument, name, value[name], tp))
        elif field.make:
            made[field.argument] = field.make()
    return made | _read_parts(parts, unknown=unknown)


@frozen
class _Converted:
    """The type of a field with a converter. A value that cannot be read as the type, or that the converter takes only
    unread, is passed to the converter as it is."""

    type: Any
    converter: Callable[..., Any]


def _read_converted(value: object, tp: _Converted) -> Any:
    try:
        made = _read(value, tp.type)
        if not isinstance(tp.converter, Converter):  # such a one needs the instance
            tp.converter(made)
        return made
    except SchemaError:
        raise
    except Exception:
        return value


# The reader of each kind of type, beside the simple ones; the first that applies counts.
_BY_KIND: Final[tuple[tuple[Callable[[Any], bool], ReadValue], ...]] = (
    (lambda tp: tp in (Any, object), lambda value, _: value),
    (reads_itself, read_own),
    (lambda tp: isinstance(tp, _Converted), _read_converted),
    (lambda tp: typing.get_origin(tp) in (typing.Union, types.UnionType), _read_union),
    (lambda tp: typing.get_origin(tp) is typing.Literal, _read_literal),
    (lambda tp: (typing.get_origin(tp) or tp) in DICTS, _read_mapping),
    (lambda tp: (typing.get_origin(tp) or tp) in _COLLECTIONS, _read_items),
    (lambda tp: isinstance(tp, typing.TypeVar), lambda value, tp: _read(value, _bare(standing_for(tp)))),
    (lambda tp: hasattr(tp, "__supertype__"), lambda value, tp: _read(value, _bare(tp.__supertype__))),
    (is_alias, lambda value, tp: _read(value, _bare(aliased(tp)))),
    (lambda tp: isinstance(tp, type) and issubclass(tp, Enum), lambda value, tp: tp(value)),
    (lambda tp: _fields[tp] is not None, _read_object),
)


def _refused(error: Exception) -> ObjectInvalid:
    """Return the error of a class of the program that refuses a value, with its words, which the model gets to see."""
    reason = error.args[0] if error.args else ""
    if not isinstance(reason, str) or not reason.strip():
        return _misfit(f"cannot be read ({type(error).__name__})")
    return invalid(Violation("", f"is refused: {reason.strip()[:MAX_REASON]}", REFUSED))


def _read_parts(parts: Iterable[tuple[Any, Any, object, Any]], *, unknown: bool = False) -> dict[Any, Any]:
    """Build each part of an object or a list.

    parts: the key of the result, the name or index, the value and the type of each part.
    unknown: as in `read_fields`.

    Raises one ObjectInvalid for all parts that do not fit.
    """
    read: dict[Any, Any] = {}
    wrong: list[Violation] = []
    for key, name, part, tp in parts:
        try:
            read[key] = structure_value(part, tp) if unknown else _read(part, tp)
        except (SchemaError, RecursionError) as error:
            if not unknown or not isinstance(error, SchemaError):
                raise
            read[key] = part
        except Exception as error:
            wrong += _violations_at(name, _violations(error))
    if wrong:
        raise invalid(*wrong)
    return read


def _bare(tp: object) -> Any:
    """Return the type without Annotated and qualifiers such as Required, at any depth.

    What they add concerns only the schema, and a dict in Annotated prevents hashing. A type that reads itself is
    replaced by what reads it, unless it is a class.
    """
    if reads_itself(tp):
        return tp if isinstance(tp, type) and typing.get_origin(tp) is None else adapter_of(tp)
    if (origin := typing.get_origin(tp)) is typing.Annotated or is_qualifier(origin):
        return _bare(typing.get_args(tp)[0])
    return types.NoneType if tp is None else rebuilt(tp, _bare)


def invalid(*violations: Violation) -> ObjectInvalid:
    """Return the error of a value that does not fit its type. Its message has the places, but nothing of the value."""
    places = ", ".join(violation.pointer or "the top" for violation in violations[:5])
    return ObjectInvalid(f"the answer does not fit its type at {places}", violations=violations)


def _misfit(message: str) -> ObjectInvalid:
    """Return the error of a value that does not fit its type. The message never quotes the value."""
    return invalid(Violation("", message, "type"))


def _violations(error: Exception) -> Iterable[Violation]:
    if isinstance(error, ObjectInvalid):
        return error.violations
    return [Violation("", f"cannot be read ({type(error).__name__})", "type")]
