"""The JSON Schema that llama.cpp turns into a grammar (`json-schema-to-grammar`), for `json_schema` and local tools.

https://github.com/ggml-org/llama.cpp/blob/master/grammars/README.md (read 2026-11): for each schema the first keyword
it recognises counts and all others are ignored, `{}` means an object, and a pattern must be anchored at both ends.
"""

from __future__ import annotations

import re
from typing import Any, Final

from attrs import evolve

from ...schemas.json_schema.dialects.plain import through_plain
from ...schemas.json_schema.dialects.writing import Dialect
from ...schemas.json_schema.keywords import TYPES

MAX_REPEATS: Final = 1_000

_INTEGER: Final = frozenset({"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"})
_HARD_PATTERN = re.compile(r"\(\?|\\[a-zA-Z0-9]|[*+?}][?+]|\[\^?\]|\{,")


def _admit(keyword: str, value: Any, type: str) -> str | None:
    if keyword == "enum":
        return None
    if keyword == "pattern":
        if not (value.startswith("^") and value.endswith("$")) or _HARD_PATTERN.search(value):
            return "llama.cpp takes only simple patterns from '^' to '$'; checked locally"
        if any(int(count) > MAX_REPEATS for count in re.findall(r"\d+", "".join(re.findall(r"\{[^}]*\}", value)))):
            return "llama.cpp cannot repeat so often; checked locally"
    elif type in ("string", "array") and value > MAX_REPEATS:
        return "llama.cpp cannot repeat so often; checked locally"
    elif type == "integer" and value != int(value):
        return "llama.cpp takes only whole bounds; checked locally"
    return None


to_dialect: Final = Dialect(
    name="llama.cpp",
    keywords={
        "string": frozenset({"pattern", "minLength", "maxLength"}),
        "integer": _INTEGER,
        "array": frozenset({"minItems", "maxItems"}),
    },
    formats={"string": frozenset({"date", "time", "date-time", "uuid"})},
    admit=_admit,
    enums=frozenset(TYPES),
    anything={"type": list(TYPES)},
    any_value=True,
    maps=True,
    tuples="exact",
    alone=("enum", "pattern", "format"),
    hints=False,
)
"""Write the schema in the keywords that the grammar respects. Raises SchemaError when it cannot be used at all."""
to_tool_dialect: Final = through_plain(evolve(to_dialect, hints=True))
"""Write the parameters of a tool, which the model sees. For the grammar, `{}` would mean an object, also as `items`."""
