"""Functions become tools."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Annotated, Any, Literal

import attrs
import pytest
from schema_table import TEXT, WHOLE, an_object

from stepwell.schemas.errors import SchemaError
from stepwell.schemas.json_schema.signature import signature_schema


@attrs.define
class Place:
    name: str
    near: Place | None = None


def weather(city: Annotated[str, "The city."], days: int = 3, *, unit: Literal["c", "f"] = "c") -> str:
    """Look up the weather.

    Args:
        city: Overruled by the annotation.
        days: How many days ahead.
    """
    return city


async def coming(place: Place, also: list[Place] | None = None) -> None:
    """Visit a place."""


class Shop:
    """Sells things."""

    def buy(self, item: str, count: int = 1) -> None:
        """Purchase a thing.

        :param item: What to buy.
        """

    @classmethod
    def open(cls, hour: int) -> None: ...

    @staticmethod
    def close(hour: int) -> None: ...

    def __call__(self, what: str) -> None: ...


def wrapped(function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)
    def inner(*args: Any, **options: Any) -> Any:
        return function(*args, **options)

    return inner


def closed(properties: dict[str, Any], *required: str) -> dict[str, Any]:
    schema = an_object(properties, additionalProperties=False)
    return {**schema, "required": list(required)} if required else schema


WEATHER = closed(
    {
        "city": {"type": "string", "description": "The city."},
        "days": {"type": "integer", "description": "How many days ahead.", "default": 3},
        "unit": {"type": "string", "enum": ["c", "f"], "default": "c"},
    },
    "city",
)
BUY = closed({"item": {**TEXT, "description": "What to buy."}, "count": {**WHOLE, "default": 1}}, "item")


@pytest.mark.parametrize(
    ("function", "name", "about", "schema"),
    [
        (weather, "weather", "Look up the weather.", WEATHER),
        (wrapped(weather), "weather", "Look up the weather.", WEATHER),
        (Shop().buy, "buy", "Purchase a thing.", BUY),
        (Shop.buy, "buy", "Purchase a thing.", BUY),
        (Shop.open, "open", "", closed({"hour": WHOLE}, "hour")),
        (Shop.close, "close", "", closed({"hour": WHOLE}, "hour")),
        (Shop(), "Shop", "Sells things.", closed({"what": TEXT}, "what")),
        (Place, "Place", "", None),
        (
            functools.partial(Shop().buy, "nails"),
            "buy",
            "Purchase a thing.",
            closed({"count": {**WHOLE, "default": 1}}),
        ),
    ],
)
def test_name_description_and_parameters(function: Any, name: str, about: str, schema: Any) -> None:
    found = signature_schema(function)
    assert found[:2] == (name, about)
    if schema is not None:
        assert found[2] == schema


def test_coroutine_functions_and_shared_classes() -> None:
    name, _, schema = signature_schema(coming)
    assert name == "coming"
    assert schema["properties"]["place"] == {"$ref": "#/$defs/Place"}
    assert schema["required"] == ["place"]
    assert list(schema["$defs"]) == ["Place"]


def test_parameters_without_annotations_take_anything() -> None:
    def loose(a, b=None):  # type: ignore[no-untyped-def]
        return a, b

    assert signature_schema(loose)[2] == closed({"a": {}, "b": {"default": None}}, "a")


def test_a_function_without_parameters() -> None:
    def now() -> None: ...

    assert signature_schema(now)[2] == closed({})


def test_additional_arguments_are_allowed_by_double_star() -> None:
    def tag(id: int, **labels: str) -> None: ...

    def any_tag(**labels: Any) -> None: ...

    assert signature_schema(tag)[2]["additionalProperties"] == TEXT
    assert signature_schema(any_tag)[2] == an_object({}, additionalProperties=True)


def starred(*words: str) -> None: ...


def positional(a: int, /, b: int) -> None: ...


@pytest.mark.parametrize(
    ("function", "complaint"),
    [(starred, r"\*words"), (positional, "'a' by position only"), (lambda x: x, "a lambda has none")],
)
def test_parameters_that_cannot_be_passed_by_name_are_refused(function: Any, complaint: str) -> None:
    with pytest.raises(SchemaError, match=complaint) as caught:
        signature_schema(function)
    assert caught.value.hint
