"""Tools for models without tools: the answer must fit a JSON schema that allows only a tool call or plain text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ...schemas.chunks import Finish, StreamChunk, TextDelta
from ...schemas.errors import DecodeError
from ...schemas.json_schema.keywords import moved
from ...schemas.json_schema.partial import PartialJSON
from ...schemas.json_text import dumps
from ...schemas.message import Context
from ...schemas.reply_chunks import call_chunks
from ...schemas.tool import Tool, chosen_name
from ..around import around
from ..effects import CallNext, StepGenerator
from ..http.request import Request, StateKey
from ..step import Step
from ..stream.rewrite_text import rewrite_text

_ASK = """You can call these functions:
{tools}

To call one, answer with JSON: {{"name": "...", "arguments": {{...}}}}"""
PREFILL: StateKey[str] = StateKey("constrained_tools.prefill", "{")
"""The beginning of a call's JSON: a wire for servers that enforce no schema may begin the answer with it."""
_OR_ANSWER = '. To say something instead, answer with JSON: {"answer": "..."}'


def constrained_tools() -> Step:
    """Describe the tools in the system message, and require JSON of a schema (`response_format`).

    For servers that enforce a schema and whose model was not trained for tools. The JSON becomes a ToolCall, streamed
    or not. There is one call in an answer. After a tool's result, where the choice of tools is free, the model may
    answer in text: small models repeat their call for ever otherwise.
    """

    def run(request: Request, call: CallNext) -> StepGenerator:
        tools = _offered_tools(request)
        if not tools:
            return call(_without_tools(request)) if request.context.tools else call(request)
        return _constrained(request, call, tools)

    return around("constrained_tools", run)


def _offered_tools(request: Request) -> tuple[Tool, ...]:
    choice = request.options.get("tool_choice", "auto")
    tools = request.context.tools
    if named := chosen_name(choice):
        return tuple(tool for tool in tools if tool.name == named)
    answered = bool(request.context.messages) and request.context.messages[-1].role == "tool"
    return () if choice == "none" or (choice == "auto" and answered) else tools


def _without_tools(request: Request) -> Request:
    options = {
        name: value for name, value in request.options.items() if name not in ("tool_choice", "parallel_tool_calls")
    }
    return request.replace(context=request.context.with_tools(), options=options)


def _constrained(request: Request, call: CallNext, tools: tuple[Tool, ...]) -> StepGenerator:
    free = request.options.get("tool_choice", "auto") == "auto"
    beginning = _beginning(tools)
    bare = _without_tools(request)
    response_format = {"type": "json_schema", "json_schema": {"name": "call", "schema": _schema(tools, free)}}
    constrained = bare.replace(
        context=_with_instructions(bare.context, tools, free),
        options={**bare.options, "response_format": response_format},
    )
    response = yield from call(constrained.with_state(PREFILL, beginning))
    if response.reply is not None and response.reply.tool_calls:
        return response  # the server has tools after all
    return rewrite_text(response, lambda text, finish: _chunks_of(text, finish, beginning))


def _schema(tools: tuple[Tool, ...], free: bool) -> dict[str, Any]:
    place = "/anyOf/{}/properties/arguments" if free or len(tools) > 1 else "/properties/arguments"
    calls: list[dict[str, Any]] = [
        {
            "type": "object",
            "properties": {"name": {"const": tool.name}, "arguments": _arguments(tool, place.format(at))},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for at, tool in enumerate(tools)
    ]
    answer = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
    return {"anyOf": [*calls, answer]} if free else calls[0] if len(calls) == 1 else {"anyOf": calls}


def _arguments(tool: Tool, place: str) -> Mapping[str, Any]:
    """Return the schema of a tool's arguments at this place of the whole one.

    Parameters are forbidden for a tool that has none: a small model never ends an object that may have any.
    """
    from ...schemas.json_schema.dialects.plain import to_dialect  # slow to import: only for calls with tools

    parameters: dict[str, Any] = to_dialect(dict(tool.parameters)).schema
    if not parameters["properties"] and not {"additionalProperties", "patternProperties"} & parameters.keys():
        return {**parameters, "additionalProperties": False}
    return cast("dict[str, Any]", moved(parameters, place))


def _with_instructions(context: Context, tools: tuple[Tool, ...], free: bool) -> Context:
    rows = (
        dumps({"name": tool.name, "description": tool.description, "parameters": tool.parameters}).decode()
        for tool in tools
    )
    return context.with_instructions(_ASK.format(tools="\n".join(rows)) + (_OR_ANSWER if free else ""))


def _beginning(tools: tuple[Tool, ...]) -> str:
    """Return how the JSON of a call begins; for a single tool, up to its first argument."""
    if len(tools) > 1:
        return '{"name": "'
    start = f'{{"name": "{tools[0].name}", "arguments": {{"'
    for name, schema in tools[0].parameters.get("properties", {}).items():
        return f'{start}{name}": "' if schema.get("type") == "string" else f'{start}{name}": '
    return start


def _read(text: str, prefill: str) -> Any:
    """Return the JSON at the start of the text, or of prefill + text if the model did not repeat the prefill."""
    try:
        return PartialJSON(followed=True).finish(text)
    except DecodeError:
        return PartialJSON(followed=True).finish(prefill + text.lstrip())


def _chunks_of(text: str, finish: Finish, prefill: str) -> list[StreamChunk]:
    """Return the chunks of the call, or of the plain text, that the JSON stands for."""
    if not text:
        return [finish]
    try:
        value = _read(text, prefill)
        if "answer" in value:
            return [TextDelta(value["answer"]), finish]
        name, arguments = value["name"], dumps(value["arguments"]).decode()
    except (DecodeError, KeyError, TypeError):
        # Cut by the token limit, so it is text and no call that could be run.
        return [TextDelta(text), finish]
    return [*call_chunks(1, "", name, arguments), Finish("tool_calls", finish.raw)]
