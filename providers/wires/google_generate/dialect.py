"""Gemini's `Schema` object: `parameters` of a function declaration, and `responseSchema`.

https://ai.google.dev/api/caching#Schema (read 2026-11): a part of OpenAPI 3.0 with one type per schema, `nullable`,
only string enums, no references, no `additionalProperties`, no other keyword next to `anyOf`. For the richer
`parametersJsonSchema` and `responseJsonSchema` see json_dialect.py.
"""

from __future__ import annotations

from typing import Final

from ....schemas.json_schema.dialects.plain import through_plain
from ....schemas.json_schema.dialects.writing import Dialect
from .json_dialect import admit

_NUMBER: Final = frozenset({"minimum", "maximum"})


to_dialect: Final = Dialect(
    name="Gemini's Schema",
    keywords={
        "string": frozenset({"minLength", "maxLength", "pattern"}),
        "number": _NUMBER,
        "integer": _NUMBER,
        "array": frozenset({"minItems", "maxItems"}),
        "object": frozenset({"minProperties", "maxProperties"}),
    },
    # Its error: "only 'enum' and 'date-time' are supported for STRING type".
    formats={
        "string": frozenset({"date-time"}),
        "number": frozenset({"float", "double"}),
        "integer": frozenset({"int32", "int64"}),
    },
    admit=admit,
    enums=frozenset({"string"}),
    anything={"anyOf": [{"type": "string"}, {"type": "number"}, {"type": "boolean"}]},
    references=False,
    nullable="flag",
    annotations_beside_unions=False,
    ordering="propertyOrdering",
)
"""Write the schema as Gemini's `Schema`. Raises SchemaError when it cannot be used at all.

References are written out. `strict` is False when something cannot be expressed (recursion, properties of any name,
any value); then send `json_dialect` instead, where the model takes it."""

to_tool_dialect: Final = through_plain(to_dialect)
"""Write the parameters of a tool."""
