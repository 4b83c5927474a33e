"""How a wire takes a JSON Schema: for the answer as a whole, for strict tools, for plain ones.

What is said here is used twice: by the step `fit_schemas`, which puts the schemas of a request into the vendor's
dialect, and by whoever wants an object from a model and has to choose how to ask for it.
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
    """A dialect by its module's name within `providers`, loaded when the first schema is to be sent: the
    dialects take as long to import as a whole wire."""

    def speak(schema: Any) -> Dialected:
        spoken: Dialected = getattr(import_module(f"..{name}", __package__), function)(schema)
        return spoken

    return speak


MODES = ("json_schema", "strict_tool", "tool", "json", "prompt")


@frozen(kw_only=True)
class ObjectSupport:
    """`modes` are the ways in which an object can be asked for, best first: `json_schema` (the answer is held to the
    schema), `strict_tool` (a call is), `tool`, `json` (the answer is some JSON), `prompt` (nothing but words).

    `answers`, `strict_tools` and `tools` put a schema into the vendor's dialect; None sends it as it is.
    `always_enforced`: a schema for the answer cannot be sent as a mere hint. `sure`: `json_schema` works for every
    model, whatever the metadata does not say. `shown`: the model reads the schema that its answer is held to; where it
    does not, the prompt has to tell it.
    """

    modes: tuple[str, ...] = MODES
    answers: Dialect | None = None
    strict_tools: Dialect | None = None
    tools: Dialect | None = None
    always_enforced: bool = False
    sure: bool = False
    shown: bool = True


AS_GIVEN = ObjectSupport()
BY_GRAMMAR = ObjectSupport(
    modes=("json_schema", "json", "prompt"),
    answers=lazy_dialect("local.grammar_dialect"),
    always_enforced=True,
    sure=True,
    shown=False,
)
"""llama.cpp and what is built on it: the schema becomes a grammar, of which the model knows nothing."""


def fit_schemas(support: ObjectSupport, provider: str) -> Step:
    """Put the schemas of a request into the vendor's dialect; warns of one that the vendor will not enforce."""

    def fit(request: Request) -> Request:
        wanted = request.options.get("response_format")
        if support.answers is not None and isinstance(wanted, Mapping) and "json_schema" in wanted:
            request = _fit_answer(request, wanted, support, provider)
        tools = request.context.tools
        if tools and (support.strict_tools or support.tools):
            fitted = tuple(_fit_tool(tool, support) for tool in tools)
            for tool, was in zip(fitted, tools, strict=True):
                if was.strict and not tool.strict:
                    request = request.warn("tools", f"{was.name!r} is not strict: {provider} cannot enforce its schema")
            if any(tool is not was for tool, was in zip(fitted, tools, strict=True)):
                request = request.replace(context=evolve(request.context, tools=fitted))
        return request

    return on_request("fit_schemas", fit)


def _fit_answer(request: Request, wanted: Mapping[str, Any], support: ObjectSupport, provider: str) -> Request:
    given = wanted["json_schema"]
    if support.answers is None or not isinstance(given, Mapping) or not isinstance(given.get("schema"), Mapping):
        return request
    if not support.always_enforced and not given.get("strict"):
        return request
    spoken = support.answers(given["schema"])
    if spoken.strict or support.always_enforced:
        sent = {**given, "schema": spoken.schema}
    else:
        sent = {**given, "strict": False}
    if spoken.dropped:
        request = request.warn("response_format", _not_enforced(provider, spoken.dropped))
    return request.replace(options={**request.options, "response_format": {**wanted, "json_schema": sent}})


def _not_enforced(provider: str, dropped: tuple[Dropped, ...]) -> str:
    first = dropped[0]
    more = f", and {len(dropped) - 1} more" if len(dropped) > 1 else ""
    return f"{provider} does not enforce {first.keyword!r} at {first.pointer or 'the root'}{more}"


def _fit_tool(tool: Tool, support: ObjectSupport) -> Tool:
    if tool.server is not None:
        return tool
    if tool.strict and support.strict_tools is not None:
        spoken = support.strict_tools(tool.parameters)
        if spoken.strict:
            return evolve(tool, parameters=spoken.schema)
        tool = evolve(tool, strict=False)
    if support.tools is None:
        return tool
    try:
        plain = support.tools(tool.parameters).schema
    except SchemaError:
        return tool  # not ours to refuse: some servers take any root
    return tool if plain == tool.parameters else evolve(tool, parameters=plain)
