"""Anthropic's structured outputs and strict tools.

https://platform.claude.com/docs/en/build-with-claude/structured-outputs (JSON Schema limitations, read 2026-11):
closed objects, no recursion, no bounds on numbers or lengths, `minItems` 0 or 1, simple patterns, at most 24 optional
properties and 16 unions in all strict schemas of a request together.
"""

from __future__ import annotations

import re
from typing import Any, Final

from ....schemas.json_schema.dialects import Dropped
from ....schemas.json_schema.dialects.plain import as_plain
from ....schemas.json_schema.dialects.writing import Dialect
from ....schemas.json_schema.keywords import objects_in

MAX_OPTIONAL: Final = 24
MAX_UNIONS: Final = 16

FORMATS: Final = frozenset(
    ["date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"]
)
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
