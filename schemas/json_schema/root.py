"""Wrap answers that are not objects for providers that give only objects, and remove nulls for absent properties."""

from __future__ import annotations

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
    """Return the answer without the nulls that stand for absent properties; what holds no null is not copied.

    A dialect without optional properties requires null in their place. A null is removed if the schema neither requires
    that property nor allows null for it.
    """
    holders = _holders_of_null(value)
    if not holders:
        return value
    root = checked_schema(schema)
    return _NullRemover(schema, root, holders).without(value, [root])


def _holders_of_null(value: object) -> set[int]:
    """Return the ids of the lists and objects that hold a null, at any depth."""
    found: list[Any] = [value]
    outer: dict[int, int] = {}
    holders: set[int] = set()
    for holder in found:  # which grows by those inside
        for part in holder.values() if isinstance(holder, dict) else holder if isinstance(holder, list) else ():
            if part is None:
                inner = id(holder)
                while inner not in holders:
                    holders.add(inner)
                    inner = outer.get(inner, inner)
            elif isinstance(part, dict | list):
                outer[id(part)] = id(holder)
                found.append(part)
    return holders


class _NullRemover:
    """Removes nulls from the parts of one value. What is read of a part of the schema is remembered.

    schema: the schema.
    root: its checked copy.
    holders: the ids of the parts that hold a null.
    """

    def __init__(self, schema: dict[str, Any], root: Schema, holders: set[int]) -> None:
        self._schema = schema
        self._reader = Reader(root)
        self._holders = holders
        self._read: dict[int, tuple[Schema, list[SchemaView]]] = {}  # by id of the part, which is kept with it
        self._nullable: dict[int, tuple[Schema, bool]] = {}

    def without(self, value: object, schemas: list[Schema]) -> Any:
        """Return a value of these schemas without its nulls."""
        if id(value) not in self._holders or not isinstance(value, dict | list):
            return value
        views = [view for schema in schemas for view in self._alternatives(schema)]
        if isinstance(value, list):
            items = [view for view in views if view.type == "array"]
            return [self.without(item, [_item(view, at) for view in items]) for at, item in enumerate(value)]
        objects = [view for view in views if view.type == "object"]
        fitting = [view for view in objects if self._may_fit(value, view)] or objects
        result: dict[str, Any] = {}
        for name, part in value.items():
            inside = [property_of(view, name) for view in fitting]
            absent = part is None and not any(name in view.keywords.get("required", ()) for view in fitting)
            if not (absent and inside and not any(map(self._allows_null, inside))):
                result[name] = self.without(part, inside)
        return result

    def _alternatives(self, part: Schema) -> list[SchemaView]:
        known = self._read.get(id(part))
        if known is None:
            known = self._read[id(part)] = (part, list(self._reader.alternatives(part)))
        return known[1]

    def _allows_null(self, part: Schema) -> bool:
        known = self._nullable.get(id(part))
        if known is None:
            known = self._nullable[id(part)] = (part, fits_part(None, part, self._schema))
        return known[1]

    def _may_fit(self, value: dict[str, Any], view: SchemaView) -> bool:
        """Return whether an object may be this alternative, by its names and by values that tell alternatives apart."""
        properties = view.keywords.get("properties", {})
        closed = view.keywords.get("additionalProperties", not properties) is False
        if not value.keys() >= {*view.keywords.get("required", ())} or (
            closed and not value.keys() <= properties.keys()
        ):
            return False
        for name, part in properties.items():
            if name in value and value[name] is not None and not isinstance(value[name], dict | list):
                allowed = [inner.keywords.get("enum") for inner in self._alternatives(part)]
                if allowed and all(values is not None and value[name] not in values for values in allowed):
                    return False
        return True


def property_of(view: SchemaView, name: str) -> Schema:
    """Return the schema that an object's schema gives for a property."""
    properties: dict[str, Schema] = view.keywords.get("properties", {})
    extra: Schema = view.keywords.get("additionalProperties", True)
    return properties.get(name, extra)


def _item(view: SchemaView, at: int) -> Schema:
    prefix: list[Schema] = view.keywords.get("prefixItems", [])
    rest: Schema = view.keywords.get("items", True)
    return prefix[at] if at < len(prefix) else rest
