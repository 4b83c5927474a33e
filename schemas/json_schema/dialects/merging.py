"""Merge two schemas that must both hold into one without `allOf`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from ...json_types import JSONSchema, JSONValue, Schema
from ..keywords import ANNOTATIONS, TYPES

ReportUnmerged = Callable[[str], None]


# Keywords that have a meaning only together.
_GROUPS: Final = (frozenset({"if", "then", "else"}), frozenset({"contains", "minContains", "maxContains"}))


def merge(first: JSONSchema, second: JSONSchema, lost: ReportUnmerged) -> dict[str, Any] | bool:
    """Return a schema for the values that fit both schemas; False if no value can.

    first, second: the schemas, without `$ref` and `allOf`.
    lost: is called with each keyword whose two values cannot be merged; the first value is kept.
    """
    merged = dict(first)
    for keyword, value in second.items():
        group = next((group for group in _GROUPS if keyword in group), None)
        if group is not None and group & first.keys():
            if any(first.get(word) != second.get(word) for word in group):
                lost(keyword)
        elif keyword not in merged or keyword in ANNOTATIONS:
            merged.setdefault(keyword, value)
        elif keyword in _JOINS:
            merged[keyword] = _JOINS[keyword](merged[keyword], value)
        elif merged[keyword] != value:
            lost(keyword)
    if merged.get("type") == [] or merged.get("enum") == []:
        return False
    _merge_unnamed(merged, first, second)
    _merge_items(merged, first, second)
    return merged


def both(first: Schema, second: Schema) -> Schema:
    """Return a schema for the values that fit both schemas, to be merged when it is read."""
    if first is False or second is False:
        return False
    if first is True or second is True:
        return second if first is True else first
    return first if first == second else {"allOf": [first, second]}


def _types(first: str | list[str], second: str | list[str]) -> list[str]:
    one, other = ([types] if isinstance(types, str) else types for types in (first, second))
    wide = [{*types, "integer"} if "number" in types else set(types) for types in (one, other)]
    return [name for name in TYPES if name in wide[0] & wide[1]]


def _properties(first: dict[str, Any], second: dict[str, Any]) -> dict[str, Any]:
    return {**first, **{name: both(first[name], part) if name in first else part for name, part in second.items()}}


def common_values(first: list[Any], second: list[Any]) -> list[Any]:
    """Return the values of the first list that the second has, too."""
    return [value for value in first if any(json_equal(value, other) for other in second)]


def json_equal(one: JSONValue, other: JSONValue) -> bool:
    """Return whether two values are equal in JSON, where true is not 1."""
    return one == other and isinstance(one, bool) == isinstance(other, bool)


def _merge_unnamed(merged: dict[str, Any], first: JSONSchema, second: JSONSchema) -> None:
    """Apply each schema's `additionalProperties` to the properties that only the other schema lists."""
    for one, other in ((first, second), (second, first)):
        if "additionalProperties" in one and "patternProperties" not in one:
            unnamed = {
                name: both(one["additionalProperties"], part)
                for name, part in other.get("properties", {}).items()
                if name not in one.get("properties", {})
            }
            if unnamed:
                merged["properties"] = {**merged["properties"], **unnamed}


def _merge_items(merged: dict[str, Any], first: JSONSchema, second: JSONSchema) -> None:
    """Merge the schemas of each position in a list, whether it is among the first items or the rest."""
    prefixes = first.get("prefixItems", []), second.get("prefixItems", [])
    if any(prefixes):
        rests = first.get("items", True), second.get("items", True)
        merged["prefixItems"] = [
            both(*(prefix[at] if at < len(prefix) else rest for prefix, rest in zip(prefixes, rests, strict=True)))
            for at in range(max(map(len, prefixes)))
        ]


_JOINS: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "type": _types,
    "enum": common_values,
    "properties": _properties,
    "patternProperties": _properties,
    "required": lambda first, second: list(dict.fromkeys([*first, *second])),
    "additionalProperties": both,
    "unevaluatedProperties": both,
    "propertyNames": both,
    "items": both,
    "minimum": max,
    "exclusiveMinimum": max,
    "minLength": max,
    "minItems": max,
    "minProperties": max,
    "maximum": min,
    "exclusiveMaximum": min,
    "maxLength": min,
    "maxItems": min,
    "maxProperties": min,
    "uniqueItems": lambda first, second: first or second,
}
