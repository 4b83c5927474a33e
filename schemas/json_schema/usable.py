"""Make a usable schema of one that breaks the rules of JSON Schema, as the tools of other programs and servers do.

Names of types from other languages are translated, keywords with a wrong kind of value are left out, and references
that lead out of the document become any value. Nothing is fetched.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final
from urllib.parse import unquote

from ..errors import SchemaError
from ..json_text import loads
from ..json_types import Schema
from ..regex import compile_pattern
from .dialects import Dropped
from .keywords import LISTS, MAPS, ONE, TYPES, escape, pointer, resolve_ref, tokens_of
from .safety import FORMS, SCHEMAS, content_of, schema_from_json

# Other names of the types, in small letters: of Python, of Gemini's Schema, of databases.
_OTHER_NAMES: Final[dict[str, str]] = {name: name for name in TYPES} | {
    other: name
    for name, others in {
        "string": ["str", "text", "char", "date", "datetime", "date-time", "time", "uuid", "url", "uri", "bytes"],
        "integer": ["int", "int32", "int64", "long", "short"],
        "number": ["float", "double", "decimal", "float32", "float64"],
        "boolean": ["bool"],
        "array": ["list", "tuple", "set", "sequence"],
        "object": ["dict", "map", "mapping", "struct", "record"],
        "null": ["none", "nonetype", "nil"],
    }.items()
    for other in others
}
_ANY: Final = frozenset(["any", "unknown", "mixed", "type_unspecified", "optional", "union"])
_NULL_MEANS_SOMETHING: Final = frozenset(["const", "default", "example"])
_BOOLS: Final = frozenset(["exclusiveMinimum", "exclusiveMaximum"])  # in draft 4, which is rewritten later

_Report = Callable[[str, str, str], None]


def usable_schema(schema: object) -> Any:
    """Return the schema itself if it can be used, else a repaired copy.

    Raises SchemaError if it cannot be repaired: too large or too deep, endless, no JSON.
    """
    root, _, is_repaired = usable_from[content_of(schema)]
    return root if is_repaired else schema


@SCHEMAS.memo
def usable_from(content: bytes) -> tuple[Schema, tuple[Dropped, ...], bool]:
    """Return the checked schema of JSON that `content_of` wrote, what was left out to make it usable, and whether it
    was repaired. Raises SchemaError as `usable_schema` does."""
    try:
        return schema_from_json[content], (), False
    except SchemaError:
        root = loads(content)
        dropped: list[Dropped] = []
        repaired = _schema(root, "", root, lambda *what: dropped.append(Dropped(*what)))
        return schema_from_json[content_of(repaired)], tuple(dropped), True


def _schema(schema: object, place: str, root: Schema, report: _Report) -> Schema:
    if isinstance(schema, bool):
        return schema
    if isinstance(schema, str):
        schema = {"type": schema}
    if not isinstance(schema, dict):
        report(place, "type", "what stands there is no schema: sent as any value")
        return {}
    repaired: dict[str, Any] = {}
    for keyword, value in schema.items():
        if value is None and keyword not in _NULL_MEANS_SOMETHING:
            continue  # how many programs write that there is none
        inner = f"{place}/{escape(keyword)}"
        if keyword in MAPS and isinstance(value, dict):
            value = {name: _schema(part, f"{inner}/{escape(name)}", root, report) for name, part in value.items()}
        elif isinstance(value, list) and (keyword in LISTS or keyword == "items"):
            value = [_schema(part, f"{inner}/{at}", root, report) for at, part in enumerate(value)]
        elif keyword in ONE:
            value = _schema(value, inner, root, report)
        elif keyword == "type":
            value = _type(value)
        elif keyword == "$ref" and isinstance(value, str):
            value = _found(value, place, root)
        elif keyword == "required" and not isinstance(value, list):
            continue  # draft 3: a boolean in the property itself, which _required reads
        elif isinstance(value, str) and value.isdecimal() and keyword in FORMS and not FORMS[keyword][0](value):
            value = int(value)  # Gemini's Schema writes int64 as text
        if (why := _complaint(keyword, value, root)) is None or inner == "/$ref":
            repaired[keyword] = value  # without the reference at its root, nothing is left of a schema: an error
        elif why:
            report(inner, keyword, f"left out, since it {why}")
    return repaired | _required(schema, repaired)


def _type(value: object) -> object:
    """Return the type, or the list of types, by the names of JSON Schema; None for any."""
    if isinstance(value, list):
        types = [_type(each) for each in value]
        return None if None in types else list(dict.fromkeys(map(str, types)))
    if not isinstance(value, str):
        return value
    name = re.split(r"[\[<(]", value.strip().lower())[0].rpartition(".")[2]
    return None if name in _ANY or not name else _OTHER_NAMES.get(name, value)


def _found(ref: str, place: str, root: Schema) -> str:
    """Return the reference, or the one that was meant: a schema that was put into another one as it was has its
    definitions with it, and refers to them as if it were the root."""
    if not ref.startswith("#/"):
        return ref
    steps = tokens_of(place)
    for depth in (0, *range(len(steps), 0, -1)):  # what it says comes first
        meant = f"#{pointer(steps[:depth])}{ref[1:]}"
        try:
            resolve_ref(root, unquote(meant))
        except SchemaError:
            continue
        return meant
    return ref


def _complaint(keyword: str, value: object, root: Schema) -> str | None:
    """Return why a keyword cannot stay; "" for one that says nothing, None for one that can stay."""
    if keyword == "type" and value is None:
        return ""
    if keyword in _BOOLS and isinstance(value, bool):
        return None
    if keyword == "items" and isinstance(value, list):
        return None if value else ""
    fits, complaint = FORMS.get(keyword, (None, ""))
    if fits is not None and not fits(value):
        return complaint
    try:
        if keyword == "$ref" and isinstance(value, str):
            if not value.startswith("#"):
                return "names another document, and nothing is fetched"
            if value[1:2] in ("", "/"):
                resolve_ref(root, unquote(value))
        elif isinstance(value, str | dict) and keyword in ("pattern", "patternProperties"):
            for pattern in [value] if isinstance(value, str) else value:
                compile_pattern(pattern, "")
    except SchemaError:
        return "points to nothing" if keyword == "$ref" else "cannot be matched in bounded time, or is no pattern"
    return None


def _required(schema: dict[str, Any], repaired: dict[str, Any]) -> dict[str, Any]:
    """Return the `required` of an object whose properties say themselves that they are required."""
    properties = schema.get("properties")
    own = [
        name
        for name, part in (properties.items() if isinstance(properties, dict) else ())
        if isinstance(part, dict) and part.get("required") is True
    ]
    return {"required": list(dict.fromkeys([*repaired.get("required", ()), *own]))} if own else {}
