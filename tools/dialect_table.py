"""The table of docs/objects.md: which keywords of JSON Schema reach a vendor, made by translating one with each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stepwell import declare
from stepwell.schemas.errors import SchemaError
from stepwell.schemas.json_types import JSONObject
from tools.field_tables import table

_TEXTS: JSONObject = {"type": "array", "items": {"type": "string"}}
_EITHER = [{"type": "string"}, {"type": "integer"}]
SCHEMAS: Mapping[str, JSONObject] = {
    "enum": {"type": "string", "enum": ["a", "b"]},
    "const": {"const": "a"},
    "format": {"type": "string", "format": "date"},
    "pattern": {"type": "string", "pattern": "^a"},
    "minLength": {"type": "string", "minLength": 2},
    "maxLength": {"type": "string", "maxLength": 2},
    "minimum": {"type": "integer", "minimum": 2},
    "maximum": {"type": "integer", "maximum": 2},
    "exclusiveMinimum": {"type": "number", "exclusiveMinimum": 2},
    "multipleOf": {"type": "integer", "multipleOf": 2},
    "minItems": {**_TEXTS, "minItems": 3},
    "maxItems": {**_TEXTS, "maxItems": 3},
    "uniqueItems": {**_TEXTS, "uniqueItems": True},
    "prefixItems": {"type": "array", "prefixItems": _EITHER, "items": False, "minItems": 2, "maxItems": 2},
    "anyOf": {"anyOf": _EITHER},
    "oneOf": {"oneOf": _EITHER},
    "allOf": {"allOf": [{"type": "string"}, {"enum": ["a"]}]},
    "not": {"type": "string", "not": {"const": "a"}},
    "patternProperties": {"type": "object", "patternProperties": {"^a": {"type": "string"}}},
    "minProperties": {"type": "object", "properties": {"x": {"type": "string"}}, "minProperties": 1},
}
"""A schema with each keyword."""

WIRES = (
    *("openai_chat", "anthropic_messages", "google_generate", "mistral_chat", "cohere_chat", "ollama_chat"),
    "bedrock_converse",
)


def _is_sent(keyword: str, wire: str) -> bool:
    """Return whether the wire sends the keyword, perhaps by another one, to a model that enforces the schema."""
    dialect = getattr(declare, wire).object_support.answers
    whole = {"type": "object", "properties": {"x": SCHEMAS[keyword]}, "required": ["x"], "additionalProperties": False}
    try:
        found = dialect(whole)
    except SchemaError:
        return False
    return found.strict and not any(each.keyword == keyword for each in found.dropped)


def dialects() -> str:
    """Return the table; keywords that are alike everywhere share a row."""
    rows: dict[tuple[str, ...], list[str]] = {}
    for keyword in SCHEMAS:
        rows.setdefault(tuple(wire for wire in WIRES if _is_sent(keyword, wire)), []).append(keyword)
    return table(("keywords", "sent by"), ([_names(keywords), _sent_by(wires)] for wires, keywords in rows.items()))


def _sent_by(wires: tuple[str, ...]) -> str:
    return "all" if len(wires) == len(WIRES) else _names(wires) or "none"


def _names(words: Iterable[str]) -> str:
    return " ".join(f"`{word}`" for word in words)
