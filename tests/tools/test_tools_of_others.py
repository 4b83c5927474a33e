"""What is no tool, or one of another library: the error says what to pass in its place."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

import stepwell
from stepwell import Client, Tool
from stepwell.errors import ConfigError


def weather(city: str) -> str:
    """Get the weather in a city."""
    return city


def many(*cities: str) -> str:
    """Get the weather in many cities."""
    return " ".join(cities)


class Callable_:
    """A tool as LlamaIndex makes it: it can be called, and holds its function."""

    def __init__(self) -> None:
        self.fn = weather

    def __call__(self, *arguments: Any, **named: Any) -> Any:
        return self.fn(*arguments, **named)


@pytest.mark.parametrize(
    ("tool", "says"),
    [
        (SimpleNamespace(name="weather", func=weather), "the function that it was made of, its 'func'"),
        (SimpleNamespace(name="weather", function=weather), "the function that it was made of, its 'function'"),
        (SimpleNamespace(name="weather", func=None, coroutine=weather), "the function that it was made of, its 'cor"),
        (Callable_(), "the function that it was made of, its 'fn'"),
        (SimpleNamespace(name="weather"), "pass a function or a Tool"),
        (partial(many, "Oslo"), r"take one list instead: cities: list\[...\]"),
        (
            {"name": "weather", "execute": weather, "inputSchema": {"type": "object"}},
            "no place for a function, here 'exe",
        ),
        ({"type": "function", "function": weather}, "no place for a function, here 'function'"),
    ],
    ids=["func", "function", "coroutine", "callable", "none", "partial", "execute", "inside"],
)
def test_a_tool_of_another_library_is_refused_with_what_to_pass(tool: Any, says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        Client().run_tools("openai:gpt-4o", "hi", [tool])


@pytest.mark.parametrize(
    ("make", "says"),
    [
        (lambda: Tool(weather), "the name of a Tool cannot be a function; stepwell.tool"),  # type: ignore[arg-type]
        (lambda: Tool("weather", weather), "the description of a Tool cannot be a function"),  # type: ignore[arg-type]
        (lambda: Tool("weather", "The weather.", weather), "the parameters of a Tool cannot be a function"),  # type: ignore[arg-type]
        (lambda: stepwell.tool("weather"), r"write @tool\(name=…\)"),  # type: ignore[call-overload]
    ],
    ids=["name", "description", "parameters", "decorator"],
)
def test_a_tool_made_by_the_order_of_others_says_the_order_here(make: Callable[[], Any], says: str) -> None:
    with pytest.raises(ConfigError, match=says):
        make()
