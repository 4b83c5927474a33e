"""A schema from an untrusted source is checked before anything is matched against it."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from in_turn import in_turn
from schema_table import CASES, Case

from stepwell.schemas.errors import ConfigError, SchemaError
from stepwell.schemas.json_schema.safety import checked_schema
from stepwell.schemas.json_schema.validate import errors_of


def deep(levels: int, keyword: str = "items") -> dict[str, Any]:
    schema: dict[str, Any] = {}
    for _ in range(levels):
        schema = {keyword: schema}
    return schema


@pytest.fixture
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object, **options: object) -> None:
        raise AssertionError("a connection was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)


@pytest.mark.usefixtures("no_network")
@pytest.mark.parametrize(
    "ref",
    [
        "http://169.254.169.254/latest/meta-data",
        "https://example.com/schema.json#/$defs/A",
        "file:///etc/passwd",
        "ftp://example.com/x",
        "other.json",
        "/etc/passwd",
        "//example.com/x",
        "urn:uuid:12345678-1234-1234-1234-123456789abc",
        "",
    ],
)
@pytest.mark.parametrize("inside", [False, True])
def test_a_reference_out_of_the_document_is_refused_and_not_followed(ref: str, inside: bool) -> None:
    schema = {"properties": {"a": {"items": {"$ref": ref}}}} if inside else {"$ref": ref}
    with pytest.raises(SchemaError, match="nothing was fetched"):
        errors_of({"a": [1]}, schema)


@pytest.mark.usefixtures("no_network")
def test_an_id_does_not_make_a_remote_document_of_a_local_one() -> None:
    schema = {"$id": "http://example.com/root", "$ref": "#/$defs/A", "$defs": {"A": {"$id": "a", "type": "integer"}}}
    assert errors_of(1, schema) == []
    assert errors_of("x", schema)


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#"},
        {"$ref": "#/$defs/A", "$defs": {"A": {"$ref": "#/$defs/B"}, "B": {"$ref": "#/$defs/A"}}},
        {"anyOf": [{"type": "null"}, {"$ref": "#"}]},
        {"allOf": [{"$ref": "#"}]},
        {"not": {"$ref": "#"}},
        {"if": {"$ref": "#"}, "then": {}},
        {"oneOf": [{"allOf": [{"$ref": "#/oneOf/0"}]}]},
        {"properties": {"x": {"$ref": "#/properties/x"}}},
        {"dependentSchemas": {"a": {"$ref": "#"}}},
        {"dependencies": {"a": {"$ref": "#"}}},
        {"$anchor": "me", "anyOf": [{"$ref": "#me"}]},
    ],
)
def test_a_reference_cycle_without_progress_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(SchemaError, match="refers back to itself without end"):
        errors_of({"a": 1}, schema)


@in_turn("case", CASES)
def test_the_schemas_of_real_programs_pass(case: Case) -> None:
    checked_schema(case.schema)


def doubling(steps: int, step: Callable[[dict[str, Any]], dict[str, Any]]) -> dict[str, Any]:
    """Make a schema in which each definition uses the one before it twice."""
    definitions: dict[str, Any] = {"t0": {"type": "integer"}}
    for at in range(1, steps + 1):
        definitions[f"t{at}"] = step({"$ref": f"#/$defs/t{at - 1}"})
    return {"$defs": definitions, "$ref": f"#/$defs/t{steps}"}


@pytest.mark.parametrize(
    "step",
    [
        lambda ref: {"anyOf": [ref, ref]},
        lambda ref: {"oneOf": [ref, ref]},
        lambda ref: {"allOf": [ref, ref]},
        lambda ref: {"if": ref, "then": ref},
        lambda ref: {"dependentSchemas": {"a": ref, "b": ref}},
        lambda ref: {**ref, "anyOf": [ref]},
    ],
)
def test_references_that_multiply_are_refused_at_once(step: Any) -> None:
    schema = doubling(200, step)
    began = time.perf_counter()
    with pytest.raises(SchemaError, match="more than 5,000 others to be matched against the same value"):
        checked_schema(schema)
    assert time.perf_counter() - began < 5
    checked_schema(doubling(9, step))


def test_references_may_multiply_where_the_value_does_too() -> None:
    checked_schema(doubling(200, lambda ref: {"properties": {"a": ref, "b": ref}}))


def test_recursion_with_progress_is_allowed() -> None:
    checked_schema({"properties": {"next": {"$ref": "#"}}, "items": {"$ref": "#"}})


@pytest.mark.parametrize(
    ("schema", "complaint"),
    [
        (deep(100), "64 schemas deep"),
        (deep(100_000), "deep"),
        ({"enum": [deep(1_000)]}, "200 values deep"),
        ({"description": "x" * 2_100_000}, "bytes long"),
        ({"enum": list(range(150_000))}, "100,000 values"),
        ({"pattern": "a" * 5_000}, "5,000 characters long"),
        ("x", "a dict or a bool"),
        (None, "a dict or a bool"),
        ({1: 2}, "key that is not a string"),
        ({"const": {1, 2}}, "JSON cannot write: a set"),
        ({"const": float("nan"), "enum": [2**70]}, "NaN"),
    ],
    ids=range(11),
)
def test_a_schema_that_is_too_large_or_not_json_is_refused(schema: Any, complaint: str) -> None:
    with pytest.raises(SchemaError, match=complaint):
        checked_schema(schema)


def test_a_schema_that_contains_itself_is_refused() -> None:
    schema: dict[str, Any] = {}
    schema["items"] = schema
    with pytest.raises(SchemaError, match="deep"):
        checked_schema(schema)


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        ({"type": "int"}, "/type"),
        ({"type": []}, "/type"),
        ({"properties": {"a": {"type": {}}}}, "/properties/a/type"),
        ({"properties": []}, "/properties"),
        ({"properties": {"a": 1}}, "/properties"),
        ({"required": True}, "/required"),
        ({"required": [1]}, "/required"),
        ({"enum": []}, "/enum"),
        ({"anyOf": []}, "/anyOf"),
        ({"anyOf": {"a": {}}}, "/anyOf"),
        ({"items": 3}, "/items"),
        ({"minLength": -1}, "/minLength"),
        ({"minLength": 1.5}, "/minLength"),
        ({"maxItems": "3"}, "/maxItems"),
        ({"minimum": "0"}, "/minimum"),
        ({"minimum": True}, "/minimum"),
        ({"multipleOf": 0}, "/multipleOf"),
        ({"pattern": 1}, "/pattern"),
        ({"description": None}, "/description"),
        ({"$ref": 1}, "/$ref"),
        ({"$dynamicRef": "#x"}, "/$dynamicRef"),
        ({"dependentRequired": {"a": "b"}}, "/dependentRequired"),
        ({"$defs": {"a/b": {"not": []}}}, "/$defs/a~1b/not"),
    ],
)
def test_a_malformed_keyword_is_named_with_its_place(schema: dict[str, Any], place: str) -> None:
    with pytest.raises(SchemaError) as caught:
        checked_schema(schema)
    assert f"malformed at {place}:" in str(caught.value)
    assert isinstance(caught.value, ConfigError)


@pytest.mark.parametrize("ref", ["#/$defs/Missing", "#nowhere", "#/enum/0", "#/enum/7", "#/a/b/c"])
def test_a_reference_to_nowhere_is_refused(ref: str) -> None:
    with pytest.raises(SchemaError, match=r"points nowhere|does not have|malformed"):
        checked_schema({"enum": [1], "properties": {"a": {"$ref": ref}}})


def test_references_are_found_through_escapes_and_under_foreign_keywords() -> None:
    schema = {
        "properties": {"a": {"$ref": "#/$defs/x~1y%20z"}, "b": {"$ref": "#/components/schemas/B"}},
        "$defs": {"x/y z": {"type": "integer"}},
        "components": {"schemas": {"B": {"type": "string"}}},
    }
    assert errors_of({"a": 1, "b": "x"}, schema) == []
    assert [one.pointer for one in errors_of({"a": "x", "b": 1}, schema)] == ["/a", "/b"]


def test_schemas_under_foreign_keywords_are_checked_if_they_are_referred_to() -> None:
    with pytest.raises(SchemaError, match="malformed at /components/B/type"):
        checked_schema({"$ref": "#/components/B", "components": {"B": {"type": "text"}}})


def test_a_reference_of_an_older_draft_stands_for_its_whole_schema() -> None:
    schema = {"$defs": {"list": {"type": "array"}}, "properties": {"a": {"$ref": "#/$defs/list", "maxItems": 1}}}
    assert errors_of({"a": [1, 2]}, schema)
    for draft in ("draft-04", "draft-06", "draft-07"):
        old = {"$schema": f"http://json-schema.org/{draft}/schema#", **schema}
        assert errors_of({"a": [1, 2]}, old) == []
        assert errors_of({"a": 1}, old)


def test_older_drafts_are_respelled_in_a_copy() -> None:
    schema = {
        "$schema": "http://json-schema.org/draft-04/schema#",
        "items": [{"type": "integer"}],
        "additionalItems": False,
        "minimum": 0,
        "exclusiveMinimum": True,
        "dependencies": {"a": ["b"], "c": {"required": ["d"]}},
    }
    before = str(schema)
    assert checked_schema(schema) == {
        "prefixItems": [{"type": "integer"}],
        "items": False,
        "exclusiveMinimum": 0,
        "dependentRequired": {"a": ["b"]},
        "dependentSchemas": {"c": {"required": ["d"]}},
    }
    assert str(schema) == before


def test_a_schema_changed_after_use_is_checked_again() -> None:
    schema: dict[str, Any] = {"type": "integer"}
    assert errors_of(1, schema) == []
    schema["type"] = "string"
    assert errors_of(1, schema)


def test_booleans_are_schemas() -> None:
    assert errors_of(1, True) == []
    assert [one.message for one in errors_of(1, False)] == ["is not allowed here"]
