"""Tools from functions: the signature is the schema, and the function can still be called."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from typing import Annotated, Any, Literal

import pydantic
import pytest

import stepwell
from stepwell import Client, Tool, tool
from stepwell.errors import ConfigError, SchemaError
from stepwell.messages import ToolCall
from stepwell.testing import FakeModel

from scripted import MODEL, Scripted, calls


def test_a_function_becomes_a_tool() -> None:
    @stepwell.tool
    def weather(city: str, unit: Literal["C", "F"] = "C", days: Annotated[int, "how many"] = 1) -> str:
        """Forecast the weather.

        Args:
            city: its English name
        """
        return f"{city} {unit} {days}"

    assert isinstance(weather, stepwell.Tool)
    assert (weather.name, weather.description) == ("weather", "Forecast the weather.")
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


def test_all_settings_can_be_given_explicitly() -> None:
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
        (int, SchemaError),
        (max, SchemaError),
        (pydantic.RootModel[list[int]], SchemaError),
    ],
)
def test_an_object_that_cannot_be_a_tool_is_an_error(function: object, error: type[Exception]) -> None:
    with pytest.raises(error):
        stepwell.tool(function)  # type: ignore[call-overload]


class Till:
    def __init__(self, held: int) -> None:
        self.held = held

    @stepwell.tool
    def add(self, amount: int) -> int:
        """Put money in."""
        return self.held + amount

    @stepwell.tool
    async def later(self, amount: int) -> Missing:  # type: ignore[name-defined]  # noqa: F821
        return self.held - amount

    @classmethod
    @stepwell.tool
    def named(cls, amount: int) -> str:
        return f"{cls.__name__} {amount}"


def test_a_method_that_is_a_tool_is_bound_to_its_object() -> None:
    till = Till(3)
    assert till.add(amount=4) == 7
    assert till.add.parameters == Till.add.parameters
    assert list(till.add.parameters["properties"]) == ["amount"]
    assert Till.named(amount=1) == "Till 1"
    turn = calls(("c1", "add", {"amount": 4}), ("c2", "later", {"amount": 1}), ("c3", "named", {"amount": 2}))
    script = Scripted([turn, "ok"])
    script.client.run_tools(MODEL, "Go.", [till.add, till.later, Till.named])
    assert [message["content"] for message in script.seen[1]["messages"][2:]] == ["7", "2", "Till 2"]


def test_a_method_without_its_object_is_an_error_before_anything_is_sent() -> None:
    script = Scripted([])
    with pytest.raises(ConfigError, match="without its object"):
        script.client.run_tools(MODEL, "Go.", [Till.add])
    assert script.seen == []


def test_a_plain_tool_in_a_class_stays_plain_and_its_cls_is_a_parameter_like_any_other() -> None:
    @stepwell.tool
    def of_class(cls: str, number: int) -> str:
        return f"{cls}{number}"

    class Holder:
        tool = of_class

    assert Holder().tool is of_class
    assert of_class.parameters["required"] == ["cls", "number"]
    assert of_class(cls="B", number=2) == "B2"


def test_a_return_type_that_only_type_checkers_see_does_not_matter() -> None:
    factor = 2

    @stepwell.tool
    def double(number: int) -> Missing:  # type: ignore[name-defined]  # noqa: F821
        return number * factor

    script = Scripted([calls(("c", "double", {"number": 21})), "ok"])
    script.client.run_tools(MODEL, "Go.", [double])
    assert script.seen[1]["messages"][-1]["content"] == "42"
    with pytest.raises(SchemaError, match="'Missing'.*cannot be resolved"):

        @stepwell.tool
        def unknown(number: Missing) -> int:  # type: ignore[name-defined]  # noqa: F821
            return 1


class Order(pydantic.BaseModel):
    item: str
    count: int = pydantic.Field(default=1, ge=1, description="how many")

    @pydantic.field_validator("count")
    @classmethod
    def even(cls, count: int) -> int:
        if count % 2:
            raise ValueError("come in pairs")
        return count


@dataclasses.dataclass
class Entry:
    title: str


def test_a_pydantic_model_is_a_tool_with_its_own_fields_and_rules() -> None:
    tool = stepwell.tool(Order)
    assert tool.parameters["properties"]["count"]["minimum"] == 1
    assert tool.parameters["required"] == ["item"]
    turn = calls(("a", "Order", {"item": "sock", "count": 0}), ("b", "Order", {"item": "sock", "count": 3}))
    script = Scripted([turn, calls(("c", "Order", {"item": "sock", "count": 2})), "ok"])
    script.client.run_tools(MODEL, "Go.", [tool])
    reported = [message["content"] for message in script.seen[2]["messages"] if message["role"] == "tool"]
    assert "/count must be at least 1" in reported[0] and "/count Value error, come in pairs" in reported[1]
    assert json.loads(reported[2]) == {"item": "sock", "count": 2}


def test_a_class_without_a_docstring_has_no_description() -> None:
    assert (stepwell.tool(Entry).description, stepwell.tool(Order).description) == ("", "")


def test_a_tool_without_a_function_cannot_be_called() -> None:
    with pytest.raises(ConfigError, match="has no function to call"):
        stepwell.Tool("empty")()


def test_an_unusable_schema_is_found_before_anything_is_sent() -> None:
    tool = stepwell.Tool("t", "", {"$ref": "https://example.com/x.json"}, callback=print)
    with pytest.raises(SchemaError):
        stepwell.Client().run_tools("openai:gpt-4o", "hi", [tool], api_key="k")


def look_up(city: str) -> str:
    """Look a city up."""
    return city


PARAMETERS = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
FACTS = {"name": "look_up", "description": "Look a city up.", "parameters": PARAMETERS}


@pytest.mark.parametrize(
    "given",
    [
        [look_up],
        (tool(look_up),),
        [Tool("look_up", "Look a city up.", PARAMETERS)],
        [{"type": "function", "function": FACTS}],
        [{"type": "function", **FACTS}],
    ],
    ids=["function", "tool", "Tool", "dict of chat completions", "dict of responses"],
)
def test_all_calls_take_tools_in_the_same_forms(given: Any) -> None:
    fake = FakeModel("done", repeat=True)
    for call in ("generate_text", "stream_text"):
        answer = getattr(Client(registry=fake.registry), call)("fake:m", "hi", tools=given)
        assert (answer if call == "generate_text" else answer.reply()).text == "done"
    Client(registry=fake.registry).run_tools("fake:m", "hi", given)
    for request in fake.requests:
        (offered,) = request.context.tools
        assert (offered.name, offered.description) == ("look_up", "Look a city up.")
        assert offered.parameters["properties"]["city"]["type"] == "string"


def test_a_tool_without_a_function_is_not_run() -> None:
    fake = FakeModel(ToolCall("1", "look_up", '{"city": "Pune"}'))
    reply = Client(registry=fake.registry).run_tools("fake:m", "hi", [{"type": "function", "function": FACTS}])
    assert [call.name for call in reply.tool_calls] == ["look_up"]


@pytest.mark.usefixtures("new_process")
def test_a_tool_whose_docstring_python_took_away_warns() -> None:
    code = 'import stepwell\n@stepwell.tool\ndef weather(city: str) -> str:\n    """The weather."""\n    return city\n'
    no_source = f"exec({code!r})"  # with its source at hand, the docstring is read from there
    for flags, warning in (([], ""), (["-OO"], "'weather' has no description: python -OO takes docstrings away")):
        done = subprocess.run([sys.executable, *flags, "-c", no_source], capture_output=True, text=True, check=True)
        assert warning in done.stderr and bool(done.stderr) == bool(warning)
