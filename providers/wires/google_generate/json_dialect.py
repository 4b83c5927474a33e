"""Gemini's JSON Schema fields: `responseJsonSchema` and `parametersJsonSchema`.

https://ai.google.dev/api/generate-content#GenerationConfig (read 2026-11): `$defs` and `$ref` (without
siblings), string and number enums, `prefixItems`, `additionalProperties`. Recursion is unrolled, and only where the
property is not required.
"""

from __future__ import annotations

from typing import Any, Final

from attrs import evolve

from ....schemas.json_schema.dialects import Dropped
from ....schemas.json_schema.dialects.plain import through_plain
from ....schemas.json_schema.dialects.writing import Dialect
from ....schemas.json_schema.keywords import leads_to_itself, subschemas

_NUMBER: Final = frozenset({"minimum", "maximum"})


def admit(keyword: str, value: object, type: str) -> str | None:
    """Say why this keyword with this value cannot be sent; None when it can. Its error: "enum[0]: cannot be empty"."""
    has_empty = keyword == "enum" and isinstance(value, list) and "" in value
    return "Gemini takes no empty text in an enum; checked locally" if has_empty else None


def _required_recursion(schema: dict[str, Any]) -> list[Dropped]:
    """List references that lead back to themselves through required properties and items only."""
    definitions = schema.get("$defs", {})
    leads = {name: _required_references(body) for name, body in definitions.items()}
    why = "Gemini takes recursion only where it is not required"
    return [Dropped(f"/$defs/{name}", "$ref", why) for name in leads if leads_to_itself(name, leads.__getitem__)]


def _required_references(schema: dict[str, Any]) -> set[str]:
    found: set[str] = set()
    waiting: list[Any] = [schema]
    while waiting:
        node = waiting.pop()
        if not isinstance(node, dict):
            continue
        if "$ref" in node:
            found.add(node["$ref"].removeprefix("#/$defs/"))
        required = node.get("required", ())
        optional = [id(part) for name, part in node.get("properties", {}).items() if name not in required]
        waiting += [part for _, _, part in subschemas(node) if id(part) not in optional]
    return found


to_dialect: Final = Dialect(
    name="Gemini's JSON Schema",
    keywords={"number": _NUMBER, "integer": _NUMBER, "array": frozenset({"minItems", "maxItems"})},
    formats={"string": frozenset({"date-time", "date", "time"})},
    enums=frozenset({"string", "number", "integer"}),
    anything={},
    any_value=True,
    maps=True,
    admit=admit,
    tuples="any",
    ordering="propertyOrdering",
    limits=_required_recursion,
)
"""Write the schema for Gemini's JSON Schema fields. Raises SchemaError when it cannot be used at all.

`strict` is False when a required property leads back to its own schema, which Gemini refuses."""

to_tool_dialect: Final = through_plain(to_dialect, evolve(to_dialect, references=False))
"""Write the parameters of a tool; recursion that Gemini refuses ends in an object without properties."""
