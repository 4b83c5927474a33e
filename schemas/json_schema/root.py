"""Wrap answers that are not objects for providers that give only objects, and remove nulls for absent properties."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ..json_types import Schema
from .dialects.reading import Reader, SchemaView
from .keywords import moved
from .safety import checked_schema
from .validate import fits_part

KEY: Final = "value"


def in_object(schema: dict[str, Any]) -> tuple[dict[str, Any], bool]:
    """Wrap a schema in an object with one property "value", unless its root is one plain object.

    Returns the schema and whether it is wrapped; if so, the answer must be unwrapped. Raises SchemaError for a schema
    that cannot be used.
    """
    root = checked_schema(schema)
    if Reader(root).followed(root).type == "object":
        return schema, False
    inner = moved(root, f"/properties/{KEY}", stays="#/$defs/")  # definitions stay where they are
    wrapped = {"type": "object", "properties": {KEY: inner}, "required": [KEY], "additionalProperties": False}
    if isinstance(inner, dict) and "$defs" in inner:
        wrapped["$defs"] = inner.pop("$defs")
    return wrapped, True


def without_nulls(value: object, schema: dict[str, Any]) -> Any:
    """Return a copy of the answer without the nulls that stand for absent properties.

    A dialect without optional properties requires null in their place. A null is removed if the schema neither requires
    that property nor allows null for it.
    """
    root = checked_schema(schema)
    return _without_nulls(value, [root], Reader(root), lambda part: fits_part(None, part, schema))


def _without_nulls(value: object, schemas: list[Schema], reader: Reader, allows_null: Callable[[Schema], bool]) -> Any:
    views = [view for schema in schemas for view in reader.alternatives(schema)]
    if isinstance(value, list):
        items = [view for view in views if view.type == "array"]
        return [
            _without_nulls(item, [_item(view, at) for view in items], reader, allows_null)
            for at, item in enumerate(value)
        ]
    if not isinstance(value, dict):
        return value
    objects = [view for view in views if view.type == "object"]
    fitting = [view for view in objects if _may_fit(value, view, reader)] or objects
    result: dict[str, Any] = {}
    for name, part in value.items():
        inside = [property_of(view, name) for view in fitting]
        absent = part is None and not any(name in view.keywords.get("required", ()) for view in fitting)
        if absent and inside and not any(map(allows_null, inside)):
            continue
        result[name] = _without_nulls(part, inside, reader, allows_null)
    return result


def property_of(view: SchemaView, name: str) -> Schema:
    """Return the schema that an object's schema gives for a property."""
    properties: dict[str, Schema] = view.keywords.get("properties", {})
    extra: Schema = view.keywords.get("additionalProperties", True)
    return properties.get(name, extra)


def _item(view: SchemaView, at: int) -> Schema:
    prefix: list[Schema] = view.keywords.get("prefixItems", [])
    rest: Schema = view.keywords.get("items", True)
    return prefix[at] if at < len(prefix) else rest


def _may_fit(value: dict[str, Any], view: SchemaView, reader: Reader) -> bool:
    """Return whether an object may be this alternative, by its names and by values that distinguish alternatives."""
    properties = view.keywords.get("properties", {})
    closed = view.keywords.get("additionalProperties", not properties) is False
    if not value.keys() >= {*view.keywords.get("required", ())} or (closed and not value.keys() <= properties.keys()):
        return False
    for name, part in properties.items():
        if name in value and value[name] is not None and not isinstance(value[name], dict | list):
            allowed = [inner.keywords.get("enum") for inner in reader.alternatives(part)]
            if allowed and all(values is not None and value[name] not in values for values in allowed):
                return False
    return True
