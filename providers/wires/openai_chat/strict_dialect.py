"""OpenAI's strict structured outputs and strict tools.

https://developers.openai.com/api/docs/guides/structured-outputs (supported schemas, read 2026-11): every object closed
and all its keys required, no root `anyOf`, `$defs` and recursion allowed, 5,000 properties, 10 levels, 1,000 enum
values, 120,000 characters of names and values.
"""

from __future__ import annotations

import re
from typing import Any, Final

from ....schemas.json_schema.dialects import Dropped
from ....schemas.json_schema.dialects.plain import as_plain
from ....schemas.json_schema.dialects.writing import Dialect
from ....schemas.json_schema.keywords import subschemas

MAX_PROPERTIES: Final = 5_000
MAX_LEVELS: Final = 10
MAX_ENUM_VALUES: Final = 1_000
MAX_TEXT: Final = 120_000
LONG_ENUM: Final = 250
MAX_LONG_ENUM_TEXT: Final = 15_000

_NUMBER: Final = frozenset(["multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"])


def _admit(keyword: str, value: Any, type: str) -> str | None:
    if keyword == "pattern" and re.search(r"\(\?<?[=!]", value):
        return "OpenAI does not take lookarounds in a pattern; checked locally"
    return None


def _limits(schema: dict[str, Any]) -> list[Dropped]:
    over: list[Dropped] = []
    properties = values = text = 0
    waiting: list[tuple[str, dict[str, Any], int]] = [("", schema, 0)]
    while waiting:
        place, node, level = waiting.pop()
        named = node.get("properties", {})
        enum = node.get("enum", [])
        level += "properties" in node
        length = sum(len(value) for value in enum if isinstance(value, str))
        properties += len(named)
        values += len(enum)
        text += length + sum(map(len, named)) + sum(map(len, node.get("$defs", {})))
        if level == MAX_LEVELS + 1 and "properties" in node:
            over.append(Dropped(place, "properties", f"OpenAI takes {MAX_LEVELS} levels of nesting"))
        if len(enum) > LONG_ENUM and length > MAX_LONG_ENUM_TEXT:
            over.append(Dropped(place, "enum", f"OpenAI takes {MAX_LONG_ENUM_TEXT:,} characters in so long an enum"))
        for keyword, step, part in subschemas(node):
            if isinstance(part, dict):
                waiting.append((place + step, part, 0 if keyword == "$defs" else level))
    totals = (
        ("properties", properties, MAX_PROPERTIES, "properties"),
        ("enum", values, MAX_ENUM_VALUES, "enum values"),
        ("properties", text, MAX_TEXT, "characters of names and enum values"),
    )
    return over + [
        Dropped("", keyword, f"OpenAI takes {most:,} {what}; there are {count:,}")
        for keyword, count, most, what in totals
        if count > most
    ]


to_dialect: Final = Dialect(
    name="OpenAI's strict mode",
    keywords={
        "string": frozenset({"pattern"}),
        "number": _NUMBER,
        "integer": _NUMBER,
        "array": frozenset({"minItems", "maxItems"}),
    },
    formats={
        "string": frozenset(["date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"])
    },
    admit=_admit,
    closed=True,
    all_required=True,
    annotations_beside_references=True,
    object_root=True,
    fall_back=as_plain,
    limits=_limits,
)
"""Write the schema as OpenAI enforces it. Raises SchemaError when it cannot be used at all.

Properties that are not required become required and nullable: `root.without_nulls` takes the nulls out of the
answer again. If enforcing the schema would forbid answers that it allows, `strict` is False, `dropped` names the
places, and the schema is the plain one (`dialects.plain`)."""
