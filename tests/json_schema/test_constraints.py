"""Bounds in Annotated, in the forms of other libraries, become keywords of the schema."""

from __future__ import annotations

import datetime
import re
from typing import Annotated, Any, Literal

import annotated_types
import attrs
import pydantic
import pytest

import stepwell
from stepwell.errors import SchemaError
from stepwell.schemas.json_schema.from_type import schema_of
from stepwell.schemas.json_schema.validate import errors_of

from scripted import MODEL, Scripted, calls


class Meta:
    """A stand-in for msgspec.Meta."""

    def __init__(self, **facts: Any) -> None:
        self.description = None
        self.__dict__.update(facts)


NUMBERS = {"type": "integer", "minimum": 1, "maximum": 5}


@pytest.mark.parametrize(
    ("tp", "schema"),
    [
        (Annotated[int, pydantic.Field(ge=1, le=5)], NUMBERS),
        (Annotated[int, annotated_types.Ge(1), annotated_types.Le(5)], NUMBERS),
        (Annotated[int, annotated_types.Interval(ge=1, le=5)], NUMBERS),
        (Annotated[int, Meta(ge=1, le=5)], NUMBERS),
        (Annotated[int, pydantic.Field(ge=1, le=5, description="few")], {**NUMBERS, "description": "few"}),
        (
            Annotated[float, annotated_types.Gt(0), annotated_types.Lt(1), annotated_types.MultipleOf(0.1)],
            {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1, "multipleOf": 0.1},
        ),
        (
            Annotated[str, pydantic.StringConstraints(min_length=1, max_length=3, pattern="^a")],
            {"type": "string", "minLength": 1, "maxLength": 3, "pattern": "^a"},
        ),
        (Annotated[str, Meta(pattern=re.compile("^a"))], {"type": "string", "pattern": "^a"}),
        (
            Annotated[list[int], annotated_types.Len(0, 3)],
            {"type": "array", "items": {"type": "integer"}, "maxItems": 3},
        ),
        (
            Annotated[dict[str, int], annotated_types.MinLen(1)],
            {"type": "object", "additionalProperties": {"type": "integer"}, "minProperties": 1},
        ),
        (
            Annotated[int | None, pydantic.Field(ge=1)],
            {"anyOf": [{"type": "integer", "minimum": 1}, {"type": "null"}]},
        ),
        (Annotated[Any, annotated_types.Ge(1)], {"minimum": 1}),
        (Annotated[Literal[1, 2], annotated_types.Ge(1)], {"type": "integer", "enum": [1, 2], "minimum": 1}),
        (Annotated[int, annotated_types.Unit("m"), annotated_types.Predicate(abs), object()], {"type": "integer"}),
    ],
    ids=range(14),
)
def test_each_bound_becomes_its_keyword(tp: Any, schema: dict[str, Any]) -> None:
    assert schema_of(tp) == schema


@pytest.mark.parametrize(
    "tp",
    [
        Annotated[datetime.date, annotated_types.Ge(datetime.date(2026, 1, 1))],
        Annotated[str, annotated_types.Ge(1)],
        Annotated[int, annotated_types.MinLen(1)],
        Annotated[int | None, pydantic.Field(pattern="^a")],
    ],
)
def test_a_bound_that_is_not_enforced_is_an_error(tp: Any) -> None:
    with pytest.raises(SchemaError, match="cannot be applied to"):
        schema_of(tp)


@attrs.frozen
class Dice:
    eyes: Annotated[int, pydantic.Field(ge=1, le=6)]


def test_bounds_are_enforced_in_objects_and_tools() -> None:
    assert [str(each) for each in errors_of({"eyes": 9}, schema_of(Dice))] == ["/eyes must be at most 6"]
    thrown: list[int] = []

    @stepwell.tool
    def throw(eyes: Annotated[int, annotated_types.Ge(1)]) -> None:
        thrown.append(eyes)

    script = Scripted([calls(("c", "throw", {"eyes": 0})), calls(("d", "throw", {"eyes": 1})), "ok"])
    script.client.run_tools(MODEL, "Go.", [throw])
    assert thrown == [1]
