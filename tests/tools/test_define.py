"""Tools from functions: the signature is the schema, and the function can still be called."""

from __future__ import annotations

from typing import Annotated, Literal

import pytest

import stepwell
from stepwell.errors import ConfigError, SchemaError


def test_a_function_becomes_a_tool() -> None:
    @stepwell.tool
    def weather(city: str, unit: Literal["C", "F"] = "C", days: Annotated[int, "how many"] = 1) -> str:
        """The weather to come.

        Args:
            city: its English name
        """
        return f"{city} {unit} {days}"

    assert isinstance(weather, stepwell.Tool)
    assert (weather.name, weather.description) == ("weather", "The weather to come.")
    assert weather.parameters == {
        "type": "object",
        "properties": {
            "city": {"type": "string", "description": "its English name"},
            "unit": {"type": "string", "enum": ["C", "F"], "default": "C"},
            "days": {"type": "integer", "description": "how many", "default": 1},
        },
        "required": ["city"],
        "additionalProperties": False,
    }
    assert weather("Oslo", days=2) == "Oslo C 2"


def test_all_of_it_can_be_said_explicitly() -> None:
    schema = {"type": "object", "properties": {"q": {"type": "string"}}}

    @stepwell.tool(name="look_up", description="Look up.", parameters=schema, strict=True, timeout=3)
    def anything(q):  # type: ignore[no-untyped-def]
        return q

    assert (anything.name, anything.description, anything.parameters) == ("look_up", "Look up.", schema)
    assert (anything.strict, anything.timeout) == (True, 3)


@pytest.mark.parametrize(
    ("function", "error"),
    [
        (lambda x: x, SchemaError),
        (42, ConfigError),
        (print, SchemaError),
    ],
)
def test_what_cannot_be_a_tool_says_so(function: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        stepwell.tool(function)  # type: ignore[call-overload]


def test_a_tool_without_a_function_cannot_be_called() -> None:
    with pytest.raises(ConfigError, match="has no function to call"):
        stepwell.Tool("empty")()


def test_an_unusable_schema_is_found_before_anything_is_sent() -> None:
    tool = stepwell.Tool("t", "", {"$ref": "https://example.com/x.json"}, callback=print)
    with pytest.raises(SchemaError):
        stepwell.Client().run_tools("openai:gpt-4o", "hi", [tool], api_key="k")
