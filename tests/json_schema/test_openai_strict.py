"""OpenAI's strict mode: every schema passes the published rules, or is sent unenforced with the reason."""

from __future__ import annotations

from typing import Any

import pytest
from dialect_laws import at, each_schema, filled, fits, leaves_its_input_alone, names_real_places
from in_turn import in_turn
from schema_table import BY_NAME, CASES, TEXT, WHOLE, Case, an_object

from stepwell.providers.wires.openai_chat.strict_dialect import to_dialect
from stepwell.schemas.errors import SchemaError
from stepwell.schemas.json_schema.root import without_nulls
from stepwell.schemas.json_schema.validate import errors_of

WORDS = {
    "object": {"properties", "required", "additionalProperties"},
    "array": {"items", "minItems", "maxItems"},
    "string": {"pattern", "format", "enum"},
    "number": {"multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "enum"},
    "integer": {"multipleOf", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum", "enum"},
    "boolean": {"enum"},
    "null": set[str](),
}
FORMATS = {"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}
ANYWHERE = {"title", "description", "$defs"}

NOT_STRICT = {
    "only a type": "",
    "map of numbers": "/properties/m",
    "open by true": "",
    "open by empty schema": "",
    "any value": "/properties/a",
    "described any": "/properties/a",
    "object enum": "/properties/o",
    "array of anything": "/properties/a",
    "union at the root": "",
    "conditional with new properties": "",
    "names by pattern": "/properties/h",
}


def complaints(schema: dict[str, Any]) -> list[str]:
    """Return the violations of OpenAI's rules.

    See developers.openai.com/api/docs/guides/structured-outputs, supported schemas.
    """
    found = [] if schema.get("type") == "object" and "anyOf" not in schema else ["the root is not a plain object"]
    for path, part in each_schema(schema):
        if not isinstance(part, dict):
            found.append(f"{path}: a boolean schema")
        elif "$ref" in part:
            found += [f"{path}: siblings of $ref"] if part.keys() - {"$ref", "$defs"} else []
            found += (
                [] if part["$ref"].startswith("#/$defs/") and at(schema, part["$ref"][1:]) else [f"{path}: dangling"]
            )
        elif "anyOf" in part:
            found += [f"{path}: {word} beside anyOf" for word in part.keys() - {"anyOf"} - ANYWHERE]
        else:
            found += one_type(path, part)
    return found


def one_type(path: str, part: dict[str, Any]) -> list[str]:
    if not isinstance(part.get("type"), str):
        return [f"{path}: no type"]
    found = [f"{path}: {word}" for word in part.keys() - WORDS[part["type"]] - ANYWHERE - {"type"}]
    if part["type"] == "object":
        found += [] if part.get("additionalProperties") is False else [f"{path}: not closed"]
        found += [] if list(part.get("required", ())) == list(part["properties"]) else [f"{path}: optional properties"]
    if part["type"] == "array" and "items" not in part:
        found.append(f"{path}: no items")
    if "format" in part and part["format"] not in FORMATS:
        found.append(f"{path}: format {part['format']}")
    return found


def nulls_removed(value: Any) -> Any:
    """Return the value without its nulls: where null is allowed, it means the same as absent."""
    if isinstance(value, dict):
        return {name: nulls_removed(part) for name, part in value.items() if part is not None}
    return [nulls_removed(item) for item in value] if isinstance(value, list) else value


@in_turn("case", CASES)
def test_a_schema_is_strict_by_the_rules_or_reports_where_it_is_not(case: Case) -> None:
    spoken = leaves_its_input_alone(to_dialect, case)
    names_real_places(spoken, case)
    assert spoken.strict == (case.name not in NOT_STRICT)
    if spoken.strict:
        assert complaints(spoken.schema) == []
    else:
        assert spoken.schema["type"] == "object"
        assert NOT_STRICT[case.name] in [dropped.pointer for dropped in spoken.dropped]


@in_turn("case", [case for case in CASES if case.name not in NOT_STRICT])
def test_every_answer_that_was_asked_for_can_be_given_and_comes_back_as_it_was(case: Case) -> None:
    wire = to_dialect(case.schema).schema
    for good in case.good:
        written = filled(good, wire, wire)
        assert fits(written, wire)
        restored = without_nulls(written, case.schema)
        assert nulls_removed(restored) == nulls_removed(good)
        assert errors_of(restored, case.schema) == []


@in_turn("case", CASES)
def test_a_tool_choice_that_the_wire_lacks_is_enforced_locally(case: Case) -> None:
    for bad in case.bad:
        assert errors_of(bad, case.schema)


def test_a_dropped_requirement_is_reported_to_the_model_and_to_the_caller() -> None:
    spoken = to_dialect(BY_NAME["string limits"].schema)
    described = spoken.schema["properties"]["s"]["anyOf"][0] | spoken.schema["properties"]["s"]
    assert described["description"] == "(minLength: 2; maxLength: 4)"
    assert [(dropped.pointer, dropped.keyword) for dropped in spoken.dropped] == [
        ("/properties/s", "minLength"),
        ("/properties/s", "maxLength"),
    ]


def test_a_definition_that_nothing_uses_is_not_sent() -> None:
    schema = an_object({"a": TEXT}, **{"$defs": {"Unused": an_object({"m": {"type": "object"}})}})
    spoken = to_dialect(schema)
    assert spoken.strict
    assert "$defs" not in spoken.schema


def nested(levels: int) -> dict[str, Any]:
    schema = an_object({"end": WHOLE})
    for _ in range(levels - 1):
        schema = an_object({"deeper": schema})
    return schema


@pytest.mark.parametrize(
    ("within", "over", "keyword"),
    [
        (
            an_object({str(at): WHOLE for at in range(5_000)}),
            an_object({str(at): WHOLE for at in range(5_001)}),
            "properties",
        ),
        (nested(10), nested(11), "properties"),
        (
            an_object({"e": {"type": "integer", "enum": list(range(1_000))}}),
            an_object({"e": {"type": "integer", "enum": list(range(1_001))}}),
            "enum",
        ),
        (
            an_object({"e": {"enum": ["x" * 50 + str(at) for at in range(250)]}}),
            an_object({"e": {"enum": ["x" * 60 + str(at) for at in range(251)]}}),
            "enum",
        ),
        (
            an_object({"x" * 60_000: WHOLE}),
            an_object({"x" * 60_000: WHOLE, "y" * 60_001: WHOLE}),
            "properties",
        ),
    ],
    ids=["properties", "levels", "enum values", "one long enum", "characters"],
)
def test_over_a_published_limit_the_schema_is_sent_plainly(within: Any, over: Any, keyword: str) -> None:
    assert to_dialect(within).strict
    spoken = to_dialect(over)
    assert not spoken.strict
    assert keyword in [dropped.keyword for dropped in spoken.dropped]
    for dropped in spoken.dropped:
        at(over, dropped.pointer)


def test_the_root_must_be_able_to_be_an_object() -> None:
    with pytest.raises(SchemaError, match="in_object"):
        to_dialect({"type": "array", "items": TEXT})
