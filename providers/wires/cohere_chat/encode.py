"""Context and options to the body of a chat request."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from ....pipeline.request import Request
from ....schemas.message import Message
from ....schemas.parts import Image, Part, Reasoning, Refusal, Text, ToolCall
from ....schemas.tool import Tool
from ..openai_chat.encode import encode_tools

NAME = "cohere_chat"

OPTIONS = frozenset(
    (
        "temperature",
        "top_p",
        "top_k",
        "max_tokens",
        "stop",
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "logprobs",
        "tools",
        "tool_choice",
        "response_format",
    )
)

_NAMES: Mapping[str, str] = {"top_p": "p", "top_k": "k"}
_CHOICES: Mapping[str, str | None] = {"required": "REQUIRED", "any": "REQUIRED", "none": "NONE", "auto": None}


def build_body(request: Request) -> dict[str, Any]:
    body: dict[str, Any] = {"model": request.model.id, "messages": encode_messages(request.context.messages)}
    tools: Iterable[Tool] = request.context.tools
    for name, value in request.options.items():
        if name == "stop":
            body["stop_sequences"] = [value] if isinstance(value, str) else list(value)
        elif name == "response_format":
            _format(body, value)
        elif name == "tool_choice":
            if isinstance(value, Mapping | Tool):
                # The wire can demand a call but not which: the others are not offered.
                wanted = value.name if isinstance(value, Tool) else value.get("name") or value["function"]["name"]
                tools = [tool for tool in tools if tool.name == wanted]
                body["tool_choice"] = "REQUIRED"
            elif (choice := _CHOICES[value]) is not None:
                body["tool_choice"] = choice
        else:
            body[_NAMES.get(name, name)] = value
    if tools:
        body["tools"] = encode_tools(tools)
    else:
        body.pop("tool_choice", None)
    if request.stream:
        body["stream"] = True
    return body


def encode_messages(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Messages in Cohere's form; empty ones are left out, which it refuses."""
    return [encoded for message in messages if (encoded := _message(message)) is not None]


def _message(message: Message) -> dict[str, Any] | None:
    if message.role == "tool":
        return {"role": "tool", "tool_call_id": message.tool_call_id, "content": message.text or "(no output)"}
    if message.role == "assistant":
        return _answer(message)
    content = [block for part in message.content if (block := _block(part)) is not None]
    if not content:
        return None
    single = len(content) == 1 and content[0]["type"] == "text"
    return {"role": message.role, "content": content[0]["text"] if single else content}


def _answer(message: Message) -> dict[str, Any] | None:
    content = [block for part in message.content if (block := _block(part)) is not None]
    calls = [_call(call) for call in message.tool_calls]
    if not content and not calls:
        return None
    turn: dict[str, Any] = {"role": "assistant"}
    if calls:
        turn["tool_calls"] = calls
        if plan := message.extra.get(NAME, {}).get("tool_plan"):
            turn["tool_plan"] = plan
    if content:
        turn["content"] = content
    return turn


def _call(call: ToolCall) -> dict[str, Any]:
    arguments = call.arguments_json if call.arguments_json.strip() not in ("", "null") else "{}"
    return {"id": call.id, "type": "function", "function": {"name": call.name, "arguments": arguments}}


def _block(part: Part) -> dict[str, Any] | None:
    match part:
        case Text() | Refusal():
            return {"type": "text", "text": part.text} if part.text else None
        case Reasoning():
            return {"type": "thinking", "thinking": part.text} if part.wire == NAME and part.text else None
        case Image():
            data = b64encode(part.data or b"").decode()
            return {"type": "image_url", "image_url": {"url": part.url or f"data:{part.sent_type};base64,{data}"}}
        case _:
            return None


def _format(body: dict[str, Any], wanted: Any) -> None:
    if wanted == "json":
        body["response_format"] = {"type": "json_object"}
    elif isinstance(wanted, Mapping) and wanted.get("type") == "json_schema":
        body["response_format"] = {"type": "json_object", "json_schema": wanted["json_schema"]["schema"]}
