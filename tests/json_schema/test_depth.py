"""A value that is nested too deeply is a violation, never a crash, at any depth of the call stack."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import pytest
from in_turn import in_turn

from stepwell.schemas.errors import ObjectInvalid
from stepwell.schemas.json_schema.depth import MAX_VALUE_DEPTH, too_deep
from stepwell.schemas.json_schema.structure_value import structure_value
from stepwell.schemas.json_schema.validate import errors_of, fits_part

from costs import thorough_after

NODE = {"type": "object", "properties": {"n": {"$ref": "#/$defs/T"}}}
SCHEMAS = {
    "root": {"type": "object", "properties": {"n": {"$ref": "#"}}},
    "definition": {"$ref": "#/$defs/T", "$defs": {"T": NODE}},
    "union": {"$ref": "#/$defs/T", "$defs": {"T": {"anyOf": [{"type": "null"}, NODE]}}},
    "one of": {"$ref": "#/$defs/T", "$defs": {"T": {"oneOf": [{"type": "null"}, NODE]}}},
    "items": {"items": {"$ref": "#"}, "properties": {"n": {"$ref": "#"}}},
    "anything": True,
}


@dataclasses.dataclass
class Tree:
    n: Tree | None = None


def nested(depth: int, wrap: Callable[[Any], Any] = lambda inner: {"n": inner}) -> Any:
    value: Any = {}
    for _ in range(depth - 1):
        value = wrap(value)
    return value


def at(frames: int, run: Callable[[], Any]) -> Any:
    """Return the result of `run` with so much of the stack in use."""
    return at(frames - 1, run) if frames else run()


@in_turn("schema", SCHEMAS.values())
@in_turn("depth", [MAX_VALUE_DEPTH + 1, 2_000, 100_000])
@in_turn("wrap", [lambda inner: {"n": inner}, lambda inner: [inner]])
def test_too_deep_is_a_violation_of_the_depth(schema: Any, depth: int, wrap: Any) -> None:
    assert [violation.keyword for violation in errors_of(nested(depth, wrap), schema)] == ["depth"]
    assert not fits_part(nested(depth, wrap), schema, schema)


@pytest.mark.parametrize("schema", thorough_after(1, SCHEMAS.values()), ids=SCHEMAS)
def test_an_overflow_at_any_depth_of_the_stack_has_the_same_result(schema: Any, capfd: Any) -> None:
    value = nested(MAX_VALUE_DEPTH)
    said = {tuple(each.keyword for each in at(frames, lambda: errors_of(value, schema))) for frames in range(0, 800, 7)}
    assert said <= {(), ("depth",)}
    capfd.readouterr()  # a library in Rust writes of its panics


@pytest.mark.parametrize("schema", SCHEMAS.values(), ids=SCHEMAS)
def test_ordinary_values_are_not_too_deep(schema: Any) -> None:
    assert errors_of(nested(50), schema) == [] == errors_of(nested(50, lambda inner: {"n": inner, "m": []}), schema)


@pytest.mark.parametrize("depth", [MAX_VALUE_DEPTH + 1, 2_000, 100_000])
def test_no_object_is_made_of_a_value_that_is_too_deep(depth: int) -> None:
    for frames in (0, 300, 600):
        with pytest.raises(ObjectInvalid) as caught:
            at(frames, lambda: structure_value(nested(depth), Tree))
        assert [each.keyword for each in caught.value.violations] == ["depth"]


def test_objects_are_made_or_too_deep_at_any_depth_of_the_stack() -> None:
    for frames in range(0, 800, 50):
        try:
            assert isinstance(at(frames, lambda: structure_value(nested(150), Tree)), Tree)
        except ObjectInvalid as error:
            assert [each.keyword for each in error.violations] == ["depth"]


def test_depth_is_counted_by_levels_and_shared_parts_once() -> None:
    assert not too_deep(nested(MAX_VALUE_DEPTH)) and too_deep(nested(MAX_VALUE_DEPTH + 1))
    shared: Any = []
    for _ in range(MAX_VALUE_DEPTH - 1):
        shared = [shared, shared]
    assert not too_deep(shared) and too_deep([shared])
    assert not too_deep("text") and not too_deep([list(range(10_000))] * 100)
