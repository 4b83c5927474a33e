"""Violations of a schema name the place and the keyword, and never quote the value."""

from __future__ import annotations

import pickle
import subprocess
import sys
import time
from typing import Any

import pytest
from in_turn import in_turn
from schema_table import CASES, SHAPES, TEXT, WHOLE, Case, an_object

from stepwell.schemas.json_schema.validate import Violation, errors_of

SECRET = "canary-7f3a"


def violation_texts(value: Any, schema: Any) -> list[str]:
    return [str(violation) for violation in errors_of(value, schema)]


@in_turn("case", CASES)
def test_good_values_fit_and_bad_ones_do_not(case: Case) -> None:
    assert [violation_texts(good, case.schema) for good in case.good] == [[] for _ in case.good]
    assert all(errors_of(bad, case.schema) for bad in case.bad)


@pytest.mark.parametrize(
    ("value", "schema", "expected"),
    [
        (1, TEXT, "the value must be of type string"),
        (1, {"type": ["string", "null"]}, "the value must be of type string or null"),
        ({"a": [{"b": "x"}]}, an_object({"a": {"items": an_object({"b": WHOLE})}}), "/a/0/b must be of type integer"),
        ({"a/b": 1}, an_object({"a/b": TEXT}), "/a~1b must be of type string"),
        ({}, an_object({}, required=["a", "b"]), "the value lacks the required 'a', 'b'"),
        (
            {"z": 1},
            an_object({"a": {}}, additionalProperties=False),
            "the value has properties that are not allowed; allowed are 'a'",
        ),
        ("x", {"enum": ["a", 1, None]}, 'the value must be one of "a", 1, null'),
        ("x", {"const": {"k": [1]}}, 'the value must be {"k": [1]}'),
        (3, {"minimum": 5}, "the value must be at least 5"),
        (5, {"exclusiveMaximum": 5}, "the value must be below 5"),
        (0.35, {"multipleOf": 0.1}, "the value must be a multiple of 0.1"),
        ("abc", {"maxLength": 2}, "the value must be at most 2 characters long"),
        ("abc", {"pattern": "^x"}, 'the value must match the pattern "^x"'),
        ("tomorrow", {"format": "date"}, "the value must be written as a date"),
        ([1, 1], {"uniqueItems": True}, "the value must not repeat an item"),
        ([1], {"minItems": 2}, "the value must have at least 2 items"),
        ([1, 2], {"prefixItems": [{}], "items": False}, "the value has more items than allowed"),
        (
            {"abc": 1},
            {"propertyNames": {"maxLength": 2}},
            "the value has a property name that must be at most 2 characters long",
        ),
        (
            1,
            {"oneOf": [WHOLE, {"type": "number"}]},
            "the value fits more than one of the alternatives, and may fit only one",
        ),
        (1, {"not": WHOLE}, "the value fits the schema under 'not', and must not"),
        (True, {"anyOf": [TEXT, WHOLE]}, "the value fits none of the 2 alternatives"),
        (1, {"anyOf": [False, False]}, "the value fits none of the 2 alternatives"),
        (1, {"anyOf": [False, {"minimum": 2}]}, "the value must be at least 2"),
        ({"a": 1}, {"dependentRequired": {"a": ["b"]}}, "the value does not fit 'dependentRequired'"),
    ],
)
def test_each_violated_keyword_is_named(value: Any, schema: Any, expected: str) -> None:
    assert violation_texts(value, schema) == [expected]


def test_violations_of_a_union_are_those_of_the_nearest_alternative() -> None:
    assert violation_texts({"kind": "square", "side": "x"}, {"anyOf": list(SHAPES.values())}) == [
        "/side must be of type number"
    ]
    assert violation_texts({"kind": "cube"}, {"anyOf": list(SHAPES.values())}) == [
        "the value fits none of the 2 alternatives"
    ]
    assert violation_texts(
        {"s": ["a", 1]}, an_object({"s": {"anyOf": [{"type": "array", "items": TEXT}, {"type": "null"}]}})
    ) == ["/s/1 must be of type string"]


@in_turn(
    "schema",
    [
        {"type": "integer"},
        {"enum": ["a"]},
        {"const": "a"},
        {"maxLength": 1},
        {"pattern": "^a$"},
        {"format": "uuid"},
        {"anyOf": [{"type": "integer"}, {"maxLength": 1}]},
        {"not": {"type": "string"}},
        {"items": {"type": "integer"}},
        {"properties": {"k": {"type": "integer"}}, "additionalProperties": False},
        {"uniqueItems": True, "maxItems": 1},
        {"contains": {"type": "integer"}},
    ],
)
@in_turn("value", [SECRET, [SECRET, SECRET], {"k": SECRET}, {SECRET: 1}])
def test_the_value_is_never_quoted(schema: dict[str, Any], value: Any) -> None:
    assert not any(SECRET in violation.message for violation in errors_of(value, schema))


def terms(keyword: str) -> dict[str, Any]:
    """Return the schema of a recursive union, as pydantic and others write it."""
    term = {"$ref": "#/$defs/term"}
    kinds = {
        kind: an_object({"kind": {"const": kind}, "left": term, "right": term}, required=["kind", "left", "right"])
        for kind in ("add", "sub", "mul", "div")
    }
    union = [WHOLE, *({"$ref": f"#/$defs/{kind}"} for kind in kinds)]
    return {"$defs": {**kinds, "term": {keyword: union}}, **term}


