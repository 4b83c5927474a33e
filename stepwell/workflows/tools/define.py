"""A tool from a function: its signature is the schema, its docstring the description."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from typing import Any, overload

from attrs import evolve

from ...schemas.errors import ConfigError
from ...schemas.json_schema.signature import signature_schema
from ...schemas.json_schema.validate import check_schema
from ...schemas.tool import Parameters, Result, Tool, is_method, tool_behind


@overload
def tool(function: Callable[Parameters, Result], /) -> Tool[Parameters, Result]: ...
@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    strict: bool | None = None,
    timeout: float | None = None,
) -> Callable[[Callable[Parameters, Result]], Tool[Parameters, Result]]: ...
def tool(function: Callable[..., Any] | None = None, /, **facts: Any) -> Any:
    """Make a Tool of a function, plain or async; it can still be called as before.

        @stepwell.tool
        def weather(city: str, unit: Literal["C", "F"] = "C") -> str:
            '''The weather now.

            Args:
                city: its English name
            '''

    Types become the schema, defaults make parameters optional, descriptions come from the docstring or from
    `Annotated[str, "..."]`. `parameters` gives the JSON Schema explicitly; `strict` asks the provider to enforce it;
    `timeout` is the seconds that a call may take. Raises SchemaError for a signature that has no schema.
    """
    if function is None:
        return lambda decorated: _define(decorated, **facts)
    return _define(function)


def _define(
    function: Callable[..., Any],
    name: str | None = None,
    description: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    strict: bool | None = None,
    timeout: float | None = None,
) -> Tool:
    if (made := tool_behind(function)) is not None:
        facts: dict[str, Any] = {"name": name, "description": description, "parameters": parameters, "strict": strict}
        given = {each: fact for each, fact in {**facts, "timeout": timeout}.items() if fact is not None}
        return evolve(made, **given) if given else made
    if isinstance(function, classmethod):
        raise ConfigError("a tool cannot be made of a classmethod", hint="write @classmethod above @tool, not below it")
    if not callable(function):
        raise ConfigError(f"a tool cannot be made of a {type(function).__name__}", hint="pass a function or a Tool")
    if parameters is None or name is None or description is None:
        named, described, schema = signature_schema(function)
        name, description = name or named, described if description is None else description
        parameters = schema if parameters is None else parameters
        if not description and sys.flags.optimize > 1:
            warnings.warn(
                f"the tool {name!r} has no description: python -OO takes docstrings away; give description=",
                stacklevel=3,
            )
    return Tool(name, description, parameters, function, strict, timeout)


def tools_of(given: Iterable[Any]) -> tuple[Tool, ...]:
    """Tools from Tools, functions and OpenAI's dict form. Raises ConfigError for two of one name, for a method without
    its object, and for anything else, SchemaError for a schema that cannot be used."""
    if isinstance(given, str | Mapping | Tool) or not isinstance(given, Iterable):
        raise ConfigError(f"tools cannot be a {type(given).__name__}", hint="pass a list of Tools and functions")
    tools = tuple(_tool_of(each) for each in given)
    for each in tools:
        check_schema(dict(each.parameters))
        if is_method(each.callback):
            hint = f"pass it from an object: Tools().{each.name}, not Tools.{each.name}"
            raise ConfigError(f"the tool {each.name!r} is a method, and no object is there to call it on", hint=hint)
    names = [each.name for each in tools]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"two tools are named {name!r}", hint="give one of them another name")
    return tools


def _tool_of(given: Any) -> Tool:
    return _declared(given) if isinstance(given, Mapping) else tool(given)


def _declared(given: Mapping[str, Any]) -> Tool:
    """A tool that is only declared, in one of OpenAI's two dict forms: nobody here can run it."""
    facts = given.get("function", given)
    if given.get("type", "function") != "function" or not isinstance(facts, Mapping):
        raise ConfigError(
            f"a tool of type {given.get('type')!r:.40} is the provider's own", hint="pass Tool(name, server={...})"
        )
    name, parameters = facts.get("name"), facts.get("parameters")
    if not isinstance(name, str) or not isinstance(parameters, Mapping | None):
        raise ConfigError(
            "a tool given as a dict needs its name, and its parameters as a JSON Schema",
            hint='pass {"type": "function", "function": {"name": …, "parameters": {…}}}, or a function',
        )
    return Tool(name, facts.get("description") or "", parameters, strict=facts.get("strict"))
