"""Anthropic's strict subset: every schema passes the published rules, or is sent unenforced with the reason."""

from __future__ import annotations

import re
from typing import Any

import pytest
from dialect_laws import at, each_schema, fits, leaves_its_input_alone, names_real_places
from in_turn import in_turn
from schema_table import BY_NAME, CASES, TEXT, WHOLE, Case, an_object

from stepwell.providers.wires.anthropic_messages import dialect as anthropic
from stepwell.providers.wires.anthropic_messages.dialect import to_dialect
from stepwell.providers.wires.bedrock_converse import dialect as bedrock
from stepwell.schemas.json_schema.dialects import plain
from stepwell.schemas.json_schema.validate import errors_of

ALLOWED = {
    "type",
    "description",
    "title",
    "enum",
    "properties",
    "required",
    "additionalProperties",
    "items",
    "minItems",
    "anyOf",
    "$ref",
    "$defs",
    "pattern",
    "format",
}
FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "uri", "ipv4", "ipv6", "uuid"}
RECURSIVE = {"recursive tree", "recursive root", "recursion with a remark", "mutual recursion"}
NOT_STRICT = RECURSIVE | {
    "only a type",
    "map of numbers",
    "open by true",
    "open by empty schema",
    "any value",
    "described any",
    "object enum",
    "array of anything",
    "union at the root",
    "conditional with new properties",
    "names by pattern",
}


def complaints(schema: dict[str, Any]) -> list[str]:
    """Return the violations of Claude's rules.

    See platform.claude.com/docs/en/build-with-claude/structured-outputs, JSON Schema limitations.
    """
    found = [] if schema.get("type") == "object" else ["the root is not an object"]
    for path, part in each_schema(schema):
        found += [f"{path}: {word}" for word in part.keys() - ALLOWED]
        if "$ref" in part and part.keys() - {"$ref", "$defs"}:
            found.append(f"{path}: siblings of $ref")
        if part.get("type") == "object" and part.get("additionalProperties") is not False:
            found.append(f"{path}: not closed")
        if part.get("minItems", 0) > 1:
            found.append(f"{path}: minItems")
        if not {"type", "anyOf", "$ref"} & part.keys():
            found.append(f"{path}: no type")
        if part.get("format", "uuid") not in FORMATS:
            found.append(f"{path}: format")
        if any(isinstance(value, dict | list) for value in part.get("enum", ())):
            found.append(f"{path}: a complex value in enum")
        if re.search(r"\(\?[=!<]|\\b|\\\d", part.get("pattern", "")):
            found.append(f"{path}: pattern")
    return found + [f"#/$defs/{name} is recursive" for name in schema.get("$defs", {}) if leads_back(schema, name)]


def leads_back(schema: dict[str, Any], name: str) -> bool:
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        body = at(schema, f"/$defs/{waiting.pop()}")
        used = {part["$ref"].removeprefix("#/$defs/") for _, part in each_schema(body) if "$ref" in part}
        if name in used:
            return True
        waiting += used - seen
        seen |= used
    return False


@in_turn("case", CASES)
@pytest.mark.parametrize("dialect", [to_dialect, bedrock.to_strict_dialect], ids=["anthropic", "bedrock"])
def test_a_schema_is_strict_by_the_rules_or_reports_where_it_is_not(dialect: Any, case: Case) -> None:
    spoken = leaves_its_input_alone(dialect, case)
    names_real_places(spoken, case)
    assert spoken.strict == (case.name not in NOT_STRICT)
    if spoken.strict:
        assert complaints(spoken.schema) == []
    else:
        assert spoken.schema["type"] == "object"
        assert not {"anyOf", "oneOf", "allOf"} & spoken.schema.keys()
        assert spoken.dropped


@in_turn("case", [case for case in CASES if case.name not in NOT_STRICT])
def test_every_answer_that_was_asked_for_can_be_given(case: Case) -> None:
    wire = to_dialect(case.schema).schema
    for good in case.good:
        assert fits(good, wire)


def test_a_root_reference_is_written_out_and_keeps_the_definitions_it_needs() -> None:
    point = an_object({"x": WHOLE, "unit": {"$ref": "#/$defs/Unit"}, "other": {"$ref": "#/$defs/Unit"}}, required=["x"])
    spoken = to_dialect({"$ref": "#/$defs/Point", "$defs": {"Point": point, "Unit": {"enum": ["mm", "in"]}}})
    assert spoken.strict
    assert spoken.schema["type"] == "object"
    assert spoken.schema["properties"]["unit"] == {"$ref": "#/$defs/Unit"}
    assert spoken.schema["$defs"] == {"Unit": {"type": "string", "enum": ["mm", "in"]}}


def test_limits_are_not_sent_and_a_violation_is_reported_to_the_model() -> None:
    schema = BY_NAME["string limits"].schema
    wire = to_dialect(schema).schema["properties"]["s"]
    assert wire == {"type": "string", "pattern": "^[a-z]+$", "description": "(minLength: 2; maxLength: 4)"}
    assert [str(one) for one in errors_of({"s": "abcde"}, schema)] == ["/s must be at most 4 characters long"]


def test_a_self_recursive_model_is_sent_whole_but_not_enforced() -> None:
    spoken = to_dialect(BY_NAME["recursive tree"].schema)
    assert not spoken.strict
    assert spoken.schema["properties"]["children"]["items"] == {"$ref": "#/$defs/Node"}
    assert "Node" in spoken.schema["$defs"]
    assert {dropped.keyword for dropped in spoken.dropped} == {"$ref"}


@pytest.mark.parametrize(
    ("within", "over"),
    [
        (an_object({str(at): TEXT for at in range(24)}), an_object({str(at): TEXT for at in range(25)})),
        (
            an_object(each := {str(at): {"type": ["string", "null"]} for at in range(16)}, required=list(each)),
            an_object(each := {str(at): {"type": ["string", "null"]} for at in range(17)}, required=list(each)),
        ),
    ],
    ids=["optional properties", "unions"],
)
def test_over_a_published_limit_the_schema_is_sent_plainly(within: Any, over: Any) -> None:
    assert anthropic.to_dialect(within).strict
    assert not anthropic.to_dialect(over).strict
    assert anthropic.to_dialect(over).schema == plain.to_dialect(over).schema
