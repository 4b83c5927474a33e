"""Make a tool of a function: its signature is the schema, its docstring the description."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, overload

from attrs import evolve

from ...providers.declare.described_tools import described_tools
from ...providers.declare.fit_schemas import tool_schema
from ...schemas.errors import ConfigError, SchemaError
from ...schemas.json_schema.signature import signature_schema
from ...schemas.missing_argument import refuse_missing, saying_how_it_is_made
from ...schemas.several import holds_several
from ...schemas.tool import NAME, Parameters, Result, Tool, ToolLike, is_method, tool_behind


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
@saying_how_it_is_made
def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    name: str | None = None,
    description: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    strict: bool | None = None,
    timeout: float | None = None,
) -> object:
    """Make a Tool of a function, plain or async; it can still be called as before.

        @stepwell.tool
        def weather(city: str, unit: Literal["C", "F"] = "C") -> str:
            '''The weather now.

            Args:
                city: its English name
            '''

    Types become the schema, defaults make parameters optional, descriptions come from the docstring or from
    `Annotated[str, "..."]`.

    name, description: what the model reads; None takes them from the function.
    parameters: the JSON Schema of the arguments; None makes it of the signature.
    strict: True asks the provider to enforce the schema.
    timeout: seconds that a call may take.

    Raises SchemaError for a signature that has no schema.
    """
    if function is not None:
        return _define(function)
    return lambda decorated: _define(decorated, name, description, parameters, strict, timeout)


def _define(
    function: Callable[..., Any],
    name: str | None = None,
    description: str | None = None,
    parameters: Mapping[str, Any] | None = None,
    strict: bool | None = None,
    timeout: float | None = None,
) -> Tool:
    if (existing := tool_behind(function)) is not None:
        facts: dict[str, Any] = {"name": name, "description": description, "parameters": parameters, "strict": strict}
        changes = {each: fact for each, fact in {**facts, "timeout": timeout}.items() if fact is not None}
        return evolve(existing, **changes) if changes else existing
    if isinstance(function, classmethod):
        raise ConfigError("a tool cannot be made of a classmethod", hint="write @classmethod above @tool, not below it")
    if not callable(function):
        raise ConfigError(f"a tool cannot be made of a {type(function).__name__}", hint=_hint(function))
    if parameters is None or name is None or description is None:
        try:
            named, described, schema = signature_schema(function)
        except SchemaError as error:
            raise SchemaError(error.message, hint=_hint(function, error.hint or "")) from None
        name, description = name or named, described if description is None else description
        parameters = schema if parameters is None else parameters
        if not description and sys.flags.optimize > 1:
            warnings.warn(
                f"the tool {name!r} has no description: python -OO takes docstrings away; give description=",
                stacklevel=3,
            )
    return Tool(name, description, parameters, function, strict, timeout)


def _hint(candidate: object, otherwise: str = "pass a function or a Tool") -> str:
    """Say what to pass in the place of a tool of another library, or of what no tool can be made of."""
    if isinstance(candidate, str):
        return "write @tool(name=…) above the function"
    for name in ("func", "fn", "function", "coroutine"):  # of LangChain, LlamaIndex, pydantic-ai
        if callable(getattr(candidate, name, None)) and not isinstance(candidate, partial):
            return f"pass the function that it was made of, its {name!r}"
    return otherwise


def tools_of(tools: Iterable[ToolLike]) -> tuple[Tool, ...]:
    """Make Tools of Tools, functions, MCP's tools, and the dict forms of the vendors.

    Raises ConfigError for two of one name, for a method without its object, and for other objects; SchemaError, which
    names the tool, for a schema that no vendor takes.
    """
    if isinstance(tools, Tool) or not holds_several(tools):
        refuse_missing(tools)
        hint = "pass a list of Tools and functions"
        if isinstance(tools, str):
            hint += ", after the prompt: run_tools(model, prompt, tools)"
        raise ConfigError(f"tools cannot be a {type(tools).__name__}", hint=hint)
    result: list[Tool] = []
    for each in tools:
        if type(each) is Tool:
            result.append(each)
        elif (described := described_tools(each)) is not None:
            result += described
        else:
            result.append(_define(each))  # which raises for anything else
    for each in result:
        if each.server is None:
            tool_schema(each)
        if is_method(each.callback):
            hint = f"pass it from an object: Tools().{each.name}, not Tools.{each.name}"
            raise ConfigError(f"the tool {each.name!r} is a method without its object", hint=hint)
    names = list(map(NAME, result))
    if len(set(names)) < len(names):
        name = next(name for name in names if names.count(name) > 1)
        raise ConfigError(f"two tools are named {name!r}", hint="give one of them another name")
    return tuple(result)
