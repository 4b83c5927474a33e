"""Tools for models that have none: the answer is held to a JSON schema that only a call, or plain words, can fit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import orjson

from ...schemas.chunks import Finish, StreamChunk, TextDelta, ToolCallDelta, ToolCallEnd, ToolCallStart
from ...schemas.fold import fold
from ...schemas.message import Context
from ...schemas.tool import Tool
from ..effects import Flow, Rest
from ..request import Request
from ..step import Step, around

_ASK = """You can call these functions:
{tools}

To call one, answer with JSON: {{"name": "...", "arguments": {{...}}}}"""
PREFILL = "constrained_tools.prefill"
"""Where a request's private notes hold how a call begins, for servers that enforce no schema: a wire may put it into
the model's mouth."""
_OR_ANSWER = '. To say something instead, answer with JSON: {"answer": "..."}'


def constrained_tools() -> Step:
    """Offer the tools in the system message and hold the answer to a schema (`response_format`), for servers that
    enforce one but whose model was never taught tools. The JSON comes back as a ToolCall, streamed or not.

    One call an answer. Once a tool's result is the last message and the choice is free, the model is let speak: small
    models repeat their call for ever otherwise.
    """

    def run(request: Request, call: Rest) -> Flow:
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


def _constrained(request: Request, call: Rest, tools: tuple[Tool, ...]) -> Flow:
    free = request.options.get("tool_choice", "auto") == "auto"
    bare = _without_tools(request)
    response_format = {"type": "json_schema", "json_schema": {"name": "call", "schema": _schema(tools, free)}}
    asked = bare.replace(
        context=_told(bare.context, tools, free),
        options={**bare.options, "response_format": response_format},
        private={**bare.private, PREFILL: _beginning(tools)},
    )
    response = yield from call(asked)
    stage = CallStage(_beginning(tools))
    if response.reply is None:
        return response.through(stage)
    reply = response.reply
    if reply.tool_calls:
        return response  # the server knew tools after all
    # The text is JSON of the schema; what it stands for takes its place.
    said: list[StreamChunk] = [TextDelta(reply.text), Finish(reply.finish_reason or "stop", reply.finish_reason_raw)]
    whole = fold(stage.feed(said))
    response.reply = reply.replace(message=whole.message, finish_reason=whole.finish_reason)
    return response


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


def _told(context: Context, tools: tuple[Tool, ...], free: bool) -> Context:
    rows = (
        orjson.dumps({"name": tool.name, "description": tool.description, "parameters": tool.parameters}).decode()
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
    import json  # reads one value and leaves what follows it

    for given in (text.lstrip(), prefill + text.lstrip()):
        try:
            return json.JSONDecoder().raw_decode(given)[0]
        except ValueError:
            pass
    raise ValueError("no JSON")


class CallStage:
    """Collects the JSON text, and gives it as a tool call or as the words it holds once it is whole."""

    def __init__(self, prefill: str = "") -> None:
        self._text: list[str] = []
        self._prefill = prefill

    def feed(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        out: list[StreamChunk] = []
        for chunk in chunks:
            if isinstance(chunk, TextDelta):
                self._text.append(chunk.text)
            elif isinstance(chunk, Finish):
                out += self._given(chunk)
            else:
                out.append(chunk)
        return out

    def flush(self) -> list[StreamChunk]:
        return []

    def _given(self, finish: Finish) -> list[StreamChunk]:
        text = "".join(self._text)
        if not text:
            return [finish]
        try:
            said = _read(text, self._prefill)
            if "answer" in said:
                return [TextDelta(said["answer"]), finish]
            name, arguments = said["name"], orjson.dumps(said["arguments"]).decode()
        except (ValueError, KeyError, TypeError):
            # Cut short by the token limit: no call that could be run, only text.
            return [TextDelta(text), finish]
        call: list[StreamChunk] = [
            ToolCallStart(1, f"call_{uuid4().hex[:12]}", name),
            ToolCallDelta(1, arguments),
            ToolCallEnd(1),
        ]
        return [*call, Finish("tool_calls", finish.raw)]
