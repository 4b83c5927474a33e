"""Write schemas for wires that accept all of JSON Schema without enforcing it: only the root is made one object."""

from __future__ import annotations

import copy
from typing import Any

from ...errors import SchemaError
from ...json_types import Schema
from ...memo import memo
from ..keywords import objects_in
from ..safety import content_of, schema_from_json
from . import Dialected, Dropped
from .reading import Reader


def to_dialect(schema: object) -> Dialected:
    """Return the schema in draft 2020-12 with an object at the root; `strict` is always False.

    A union at the root, which providers refuse for a tool, becomes one object with the properties of all alternatives.
    Raises SchemaError if the root cannot be an object; `root.in_object` wraps such a schema.
    """
    return _plain_dialect[content_of(schema)]


@memo(4096)
def _plain_dialect(content: bytes) -> Dialected:
    return as_plain(schema_from_json[content])


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
        dropped.append(
            Dropped("", "anyOf", "the root must be one object: sent with the properties of each alternative")
        )
        keywords = _joined(objects)
    written: dict[str, Any] = {"type": "object", **view.annotations, **keywords}
    if isinstance(root, dict):
        written |= {keyword: root[keyword] for keyword in ("$defs", "definitions") if keyword in root}
    written = copy.deepcopy(written)
    _add_items(written)
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


def _add_items(written: dict[str, Any]) -> None:
    """Add `items` to arrays that have none: some providers refuse those, even in a schema that they do not enforce."""
    for node in objects_in(written):
        types = node.get("type")
        if (types == "array" or (isinstance(types, list) and "array" in types)) and "prefixItems" not in node:
            node.setdefault("items", {})
