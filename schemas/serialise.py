"""The versioned JSON form of plain data of this package, equal after a round trip.

A document is an object `{"stepwell": kind, "version": 1, ...}`. Only the classes that a reader names, and the parts
listed here by their tags, become objects. A `__class__`, `lc` or `type` key anywhere in the data stays plain data, and
no class is ever found by name.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from typing import Any

import cattrs
from attrs import fields, has
from cattrs.gen import make_dict_structure_fn, make_dict_unstructure_fn, override

from .citation import Citation
from .errors import ConfigError, DecodeError
from .json_text import JSONDecodeError, dumps, loads
from .nan_check import not_finite
from .parts import PARTS, Opaque, Part, ServerToolCall, ServerToolResult
from .tool import NO_PARAMETERS, Tool
from .versions import refused_version

VERSION = 1
_PARTS: Mapping[str, type] = {cls.type: cls for cls in PARTS}
_AS_IT_IS: Mapping[type, frozenset[str]] = {
    Opaque: frozenset(("data",)),
    ServerToolCall: frozenset(("data", "arguments")),
    ServerToolResult: frozenset(("data",)),
    Citation: frozenset(("location", "metadata")),
    Tool: frozenset(("parameters", "server", "extra")),
}
"""The fields that hold a provider's own data, which stays as it is; of all other classes it is `extra`."""
_EXTRA = frozenset(("extra",))


def _converter() -> cattrs.Converter:
    converter = cattrs.Converter(omit_if_default=True, forbid_extra_keys=True)
    converter.register_unstructure_hook(bytes, lambda data: b64encode(data).decode())
    converter.register_structure_hook(bytes, lambda data, _: b64decode(data, validate=True))
    converter.register_unstructure_hook_factory(
        has, lambda cls: make_dict_unstructure_fn(cls, converter, **_overrides(cls))
    )
    converter.register_structure_hook_factory(
        has, lambda cls: make_dict_structure_fn(cls, converter, **_overrides(cls))
    )
    for tag, cls in _PARTS.items():
        _register_part(converter, tag, cls)
    converter.register_structure_hook(Part, lambda data, _: converter.structure(data, _PARTS[data["type"]]))
    return converter


def _overrides(cls: type) -> dict[str, Any]:
    """Return how the fields of a class are written and read where that differs from cattrs' own way."""
    plain = _AS_IT_IS.get(cls, _EXTRA)
    changed = {
        each.name: override(unstruct_hook=lambda value: value, struct_hook=lambda value, _: value)
        for each in fields(cls)
        if each.name in plain
    }
    return {**changed, "callback": override(omit=True)} if cls is Tool else changed


def _register_part(converter: cattrs.Converter, tag: str, cls: type) -> None:
    overrides = _overrides(cls)
    dump: Callable[[object], dict[str, Any]] = make_dict_unstructure_fn(
        cls, converter, _cattrs_omit_if_default=True, **overrides
    )
    load: Callable[..., Any] = make_dict_structure_fn(cls, converter, _cattrs_forbid_extra_keys=True, **overrides)
    converter.register_unstructure_hook(cls, lambda part: {"type": tag, **dump(part)})
    converter.register_structure_hook(
        cls, lambda data, _: load({name: value for name, value in data.items() if name != "type"}, cls)
    )


CONVERTER = _converter()


def dump_document(kind: str, lists: Mapping[str, tuple[object, ...]], label: str) -> bytes:
    """Return the JSON of a document that is made of lists.

    kind: what the document holds, as its `stepwell` key says.
    lists: its lists of objects, by key. Callbacks of tools are left out: code is not data.
    label: how an error names the document.

    Half of a surrogate pair becomes U+FFFD. Raises ConfigError for what JSON cannot hold: infinity, or an object that
    is not plain data.
    """
    body = {name: [_tool_to_dict(each) for each in items] for name, items in lists.items()}
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


def _tool_to_dict(value: object) -> dict[str, Any]:
    data: dict[str, Any] = CONVERTER.unstructure(value)
    if data.get("parameters") is NO_PARAMETERS:
        del data["parameters"]
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
        body = loads(data) if isinstance(data, str | bytes) else None
    except JSONDecodeError as error:
        raise DecodeError(f"this is not the JSON of a {name}: {error}", hint=f"use {name}.to_json()") from None
    if not isinstance(body, dict) or body.get("stepwell") != kind:
        raise DecodeError(f"this JSON is not that of a {name}", hint=f"use {name}.to_json()")
    if why := refused_version(body.get("version"), VERSION, f"this {name}"):
        raise DecodeError(why, hint="update stepwell")
    try:
        return {
            key: tuple(CONVERTER.structure(each, cls) for each in body.get(key, ())) for key, cls in classes.items()
        }
    except Exception as error:
        lines = cattrs.transform_error(error, path="$")
        raise DecodeError(f"this JSON does not fit a {name}: {'; '.join(lines)[:300]}") from None
