"""The keywords that hold schemas inside a schema, JSON pointers, and local references."""

from __future__ import annotations

import re
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from itertools import chain, count
from typing import Any, Final

from ..errors import SchemaError
from ..json_types import JSONSchema, Schema

TYPES: Final = ("object", "array", "string", "number", "integer", "boolean", "null")

# Keywords whose value is one schema, a list of schemas, or a map of schemas.
ONE: Final = frozenset(
    [
        "additionalProperties",
        "items",
        "not",
        "if",
        "then",
        "else",
        "contains",
        "propertyNames",
        "unevaluatedItems",
        "unevaluatedProperties",
        "contentSchema",
    ]
)
LISTS: Final = frozenset(["allOf", "anyOf", "oneOf", "prefixItems"])
MAPS: Final = frozenset(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas"])

# Keywords whose schemas apply to the same value as the schema around them.
IN_PLACE: Final = frozenset(["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"])

# Keywords that do not restrict which values fit.
ANNOTATIONS: Final = frozenset(
    [
        "title",
        "description",
        "default",
        "examples",
        "example",
        "$comment",
        "deprecated",
        "readOnly",
        "writeOnly",
        "$defs",
        "definitions",
        "contentEncoding",
        "contentMediaType",
        "contentSchema",
    ]
)

# Other keywords whose value may be text or an object.
_OTHERS: Final = frozenset(["type", "const", "format", "pattern", "dependentRequired", "dependencies"])
AN_OBJECT: Final = "pass a class, or {'type': 'object', 'properties': {'city': {'type': 'string'}}}"
"""How the schema of an object is written, for errors."""


def refuse_names_alone(schema: Mapping[str, object]) -> None:
    """Raise SchemaError for the names of properties in the place of keywords: any value would fit such a schema."""
    if schema and all(map(_names_property, schema.items())):
        raise SchemaError(f"{next(iter(schema))!r} is no keyword of JSON Schema", hint=AN_OBJECT)


def _names_property(item: tuple[str, object]) -> bool:
    name, value = item
    known = any(name in keywords for keywords in (ONE, LISTS, MAPS, ANNOTATIONS, _OTHERS))
    return not known and name[:1] != "$" and name[:2] != "x-" and isinstance(value, dict | str)


def escape(token: str) -> str:
    """Escape one step of a JSON pointer (RFC 6901)."""
    return token.replace("~", "~0").replace("/", "~1")


def pointer(path: Iterable[object]) -> str:
    """Return the JSON pointer of a path of keys and indexes; "" is the whole document."""
    return "".join(f"/{escape(str(step))}" for step in path)


def tokens_of(pointer: str) -> list[str]:
    """Return the keys and indexes of a JSON pointer, as strings."""
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def subschemas(schema: JSONSchema) -> Iterator[tuple[str, str, Any]]:
    """Yield each schema directly inside this one: its keyword, its JSON pointer from here, and the schema."""
    for keyword, value in schema.items():
        if keyword in MAPS:
            for name, part in value.items():
                yield keyword, f"/{keyword}/{escape(name)}", part
        elif keyword in LISTS:
            for index, part in enumerate(value):
                yield keyword, f"/{keyword}/{index}", part
        elif keyword in ONE:
            yield keyword, f"/{keyword}", value


def with_parts(schema: JSONSchema, change: Callable[[Any], Any]) -> dict[str, Any]:
    """Return a copy with each schema directly inside this one replaced by what `change` returns for it."""
    copy = dict(schema)
    for keyword, value in schema.items():
        if keyword in MAPS:
            copy[keyword] = {name: change(part) for name, part in value.items()}
        elif keyword in LISTS:
            copy[keyword] = [change(part) for part in value]
        elif keyword in ONE:
            copy[keyword] = change(value)
    return copy


def moved(schema: Schema, place: str, stays: str = "\0") -> Schema:
    """Return a copy whose references are right where it stands in another document.

    schema: the schema.
    place: the JSON pointer of that place.
    stays: what references begin with that are right there already.
    """
    if isinstance(schema, bool):
        return schema
    copy = with_parts(schema, lambda part: moved(part, place, stays))
    if "$ref" in copy and not copy["$ref"].startswith(stays):
        copy["$ref"] = f"#{place}{copy['$ref'][1:]}"
    return copy


def objects_in(schema: Schema) -> Iterator[dict[str, Any]]:
    """Yield the schema and all those inside it, at any depth, except True and False."""
    waiting: list[Any] = [schema]
    while waiting:
        node = waiting.pop()
        if isinstance(node, dict):
            yield node
            waiting += [part for _, _, part in subschemas(node)]


def resolve_ref(root: Schema, ref: str) -> Schema:
    """Return the schema that a reference of the form `#` or `#/...` names.

    Raises SchemaError if the reference points to nothing, or to something that is not a schema.
    """
    node: Any = root
    for token in tokens_of(ref[1:]):
        if isinstance(node, dict):
            node = node.get(token)
        elif isinstance(node, list) and token.isascii() and token.isdigit() and int(token) < len(node):
            node = node[int(token)]
        else:
            node = None
    if not isinstance(node, dict | bool):
        raise SchemaError(f"the reference {ref[:80]!r} points nowhere in the schema")
    return node


def definition_name(name: str, taken: Container[str]) -> str:
    """Return the name if it is free under `$defs`, or one like it, of characters that need no escaping."""
    name = re.sub(r"[^A-Za-z0-9_.-]", "_", name)
    numbered = (f"{name}_{number}" for number in count(2))
    return next(free for free in chain([name], numbered) if free not in taken)


def leads_to_itself(name: str, leads: Callable[[str], Iterable[str]]) -> bool:
    """Return whether a definition leads back to itself; `leads` returns those that one refers to directly."""
    seen: set[str] = set()
    waiting = [*leads(name)]
    while waiting:
        used = waiting.pop()
        if used not in seen:
            seen.add(used)
            waiting += leads(used)
    return name in seen
