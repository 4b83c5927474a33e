"""Gemini's two forms of schema: the Schema object of OpenAPI, and its part of JSON Schema."""

from __future__ import annotations

from typing import Any

import pytest
from dialect_laws import as_json_schema, at, each_schema, fits, leaves_its_input_alone, names_real_places
from in_turn import in_turn
from schema_table import BY_NAME, CASES, TEXT, Case, an_object

from stepwell.providers.wires.google_generate import dialect as gemini
from stepwell.providers.wires.google_generate import json_dialect as gemini_json
from stepwell.schemas.errors import SchemaError

# https://ai.google.dev/api/caching#Schema
SCHEMA = {
    "type",
    "format",
    "title",
    "description",
    "nullable",
    "enum",
    "maxItems",
    "minItems",
    "properties",
    "required",
    "minProperties",
    "maxProperties",
    "minLength",
    "maxLength",
    "pattern",
    "anyOf",
    "propertyOrdering",
    "items",
    "minimum",
    "maximum",
}
FORMATS = {
    "string": {"date-time", "enum"},
    "number": {"float", "double"},
    "integer": {"int32", "int64"},
}
# https://ai.google.dev/api/generate-content#GenerationConfig, responseJsonSchema
JSON_SCHEMA = {
    "$id",
    "$defs",
    "$ref",
    "$anchor",
    "type",
    "format",
    "title",
    "description",
    "enum",
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "minimum",
    "maximum",
    "anyOf",
    "oneOf",
    "properties",
    "additionalProperties",
    "required",
    "propertyOrdering",
}
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
    "conditional with new properties",
    "names by pattern",
}


def complaints(schema: dict[str, Any]) -> list[str]:
    found = []
    for path, part in each_schema(schema):
        found += [f"{path}: {word}" for word in part.keys() - SCHEMA]
        if "anyOf" in part:
            found += [f"{path}: {word} beside anyOf" for word in part.keys() - {"anyOf"}]
        elif part.get("type") not in ("object", "array", "string", "number", "integer", "boolean"):
            found.append(f"{path}: type must be specified")
        if part.get("type") == "array" and "items" not in part:
            found.append(f"{path}: items: missing field")
        if "enum" in part and (part["type"] != "string" or not all(isinstance(value, str) for value in part["enum"])):
            found.append(f"{path}: enum only allowed for STRING type")
        if "format" in part and part["format"] not in FORMATS.get(part["type"], ()):
            found.append(f"{path}: format")
        found += [f"{path}: required {name}" for name in part.get("required", ()) if name not in part["properties"]]
    return found


@in_turn("case", CASES)
def test_a_schema_has_only_fields_that_gemini_knows(case: Case) -> None:
    spoken = leaves_its_input_alone(gemini.to_dialect, case)
    names_real_places(spoken, case)
    assert complaints(spoken.schema) == []
    assert spoken.strict == (case.name not in NOT_STRICT)


@in_turn("case", [case for case in CASES if case.name not in NOT_STRICT])
def test_every_answer_that_was_asked_for_can_be_given(case: Case) -> None:
    wire = as_json_schema(gemini.to_dialect(case.schema).schema)
    for good in case.good:
        assert fits(good, wire)


@in_turn("case", CASES)
def test_the_json_schema_fields_accept_all_documented_keywords(case: Case) -> None:
    spoken = leaves_its_input_alone(gemini_json.to_dialect, case)
    names_real_places(spoken, case)
    for path, part in each_schema(spoken.schema):
        assert part.keys() <= JSON_SCHEMA, path
        assert "$ref" not in part or all(word.startswith("$") for word in part), path
        assert all(
            isinstance(value, str | int | float) and not isinstance(value, bool) for value in part.get("enum", ())
        )
        if "$ref" in part:
            at(spoken.schema, part["$ref"][1:])
    assert spoken.strict == (case.name != "recursive root")
    for good in case.good:
        assert fits(good, spoken.schema)


def test_recursion_needs_the_json_schema_field() -> None:
    spoken = gemini.to_dialect(BY_NAME["recursive tree"].schema)
    assert spoken.schema["properties"]["children"]["items"] == {"type": "object"}
    assert [(dropped.pointer, dropped.keyword) for dropped in spoken.dropped] == [
        ("/$defs/Node/properties/children/items", "$ref")
    ]
    assert gemini_json.to_dialect(BY_NAME["recursive tree"].schema).strict


def test_a_constant_is_an_enum_of_one() -> None:
    wire = gemini.to_dialect(BY_NAME["tagged union"].schema).schema
    assert wire["properties"]["s"]["anyOf"][0]["properties"]["kind"] == {"type": "string", "enum": ["circle"]}


def test_an_enum_of_integers_becomes_a_range_and_a_remark() -> None:
    spoken = gemini.to_dialect(BY_NAME["integer enum"].schema)
    assert spoken.schema["properties"]["n"] == {
        "type": "integer",
        "minimum": 1,
        "maximum": 5,
        "description": "(one of 1, 5)",
    }
    assert [dropped.keyword for dropped in spoken.dropped] == ["enum"]


def test_null_in_a_union_is_a_flag() -> None:
    wire = gemini.to_dialect(BY_NAME["optional union with null"].schema).schema
    assert wire["properties"]["a"] == {"type": "integer", "nullable": True, "description": "how many"}


def test_the_order_of_properties_is_sent() -> None:
    wire = gemini.to_dialect(an_object({"reasoning": TEXT, "answer": TEXT})).schema
    assert wire["propertyOrdering"] == ["reasoning", "answer"]


def test_nested_empty_objects_are_kept() -> None:
    wire = gemini.to_dialect(BY_NAME["nested empty objects"].schema).schema
    assert wire["properties"]["opts"] == {"type": "object"}
    assert wire["properties"]["deep"]["properties"]["more"] == {"type": "object"}


def test_references_that_double_at_every_level_are_refused_when_written_out() -> None:
    defs = {
        f"L{n}": an_object({"a": {"$ref": f"#/$defs/L{n + 1}"}, "b": {"$ref": f"#/$defs/L{n + 1}"}}) for n in range(40)
    }
    schema = {"$ref": "#/$defs/L0", "$defs": {**defs, "L40": TEXT}}
    with pytest.raises(SchemaError, match="too large"):
        gemini.to_dialect(schema)
    assert gemini_json.to_dialect(schema).strict
