"""Decode a response object, or its streamed items, to the parts of a Reply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ....schemas.errors import ProviderError
from ....schemas.message import Message
from ....schemas.model import Model
from ....schemas.parts import Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ...declare.errors import provider_error
from ..media import from_base64
from ..openai_chat.usage import usage_of
from .encode import NAME
from .places import PLACES

METADATA = ("service_tier", "incomplete_details")
BILLED_APART = frozenset(
    ("web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "shell_call")
)
"""Items of tools that the provider runs and charges for by call, container or image."""


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    """Decode a response. Raises the provider's error, with the partial reply on it, for a response that failed."""
    custom = custom_tools(data)
    parts = [part for at, item in enumerate(data["output"]) for _, part in decode_item(item, at, custom)]
    message = Message("assistant", parts)
    reply = Reply(
        message,
        finish_reason(data, bool(message.tool_calls), any(type(part) is Refusal for part in parts)),
        data.get("status"),
        id=data.get("id"),
        model=data.get("model") or "",
    )
    if metadata := metadata_of(data):
        reply.metadata = metadata
    if logprobs := logprobs_of(data["output"]):
        reply.metadata = {**reply.metadata, "logprobs": logprobs}
    if data.get("status") == "failed":
        error = failure(data, model)
        error.partial, error.usage = reply, extract_usage(data, model)
        raise error
    return reply


def failure(response: Mapping[str, Any], model: Model) -> ProviderError:
    """Make the error of a failed response."""
    return provider_error(model.provider, response.get("error") or {"message": "the response failed"})


def finish_reason(response: Mapping[str, Any], has_calls: bool, refused: bool) -> str:
    """Map a status to the canonical reason; the reason of an incomplete response is in its details.

    response: the response
    has_calls: whether it has calls of the client's tools
    refused: whether it is a refusal, which is content_filter
    """
    status = response.get("status") or "unknown"
    if status == "completed":
        return "tool_calls" if has_calls else "content_filter" if refused else "stop"
    if status == "incomplete":
        why = (response.get("incomplete_details") or {}).get("reason") or "incomplete"
        return {"max_output_tokens": "length", "max_tokens": "length"}.get(why, why)
    return str(status)


def metadata_of(response: Mapping[str, Any]) -> dict[str, Any]:
    return {name: response[name] for name in METADATA if response.get(name) is not None}


def custom_tools(response: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the client's free-text tools; calls to others are the provider's own (xAI's searches)."""
    tools: Iterable[Mapping[str, Any]] = response.get("tools") or ()
    return frozenset(tool.get("name", "") for tool in tools if tool.get("type") == "custom")


def decode_item(item: Mapping[str, Any], at: int, custom: frozenset[str]) -> list[tuple[int, Part]]:
    """Decode one output item to its parts, with their places.

    item: the item
    at: its index in the output
    custom: the names of the client's free-text tools
    """
    place = at * PLACES
    match item["type"]:
        case "message":
            return [(place + k, content_part(content, item)) for k, content in enumerate(item.get("content") or ())]
        case "reasoning":
            return [(place, Reasoning(reasoning_text(item), **reasoning_fields(item)))]
        case "function_call":
            return [(place, ToolCall(item["call_id"], item["name"], item.get("arguments") or "", call_extra(item)))]
        case "custom_tool_call" if item.get("name") in custom:
            return [(place, ToolCall(item["call_id"], item["name"], item.get("input") or "", call_extra(item)))]
        case "image_generation_call" if item.get("result"):
            kind = f"image/{item.get('output_format') or 'png'}"
            return [
                (place, Opaque(NAME, dict(item))),
                (
                    place + 1,
                    Image(data=from_base64(item["result"]), media_type=kind, extra={NAME: {"item": item.get("id")}}),
                ),
            ]
        case _:
            return [(place, Opaque(NAME, dict(item)))]


def content_part(content: Mapping[str, Any], item: Mapping[str, Any]) -> Text | Refusal:
    """Decode one content of a message item; keep which item it came in, for sending it back."""
    if content["type"] == "refusal":
        return Refusal(content["refusal"], message_extra(item, content))
    return Text(content.get("text") or "", message_extra(item, content))


def message_extra(item: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    extra: dict[str, Any] = {"message": {name: value for name, value in item.items() if name != "content"}}
    if content.get("annotations"):
        extra["annotations"] = content["annotations"]
    return {NAME: extra}


def reasoning_text(item: Mapping[str, Any]) -> str:
    """Return the summary, or the thinking itself where a server shows it."""
    blocks = item.get("summary") or item.get("content") or ()
    return "".join(block.get("text") or "" for block in blocks)


def reasoning_fields(item: Mapping[str, Any]) -> dict[str, Any]:
    fields = {"id": item.get("id"), "wire": NAME, "extra": {NAME: {"item": dict(item)}}}
    return {**fields, "encrypted": item["encrypted_content"]} if item.get("encrypted_content") else fields


def call_extra(item: Mapping[str, Any]) -> dict[str, Any]:
    known = ("call_id", "name", "arguments", "input")
    return {NAME: {name: value for name, value in item.items() if name not in known}}


def logprobs_of(items: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Collect the log probabilities of all texts, in order."""
    contents = [content for item in items if item["type"] == "message" for content in item.get("content") or ()]
    return [each for content in contents for each in content.get("logprobs") or ()]


def extract_usage(data: Mapping[str, Any], model: Model) -> Usage | None:
    raw = data.get("usage")
    if not raw:
        return None
    unpriced_charges = dict.fromkeys(item["type"] for item in data.get("output") or () if item["type"] in BILLED_APART)
    return usage_of(raw, data.get("service_tier"), tuple(unpriced_charges))
