"""What `Annotated[...]` says of a type beyond the type: words, keywords, and the bounds that other libraries write.

pydantic's `Field` and `StringConstraints`, annotated-types' `Ge` and the like, and msgspec's `Meta` are known by their
attributes (https://github.com/annotated-types/annotated-types, `ge`, `max_length` and so on), so that none of them has
to be installed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
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
# What a length counts, by the type that has one.
_LENGTHS: Final = {
    "string": {"min_length": "minLength", "max_length": "maxLength"},
    "array": {"min_length": "minItems", "max_length": "maxItems"},
    "object": {"min_length": "minProperties", "max_length": "maxProperties"},
}


def annotated(schema: dict[str, Any], notes: Iterable[Any]) -> dict[str, Any]:
    """The schema with what the notes of `Annotated` say: a string describes, a dict is merged in, bounds bound.

    Raises SchemaError for a bound that JSON Schema cannot put on such a value, since it would be kept by nobody.
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
                schema = _bounded(schema, _facts(one))
    return schema


def _inside(note: Any) -> tuple[Any, ...]:
    """The single bounds that pydantic's Field keeps in a list."""
    inner = getattr(note, "metadata", ())
    return tuple(inner) if isinstance(inner, list | tuple) else ()


def _facts(note: Any) -> dict[str, Any]:
    if isinstance(note, type):
        return {}
    names = (*_BOUNDS, "min_length", "max_length", "pattern")
    found = {name: getattr(note, name, None) for name in names}
    return {name: value for name, value in found.items() if value is not None and (name, value) != ("min_length", 0)}


def _bounded(schema: dict[str, Any], facts: Mapping[str, Any]) -> dict[str, Any]:
    if not facts:
        return schema
    for union in ("anyOf", "oneOf"):
        if union in schema:
            # Each alternative that such a bound speaks of has it; None, say, has not.
            able = [part for part in schema[union] if isinstance(part, dict) and _able(part, facts)]
            if not able:
                raise _unsayable(facts, schema)
            return {**schema, union: [_bounded(part, facts) if part in able else part for part in schema[union]]}
    if not _able(schema, facts):
        raise _unsayable(facts, schema)
    return {**schema, **{_keyword(name, schema): _plain(value) for name, value in facts.items()}}


def _able(schema: dict[str, Any], facts: Mapping[str, Any]) -> bool:
    return all(_speaks_of(schema, name, value) for name, value in facts.items())


def _speaks_of(schema: dict[str, Any], name: str, value: Any) -> bool:
    kind = schema.get("type")
    if name in _BOUNDS:
        untyped = kind is None and "$ref" not in schema
        return isinstance(value, int | float) and (untyped or kind in ("integer", "number"))
    return kind == "string" if name == "pattern" else isinstance(kind, str) and kind in _LENGTHS


def _keyword(name: str, schema: dict[str, Any]) -> str:
    return _BOUNDS.get(name) or ("pattern" if name == "pattern" else _LENGTHS[schema["type"]][name])


def _plain(value: Any) -> Any:
    return value.pattern if isinstance(value, re.Pattern) else value


def _unsayable(facts: Mapping[str, Any], schema: dict[str, Any]) -> SchemaError:
    kind = schema.get("type", "such a value")
    return SchemaError(
        f"{next(iter(facts))}={next(iter(facts.values()))!r} cannot be said of {kind} in JSON Schema",
        hint="check it in a validator of the class, in the function, or in a pydantic model",
    )