def a_term(levels: int, first: Any) -> Any:
    inner: Any = first
    for _ in range(levels):
        inner = {"kind": "div", "left": inner, "right": {"kind": "mul", "left": 1, "right": 2}}
    return inner


@pytest.mark.parametrize("keyword", ["anyOf", "oneOf"])
def test_a_recursive_union_is_matched_in_time_linear_in_the_value(keyword: str) -> None:
    schema = terms(keyword)
    began = time.process_time()
    assert violation_texts(a_term(20, 7), schema) == []
    assert violation_texts(a_term(20, {"kind": "add", "left": 1}), schema) == [
        f"{'/left' * 20} lacks the required 'right'"
    ]
    assert violation_texts(a_term(20, "x"), schema) == [f"{'/left' * 20} fits none of the 5 alternatives"]
    assert time.process_time() - began < 5


def test_a_value_whose_violations_take_too_long_to_list_is_still_refused() -> None:
    definitions: dict[str, Any] = {"t0": {"properties": {"n": {"$ref": "#/$defs/t9"}, "end": WHOLE}}}
    for at in range(1, 10):
        definitions[f"t{at}"] = {"allOf": [{"$ref": f"#/$defs/t{at - 1}"}] * 2}
    schema = {"$defs": definitions, "$ref": "#/$defs/t9"}
    deep: dict[str, Any] = {"end": "x"}
    for _ in range(10):
        deep = {"n": deep}
    began = time.process_time()
    assert errors_of(deep, schema)
    assert errors_of({"n": {"n": {"end": 1}}}, schema) == []
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    ("value", "fits"),
    [
        ([{"a": number} for number in range(20_000)], True),
        ([*({"a": number} for number in range(20_000)), {"a": 7.0}], False),
        ([1, True, "1", [1], [True], {"a": 1}, {"a": True}, None, 0, False], True),
        ([1, 1.0], False),
        ([{"a": 1, "b": [2]}, {"b": [2.0], "a": 1}], False),
        ([[], {}], True),
    ],
)
def test_items_that_repeat_are_found_in_linear_time(value: Any, fits: bool) -> None:
    began = time.process_time()
    assert (errors_of(value, {"uniqueItems": True}) == []) == fits
    assert time.process_time() - began < 5


def test_at_most_fifty_violations_are_listed() -> None:
    assert len(errors_of(["x"] * 1_000, {"items": WHOLE})) == 50


def test_a_value_nested_beyond_checking_is_a_violation() -> None:
    value: Any = {}
    for _ in range(2_000):
        value = {"n": value}
    assert [one.keyword for one in errors_of(value, an_object({"n": {"$ref": "#"}}))] == ["depth"]


@pytest.mark.parametrize(
    ("value", "step", "fits"),
    [(0.3, 0.1, True), (19.99, 0.01, True), (1e22, 7, False), (10**30, 10, True), (1e308, 0.5, True), (True, 2, True)],
)
def test_multiples_are_counted_in_decimal(value: Any, step: float, fits: bool) -> None:
    assert (errors_of(value, {"multipleOf": step}) == []) == fits


@pytest.mark.parametrize(
    ("format", "right", "wrong"),
    [
        ("date", "2026-11-21", "20261121"),
        ("date-time", "2026-11-21T10:00:00Z", "2026-11-21"),
        ("date-time", "2026-11-21T10:00:00", "10:00"),
        ("time", "10:00:00+01:00", "25:00"),
        ("duration", "P1DT2H", "P"),
        ("uuid", "12345678-1234-1234-1234-123456789abc", "1234"),
        ("email", "a@b", "a b@c"),
        ("hostname", "a-b.example", "-a.b"),
        ("ipv4", "127.0.0.1", "::1"),
        ("ipv6", "::1", "127.0.0.1"),
        ("uri", "https://a/b?c", "no scheme"),
    ],
)
def test_formats_are_validated(format: str, right: str, wrong: str) -> None:
    assert errors_of(right, {"format": format}) == []
    assert [one.keyword for one in errors_of(wrong, {"format": format})] == ["format"]
    assert errors_of(3, {"format": format}) == []


def test_names_by_pattern_and_the_rest_are_distinguished() -> None:
    schema = {"patternProperties": {"^(x+)+-": WHOLE}, "additionalProperties": TEXT, "properties": {"id": True}}
    assert violation_texts({"id": [], "xx-a": 1, "other": "s"}, schema) == []
    assert violation_texts({"xx-a": "s", "other": 1}, schema) == [
        "/xx-a must be of type integer",
        "/other must be of type string",
    ]


def test_a_violation_pickles() -> None:
    violation = Violation("/a", "must be there", "required")
    assert pickle.loads(pickle.dumps(violation)) == violation


@pytest.mark.usefixtures("new_process")
def test_importing_the_package_loads_neither_jsonschema_nor_cattrs() -> None:
    modules = [
        *(f"schemas.json_schema.{name}" for name in ("validate", "from_type", "structure_value", "signature")),
        *(f"schemas.json_schema.{name}" for name in ("partial", "repair", "root")),
        "providers.wires.openai_chat.strict_dialect",
        "providers.wires.google_generate.dialect",
    ]
    code = "; ".join(f"import stepwell.{name}" for name in modules)
    heavy = {"jsonschema", "referencing", "cattrs", "httpx", "asyncio"}
    done = subprocess.run(
        [sys.executable, "-c", f"import sys; {code}; print(sorted({heavy!r} & sys.modules.keys()))"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"
