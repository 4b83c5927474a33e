"""Write values of Python types as plain JSON data, and results of tools as the content of messages.

A type that a model can give is written as it is read: `structure_value` makes an equal value of what is written here,
and that fits what `schema_of` says of the type.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextvars import ContextVar
from enum import Enum
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, cast

from attrs import fields, has

from ..errors import ToolFailed
from ..json_text import dumps
from ..parts import MEDIA, PARTS, Audio, File, Image, Part, Text, Video
from .kinds import simple_kind
from .own_types import reads_itself, write_own

if TYPE_CHECKING:
    from datetime import timedelta
    from decimal import Decimal

__all__ = ["content_of_result", "plain_data", "sendable"]

_AS_IT_IS: Final = frozenset((str, int, bool, type(None)))
_MOST_ZEROS: Final = 100
_SENDABLE: Final = (Text, Image, File, Audio, Video)
_CONTENT: Final = (str, *PARTS)


def plain_data(value: object) -> Any:
    """Return a value as dicts, lists, strings and numbers.

    NaN and infinities, which JSON does not have, become "NaN", "Infinity" and "-Infinity". What can be iterated becomes
    a list, bytes are written in base64, an exception as its class and text. Names of an object that are no strings are
    written as the JSON of the name. Raises TypeError for a value without a JSON form, RecursionError for one that is
    nested too deeply or holds itself.
    """
    kind = type(value)
    if kind in _AS_IT_IS:
        return value
    for applies, write in _BY_KIND:
        if applies(value):
            return write(value)
    raise TypeError(f"a {kind.__name__} has no JSON form")


def sendable(value: object, tool: str) -> str | Part | Sequence[str | Part]:
    """Return a tool's result as the content of a message: text and parts as they are, all else as JSON.

    Images and files inside of other values follow the JSON, which says where each belongs. NaN and infinities, which
    JSON does not have, become "NaN", "Infinity" and "-Infinity". Raises ToolFailed for a value without a JSON form.
    """
    if isinstance(value, str):
        return str.__str__(value) or "(no output)"  # a plain str, also of a subclass
    if value is None:
        return "(no output)"
    if isinstance(value, _SENDABLE):
        return value
    if isinstance(value, list | tuple) and any(isinstance(item, _SENDABLE) for item in value):
        content: list[Any] = []
        for item in value:
            written = item if isinstance(item, _CONTENT) else sendable(item, tool)
            content += written if isinstance(written, list) else [written]
        return content
    files: list[Part] = []
    collecting = _FILES.set(files)
    try:
        plain = plain_data(value)
        text = plain if isinstance(value, BaseException) else dumps(plain).decode()
    except (TypeError, RecursionError):
        raise ToolFailed(f"it returned a {type(value).__name__}, which has no JSON form", tool=tool) from None
    finally:
        _FILES.reset(collecting)
    return [text, *files] if files else text


_FILES: Final[ContextVar[list[Part] | None]] = ContextVar("files", default=None)
"""Where the images and files inside a result go: a model does not see them as text."""


def _file(value: Part) -> Any:
    if (found := _FILES.get()) is None:
        return _named(value, [each.name for each in fields(type(value))])
    found.append(value)
    return f"({value.type} {len(found)} below)"


def content_of_result(value: object, tool: str) -> str | Part | Sequence[str | Part]:
    """Return what a program gives as the result of a call: content as it is, all else as `sendable` writes it."""
    is_content = isinstance(value, _CONTENT) or (
        isinstance(value, list | tuple) and value and all(isinstance(item, _CONTENT) for item in value)
    )
    return value if is_content else sendable(value, tool)  # type: ignore[return-value]


def _number(value: float) -> Any:
    if isfinite(value):
        return float(value)
    return "NaN" if value != value else "Infinity" if value > 0 else "-Infinity"


def _list(values: Iterable[Any]) -> list[Any]:
    return [part if type(part) in _AS_IT_IS else plain_data(part) for part in values]


def _object(parts: Iterable[tuple[object, Any]]) -> dict[str, Any]:
    return {
        name if type(name) is str else _name(name): part if type(part) in _AS_IT_IS else plain_data(part)
        for name, part in parts
    }


def _name(name: object) -> str:
    plain = plain_data(name)
    return plain if isinstance(plain, str) else dumps(plain).decode()


def _named(value: object, names: Iterable[str]) -> dict[str, Any]:
    return _object([(name, getattr(value, name)) for name in names if hasattr(value, name)])


def _set(values: Iterable[Any]) -> list[Any]:
    """Return the items of a set in an order that does not change from run to run."""
    return _list(sorted(values, key=repr))


def _base64(value: bytes) -> str:
    from base64 import b64encode  # rarely needed

    return b64encode(value).decode()


def _decimal(value: Decimal) -> str:
    # Without an exponent, which the schema of a Decimal does not have.
    return format(value, "f") if value.is_finite() and abs(value.adjusted()) <= _MOST_ZEROS else str(value)


def _duration(value: timedelta) -> str:
    """Write a timedelta as ISO 8601 does, in days, hours, minutes and seconds; a negative one with a sign."""
    whole = abs(value)
    minutes, seconds = divmod(whole.seconds, 60)
    exact = f"{seconds}.{whole.microseconds:06}".rstrip("0").rstrip(".")
    days = f"{whole.days}D" if whole.days else ""
    time = f"T{minutes // 60}H{minutes % 60}M{exact}S" if whole.seconds or whole.microseconds or not days else ""
    return f"{'-' if value.days < 0 else ''}P{days}{time}"


# By module and name, so that no module is imported for a type that is not used.
_SIMPLE: Final[dict[tuple[str, str], Callable[[Any], str]]] = {
    ("datetime", "datetime"): lambda value: value.isoformat(),
    ("datetime", "date"): lambda value: value.isoformat(),
    ("datetime", "time"): lambda value: value.isoformat(),
    ("datetime", "timedelta"): _duration,
    ("uuid", "UUID"): str,
    ("decimal", "Decimal"): _decimal,
    ("pathlib", "PurePath"): str,
    ("pathlib._local", "PurePath"): str,  # where Python 3.13 keeps it
}


def _simple(value: object) -> str | None:
    write = simple_kind(type(value), _SIMPLE)
    return None if write is None else write(value)


# How each kind of value is written; the first that applies counts.
_BY_KIND: Final[tuple[tuple[Callable[[Any], Any], Callable[[Any], Any]], ...]] = (
    (lambda value: isinstance(value, type), lambda value: _refuse(value)),
    (lambda value: isinstance(value, Enum), lambda value: plain_data(value.value)),
    (lambda value: isinstance(value, str), str.__str__),
    (lambda value: isinstance(value, int), int),
    (lambda value: isinstance(value, float), _number),
    (lambda value: reads_itself(type(value)), lambda value: plain_data(write_own(value))),
    (lambda value: isinstance(value, Mapping), lambda value: _object(value.items())),
    (lambda value: isinstance(value, MEDIA), _file),
    (lambda value: has(type(value)), lambda value: _named(value, [each.name for each in fields(type(value))])),
    (lambda value: hasattr(value, "__dataclass_fields__"), lambda value: _named(value, _dataclass_names(value))),
    (lambda value: isinstance(value, tuple) and hasattr(value, "_fields"), lambda value: _named(value, value._fields)),
    (lambda value: isinstance(value, list | tuple), _list),
    (lambda value: isinstance(value, set | frozenset), _set),
    (lambda value: isinstance(value, bytes | bytearray | memoryview), _base64),
    (lambda value: simple_kind(type(value), _SIMPLE), _simple),
    (lambda value: hasattr(value, "tolist"), lambda value: plain_data(value.tolist())),  # numpy's arrays and numbers
    (lambda value: hasattr(value, "model_dump"), lambda value: plain_data(value.model_dump(mode="json"))),
    (lambda value: isinstance(value, BaseException), lambda value: f"{type(value).__name__}: {value}"),
    (lambda value: isinstance(value, Iterable), _list),
)


def _dataclass_names(value: object) -> list[str]:
    from dataclasses import fields as fields_of  # already imported, since the class is a dataclass

    return [each.name for each in fields_of(cast(Any, value))]


def _refuse(value: type) -> Any:
    raise TypeError(f"a class has no JSON form: {value.__name__}")
