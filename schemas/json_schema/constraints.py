"""Add to a schema what the metadata of `Annotated[...]` says: descriptions, keywords, and bounds of other libraries.

pydantic's `Field` and `StringConstraints`, annotated-types' `Ge` and the like, and msgspec's `Meta` are recognised by
their attributes (https://github.com/annotated-types/annotated-types, `ge`, `max_length` and so on), so that none of
them needs to be installed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from operator import is_
from typing import Any, Final

from ..errors import SchemaError

__all__ = ["annotated"]

_BOUNDS: Final = {
    "ge": "minimum",
    "gt": "exclusiveMinimum",
    "le": "maximum",
    "lt": "exclusiveMaximum",
    "multiple_of": "multipleOf",
}
# The keyword for a length, by the type that it limits.
_LENGTHS: Final = {
    "string": {"min_length": "minLength", "max_length": "maxLength"},
    "array": {"min_length": "minItems", "max_length": "maxItems"},
    "object": {"min_length": "minProperties", "max_length": "maxProperties"},
}


def annotated(schema: dict[str, Any], notes: Iterable[object]) -> dict[str, Any]:
    """Return the schema with the metadata of `Annotated` added.

    schema: the schema of the annotated type.
    notes: the metadata: a string is a description, a dict is merged in, an object may have bounds as attributes.

    Raises SchemaError for a bound that JSON Schema does not have for such a value, since it would not be enforced.
    """
    for note in notes:
        if isinstance(note, str):
            schema = {**schema, "description": note}
        elif isinstance(note, Mapping):
            schema = {**schema, **note}
        else:
            if isinstance(text := getattr(note, "documentation", getattr(note, "description", None)), str):
                schema = {**schema, "description": text}
            for one in (note, *_inside(note)):
                schema = _add_bounds(schema, _facts(one))
    return schema


def _inside(note: object) -> tuple[Any, ...]:
    """Return the bounds that pydantic's Field keeps in a list."""
    inner = getattr(note, "metadata", ())
    return tuple(inner) if isinstance(inner, list | tuple) else ()


def _facts(note: object) -> dict[str, Any]:
    if isinstance(note, type):
        return {}
    found = {name: getattr(note, name, None) for name in (*_BOUNDS, "min_length", "max_length", "pattern")}
    found["pattern"] = getattr(found["pattern"], "pattern", found["pattern"])  # the text of a compiled one
    return {name: value for name, value in found.items() if value is not None and (name, value) != ("min_length", 0)}


def _add_bounds(schema: dict[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    if not facts:
        return schema
    union = next((word for word in ("anyOf", "oneOf") if word in schema), None)
    parts = [schema] if union is None else schema[union]
    # Of a union, add them to each alternative that they can apply to (not to null, for instance).
    bounded = [_bounded(part, facts) if isinstance(part, dict) else part for part in parts]
    if all(map(is_, parts, bounded)):
        raise SchemaError(
            f"{next(iter(facts))}={next(iter(facts.values()))!r} cannot be applied to "
            f"{schema.get('type', 'such a value')} in JSON Schema",
            hint="check it in a validator of the class, in the function, or in a pydantic model",
        )
    return bounded[0] if union is None else {**schema, union: bounded}


def _bounded(schema: dict[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    """Return a schema with the bounds, or unchanged if not all of them can apply to its values."""
    if not all(_applies_to(schema, name, value) for name, value in facts.items()):
        return schema
    return {**schema, **{_keyword(name, schema): value for name, value in facts.items()}}


def _applies_to(schema: dict[str, Any], name: str, value: object) -> bool:
    kind = schema.get("type")
    if name in _BOUNDS:
        untyped = kind is None and "$ref" not in schema
        return isinstance(value, int | float) and (untyped or kind in ("integer", "number"))
    return kind == "string" if name == "pattern" else isinstance(kind, str) and kind in _LENGTHS


def _keyword(name: str, schema: dict[str, Any]) -> str:
    return _BOUNDS.get(name) or ("pattern" if name == "pattern" else _LENGTHS[schema["type"]][name])
