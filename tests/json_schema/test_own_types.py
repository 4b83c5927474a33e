"""A class of the program has the final say about what it can read; the schema explains what it refuses."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import json
import subprocess
import sys
import typing
import uuid
from collections.abc import Callable
from typing import Annotated, Any, Generic, Literal, NamedTuple, NotRequired, Optional, TypeVar, Union

import attrs
import pydantic
import pytest
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError, core_schema
from typing_extensions import TypedDict

from stepwell.errors import ObjectInvalid, SchemaError
from stepwell.schemas.json_schema.from_type import schema_of
from stepwell.schemas.json_schema.read_value import read_value
from stepwell.schemas.json_schema.signature import arguments_for, signature_schema
from stepwell.workflows.objects.output_spec import OutputSpec

T = TypeVar("T")


def parsed(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) else value


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Strict(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid")
    color: Color
    when: datetime.datetime
    pair: tuple[int, str]
    numbers: frozenset[int]
    id: uuid.UUID


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    a: int


class Aliased(BaseModel):
    x: int = Field(validation_alias=pydantic.AliasChoices("ex", pydantic.AliasPath("deep", 0, "x")))
    y: str = Field(default="d", validation_alias=pydantic.AliasPath("names", 1))


class Named(BaseModel):
    model_config = ConfigDict(populate_by_name=True)
    a: int = Field(alias="A")


class Before(BaseModel):
    todos: Annotated[list[str], BeforeValidator(parsed)]
    n: Annotated[int, BeforeValidator(lambda value: 0 if value is None else value)] = 5

    @pydantic.model_validator(mode="before")
    @classmethod
    def wrap(cls, value: Any) -> Any:
        return {"todos": value} if isinstance(value, list) else value


class After(BaseModel):
    v: Annotated[int, pydantic.WrapValidator(lambda value, read: -1 if value == "none" else read(value))]

    @pydantic.model_validator(mode="after")
    def check(self) -> After:
        if self.v == 13:
            raise ValueError("no room has thirteen beds")
        if self.v == 14:
            raise PydanticCustomError("fourteen", "no {x}", {"x": "fourteen"})
        return self


class Texts(BaseModel):
    numbers: pydantic.Json[list[int]]
    secret: pydantic.SecretStr


class Cat(BaseModel):
    kind: Literal["cat"]
    lives: int = 9


class Dog(BaseModel):
    kind: Literal["dog"]
    tricks: int = 0


class One(BaseModel):
    a: int = 0
    b: int = 0


class Two(BaseModel):
    a: int = 0
    c: int = 0


class Numbers(pydantic.RootModel[list[int]]):
    pass


class Box(BaseModel, Generic[T]):
    content: T


class Computed(BaseModel):
    a: int

    @pydantic.computed_field
    def double(self) -> int:
        return self.a * 2


class Node(BaseModel):
    v: int
    nodes: list[Node] = []


class Upper(str):
    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: Any) -> Any:
        return core_schema.no_info_after_validator_function(cls, core_schema.str_schema(to_upper=True))


@pydantic.dataclasses.dataclass
class Room:
    beds: int = Field(ge=1, description="how many beds")
    name: str = Field(default="q", alias="roomName")
    extra: dataclasses.InitVar[int] = 3


@pydantic.dataclasses.dataclass(config=ConfigDict(strict=True))
class StrictBox(Generic[T]):
    content: T
    color: Color = Color.RED


@pydantic.with_config(ConfigDict(str_to_lower=True))
class Lowered(TypedDict):
    a: str


def tag_of(value: Any) -> Any:
    return value.get("k") if isinstance(value, dict) else None


ORDER = {
    "color": "red",
    "when": "2026-01-02T03:04:05Z",
    "pair": [1, "x"],
    "numbers": [1, 2],
    "id": "12345678-1234-5678-1234-567812345678",
}
TABLE: list[tuple[Any, list[Any]]] = [
    (Strict, [ORDER, {**ORDER, "pair": ["1", "x"]}, {**ORDER, "z": 1}, {}]),
    (Open, [{"a": 1, "z": [1]}, {"a": "1"}, {"z": 1}, []]),
    (Aliased, [{"ex": 1}, {"deep": [{"x": 2}], "names": ["a", "b"]}, {"x": 1}, {"ex": "z"}]),
    (Named, [{"a": 1}, {"A": 2}, {"b": 1}]),
    (Before, [{"todos": '["a"]'}, ["a", "b"], {"todos": [], "n": None}, {"todos": [1]}, 3]),
    (After, [{"v": "none"}, {"v": 13}, {"v": 14}, {"v": "7"}, {"v": "q"}]),
    (Texts, [{"numbers": "[1]", "secret": "s"}, {"numbers": '["x"]', "secret": "s"}, {"numbers": [1], "secret": 1}]),
    (Annotated[Cat | Dog, Field(discriminator="kind")], [{"kind": "cat"}, {"kind": "dog", "tricks": "x"}, {}, 3]),
    (
        Annotated[
            Annotated[Cat, pydantic.Tag("c")] | Annotated[Dog, pydantic.Tag("d")], pydantic.Discriminator(tag_of)
        ],
        [{"k": "c", "kind": "cat"}, {"k": "z"}, {"kind": "cat"}],
    ),
    (Union[One, Two], [{"a": 1, "c": 2}, {"b": 1}, {"a": "x"}]),  # noqa: UP007
    (Numbers, [[1], ["2"], ["x"], {}]),
    (Box[list[Cat]], [{"content": [{"kind": "cat"}]}, {"content": [{"kind": "dog"}]}]),
    (Computed, [{"a": 1}, {"a": 1, "double": 9}]),
    (Node, [{"v": 1, "nodes": [{"v": 2}]}, {"v": 1, "nodes": [{"v": "x"}]}]),
    (Upper, ["ab", 1]),
    (Room, [{"beds": 1}, {"beds": 0}, {"beds": 2, "roomName": "b"}, {"beds": 2, "name": "b"}, {}]),
    (StrictBox[int], [{"content": 1}, {"content": 1, "color": "blue"}, {"content": "1"}]),
    (Lowered, [{"a": "ABC"}, {}]),
    (Annotated[str, pydantic.StringConstraints(strip_whitespace=True, max_length=2)], [" ab ", "abc"]),
    (pydantic.StrictInt, [1, "1", 1.0]),
    (pydantic.AwareDatetime, ["2026-01-02T03:04:05Z", "2026-01-02T03:04:05"]),
    (pydantic.HttpUrl, ["https://a.b/", "nope"]),
    (pydantic.SecretStr, ["s", 1]),
    (pydantic.Json[dict[str, int]], ['{"a":1}', '{"a":"x"}']),
    (Cat | int, [3, {"kind": "cat"}, "x"]),
    (Optional[Cat], [None, {"kind": "cat"}, 3]),  # noqa: UP045
    (dict[str, Cat], [{"a": {"kind": "cat"}}, {"a": {"kind": "x"}}]),
    (tuple[Cat, int], [[{"kind": "cat"}, 1], [{"kind": "cat"}]]),
    (Annotated[decimal.Decimal, Field(max_digits=3)], ["1.5", "12345"]),
    (pydantic.TypeAdapter(list[Strict]), [[ORDER], [{}]]),
]


REFUSAL = object()


def outcome(work: Callable[..., Any], *arguments: Any) -> Any:
    """Return a result, or REFUSAL."""
    try:
        return work(*arguments)
    except (pydantic.ValidationError, ObjectInvalid):
        return REFUSAL


def test_pydantics_types_read_what_they_read_in_json_mode_as_objects_and_as_parameters() -> None:
    for tp, values in TABLE:

        def take(it: Any) -> None: ...

        take.__annotations__["it"] = tp
        adapter: Any = tp if isinstance(tp, pydantic.TypeAdapter) else pydantic.TypeAdapter(tp)
        spec = OutputSpec.of(tp)
        for value in values:
            expected = outcome(adapter.validate_json, json.dumps(value))
            text = json.dumps({"value": value} if spec.wrapped else value)
            assert outcome(lambda text, spec=spec: spec.read(text)[0], text) == expected, (tp, value)
            if not isinstance(tp, pydantic.TypeAdapter):
                schema = signature_schema(take)[2]
                read = outcome(arguments_for, take, {"it": value}, schema)
                assert (REFUSAL if read is REFUSAL else read[1]["it"]) == expected, (tp, value)


def complaints(tp: Any, value: Any) -> list[str]:
    with pytest.raises(ObjectInvalid) as caught:
        read_value(value, tp, schema_of(tp))
    return [str(each) for each in caught.value.violations]


def test_the_schema_explains_a_refusal_and_the_class_says_what_the_schema_does_not_know() -> None:
    for tp, value, expected in (
        (Strict, {}, ["the value lacks the required 'color', 'when', 'pair', 'numbers', 'id'"]),
        (Strict, {**ORDER, "pair": ["1", "x"]}, ["/pair/0 must be of type integer"]),
        (After, {"v": 13}, ["the value Value error, no room has thirteen beds"]),
        (list[After], [{"v": 1}, {"v": 14}], ["/1 no fourteen"]),
        (Texts, {"numbers": '["x"]', "secret": "s"}, None),
        (Room, {"beds": 0, "roomName": 3}, ["/beds must be at least 1", "/roomName must be of type string"]),
        (dict[str, Cat | Dog], {"a": {"kind": "dog", "tricks": "x"}}, ["/a/tricks must be of type integer"]),
        # What the class can read is no fault of a value that it refuses for another reason.
        (Before, {"todos": "[]", "n": "x"}, ["/n must be of type integer"]),
        (dict[str, Before | int], {"a": {"todos": "[]"}, "b": "x"}, ["/b fits none of the 2 alternatives"]),
    ):
        found = complaints(tp, value)
        assert expected in (found, None), (tp, value, found)
        assert all("$" not in each and "function-" not in each for each in found)


def test_a_refusal_never_quotes_the_value() -> None:
    canary = "canary-7f3a"
    secret = Annotated[Cat | Dog, Field(discriminator="kind")]
    tagged = Annotated[
        Annotated[Cat, pydantic.Tag("c")] | Annotated[Dog, pydantic.Tag("d")], pydantic.Discriminator(tag_of)
    ]
    for tp, value in (
        (secret, {"kind": canary}),
        (tagged, {"k": canary}),
        (Texts, {"numbers": canary, "secret": canary}),
        (Strict, dict.fromkeys(ORDER, canary)),
        (Box[pydantic.SecretStr], {"content": [canary]}),
        (pydantic.HttpUrl, canary),
    ):
        with pytest.raises(ObjectInvalid) as caught:
            OutputSpec.of(tp).read(json.dumps({"value": value} if OutputSpec.of(tp).wrapped else value))
        assert canary not in str(caught.value) + str(caught.value.violations), tp


@attrs.define
class Price:
    cents: int = attrs.field(converter=lambda value: int(str(value).replace(",", "")))
    day: datetime.date = attrs.field(default=None, converter=attrs.converters.optional(datetime.date.fromisoformat))
    tags: set[Color] = attrs.field(factory=set, converter=frozenset)


class Loose(enum.Enum):
    RED = "red"

    @classmethod
    def _missing_(cls, value: object) -> Loose | None:
        return cls.RED if str(value).lower() == "red" else None


class Pair(NamedTuple):
    price: Price
    color: Loose


class Cry(typing.TypedDict):
    word: NotRequired[Annotated[str, pydantic.StringConstraints(to_upper=True)]]
    more: dict[str, list[Before | Price]]


def test_converters_and_enums_of_the_program_get_what_the_schema_would_refuse() -> None:
    value = {"price": {"cents": "1,000", "day": "2026-11-30", "tags": ["red"]}, "color": "RED"}
    read = read_value(value, Pair, schema_of(Pair))
    assert read == Pair(Price(1000, "2026-11-30", {Color.RED}), Loose.RED)
    assert (read.price.day, read.price.tags) == (datetime.date(2026, 11, 30), {Color.RED})
    assert complaints(Pair, {"price": {"cents": "x"}, "color": "green"})
    assert complaints(Price, {"cents": 1, "other": 2}) == [
        "the value has properties that are not allowed; allowed are 'cents', 'day', 'tags'"
    ]


class Code(str):
    """A code of four letters."""

    def __new__(cls, text: str) -> Code:
        if len(text) != 4:
            raise ValueError("a code has four letters")
        return super().__new__(cls, text)


def test_a_class_of_strings_says_why_it_refuses_one() -> None:
    assert read_value(["abcd"], list[Code], schema_of(list[Code])) == [Code("abcd")]
    assert complaints(list[Code], ["abcd", "a"]) == ["/1 is refused: a code has four letters"]


def test_pydantics_types_read_inside_of_other_classes_and_beside_them() -> None:
    value = {"word": "oh", "more": {"a": [{"todos": '["x"]'}, {"cents": "1,0"}]}}
    assert read_value(value, Cry, schema_of(Cry)) == {"word": "OH", "more": {"a": [Before(todos=["x"]), Price(10)]}}
    assert complaints(Cry, {"word": 1, "more": {"a": [{"todos": 1}]}}) == [
        "/word must be of type string",
        "/more/a/0/todos must be of type array",
    ]


def test_descriptions_and_keywords_beside_pydantics_own_are_kept() -> None:
    assert schema_of(Annotated[Open, "a place"])["description"] == "a place"
    assert schema_of(Annotated[Open | None, "a place"])["description"] == "a place"
    todos = schema_of(Annotated[list[str], BeforeValidator(parsed), "the todos", {"maxItems": 3}])
    assert todos == {"type": "array", "items": {"type": "string"}, "description": "the todos", "maxItems": 3}
    assert read_value({"a": "1"}, Annotated[Open, "a place"], schema_of(Open)) == Open(a=1)


def test_a_type_that_pydantic_cannot_describe_is_an_error_of_the_program() -> None:
    class Odd(BaseModel):
        model_config = ConfigDict(arbitrary_types_allowed=True)
        call: Callable[[], int]

    with pytest.raises(SchemaError, match="pydantic has no JSON Schema of Odd"):
        schema_of(list[Odd])


@pytest.mark.usefixtures("new_process")
def test_pydantic_is_imported_only_by_the_program_itself() -> None:
    code = """
import sys, attrs, stepwell
from stepwell.schemas.json_schema.from_type import schema_of
from stepwell.schemas.json_schema.read_value import read_value
from stepwell.schemas.json_schema.write_value import plain_data
@attrs.define
class A:
    a: int | None = attrs.field(converter=int)
made = read_value({"a": "3"}, list[A] | A, schema_of(list[A] | A))
assert plain_data(made) == {"a": 3} and "pydantic" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", code], check=True)
