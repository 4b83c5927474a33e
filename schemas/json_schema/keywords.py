"""Where schemas stand inside a schema, and how a JSON pointer or a local `$ref` names one."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from ..errors import SchemaError
from ..json_types import Schema

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

# Keywords whose schemas speak about the same value as the schema around them.
IN_PLACE: Final = frozenset(["allOf", "anyOf", "oneOf", "not", "if", "then", "else", "dependentSchemas"])


def escape(token: str) -> str:
    """One step of a JSON pointer (RFC 6901)."""
    return token.replace("~", "~0").replace("/", "~1")


def pointer(path: Iterable[Any]) -> str:
    """The JSON pointer of a path of keys and indexes; "" is the whole document."""
    return "".join(f"/{escape(str(step))}" for step in path)


def subschemas(schema: Mapping[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Each schema directly inside this one: the keyword it stands under, its pointer from here, and the schema."""
    for keyword, value in schema.items():
        if keyword in MAPS:
            for name, part in value.items():
                yield keyword, f"/{keyword}/{escape(name)}", part
        elif keyword in LISTS:
            for index, part in enumerate(value):
                yield keyword, f"/{keyword}/{index}", part
        elif keyword in ONE:
            yield keyword, f"/{keyword}", value


def resolve_ref(root: Schema, ref: str) -> Schema:
    """The schema that a reference of the form `#` or `#/...` names; SchemaError when nothing stands there."""
    node: Any = root
    for token in ref[1:].split("/")[1:]:
        token = token.replace("~1", "/").replace("~0", "~")
        if isinstance(node, dict):
            node = node.get(token)
        elif isinstance(node, list) and token.isascii() and token.isdigit() and int(token) < len(node):
            node = node[int(token)]
        else:
            node = None
    if not isinstance(node, dict | bool):
        raise SchemaError(f"the reference {ref[:80]!r} points nowhere in the schema")
    return node
