"""Declare how a wire takes JSON Schemas: for the answer, for strict tools, and for plain tools.

This is used by the step `fit_schemas`, which translates the schemas of a request to the vendor's dialect, and by object
calls, which choose by it how to request the object.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any

from attrs import evolve, frozen

from ...pipeline.http.request import Request
from ...pipeline.step import Step, on_request
from ...schemas.errors import SchemaError
from ...schemas.tool import Tool

if TYPE_CHECKING:
    from ...schemas.json_schema.dialects import Dialected, Dropped

Dialect = Callable[[Any], "Dialected"]


def lazy_dialect(name: str, function: str = "to_dialect") -> Dialect:
    """Make a dialect that is imported with the first schema: an import takes as long as that of a wire.

    name: the name of its module within `providers`.
    function: the name of the function in it.
    """

    def to_dialect(schema: Mapping[str, Any]) -> Dialected:
        translated: Dialected = getattr(import_module(f"..{name}", __package__), function)(schema)
        return translated

    return to_dialect


MODES = ("json_schema", "strict_tool", "tool", "json", "prompt")


@frozen(kw_only=True)
class ObjectSupport:
    """How a wire takes JSON Schemas."""

    modes: tuple[str, ...] = MODES
    """the ways to request an object, best first: `json_schema` (the answer must fit the schema), `strict_tool` (a call
    must), `tool`, `json` (the answer is JSON), `prompt` (only the prompt describes it)"""
    answers: Dialect | None = None
    """translates the schema of an answer to the vendor's dialect; None sends it as it is"""
    strict_tools: Dialect | None = None
    """the same for strict tools"""
    tools: Dialect | None = None
    """the same for other tools"""
    always_enforced: bool = False
    """a schema for the answer cannot be sent as a hint"""
    sure: bool = False
    """`json_schema` works for every model, also where the metadata does not say so"""
    shown: bool = True
    """the model reads the schema; if not, the prompt has to describe it"""


AS_GIVEN = ObjectSupport()
BY_GRAMMAR = ObjectSupport(
    modes=("json_schema", "json", "prompt"),
    answers=lazy_dialect("local.grammar_dialect"),
    always_enforced=True,
    sure=True,
    shown=False,
)
"""llama.cpp and servers built on it: the schema becomes a grammar, which the model does not see."""


def fit_schemas(support: ObjectSupport, provider: str) -> Step:
    """Make the step that translates the schemas of a request to the vendor's dialect.

    It warns of schemas that the vendor does not enforce.
    """

    def fit(request: Request) -> Request:
        if support.answers is not None and "response_format" in request.options:
            request = _fit_answer(request, support.answers, provider, always=support.always_enforced)
        tools = request.context.tools
        for at, tool in enumerate(tools):
            fitted = _fit_tool(tool, support) if tool.strict or support.tools else tool
            if tool.strict and not fitted.strict:
                request = request.warn("tools", f"{tool.name!r} is not strict: {provider} cannot enforce its schema")
            if fitted is not tool:
                context = request.context
                request = request.replace(context=context.with_tools(*context.tools[:at], fitted, *tools[at + 1 :]))
        return request

    return on_request("fit_schemas", fit)


def _fit_answer(request: Request, dialect: Dialect, provider: str, *, always: bool) -> Request:
    """Translate the schema of an answer, if there is one that is strict or is enforced always."""
    response_format: Any = request.options.get("response_format")
    json_schema = response_format.get("json_schema") if isinstance(response_format, Mapping) else None
    if not isinstance(json_schema, Mapping) or not isinstance(json_schema.get("schema"), Mapping):
        return request
    if not always and not json_schema.get("strict"):
        return request
    translated = dialect(json_schema["schema"])
    sent = {**json_schema, **({"schema": translated.schema} if translated.strict or always else {"strict": False})}
    if translated.dropped:
        request = request.warn("response_format", _not_enforced_message(provider, translated.dropped))
    return request.replace(options={**request.options, "response_format": {**response_format, "json_schema": sent}})


def _not_enforced_message(provider: str, dropped: tuple[Dropped, ...]) -> str:
    first = dropped[0]
    more = f", and {len(dropped) - 1} more" if len(dropped) > 1 else ""
    return f"{provider} does not enforce {first.keyword!r} at {first.pointer or 'the root'}{more}"


def _fit_tool(tool: Tool, support: ObjectSupport) -> Tool:
    if tool.server is not None:
        return tool
    if tool.strict and support.strict_tools is not None:
        translated = support.strict_tools(tool.parameters)
        if translated.strict:
            return evolve(tool, parameters=translated.schema)
        tool = evolve(tool, strict=False)
    if support.tools is None:
        return tool
    try:
        plain = support.tools(tool.parameters).schema
    except SchemaError:
        return tool  # some servers take any root, so it is sent as it is
    return tool if plain == tool.parameters else evolve(tool, parameters=plain)
