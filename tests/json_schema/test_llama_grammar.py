"""llama.cpp's grammars: only keywords that its converter enforces are sent."""

from __future__ import annotations

import json
from typing import Any

import pytest
from dialect_laws import each_schema, fits, leaves_its_input_alone, names_real_places
from in_turn import in_turn
from schema_table import BY_NAME, CASES, Case, an_object

from stepwell.providers.local.grammar_dialect import to_dialect

# For each schema the converter looks for the first of these and loses what stands beside it.
WORDS: dict[str, set[str]] = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "prefixItems", "minItems", "maxItems"},
    "integer": {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"},
    "number": set(),
    "boolean": set(),
    "null": set(),
}
REMARKS = {"title", "description", "$defs"}


def complaints(schema: dict[str, Any]) -> list[str]:
    found = []
    for path, part in each_schema(schema):
        words = part.keys() - REMARKS
        if "$ref" in part:
            right = words == {"$ref"} and part["$ref"].startswith("#/")
        elif "anyOf" in part:
            right = words == {"anyOf"}
        elif isinstance(part.get("type"), list):
            right = words == {"type"}
        elif "enum" in part:
            right = words <= {"type", "enum"}
        elif part["type"] == "string":
            right = words - {"type"} <= {"minLength", "maxLength"} or words in ({"type", "pattern"}, {"type", "format"})
        else:
            right = words - {"type"} <= WORDS[part["type"]] and not {"items", "prefixItems"} <= words
        found += [] if right else [f"{path}: {sorted(words)}"]
    return found


@in_turn("case", CASES)
def test_nothing_is_sent_that_the_grammar_would_lose(case: Case) -> None:
    spoken = leaves_its_input_alone(to_dialect, case)
    names_real_places(spoken, case)
    assert complaints(spoken.schema) == []
    for good in case.good:
        assert fits(good, spoken.schema)


@pytest.mark.parametrize(
    ("schema", "sent"),
    [
        ({"type": "string", "pattern": "^[a-z]+$"}, True),
        ({"type": "string", "pattern": "[a-z]+"}, False),
        ({"type": "string", "pattern": r"^\d+$"}, False),
        ({"type": "string", "pattern": "^(?:a|b)$"}, False),
        ({"type": "string", "pattern": "^a{5000}$"}, False),
        ({"type": "string", "maxLength": 5_000}, False),
        ({"type": "string", "maxLength": 500}, True),
        ({"type": "integer", "minimum": 0.5}, False),
        ({"type": "number", "minimum": 0}, False),
    ],
)
def test_constraints_that_the_grammar_lacks_are_checked_locally(schema: dict[str, Any], sent: bool) -> None:
    spoken = to_dialect(an_object({"v": schema}))
    assert (spoken.dropped == ()) == sent
    assert (schema.keys() == spoken.schema["properties"]["v"].keys()) == sent


def test_builds_with_llguidance_compile_all_of_it() -> None:
    llguidance = pytest.importorskip("llguidance")
    for case in CASES:
        grammar = f"%llguidance {{}}\nstart: %json {json.dumps(to_dialect(case.schema).schema)}"
        assert not llguidance.LLMatcher.validate_grammar(grammar), case.name


def test_an_unconstrained_value_has_every_type() -> None:
    wire = to_dialect(BY_NAME["any value"].schema).schema
    assert "object" in wire["properties"]["a"]["type"]
    assert "null" in wire["properties"]["a"]["type"]
