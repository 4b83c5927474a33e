"""Parameters of tools that pydantic describes, keyword arguments with names, and classes as tools."""

from __future__ import annotations

import dataclasses
import datetime
import json
from typing import Annotated, Any, Unpack

import attrs
import pydantic
import pytest
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from typing_extensions import TypedDict

import stepwell
from stepwell.errors import ObjectInvalid
from stepwell.schemas.json_schema.from_type import schema_of
from stepwell.schemas.json_schema.read_value import read_value
from stepwell.schemas.json_schema.signature import arguments_for, signature_schema

from scripted import MODEL, Scripted, calls


class Strict(BaseModel):
    """Take a day."""

    model_config = ConfigDict(strict=True)
    day: datetime.date


@pydantic.dataclasses.dataclass
class Room:
    beds: int = Field(ge=1, description="how many beds")
    name: str = Field(default="q", alias="roomName")
    extra: dataclasses.InitVar[int] = 3


@dataclasses.dataclass
class Plain:
    """Take what is plain."""

    count: int = Field(ge=1, description="how many")
    tags: list[str] = Field(default_factory=list)  # noqa: RUF009


@attrs.define
class Price:
    """Take a price."""

    cents: int = attrs.field(converter=lambda value: int(str(value).replace(",", "")))


def test_a_schema_of_the_callers_own_is_not_overruled() -> None:
    def pay(amount: Annotated[int, BeforeValidator(json.loads)]) -> int:
        return amount

    own = {"type": "object", "properties": {"amount": {"type": "integer", "maximum": 5}}}
    assert arguments_for(pay, {"amount": "9"}, signature_schema(pay)[2])[1] == {"amount": 9}
    for amount in (9, "9"):
        with pytest.raises(ObjectInvalid):
            arguments_for(pay, {"amount": amount}, own)


class Filters(TypedDict, total=False):
    day: datetime.date
    limit: int


def report(
    city: str = Field(description="its English name"),
    style: str = Field(default="brief", max_length=9),
    tags: list[str] = Field(default_factory=list),  # noqa: B008
    count: int = Field(3, alias="howMany", ge=1),
    long: Annotated[bool, Field(description="all of it")] = False,
    **filters: Unpack[Filters],
) -> str:
    """Write a report."""
    return repr((city, style, tags, count, long, filters))


def test_fields_of_pydantic_may_be_the_defaults_of_parameters() -> None:
    _, _, schema = signature_schema(report)
    assert schema == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "its English name"},
            "style": {"type": "string", "maxLength": 9, "default": "brief"},
            "tags": {"type": "array", "items": {"type": "string"}},
            "howMany": {"type": "integer", "minimum": 1, "default": 3},
            "long": {"type": "boolean", "description": "all of it", "default": False},
            "day": {"type": "string", "format": "date"},
            "limit": {"type": "integer"},
        },
        "required": ["city"],
        "additionalProperties": False,
    }
    day = datetime.date(2026, 11, 30)
    given = {"city": "Oslo", "style": "long", "howMany": 2, "day": "2026-11-30"}
    assert arguments_for(report, {"city": "Oslo"}, schema)[1] == {
        "city": "Oslo",
        "style": "brief",
        "tags": [],
        "count": 3,
    }
    assert arguments_for(report, given, schema)[1] == {
        "city": "Oslo",
        "style": "long",
        "tags": [],
        "count": 2,
        "day": day,
    }
    first, second = (arguments_for(report, {"city": "Oslo"}, schema)[1]["tags"] for _ in range(2))
    assert first is not second


@dataclasses.dataclass
class Stay:
    """A stay."""

    nights: int
    factor: dataclasses.InitVar[int]
    rooms: dict[str, Room] = dataclasses.field(default_factory=dict)

    def __post_init__(self, factor: int) -> None:
        self.nights *= factor


def test_fields_of_pydantic_may_be_the_defaults_of_fields() -> None:
    schema = schema_of(Plain)
    assert schema["required"] == ["count"]
    assert schema["properties"]["count"] == {"type": "integer", "minimum": 1, "description": "how many"}
    assert read_value({"count": 2}, Plain, schema) == Plain(2, [])


def test_classes_are_tools_and_read_their_own_arguments() -> None:
    def dates(**days: datetime.date) -> str:
        return str(days)

    arguments: list[tuple[Any, dict[str, Any], str]] = [
        (Strict, {"day": "2026-11-30"}, '{"day":"2026-11-30"}'),
        (Room, {"beds": 2, "roomName": "blue"}, '{"beds":2,"roomName":"blue"}'),
        (Room, {"beds": 0}, "/beds must be at least 1"),
        (Stay, {"nights": 2, "factor": 3, "rooms": {"a": {"beds": "2"}}}, '"nights":6'),
        (Stay, {"nights": 2}, "lacks the required 'factor'"),
        (Price, {"cents": "1,000"}, '"cents":1000'),
        (dates, {"a": "2026-11-30"}, "datetime.date(2026, 11, 30)"),
        (report, {"city": "Oslo"}, "('Oslo', 'brief', [], 3, False, {})"),
    ]
    script = Scripted([])
    client = script.client
    for function, values, expected in arguments:
        script.turns.extend([calls(("c", function.__name__, values)), "ok"])
        client.run_tools(MODEL, "Go.", [function])
        assert expected in script.seen[-1]["messages"][-1]["content"]


def test_a_null_for_an_absent_argument_is_left_out() -> None:
    @stepwell.tool(strict=True)
    def find(city: str, unit: str = "C", most: int | None = 3) -> str:
        return repr((city, unit, most))

    script = Scripted([calls(("c", "find", {"city": "Oslo", "unit": None, "most": None})), "ok"])
    script.client.run_tools(MODEL, "Go.", [find])
    assert script.seen[-1]["messages"][-1]["content"] == "('Oslo', 'C', None)"
