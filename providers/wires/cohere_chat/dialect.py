"""Cohere's structured outputs, of answers and of strict tools.

https://docs.cohere.com/docs/structured-outputs (parameter types support, read 2026-11): an object at the root, at least
one required property in every object, `anyOf` but no other composition, no ranges and no lengths, four formats, and
patterns without anchors and lookaheads.
"""

from __future__ import annotations

import re
from typing import Any, Final

from ....schemas.json_schema.dialects import Dropped
from ....schemas.json_schema.dialects.plain import as_plain
from ....schemas.json_schema.dialects.writing import Dialect
from ....schemas.json_schema.keywords import objects_in

_HARD_PATTERN = re.compile(r"[$^]|\(\?")


def _admit(keyword: str, value: object, type: str) -> str | None:
    if keyword == "pattern" and isinstance(value, str) and _HARD_PATTERN.search(value):
        return "Cohere takes no anchors and lookarounds in a pattern; checked locally"
    return None


def _limits(schema: dict[str, Any]) -> list[Dropped]:
    """List the objects of which nothing is required."""
    objects = [schema, *(node for node in objects_in(schema) if node.get("properties"))]
    if all(node.get("required") for node in objects):
        return []
    return [Dropped("", "required", "Cohere takes no object of which no property is required")]


to_dialect: Final = Dialect(
    name="Cohere",
    keywords={"string": frozenset({"pattern"})},
    formats={"string": frozenset({"date-time", "uuid", "date", "time"})},
    admit=_admit,
    anything={},
    any_value=True,
    maps=True,
    object_root=True,
    fall_back=as_plain,
    limits=_limits,
)
"""Write the schema as Cohere enforces it. Raises SchemaError when it cannot be used at all."""
