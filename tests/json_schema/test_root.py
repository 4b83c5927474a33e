"""Answers that are not objects, and nulls that stand for absent properties."""

from __future__ import annotations

from typing import Any

import pytest
from schema_table import SHAPES, TEXT, TREE, WHOLE, an_object

from stepwell.providers.wires.openai_chat import strict_dialect as openai_strict
from stepwell.schemas.json_schema.root import in_object, without_nulls
from stepwell.schemas.json_schema.validate import errors_of


@pytest.mark.parametrize(
    ("schema", "good", "bad"),
    [
        (WHOLE, 1, "x"),
        ({"type": "array", "items": TEXT}, ["x"], [1]),
        ({"enum": ["a", "b"]}, "a", "c"),
        ({"anyOf": list(SHAPES.values())}, {"kind": "circle", "radius": 1}, {"kind": "cube"}),
        ({"type": "array", "items": {"$ref": "#/$defs/P"}, "$defs": {"P": an_object({"x": WHOLE})}}, [{"x": 1}], [1]),
        ({"type": "array", "items": {"$ref": "#"}}, [[], [[]]], [1]),
        ({"anyOf": [TREE["$defs"]["Node"], {"type": "null"}], **TREE, "$ref": "#/$defs/Node"}, {"value": 1}, None),
        ({"type": ["object", "null"], "properties": {"a": {"$ref": "#"}}}, {"a": None}, {"a": 1}),
        ({}, [1], ...),
    ],
    ids=range(9),
)
def test_a_root_that_is_not_one_object_is_put_into_one(schema: dict[str, Any], good: Any, bad: Any) -> None:
    wrapped, is_wrapped = in_object(schema)
    assert is_wrapped
    assert wrapped["type"] == "object"
    assert errors_of({"value": good}, wrapped) == []
    if bad is not ...:
        assert errors_of({"value": bad}, wrapped)
    openai_strict.to_dialect(wrapped)


@pytest.mark.parametrize(
    "schema",
    [
        an_object({"a": TEXT}),
        TREE,
        {"properties": {"a": TEXT}},
        {"type": "object"},
        {"allOf": [an_object({"a": TEXT})]},
    ],
)
def test_a_root_that_is_one_object_stays(schema: dict[str, Any]) -> None:
    assert in_object(schema) == (schema, False)


@pytest.mark.parametrize(
    ("answer", "schema", "expected"),
    [
        ({"a": None, "b": 1}, an_object({"a": TEXT, "b": WHOLE}), {"b": 1}),
        ({"a": None}, an_object({"a": TEXT}, required=["a"]), {"a": None}),
        ({"a": None}, an_object({"a": {"type": ["string", "null"]}}), {"a": None}),
        ({"a": None}, an_object({"a": {}}), {"a": None}),
        ({"a": None}, an_object({"a": {"enum": ["x", None]}}), {"a": None}),
        ({"a": None}, an_object({"a": {"enum": ["x"]}}), {}),
        ({"z": None}, an_object({"a": TEXT}), {"z": None}),
        ({"m": {"k": None}}, an_object({"m": {"type": "object", "additionalProperties": TEXT}}), {"m": {}}),
        ([{"a": None}], {"type": "array", "items": an_object({"a": TEXT})}, [{}]),
        ([1, {"a": None}], {"prefixItems": [WHOLE, an_object({"a": TEXT})]}, [1, {}]),
        (
            {"value": 1, "children": [{"value": 2, "children": None}]},
            TREE,
            {"value": 1, "children": [{"value": 2}]},
        ),
        (
            {"kind": "b", "x": None},
            {
                "anyOf": [
                    an_object({"kind": {"const": "a"}, "x": {"type": "null"}}, required=["kind", "x"]),
                    an_object({"kind": {"const": "b"}, "x": TEXT}, required=["kind"]),
                ]
            },
            {"kind": "b"},
        ),
        (
            {"kind": "a", "x": None},
            {
                "anyOf": [
                    an_object({"kind": {"const": "a"}, "x": {"type": "null"}}, required=["kind", "x"]),
                    an_object({"kind": {"const": "b"}, "x": TEXT}, required=["kind"]),
                ]
            },
            {"kind": "a", "x": None},
        ),
        ("text", an_object({"a": TEXT}), "text"),
        (None, an_object({"a": TEXT}), None),
    ],
    ids=range(15),
)
def test_nulls_for_absent_properties_are_taken_out(answer: Any, schema: dict[str, Any], expected: Any) -> None:
    before = str(answer)
    assert without_nulls(answer, schema) == expected
    assert str(answer) == before
