"""Anthropic's structured outputs and strict tools.

https://platform.claude.com/docs/en/build-with-claude/structured-outputs (JSON Schema limitations, read 2026-11):
closed objects, no recursion, no bounds on numbers or lengths, `minItems` 0 or 1, simple patterns, at most 24 optional
properties and 16 unions in all strict schemas of a request together.
"""

from __future__ import annotations

import re
from typing import Any, Final

from attrs import evolve

from ....schemas.json_schema.dialects import Dialected, Dropped
from ....schemas.json_schema.dialects.plain import as_plain, through_plain
from ....schemas.json_schema.dialects.writing import Dialect
from ....schemas.json_schema.keywords import escape, objects_in
from ....schemas.json_text import spaced

MAX_OPTIONAL: Final = 24
MAX_UNIONS: Final = 16

FORMATS: Final = frozenset(
    ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"]
)
_PROPERTY = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_HARD_PATTERN = re.compile(r"\(\?(?!:)|\\[bB1-9]|\\[pPkK]")


def admit(keyword: str, value: Any, type: str) -> str | None:
    """Say why this keyword with this value cannot be sent; None when it can."""
    if keyword == "minItems" and value > 1:
        return "Anthropic takes only 0 and 1 here; checked locally"
    if keyword == "pattern" and _HARD_PATTERN.search(value):
        return "Anthropic takes no lookarounds, back references or word boundaries; checked locally"
    return None


def limits(schema: dict[str, Any]) -> list[Dropped]:
    """List what exceeds the limits of a request in which this is the only strict schema."""
    optional = unions = 0
    for node in objects_in(schema):
        optional += len(node.get("properties", {})) - len(node.get("required", ()))
        unions += "anyOf" in node
    found = (("required", optional, MAX_OPTIONAL, "optional properties"), ("anyOf", unions, MAX_UNIONS, "unions"))
    return [
        Dropped("", keyword, f"Anthropic takes {most} {what}; there are {count}")
        for keyword, count, most, what in found
        if count > most
    ]


to_dialect: Final = Dialect(
    name="Anthropic",
    keywords={"string": frozenset({"pattern"}), "array": frozenset({"minItems"})},
    formats={"string": FORMATS},
    admit=admit,
    closed=True,
    recursion=False,
    object_root=True,
    fall_back=as_plain,
    limits=limits,
)
"""Write the schema as Anthropic enforces it. Raises SchemaError when it cannot be used at all.

If enforcing it would forbid answers that it allows, `strict` is False, `dropped` names the places, and the schema
is the plain one (`dialects.plain`), which tools that are not strict get, too."""


def name_properties(schema: dict[str, Any]) -> Dialected:
    """Take properties whose names Anthropic refuses ("Property keys should match pattern") out of the root.

    The description names them instead, with their schemas, so that the model can still give them. The rule holds for
    the properties of the root: https://github.com/anthropics/claude-code/issues/79418
    """
    parts: dict[str, Any] = schema["properties"]
    odd = {name: part for name, part in parts.items() if not _PROPERTY.fullmatch(name)}
    if not odd:
        return Dialected(schema)
    said = f"{schema.get('description', '')} There may be more properties, by this schema: {spaced(odd)}".lstrip()
    written = {
        **{keyword: value for keyword, value in schema.items() if keyword not in ("additionalProperties", "required")},
        "description": said,
        "properties": {name: part for name, part in parts.items() if name not in odd},
    }
    if required := [name for name in schema.get("required", ()) if name not in odd]:
        written["required"] = required
    why = "Anthropic takes no such name of a property; the description asks for it instead"
    return Dialected(written, tuple(Dropped(f"/properties/{escape(name)}", name, why) for name in odd))


def _limits_of_tools(schema: dict[str, Any]) -> list[Dropped]:
    return [*limits(schema), *name_properties(schema).dropped]


to_strict_tool_dialect: Final = evolve(to_dialect, limits=_limits_of_tools)
"""Do the same as `to_dialect` for a tool, whose properties may not have all names."""
to_tool_dialect: Final = through_plain(name_properties)
"""Write the parameters of a tool that is not strict. Raises SchemaError when the root cannot be an object."""
