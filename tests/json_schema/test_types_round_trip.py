"""Whatever a parameter may be, a result and an object may be: what is written of a value is read as an equal value."""

from __future__ import annotations

import asyncio
import collections
import dataclasses
import datetime
import decimal
import enum
import json
import pathlib
import sys
import uuid
from collections.abc import Iterable, Mapping, Sequence
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Required,
    Self,
    TypedDict,
    TypeVar,
)

import attrs
import pydantic
import pytest
from typing_extensions import ReadOnly, TypeAliasType

import stepwell
from stepwell.schemas.json_schema.from_type import schema_of
from stepwell.schemas.json_schema.validate import errors_of
from stepwell.schemas.json_schema.write_value import plain_data
from stepwell.workflows.objects.output_spec import OutputSpec

from scripted import MODEL, Scripted, calls

T = TypeVar("T")
UserId = NewType("UserId", int)
Numbers = TypeAliasType("Numbers", list[int])
Pair = TypeAliasType("Pair", tuple[T, T], type_params=(T,))
Nested = TypeAliasType("Nested", "int | list[Nested]")
DAY = datetime.date(2026, 11, 30)
ZONE = datetime.timezone(datetime.timedelta(hours=-3, minutes=-30))


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1


class Word(enum.StrEnum):
    YES = "yes"


class Rights(enum.Flag):
    READ = 1
    WRITE = 2


class Mode(enum.IntFlag):
    A = 1
    B = 4


class Lenient(enum.Enum):
    RED = "red"

    @classmethod
    def _missing_(cls, value: object) -> Lenient | None:
        return cls.RED if str(value).lower() == "red" else None


class Point(NamedTuple):
    x: int
    day: datetime.date = DAY


class Options(TypedDict):
    a: Required[int]
    b: NotRequired[datetime.date]
    c: ReadOnly[str]


@dataclasses.dataclass
class Stay:
    nights: int
    _late: datetime.timedelta = datetime.timedelta(0)
    _: dataclasses.KW_ONLY
    factor: dataclasses.InitVar[int] = 1

    def __post_init__(self, factor: int) -> None:
        self.nights *= factor


@dataclasses.dataclass
class Tree:
    value: int
    children: list[Self] = dataclasses.field(default_factory=list)


@attrs.define
class Room:
    _beds: int = attrs.field(converter=int)
    name: str = attrs.field(default="q", alias="roomName")
    tags: set[str] = attrs.field(factory=set, converter=set)
    day: datetime.date = attrs.field(
        default=DAY, converter=lambda day: datetime.date.fromisoformat(day) if isinstance(day, str) else day
    )


@attrs.define
class Linked(Generic[T]):
    content: T
    next: Self | None = None


