"""Types become JSON Schemas."""

from __future__ import annotations

import dataclasses
import datetime
import decimal
import enum
import pathlib
import uuid
from collections.abc import Mapping, Sequence
from typing import (
    Annotated,
    Any,
    Generic,
    Literal,
    NamedTuple,
    NewType,
    NotRequired,
    Optional,
    Required,
    TypedDict,
    TypeVar,
)

import attrs
import pytest
import typing_extensions
from schema_table import TEXT, WHOLE, an_object

from stepwell.schemas.errors import SchemaError
from stepwell.schemas.json_schema.from_type import schema_of
from stepwell.schemas.json_schema.safety import checked_schema

T = TypeVar("T")
Number = TypeVar("Number", bound=int)
UserId = NewType("UserId", int)


class Color(enum.Enum):
    """A paint."""

    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Odd(enum.Enum):
    X = object()


@attrs.define
class Point:
    """A point in the plane.

    Attributes:
        x: Steps to the right.
    """

    x: int
    y: int = 0
    label: str = attrs.field(default="", metadata={"description": "What it is called."})
    tags: list[str] = attrs.field(factory=list)
    _secret: int = attrs.field(init=False, default=1)


@dataclasses.dataclass
class Line:
    start: Point
    end: Annotated[Point, "Where it stops."]
    paint: Color = Color.RED
    cache: dict[str, int] = dataclasses.field(default_factory=dict, init=False)


class Options(TypedDict, total=False):
    """How to draw."""

    width: Required[int]
    dashed: Annotated[bool, "Broken or not."]


class Loose(TypedDict):
    a: int
    b: NotRequired[Annotated[str, "the b"]]


class Pair(NamedTuple):
    left: int
    right: str = "x"


@dataclasses.dataclass
class Tree:
    value: int
    children: list[Tree] = dataclasses.field(default_factory=list)


@attrs.define
class Husband:
    wife: Wife | None = None


@attrs.define
class Wife:
    husband: Husband | None = None


@attrs.define
class Box(Generic[T]):
    content: T
    more: list[T] = attrs.field(factory=list)


@dataclasses.dataclass
class Plain:
    a: int


POINT = {
    **an_object(
        {
            "x": {"type": "integer", "description": "Steps to the right."},
            "y": {"type": "integer", "default": 0},
            "label": {"type": "string", "description": "What it is called.", "default": ""},
            "tags": {"type": "array", "items": TEXT},
        },
        required=["x"],
        additionalProperties=False,
    ),
    "description": "A point in the plane.",
}


@pytest.mark.parametrize(
    ("tp", "schema"),
    [
        (str, TEXT),
        (int, WHOLE),
        (float, {"type": "number"}),
        (bool, {"type": "boolean"}),
        (None, {"type": "null"}),
        (type(None), {"type": "null"}),
        (Any, {}),
        (object, {}),
        (bytes, {"type": "string", "contentEncoding": "base64"}),
        (datetime.datetime, {"type": "string", "format": "date-time"}),
        (datetime.date, {"type": "string", "format": "date"}),
        (datetime.time, {"type": "string", "format": "time"}),
        (datetime.timedelta, {"type": "string", "format": "duration"}),
        (uuid.UUID, {"type": "string", "format": "uuid"}),
        (decimal.Decimal, {"type": "string", "pattern": r"^-?\d+(\.\d+)?$"}),
        (pathlib.Path, TEXT),
        (UserId, WHOLE),
        (Number, WHOLE),
        (list, {"type": "array", "items": {}}),
        (list[int], {"type": "array", "items": WHOLE}),
        (Sequence[str], {"type": "array", "items": TEXT}),
        (set[int], {"type": "array", "items": WHOLE, "uniqueItems": True}),
        (frozenset[str], {"type": "array", "items": TEXT, "uniqueItems": True}),
        (tuple[int, str], {"type": "array", "prefixItems": [WHOLE, TEXT], "minItems": 2, "maxItems": 2}),
        (tuple[int, ...], {"type": "array", "items": WHOLE}),
        (dict, {"type": "object"}),
        (dict[str, int], {"type": "object", "additionalProperties": WHOLE}),
        (Mapping[str, Any], {"type": "object", "additionalProperties": {}}),
        (
            dict[int, str],
            {"type": "object", "additionalProperties": TEXT, "propertyNames": {"pattern": r"^-?\d+$"}},
        ),
        (
            dict[Literal["a", "b"], int],
            {"type": "object", "additionalProperties": WHOLE, "propertyNames": {"enum": ["a", "b"]}},
        ),
        (Optional[int], {"anyOf": [WHOLE, {"type": "null"}]}),  # noqa: UP045
        (int | str, {"anyOf": [WHOLE, TEXT]}),
        (Literal["a"], {"type": "string", "const": "a"}),
        (Literal["a", 1, None], {"type": ["string", "integer", "null"], "enum": ["a", 1, None]}),
        (Literal[Color.RED], {"type": "string", "const": "red"}),
        (Color, {"type": "string", "enum": ["red", "blue"], "description": "A paint."}),
        (Level, {"type": "integer", "enum": [1, 2]}),
        (Annotated[int, "how many"], {"type": "integer", "description": "how many"}),
        (Annotated[int, {"minimum": 1}, "n"], {"type": "integer", "minimum": 1, "description": "n"}),
        (Annotated[str, typing_extensions.Doc("said")], {"type": "string", "description": "said"}),
        (typing_extensions.TypeAliasType("Ids", list[int]), {"type": "array", "items": WHOLE}),
        (Point, POINT),
        (Plain, an_object({"a": WHOLE}, required=["a"], additionalProperties=False)),
        (
            Options,
            {
                **an_object(
                    {"width": WHOLE, "dashed": {"type": "boolean", "description": "Broken or not."}},
                    required=["width"],
                    additionalProperties=False,
                ),
                "description": "How to draw.",
            },
        ),
        (
            Loose,
            an_object({"a": WHOLE, "b": {**TEXT, "description": "the b"}}, required=["a"], additionalProperties=False),
        ),
        (
            Pair,
            an_object(
                {"left": WHOLE, "right": {**TEXT, "default": "x"}}, required=["left"], additionalProperties=False
            ),
        ),
        (
            Box[int],
            an_object(
                {"content": WHOLE, "more": {"type": "array", "items": WHOLE}},
                required=["content"],
                additionalProperties=False,
            ),
        ),
    ],
    ids=lambda part: str(part)[:40],
)
def test_each_kind_of_type_has_its_schema(tp: Any, schema: dict[str, Any]) -> None:
    assert schema_of(tp) == schema
    checked_schema(schema_of(tp))


