"""Write schemas for wires that accept all of JSON Schema without enforcing it: only the root is made one object."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, Final

from ...errors import SchemaError
from ...json_types import Schema
from ..keywords import LISTS, MAPS, ONE, objects_in
from ..safety import SCHEMAS, content_of
from ..usable import usable_from
from . import Dialected, Dropped
from .reading import Reader

Dialect = Callable[[Any], Dialected]

# What no vendor takes at the root of a tool. OpenAI: "schema must have type 'object' and not have 'oneOf'/'anyOf'/
# 'allOf'/'enum'/'not' at the top level".
_NOT_AT_ROOT: Final = ("not", "enum", "if", "then", "else")


def to_dialect(schema: object) -> Dialected:
    """Return the schema in draft 2020-12 with an object at the root; `strict` is always False.

    A union at the root, which providers refuse for a tool, becomes one object with the properties of all alternatives.
    What breaks the rules of JSON Schema is repaired. Raises SchemaError if the root cannot be an object, which
    `root.in_object` wraps, and if the schema cannot be repaired.
    """
    return _plain_dialect[content_of(schema)]


@SCHEMAS.memo
def _plain_dialect(content: bytes) -> Dialected:
    root, dropped, _ = usable_from[content]
    plain = as_plain(root)
    return Dialected(plain.schema, tuple(dict.fromkeys((*dropped, *plain.dropped))), strict=False)


def through_plain(*dialects: Dialect) -> Dialect:
    """Make a dialect for tools that are not strict: the plain schema, written by the first of these dialects that can
    express it, else by the last."""

    @SCHEMAS.memo
    def from_content(content: bytes) -> Dialected:
        plain = _plain_dialect[content]
        for dialect in dialects:
            written = dialect(plain.schema)
            if written.strict:
                break
        return Dialected(written.schema, tuple(dict.fromkeys((*plain.dropped, *written.dropped))), strict=False)

    return lambda schema: from_content[content_of(schema)]


def as_plain(root: Schema) -> Dialected:
    """Do the same as `to_dialect` for a schema that `checked_schema` returned."""
    dropped: list[Dropped] = []
    reader = Reader(root, lambda *what: dropped.append(Dropped(*what)))
    view = reader.followed(root)
    objects = [each.keywords for each in reader.alternatives(root) if each.kind == "any" or each.type == "object"]
    if not objects:
        raise SchemaError("the root of the schema must be an object", hint="wrap it with json_schema.root.in_object")
    keywords = objects[0]
    if view.kind == "union":
        if len(objects) > 1:
            why = "the root must be one object: sent with the properties of each alternative"
            dropped.append(Dropped("", "anyOf", why))
        keywords = _joined(objects)
    dropped += [
        Dropped("", word, "not at the root of a tool; checked locally") for word in _NOT_AT_ROOT if word in keywords
    ]
    kept = {word: value for word, value in keywords.items() if word not in _NOT_AT_ROOT}
    # OpenAI: "object schema missing properties".
    written: dict[str, Any] = {"type": "object", **view.annotations, "properties": {}, **kept}
    if isinstance(root, dict):
        written |= {keyword: root[keyword] for keyword in ("$defs", "definitions") if keyword in root}
    written = copy.deepcopy(written)
    for node in objects_in(written):
        _tidy(node)
    return Dialected(written, tuple(dict.fromkeys(dropped)), strict=False)


def _joined(objects: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the keywords of one object schema that allows everything that any of these allows."""
    if any(not {"properties", "additionalProperties"} & keywords.keys() for keywords in objects):
        return {}
    names = list(dict.fromkeys(name for keywords in objects for name in keywords.get("properties", ())))
    required = [name for name in names if all(name in keywords.get("required", ()) for keywords in objects)]
    parts = {name: _either([_property_schema(keywords, name) for keywords in objects]) for name in names}
    return {"properties": parts, **({"required": required} if required else {})}


def _property_schema(keywords: dict[str, Any], name: str) -> Schema:
    """Return the schema of a property in an alternative; False if the alternative does not mention it."""
    extra: Schema = "patternProperties" in keywords or keywords.get("additionalProperties", False)
    properties: dict[str, Schema] = keywords.get("properties", {})
    return properties.get(name, extra)


def _either(parts: list[Schema]) -> Schema:
    alternatives = [part for at, part in enumerate(parts) if part is not False and part not in parts[:at]]
    if True in alternatives or not alternatives:
        return bool(alternatives)
    return alternatives[0] if len(alternatives) == 1 else {"anyOf": alternatives}


def _tidy(node: dict[str, Any]) -> None:
    """Rewrite one schema, in place, for vendors that check the schemas of tools without enforcing them.

    Some refuse arrays without `items` ("array schema missing items"), true and false in the place of a schema, and a
    `required` that is empty or names a property twice.
    """
    if node.get("items") is False:
        size = len(node.get("prefixItems", ()))
        node.pop("items")
        node["maxItems"] = min(size, node.get("maxItems", size))
    types = node.get("type")
    if types == "array" or (isinstance(types, list) and "array" in types) or "prefixItems" in node:
        node.setdefault("items", {})
    if "required" in node:
        node["required"] = list(dict.fromkeys(node["required"]))
        if not node["required"]:
            del node["required"]
    if "properties" in node:
        node["properties"] = {name: part for name, part in node["properties"].items() if part is not False}
    for keyword, value in node.items():
        if keyword in MAPS:
            node[keyword] = {name: _spelt_out(part) for name, part in value.items()}
        elif keyword in LISTS:
            node[keyword] = list(map(_spelt_out, value))
        elif keyword in ONE and not keyword.endswith("Properties"):
            node[keyword] = _spelt_out(value)


def _spelt_out(schema: Schema) -> Schema:
    return schema if isinstance(schema, dict) else {} if schema else {"not": {}}