class Order(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(strict=True)
    color: Color
    price: decimal.Decimal = decimal.Decimal("1.50")
    wait: datetime.timedelta = datetime.timedelta(0)
    raw: bytes = b"x"
    numbers: frozenset[int] = pydantic.Field(default=frozenset(), alias="theNumbers")


class Listed(pydantic.RootModel[list[int]]):
    pass


class Box(pydantic.BaseModel, Generic[T]):
    content: T


@pydantic.dataclasses.dataclass
class Suite:
    beds: int = pydantic.Field(alias="numberOfBeds")
    day: datetime.date = DAY


class Cat(pydantic.BaseModel):
    kind: Literal["cat"] = "cat"


class Dog(pydantic.BaseModel):
    kind: Literal["dog"] = "dog"
    tricks: int = 0


TABLE: list[tuple[Any, Any]] = [
    (str, "x"),
    (int, 10**25),
    (float, 1.5),
    (bool, True),
    (None, None),
    (bytes, b"\xff\x00"),
    (object, {"a": [1]}),
    (datetime.datetime, datetime.datetime(2026, 1, 2, 3, 4, 5)),
    (datetime.datetime, datetime.datetime(2026, 1, 2, 3, 4, 5, 678, tzinfo=ZONE)),
    (datetime.date, DAY),
    (datetime.time, datetime.time(1, 2)),
    (datetime.time, datetime.time(1, 2, 3, 4, tzinfo=ZONE)),
    (datetime.timedelta, datetime.timedelta(days=-1, seconds=5, microseconds=3)),
    (datetime.timedelta, datetime.timedelta(hours=30)),
    (datetime.timedelta, datetime.timedelta(0)),
    (uuid.UUID, uuid.UUID(int=7)),
    (decimal.Decimal, decimal.Decimal("1E+5")),
    (decimal.Decimal, decimal.Decimal("-0.10")),
    (pathlib.Path, pathlib.Path("/x")),
    (Color, Color.RED),
    (Level, Level.LOW),
    (Word, Word.YES),
    (Rights, Rights.READ | Rights.WRITE),
    (Rights, Rights(0)),
    (Mode, Mode.A | Mode.B),
    (Lenient, Lenient.RED),
    (Literal["a", 2], 2),
    (Literal[Color.RED], Color.RED),
    (list[datetime.date], [DAY]),
    (set[Color], {Color.RED, Color.BLUE}),
    (frozenset[int], frozenset({1, 10, 2})),
    (collections.deque[int], collections.deque([1])),
    (Mapping[str, datetime.date], {"a": DAY}),
    (dict[int, Color], {1: Color.RED}),
    (dict[Color, int], {Color.RED: 1}),
    (dict[Level, datetime.date], {Level.LOW: DAY}),
    (dict[Literal[-1, 2], UserId], {-1: UserId(2)}),
    (dict[UserId, int], {UserId(7): 1}),
    (dict[datetime.date, uuid.UUID], {DAY: uuid.UUID(int=7)}),
    (Sequence[int], (1, 2)),
    (Iterable[int], [1]),
    (tuple[int, ...], (1, 2)),
    (tuple[int, datetime.date], (1, DAY)),
    (datetime.date | int, DAY),
    (UserId, UserId(3)),
    (Numbers, [1]),
    (Pair[datetime.date], (DAY, DAY)),
    (list[Pair[Color]], [(Color.RED, Color.BLUE)]),
    (Nested, [1, [2, [3]]]) if sys.version_info >= (3, 12) else (int, 1),
    (Point, Point(1)),
    (Options, {"a": 1, "b": DAY, "c": "x"}),
    (Stay, Stay(1, datetime.timedelta(hours=1))),
    (Tree, Tree(1, [Tree(2)])),
    (Room, Room(3, "z", {"a"})),
    (Linked[Color], Linked(Color.RED, Linked(Color.BLUE))),
    (Order, Order(color=Color.RED, theNumbers=frozenset({1}))),
    (Listed, Listed([1])),
    (Box[datetime.date], Box[datetime.date](content=DAY)),
    (Suite, Suite(numberOfBeds=2)),
    (Cat | Dog, Dog(tricks=1)),
    (Annotated[Cat | Dog, pydantic.Field(discriminator="kind")], Dog()),
    (list[Order], [Order(color=Color.BLUE)]),
    (dict[str, Order] | None, {"a": Order(color=Color.BLUE)}),
    (Order | None, None),
]


def test_a_result_is_read_as_an_equal_parameter_object_and_streamed_object() -> None:
    script = Scripted([])
    client = script.client
    for tp, value in TABLE:
        taken: list[Any] = []

        def give(value: Any = value) -> Any:
            return [value]

        def take(it: Any, taken: list[Any] = taken) -> None:
            taken.append(it)

        take.__annotations__["it"] = tp
        script.turns.extend([calls(("c", "give", {})), "ok"])
        client.run_tools(MODEL, "Go.", [give])
        (data,) = json.loads(script.seen[-1]["messages"][-1]["content"])
        assert errors_of(data, schema_of(tp)) == [], tp

        answer = json.dumps({"value": data} if OutputSpec.of(tp).wrapped else data)
        script.turns.extend([calls(("c", "take", {"it": data})), "ok", answer, answer])
        client.run_tools(MODEL, "Go.", [take])
        reply = client.generate_object(MODEL, "Go.", tp, max_repairs=0)
        *_, streamed = client.stream_object(MODEL, "Go.", tp)
        assert [*taken, reply.object, streamed] == [value] * 3, tp
        assert {type(each) for each in (*taken, reply.object, streamed)} == {type(value)}, tp


def test_results_of_other_kinds_have_a_json_form() -> None:
    class Name(str):
        pass

    views = {"keys": {"a": 1}.keys(), "chain": collections.ChainMap({"a": 1}), "range": range(2)}
    made = {
        "view": views,
        "iterator": (each for each in [DAY, {3, 1}]),
        "error": [ValueError("bad")],
        "text": Name("x"),
        "secret": pydantic.SecretStr("hidden"),
        "url": pydantic.HttpUrl("https://a.b/c"),
        "bytes": bytearray(b"x"),
        (1, 2): 1.5,
        DAY: float("nan"),
        None: b"\xff",
    }
    assert plain_data(made) == {
        "view": {"keys": ["a"], "chain": {"a": 1}, "range": [0, 1]},
        "iterator": ["2026-11-30", [1, 3]],
        "error": ["ValueError: bad"],
        "text": "x",
        "secret": "**********",
        "url": "https://a.b/c",
        "bytes": "eA==",
        "[1,2]": 1.5,
        "2026-11-30": "NaN",
        "null": "/w==",
    }


def test_bytes_that_pydantic_does_not_write_as_text_are_written_in_base64() -> None:
    assert plain_data(Order(color=Color.RED, raw=b"\xff"))["raw"] == "/w=="


@pytest.mark.parametrize("value", [object(), int, lambda: 1, [1 + 2j], {"a": object()}])
def test_a_value_without_a_json_form_is_an_error(value: Any) -> None:
    with pytest.raises(TypeError, match="has no JSON form"):
        plain_data(value)


def test_generators_run_as_a_part_of_the_tool() -> None:
    def numbers() -> Any:
        yield 1
        raise OSError("the disk is full")

    async def more() -> Any:
        yield DAY
        yield {2}

    turns = [calls(("a", "numbers", {}), ("b", "more", {})), "ok"]
    replies = [
        Scripted([*turns]).client.run_tools(MODEL, "Go.", [numbers, more]),
        asyncio.run(_run_async(Scripted([*turns]), [numbers, more])),
    ]
    for reply in replies:
        runs = reply.steps[0].metadata["tool_runs"]
        assert [each.content for each in runs] == ["Error: OSError: the disk is full", '["2026-11-30",[2]]']
        assert runs[1].value == [DAY, {2}]


async def _run_async(script: Scripted, tools: list[Any]) -> stepwell.Reply:
    return await script.async_client.run_tools(MODEL, "Go.", tools)