def test_a_json_schema_is_taken_as_it_is() -> None:
    schema = {"type": "object", "x": 1}
    assert schema_of(schema) is schema


def test_a_class_used_twice_is_defined_once() -> None:
    schema = schema_of(Line)
    assert schema["properties"]["start"] == {"$ref": "#/$defs/Point"}
    assert schema["properties"]["end"] == {"$ref": "#/$defs/Point", "description": "Where it stops."}
    assert schema["properties"]["paint"]["default"] == "red"
    assert schema["$defs"] == {"Point": POINT}
    assert list(schema["properties"]) == ["start", "end", "paint"]


def test_a_class_used_once_is_written_inline() -> None:
    assert schema_of(list[Annotated[Point, "a corner"]])["items"] == {**POINT, "description": "a corner"}


def test_a_class_that_contains_itself_refers_to_itself() -> None:
    node = an_object(
        {"value": WHOLE, "children": {"type": "array", "items": {"$ref": "#/$defs/Tree"}}},
        required=["value"],
        additionalProperties=False,
    )
    assert schema_of(Tree) == {"$ref": "#/$defs/Tree", "$defs": {"Tree": node}}
    assert schema_of(Husband)["$ref"] == "#/$defs/Husband"
    assert set(schema_of(Husband)["$defs"]) == {"Husband", "Wife"}


def test_a_class_inside_a_function_may_contain_itself() -> None:
    @attrs.define
    class Chain:
        next: Chain | None = None

    assert schema_of(Chain)["$ref"] == "#/$defs/Chain"


def test_two_classes_of_one_name_get_two_definitions() -> None:
    def make(tp: Any) -> Any:
        return attrs.make_class("Same", {"a": attrs.field(type=tp)})

    one, other = make(int), make(str)
    schema = schema_of(tuple[one, one, other, other])
    assert list(schema["$defs"]) == ["Same", "Same_2"]
    assert schema["$defs"]["Same_2"]["properties"]["a"] == TEXT


def test_a_recursive_alias_refers_to_itself() -> None:
    class Alias:
        """Stands for `type Json = dict[str, Json] | str`, which Python 3.12 has."""

        __name__ = "Json"

        @property
        def __value__(self) -> Any:
            return dict[str, self] | str  # type: ignore[valid-type]

    json = {"anyOf": [{"type": "object", "additionalProperties": {"$ref": "#/$defs/Json"}}, TEXT]}
    assert schema_of(Alias()) == {"$ref": "#/$defs/Json", "$defs": {"Json": json}}


def test_pydantics_own_schema_is_used() -> None:
    class Model:
        """A stand-in for a pydantic model, which is recognised by its methods."""

        @classmethod
        def model_json_schema(cls) -> dict[str, Any]:
            inner = {"properties": {"n": WHOLE}, "title": "Inner", "type": "object"}
            one, many = {"$ref": "#/$defs/Inner"}, {"type": "array", "items": {"$ref": "#/$defs/Inner"}}
            return an_object({"one": one, "many": many}, title="Model", **{"$defs": {"Inner": inner}})

        @classmethod
        def model_validate(cls, value: Any) -> Any:
            return value

    alone = schema_of(Model)
    assert alone == Model.model_json_schema()
    together = schema_of(dict[str, Model | list[Model]])
    assert set(together["$defs"]) == {"Model", "Inner"}
    assert together["$defs"]["Inner"]["title"] == "Inner"


@pytest.mark.parametrize("tp", [complex, dict[float, int], Odd, Literal[b"x"], 3, lambda: 1, "Point"])  # type: ignore[name-defined]
def test_values_without_a_json_form_are_refused(tp: Any) -> None:
    with pytest.raises(SchemaError) as caught:
        schema_of(tp)
    assert caught.value.hint


def test_an_annotation_that_cannot_be_found_is_named() -> None:
    @dataclasses.dataclass
    class Lost:
        a: Missing  # type: ignore[name-defined]  # noqa: F821

    with pytest.raises(SchemaError, match="'Missing'"):
        schema_of(Lost)
