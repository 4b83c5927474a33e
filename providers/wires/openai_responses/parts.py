"""Decode an output item, whole or at the end of its stream, to the parts of a Reply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ....schemas.chunks import Cited
from ....schemas.cited_parts import fit_to_text
from ....schemas.parts import Image, Part, Reasoning, Refusal, Text, ToolCall
from ..calls import arguments_text, call_id
from ..fields import given
from ..media import from_base64
from ..sources import chat_annotations, objects
from .encode import NAME
from .places import PLACES
from .server_tools import server_parts


def custom_tools(response: Mapping[str, Any]) -> frozenset[str]:
    """Return the names of the client's free-text tools; calls to others are the provider's own (xAI's searches)."""
    tools: Iterable[Mapping[str, Any]] = response.get("tools") or ()
    return frozenset([tool.get("name", "") for tool in tools if tool.get("type") == "custom"])


def decode_item(
    item: Mapping[str, Any], at: int, custom: frozenset[str], call_ids: dict[str, int], reply_id: str | None
) -> list[tuple[int, Part]]:
    """Decode one output item to its parts, with their places.

    item: the item
    at: its index in the output
    custom: the names of the client's free-text tools
    call_ids: the ids of the calls, with the index of the item that has each; that of a new call is added
    reply_id: the id of the answer
    """
    place = at * PLACES
    match item["type"]:
        case "message":
            return [(place + k, content_part(content, item)) for k, content in enumerate(item.get("content") or ())]
        case "reasoning":
            return [(place, Reasoning(reasoning_text(item), **reasoning_fields(item)))]
        case "function_call":
            arguments = arguments_text(item.get("arguments"))
            id = _call_id(item, at, call_ids, reply_id)
            return [(place, ToolCall(id, item["name"], arguments, call_extra(item)))]
        case "custom_tool_call" if item.get("name") in custom:
            id = _call_id(item, at, call_ids, reply_id)
            return [(place, ToolCall(id, item["name"], item.get("input") or "", call_extra(item)))]
        case "image_generation_call" if item.get("result"):
            kind = f"image/{item.get('output_format') or 'png'}"
            return [
                *((place, part) for part in server_parts(dict(item), NAME)),
                (
                    place + 1,
                    Image(data=from_base64(item["result"]), media_type=kind, extra={NAME: {"item": item.get("id")}}),
                ),
            ]
        case _:
            return [(place + at, part) for at, part in enumerate(server_parts(dict(item), NAME))]


def _call_id(item: Mapping[str, Any], at: int, call_ids: dict[str, int], reply_id: str | None) -> str:
    """Return the id under which a call's result is sent, made up where the server sends none, or another call's."""
    id: str | None = item.get("call_id")
    if id and call_ids.setdefault(id, at) == at:
        return id
    return call_id(reply_id, at)


def content_part(content: Mapping[str, Any], item: Mapping[str, Any]) -> Text | Refusal:
    """Decode one content of a message item; keep which item it came in, for sending it back."""
    if content["type"] == "refusal":
        return Refusal(content["refusal"], message_extra(item, content))
    text, extra = content.get("text") or "", message_extra(item, content)
    if annotations := content.get("annotations"):
        return Text(text, extra, tuple(fit_to_text(chat_annotations(objects(annotations)), text, "characters")))
    return Text(text, extra)


def cited(part: Text | Refusal, place: int) -> list[Cited]:
    """Return the chunk of a text's citations, if it has any."""
    return [Cited(part.citations, place)] if isinstance(part, Text) and part.citations else []


def message_extra(item: Mapping[str, Any], content: Mapping[str, Any]) -> dict[str, Any]:
    message = {name: value for name, value in item.items() if name != "content"}
    return {NAME: given(message=message, annotations=content.get("annotations") or None)}


def reasoning_text(item: Mapping[str, Any]) -> str:
    """Return the summary, or the thinking itself where a server shows it, each part of it on a line of its own."""
    blocks = item.get("summary") or item.get("content") or ()
    return "\n".join([text for block in blocks if (text := block.get("text"))])


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
