"""The versioned JSON form of plain data of this package, equal after a round trip.

A document is an object `{"stepwell": kind, "version": 1, ...}`. Only the classes that a reader names, and the parts
listed here by their tags, become objects. A `__class__`, `lc` or `type` key anywhere in the data stays plain data, and
no class is ever found by name.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

from attrs import Factory, fields, has

from .errors import ConfigError, DecodeError, ObjectInvalid
from .json_schema.structure_value import structure_value
from .json_text import JSONDecodeError, dumps, loads
from .nan_check import not_finite
from .parts import PARTS, Opaque
from .tool import Tool
from .usage import Usage
from .versions import refused_version

VERSION = 1
_AS_IT_IS: Mapping[type, frozenset[str]] = {
    Opaque: frozenset(("data",)),
    Tool: frozenset(("parameters", "server", "extra")),
}
"""The fields that hold a provider's own data, which stays as it is; of all other classes it is `extra`."""
_EXTRA = frozenset(("extra",))
_LEFT_OUT: Mapping[type, str] = {Tool: "callback", Usage: "raw"}


def to_data(value: object) -> Any:
    """Return the plain data of an instance, which `structure_value` reads: without defaults, parts with their tags."""
    cls = type(value)
    if has(cls):
        data = {"type": value.type} if isinstance(value, PARTS) else {}
        for name, default, convert in _plan(cls):
            if (part := getattr(value, name)) != default:
                data[name] = convert(part)
        return data
    if isinstance(value, bytes):
        return b64encode(value).decode()
    if isinstance(value, Decimal):
        return str(value)
    return [to_data(each) for each in value] if isinstance(value, list | tuple) else value


@cache
def _plan(cls: type) -> list[tuple[str, object, Callable[[Any], Any]]]:
    """Return the name, the default and the conversion of each field that is written."""
    as_it_is, left_out = _AS_IT_IS.get(cls, _EXTRA), _LEFT_OUT.get(cls)
    return [
        (each.name, _default(each), (lambda value: value) if each.name in as_it_is else to_data)
        for each in fields(cls)
        if each.name != left_out
    ]


def _default(attribute: Any) -> object:
    default = attribute.default.factory() if isinstance(attribute.default, Factory) else attribute.default  # type: ignore[arg-type]
    return default if attribute.converter is None else attribute.converter(default)


def dump_document(kind: str, lists: Mapping[str, tuple[object, ...]], label: str) -> bytes:
    """Return the JSON of a document that is made of lists.

    kind: what the document holds, as its `stepwell` key says.
    lists: its lists of objects, by key. Callbacks of tools are left out: code is not data.
    label: how an error names the document.

    Half of a surrogate pair becomes U+FFFD. Raises ConfigError for what JSON cannot hold: infinity, or an object that
    is not plain data.
    """
    body = {name: to_data(items) for name, items in lists.items()}
    return checked_json({"stepwell": kind, "version": VERSION, **body}, label)


def checked_json(body: object, label: str) -> bytes:
    """Return the JSON of plain data, from which equal data can be read.

    body: the data.
    label: how an error names it.

    Raises ConfigError for anything that JSON cannot hold.
    """
    try:
        data = dumps(body)
    except TypeError as error:
        # The error names the type that was met (a set), not the value itself.
        raise ConfigError(
            f"{label} holds a value that has no JSON form: {error}", hint="keep plain data in extra"
        ) from None
    if b"null" in data and (place := not_finite(body)) is not None:
        raise ConfigError(
            f"{label} holds a number that JSON does not have, at {place}", hint="JSON has no NaN and no infinity"
        )
    return data


def load_document(data: bytes | str, kind: str, classes: Mapping[str, type], name: str) -> dict[str, tuple[Any, ...]]:
    """Return the lists of a document that `dump_document` wrote.

    data: the JSON text.
    kind: the kind of document that is required.
    classes: the class of the objects in each list, by key.
    name: the name of the class, for errors.

    Raises DecodeError for JSON of another shape or a newer version.
    """
    try:
        body = loads(data)
    except JSONDecodeError as error:
        raise DecodeError(f"this is not the JSON of a {name}: {error}", hint=f"use {name}.to_json()") from None
    if not isinstance(body, dict) or body.get("stepwell") != kind:
        raise DecodeError(f"this JSON is not that of a {name}", hint=f"use {name}.to_json()")
    if why := refused_version(body.get("version"), VERSION, f"this {name}"):
        raise DecodeError(why, hint="update stepwell")
    return {key: from_data(body.get(key, []), tuple[cls, ...], f"a {name}") for key, cls in classes.items()}  # type: ignore[valid-type]


def from_data(data: object, tp: Any, label: str) -> Any:
    """Return the instance of a type whose data `to_data` gave.

    data: the data.
    tp: the type.
    label: how an error names what is read.

    Raises DecodeError for data that does not fit.
    """
    try:
        return structure_value(data, tp)
    except ObjectInvalid as error:
        raise DecodeError(f"this JSON does not fit {label}: {'; '.join(map(str, error.violations))[:300]}") from None
