"""Context and options to the body of a chat request. Sampling options stand in an object of their own."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import Any

from ....pipeline.request import Request
from ....schemas.message import Message
from ....schemas.parts import Image, Reasoning
from ..openai_chat.encode import encode_tools

NAME = "ollama_chat"

_SAMPLING: Mapping[str, str] = {
    "temperature": "temperature",
    "top_p": "top_p",
    "top_k": "top_k",
    "min_p": "min_p",
    "max_tokens": "num_predict",
    "seed": "seed",
    "presence_penalty": "presence_penalty",
    "frequency_penalty": "frequency_penalty",
    "repetition_penalty": "repeat_penalty",
    "num_ctx": "num_ctx",
}
_EFFORT: Mapping[str, Any] = {"none": False, "minimal": "low", "xhigh": "high"}

OPTIONS = frozenset(
    (*(_SAMPLING.keys() - {"num_ctx"}), "stop", "tools", "reasoning_effort", "response_format", "logprobs")
)


def build_body(request: Request) -> dict[str, Any]:
    # Streaming is what this server does unless it is told not to.
    messages = encode_messages(request.context.messages)
    body: dict[str, Any] = {"model": request.model.id, "messages": messages, "stream": request.stream}
    sampling: dict[str, Any] = {}
    for name, value in request.options.items():
        if name in _SAMPLING:
            sampling[_SAMPLING[name]] = value
        elif name == "stop":
            sampling["stop"] = [value] if isinstance(value, str) else list(value)
        elif name == "reasoning_effort":
            body["think"] = _EFFORT.get(value, value)
        elif name == "response_format":
            _format(body, value)
        else:
            body[name] = value
    if sampling:
        body["options"] = {**sampling, **body.get("options", {})}
    if request.context.tools:
        body["tools"] = encode_tools(request.context.tools)
    return body


def encode_messages(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Messages in Ollama's form: calls without ids, arguments as objects, results by the tool's name."""
    encoded = []
    names: dict[str, str] = {}
    for message in messages:
        names.update((call.id, call.name) for call in message.tool_calls)
        turn: dict[str, Any] = {"role": message.role, "content": message.text}
        if message.role == "tool":
            turn["tool_name"] = message.name or names.get(message.tool_call_id or "", "")
        if images := [
            b64encode(part.data).decode() for part in message.content if isinstance(part, Image) and part.data
        ]:
            turn["images"] = images
        if thinking := "".join(p.text for p in message.content if isinstance(p, Reasoning) and p.wire == NAME):
            turn["thinking"] = thinking
        if message.tool_calls:
            turn["tool_calls"] = [
                {"function": {"name": call.name, "arguments": call.arguments or {}}} for call in message.tool_calls
            ]
        encoded.append(turn)
    return encoded


def _format(body: dict[str, Any], wanted: Any) -> None:
    if wanted == "json":
        body["format"] = "json"
    elif isinstance(wanted, Mapping) and wanted.get("type") == "json_schema":
        body["format"] = wanted["json_schema"]["schema"]
