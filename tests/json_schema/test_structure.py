"""JSON values are converted to the requested types."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import pathlib
import pickle
import typing
import uuid
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, Optional, TypedDict, TypeVar

import attrs
import pytest

from stepwell.schemas.errors import ObjectInvalid, SchemaError
from stepwell.schemas.json_schema.from_type import schema_of
from stepwell.schemas.json_schema.structure_value import structure_value
from stepwell.schemas.json_schema.validate import errors_of

T = TypeVar("T")
Narrow = TypeVar("Narrow", int, str)
UserId = NewType("UserId", int)


class Color(enum.Enum):
    RED = "red"


class Level(enum.IntEnum):
    LOW = 1


class Size(str, enum.Enum):  # noqa: UP042
    BIG = "big"


class Name(str):
    """A string of its own kind."""


@attrs.define
class Cat:
    kind: Literal["cat"]
    lives: int = 9


@dataclasses.dataclass
class Dog:
    kind: Literal["dog"]
    tricks: list[str] = dataclasses.field(default_factory=list)


class Options(TypedDict, total=False):
    when: datetime.date


class Pair(NamedTuple):
    left: int
    right: Color = Color.RED


@attrs.define
class Tree:
    value: int
    children: list[Tree] = attrs.field(factory=list)


@attrs.frozen
class Box(Generic[T]):
    content: T


@attrs.define
class Private:
    _hidden: int = 1
    even: int = attrs.field(default=0)

    @even.validator
    def _check(self, attribute: Any, value: int) -> None:
        if value % 2:
            raise ValueError(f"{value} is odd")


@attrs.define
class Span:
    low: int = attrs.field(validator=attrs.validators.ge(0))
    high: int

    def __attrs_post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low must not be above high")
        if self.low == self.high:
            raise ValueError


class Model:
    """A stand-in for a pydantic model, which is recognised by its methods."""

    class Invalid(ValueError):
        def errors(self, **options: bool) -> list[dict[str, Any]]:
            assert options == {"include_url": False, "include_input": False, "include_context": False}
            return [{"loc": ("n", 0), "msg": "Input should be a valid integer", "type": "int_type"}]

    def __init__(self, n: int) -> None:
        self.n = n

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Model) and other.n == self.n

    __hash__ = None  # type: ignore[assignment]

    @classmethod
    def model_json_schema(cls) -> dict[str, Any]:
        return {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}

    @classmethod
    def model_validate(cls, value: Any) -> Model:
        if not isinstance(value["n"], int):
            raise cls.Invalid
        return cls(value["n"])


@dataclasses.dataclass
class Choice(Generic[Narrow]):
    content: Narrow


class Adapter:
    """A stand-in for a pydantic TypeAdapter of a list of Models."""

    def json_schema(self) -> dict[str, Any]:
        return {"type": "array", "items": Model.model_json_schema()}

    def validate_python(self, value: Any) -> list[Model]:
        return [Model.model_validate(one) for one in value]


WHEN = datetime.datetime(2026, 11, 21, 10, 0, tzinfo=datetime.UTC)

TABLE: list[tuple[Any, Any, Any]] = [
    ("x", str, "x"),
    (3, int, 3),
    (3.0, int, 3),
    (3, float, 3.0),
    (True, bool, True),
    (None, None, None),
    ({"a": [1]}, Any, {"a": [1]}),
    ("aGk=", bytes, b"hi"),
    ("2026-11-21T10:00:00Z", datetime.datetime, WHEN),
    ("2026-11-21", datetime.date, datetime.date(2026, 11, 21)),
    ("10:00:00", datetime.time, datetime.time(10)),
    ("P1DT2H0.5S", datetime.timedelta, datetime.timedelta(days=1, hours=2, seconds=0.5)),
    ("12345678-1234-1234-1234-123456789abc", uuid.UUID, uuid.UUID("12345678-1234-1234-1234-123456789abc")),
    ("0.10", decimal.Decimal, decimal.Decimal("0.10")),
    ("/tmp/x", pathlib.Path, pathlib.Path("/tmp/x")),
    (7, UserId, 7),
    ("red", Color, Color.RED),
    (1, Level, Level.LOW),
    ("big", Size, Size.BIG),
    ("ann", Name, Name("ann")),
    ("a", Literal["a", "b"], "a"),
    ("red", Literal[Color.RED], Color.RED),
    ([1, 2], list[int], [1, 2]),
    ([1, 2], tuple[int, ...], (1, 2)),
    ([1, "a"], tuple[int, str], (1, "a")),
    ([1, 2], set[int], {1, 2}),
    ([1, 2], frozenset[int], frozenset({1, 2})),
    ({"a": 1}, dict[str, int], {"a": 1}),
    ({"1": "red"}, dict[int, Color], {1: Color.RED}),
    ({"red": 1}, Mapping[Color, int], {Color.RED: 1}),
    (None, Optional[int], None),  # noqa: UP045
    (5, int | None, 5),
    ("x", int | str, "x"),
    (1, float | int, 1),
    ({"kind": "dog"}, Cat | Dog, Dog("dog")),
    ([{"kind": "cat", "lives": 1}, {"kind": "dog"}], list[Cat | Dog], [Cat("cat", 1), Dog("dog")]),
    (["2026-11-21"], list[datetime.date | int], [datetime.date(2026, 11, 21)]),
    ({"when": "2026-11-21"}, Options, {"when": datetime.date(2026, 11, 21)}),
    ({}, Options, {}),
    ({"left": 1}, Pair, Pair(1)),
    ({"value": 1, "children": [{"value": 2}]}, Tree, Tree(1, [Tree(2)])),
    ({"content": "red"}, Box[Color], Box(Color.RED)),
    ({"_hidden": 2}, Private, Private(hidden=2)),
    (3, Annotated[int, "three"], 3),
    ([3], Annotated[list[Annotated[int, {"minimum": 1}]], {"maxItems": 2}], [3]),
    ({"a": 3}, dict[str, Annotated[int, {"minimum": 1}]], {"a": 3}),
    ({"content": [1]}, Box, Box([1])),
    ({"content": "red"}, Choice, Choice("red")),
    ([1], typing.List, [1]),  # noqa: UP006
    ({"a": 1}, typing.Dict, {"a": 1}),  # noqa: UP006
    ([1], typing.Tuple, (1,)),  # noqa: UP006
    ([1], typing.Iterable[int], [1]),
    ([1], Collection[int], [1]),
    (["red"], deque[Color], deque([Color.RED])),
    ([1], Iterable, [1]),
    ([1], Sequence, (1,)),
    (3.0, Literal[3, 4], 3),
    ("a", ["a", "b"], "a"),
    ([{"n": 1}], Adapter(), [Model(1)]),
    ({"n": 1}, Model, Model(1)),
    ([{"n": 1}], list[Model], [Model(1)]),
]


@pytest.mark.parametrize(
    ("value", "tp", "built"),
    TABLE,
    ids=lambda part: str(sorted(part) if isinstance(part, set | frozenset) else part)[:40],
)
def test_each_kind_of_type_is_built_from_a_value_that_fits_its_schema(value: Any, tp: Any, built: Any) -> None:
    assert errors_of(value, schema_of(tp)) == []
    result = structure_value(value, tp)
    assert result == built
    assert type(result) is type(built)


def test_for_a_json_schema_the_value_is_given_back() -> None:
    value = {"a": 1}
    assert structure_value(value, {"type": "object"}) is value


def places(value: Any, tp: Any) -> list[tuple[str, str]]:
    with pytest.raises(ObjectInvalid) as caught:
        structure_value(value, tp)
    assert pickle.loads(pickle.dumps(caught.value)).violations == caught.value.violations
    return [(violation.pointer, violation.message) for violation in caught.value.violations]


@pytest.mark.parametrize(
    ("value", "tp", "expected"),
    [
        ("3", int, [("", "must be an integer")]),
        (True, int, [("", "must be an integer")]),
        (1.5, int, [("", "must be an integer")]),
        (None, str, [("", "must be a string")]),
        (1, bool, [("", "must be true or false")]),
        ("x", float, [("", "must be a number")]),
        ("!", bytes, [("", "cannot be read (Error)")]),
        (3, uuid.UUID, [("", "must be a string")]),
        ("blue", Color, [("", "cannot be read (ValueError)")]),
        ({"kind": "cow"}, Cat | Dog, [("", "fits none of the alternatives")]),
        ([1, "x", 2, None], list[int], [("/1", "must be an integer"), ("/3", "must be an integer")]),
        ({"a/b": "x"}, dict[str, int], [("/a~1b", "must be an integer")]),
        ([], dict[str, int], [("", "must be an object")]),
        ([], Tree, [("", "must be an object")]),
        ({}, Tree, [("", "lacks the required 'value'")]),
        (
            {"value": 1, "children": [{"value": 2}, {"value": "x", "children": [{}]}]},
            Tree,
            [("/children/1/value", "must be an integer"), ("/children/1/children/0", "lacks the required 'value'")],
        ),
        ([1], tuple[int, str], [("", "must have 2 items")]),
        ("ab", list[str], [("", "must be a list")]),
        ("c", Literal["a", "b"], [("", "is none of the values")]),
        (True, Literal[1], [("", "is none of the values")]),
        ({"left": "x", "right": "red"}, Pair, [("/left", "must be an integer")]),
        ({"even": 3}, Private, [("", "is refused: 3 is odd")]),
        ([{"even": 4}, {"even": 3}], list[Private], [("/1", "is refused: 3 is odd")]),
        ({"low": 5, "high": 3}, Span, [("", "is refused: low must not be above high")]),
        ({"low": -1, "high": 3}, Span, [("", "is refused: 'low' must be >= 0: -1")]),
        ({"low": 1, "high": 1}, Span, [("", "cannot be read (ValueError)")]),
        ({"n": ["x"]}, Model, [("/n/0", "Input should be a valid integer")]),
        ({"m": [{"n": 1}, {"n": ["x"]}]}, dict[str, list[Model]], [("/m/1/n/0", "Input should be a valid integer")]),
    ],
    ids=range(28),
)
def test_values_of_the_wrong_type_are_named_by_their_place(
    value: Any, tp: Any, expected: list[tuple[str, str]]
) -> None:
    assert places(value, tp) == expected


def test_the_value_is_never_quoted() -> None:
    canary = "canary-7f3a"
    for tp in (int, Color, uuid.UUID, datetime.date, Cat | Dog, list[int], Tree, Literal["a"], decimal.Decimal, bytes):
        with pytest.raises(ObjectInvalid) as caught:
            structure_value(canary, tp)
        assert canary not in str(caught.value)
        assert canary not in str(caught.value.violations)


def test_a_value_nested_beyond_building_is_a_violation() -> None:
    value: Any = {"value": 1}
    for _ in range(3_000):
        value = {"value": 1, "children": [value]}
    with pytest.raises(ObjectInvalid) as caught:
        structure_value(value, Tree)
    assert [violation.keyword for violation in caught.value.violations] == ["depth"]


def test_a_type_that_cannot_be_built_is_an_error_of_the_program() -> None:
    with pytest.raises(SchemaError, match="complex"):
        structure_value(1, complex)


def test_a_class_inside_a_function_may_contain_itself() -> None:
    @attrs.define
    class Chain:
        next: Chain | None = None

    assert structure_value({"next": {"next": None}}, Chain) == Chain(Chain())
