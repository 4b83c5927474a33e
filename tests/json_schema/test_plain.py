"""Schemas that are sent but not enforced: complete, with one object at the root."""

from __future__ import annotations

import pytest
from dialect_laws import each_schema, fits, leaves_its_input_alone, names_real_places
from in_turn import in_turn
from schema_table import BY_NAME, CASES, SHAPES, TEXT, Case, an_object

from stepwell.providers.wires.bedrock_converse import dialect as bedrock
from stepwell.schemas.errors import SchemaError
from stepwell.schemas.json_schema.dialects import plain


@in_turn("case", CASES)
def test_the_root_is_one_object_and_all_allowed_values_stay_allowed(case: Case) -> None:
    spoken = leaves_its_input_alone(plain.to_dialect, case)
    names_real_places(spoken, case)
    assert not spoken.strict
    assert spoken.schema["type"] == "object"
    assert not {"anyOf", "oneOf", "allOf", "$ref"} & spoken.schema.keys()
    for good in case.good:
        assert fits(good, spoken.schema)


@in_turn("case", CASES)
def test_bedrock_finds_nothing_at_the_root_that_nova_refuses(case: Case) -> None:
    spoken = leaves_its_input_alone(bedrock.to_dialect, case)
    names_real_places(spoken, case)
    recursive = "$defs" in spoken.schema
    assert spoken.schema.keys() <= {"type", "properties", "required", "$defs"}
    assert recursive == any(dropped.keyword == "$defs" for dropped in spoken.dropped)
    assert recursive == any(isinstance(part, dict) and "$ref" in part for _, part in each_schema(spoken.schema))
    for good in case.good:
        assert fits(good, spoken.schema)


def test_a_union_at_the_root_is_sent_as_one_object_with_all_its_properties() -> None:
    spoken = plain.to_dialect({"anyOf": list(SHAPES.values())})
    assert list(spoken.schema["properties"]) == ["kind", "radius", "side"]
    assert spoken.schema["required"] == ["kind"]
    assert [dropped.keyword for dropped in spoken.dropped] == ["anyOf"]


def test_an_array_has_items_even_if_their_type_is_unknown() -> None:
    assert plain.to_dialect(BY_NAME["array of anything"].schema).schema["properties"]["a"] == {
        "type": "array",
        "items": {},
    }


def test_definitions_are_written_out_for_bedrock() -> None:
    spoken = bedrock.to_dialect(BY_NAME["limits beside a reference"].schema)
    assert spoken.schema["properties"]["a"] == {"allOf": [{"type": "string", "maxLength": 4}, {"minLength": 2}]}


def test_definitions_that_double_at_every_level_are_refused_when_written_out() -> None:
    defs = {
        f"L{n}": an_object({"a": {"$ref": f"#/$defs/L{n + 1}"}, "b": {"$ref": f"#/$defs/L{n + 1}"}}) for n in range(40)
    }
    schema = {"$ref": "#/$defs/L0", "$defs": {**defs, "L40": TEXT}}
    with pytest.raises(SchemaError, match="too large"):
        bedrock.to_dialect(schema)


@pytest.mark.parametrize("root", [{"type": "string"}, {"anyOf": [{"type": "string"}, {"type": "null"}]}, {"enum": [1]}])
def test_a_root_that_cannot_be_an_object_is_refused(root: dict[str, object]) -> None:
    with pytest.raises(SchemaError, match="must be an object"):
        plain.to_dialect(root)
