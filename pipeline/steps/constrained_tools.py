"""Tools for models that have none: the answer is held to a JSON schema that only a call, or plain words, can fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ...schemas.chunks import Finish, StreamChunk, TextDelta
from ...schemas.json_text import dumps, first_value
from ...schemas.message import Context
from ...schemas.tool import Tool
from ..effects import CallNext, StepGenerator
from ..http.request import Request, of_one_provider
from ..step import Step, around
from ..stream.rewrite_text import call_chunks, rewrite_text

_ASK = """You can call these functions:
{tools}

To call one, answer with JSON: {{"name": "...", "arguments": {{...}}}}"""
PREFILL = of_one_provider("constrained_tools.prefill")
"""Where a request's private notes hold how a call begins, for servers that enforce no schema: a wire may put it into
the model's mouth."""
_OR_ANSWER = '. To say something instead, answer with JSON: {"answer": "..."}'


def constrained_tools() -> Step:
    """Offer the tools in the system message and hold the answer to a schema (`response_format`), for servers that
    enforce one but whose model was never taught tools. The JSON comes back as a ToolCall, streamed or not.

    One call an answer. Once a tool's result is the last message and the choice is free, the model is let speak: small
    models repeat their call for ever otherwise.
    """

    def run(request: Request, call: CallNext) -> StepGenerator:
        tools = _offered(request)
        if not tools:
            return call(_without_tools(request)) if request.context.tools else call(request)
        return _constrained(request, call, tools)

    return around("constrained_tools", run)


def _offered(request: Request) -> tuple[Tool, ...]:
    choice = request.options.get("tool_choice", "auto")
    tools = request.context.tools
    named = choice.get("name") or (choice.get("function") or {}).get("name") if isinstance(choice, dict) else None
    if named:
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
    bare = _without_tools(request)
    response_format = {"type": "json_schema", "json_schema": {"name": "call", "schema": _schema(tools, free)}}
    asked = bare.replace(
        context=_with_instructions(bare.context, tools, free),
        options={**bare.options, "response_format": response_format},
        step_state={**bare.step_state, PREFILL: _beginning(tools)},
    )
    response = yield from call(asked)
    if response.reply is not None and response.reply.tool_calls:
        return response  # the server knew tools after all
    begun = _beginning(tools)
    return rewrite_text(response, lambda text, finish: _meant(text, finish, begun))


def _schema(tools: tuple[Tool, ...], free: bool) -> dict[str, Any]:
    calls: list[dict[str, Any]] = [
        {
            "type": "object",
            "properties": {"name": {"const": tool.name}, "arguments": _closed(tool.parameters)},
            "required": ["name", "arguments"],
            "additionalProperties": False,
        }
        for tool in tools
    ]
    answer = {"type": "object", "properties": {"answer": {"type": "string"}}, "required": ["answer"]}
    return {"anyOf": [*calls, answer]} if free else calls[0] if len(calls) == 1 else {"anyOf": calls}


def _closed(parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """A tool without parameters takes none: an object open to any is one that a small model never ends."""
    return parameters if parameters.get("properties") else {**parameters, "additionalProperties": False}


def _with_instructions(context: Context, tools: tuple[Tool, ...], free: bool) -> Context:
    rows = (
        dumps({"name": tool.name, "description": tool.description, "parameters": tool.parameters}).decode()
        for tool in tools
    )
    return context.with_instructions(_ASK.format(tools="\n".join(rows)) + (_OR_ANSWER if free else ""))


def _beginning(tools: tuple[Tool, ...]) -> str:
    """How a call begins; with one tool on offer, as far as its first argument."""
    if len(tools) > 1:
        return '{"name": "'
    start = f'{{"name": "{tools[0].name}", "arguments": {{"'
    for name, schema in tools[0].parameters.get("properties", {}).items():
        return f'{start}{name}": "' if schema.get("type") == "string" else f'{start}{name}": '
    return start


def _read(text: str, prefill: str) -> Any:
    """The JSON that the text begins with; a server that cannot enforce a schema may have been given its beginning."""
    for given in (text.lstrip(), prefill + text.lstrip()):
        try:
            return first_value(given)[0]
        except ValueError:
            pass
    raise ValueError("no JSON")


def _meant(text: str, finish: Finish, prefill: str) -> list[StreamChunk]:
    """The call that the JSON stands for, or the words that it holds."""
    if not text:
        return [finish]
    try:
        said = _read(text, prefill)
        if "answer" in said:
            return [TextDelta(said["answer"]), finish]
        name, arguments = said["name"], dumps(said["arguments"]).decode()
    except (ValueError, KeyError, TypeError):
        # Cut short by the token limit: no call that could be run, only text.
        return [TextDelta(text), finish]
    return [*call_chunks(1, name, arguments), Finish("tool_calls", finish.raw)]
