"""Decode a message, or its streamed blocks, to the parts of a Reply."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ....schemas.json_text import dumps
from ....schemas.message import Message
from ....schemas.model import Model
from ....schemas.parts import Opaque, Part, Reasoning, Text, ToolCall
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ...declare.errors import provider_error
from .encode import NAME

FINISH_REASONS: Mapping[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}

METADATA = ("stop_sequence", "stop_details", "container", "context_management")
"""Fields of a message that are kept on `reply.metadata`."""


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    """Decode a message. Raises the provider's error if the body is one."""
    if data.get("type") == "error":
        raise provider_error(model.provider, data.get("error"))
    parts = [decode_block(block) for block in data["content"]]
    raw = data.get("stop_reason")
    reply = Reply(
        Message("assistant", [part for part in parts if part is not None]),
        finish_reason(raw),
        raw,
        id=data.get("id"),
        model=data.get("model") or "",
    )
    if metadata := metadata_of(data):
        reply.metadata = metadata
    return reply


def finish_reason(raw: str | None) -> str:
    """Map to the canonical reason; `pause_turn` and unknown reasons stay as they are."""
    return FINISH_REASONS.get(raw or "", raw or "unknown")


def metadata_of(message: Mapping[str, Any]) -> dict[str, Any]:
    return {name: message[name] for name in METADATA if message.get(name) is not None}


def decode_block(block: Mapping[str, Any]) -> Part | None:
    """Decode one content block. Blocks other than text, thinking and calls to the client are kept whole, to be sent
    back."""
    match block["type"]:
        case "text":
            text, extra = block.get("text") or "", text_extra(block)
            return Text(text, extra) if text or extra else None
        case "thinking":
            return Reasoning(block.get("thinking") or "", block.get("signature") or None, wire=NAME)
        case "redacted_thinking":
            return Reasoning(encrypted=block["data"], wire=NAME)
        case "tool_use":
            # A stream sends nothing for empty arguments; do the same here, so that both give the same part.
            arguments = dumps(block["input"]).decode() if block.get("input") else ""
            return ToolCall(block["id"], block["name"], arguments, call_extra(block))
        case _:
            return Opaque(NAME, dict(block))


def text_extra(block: Mapping[str, Any]) -> dict[str, Any]:
    """Return the details of a text, such as its citations, in the form of `Text.extra`."""
    extra = {name: value for name, value in block.items() if name not in ("type", "text") and value is not None}
    return {NAME: extra} if extra else {}


def call_extra(block: Mapping[str, Any]) -> dict[str, Any]:
    """Return the details of a call in the form of `ToolCall.extra`."""
    extra = {name: value for name, value in block.items() if name not in ("type", "id", "name", "input")}
    return {NAME: extra} if extra else {}


def extract_usage(data: Mapping[str, Any], model: Model) -> Usage | None:
    raw = data.get("usage")
    return usage_of(raw, data) if raw else None


_COUNTED = frozenset(("web_search_requests", "web_fetch_requests"))
"""Uses of Anthropic's own tools that are no unpriced charge: searches have their own price, fetches cost only
tokens."""
_ANYWHERE = frozenset(("global", "not_available"))


def usage_of(raw: Mapping[str, Any], message: Mapping[str, Any]) -> Usage:
    """Convert usage. Anthropic's `input_tokens` excludes cache reads and writes; ours includes them.

    raw: the usage object
    message: the message that it belongs to

    https://docs.claude.com/en/docs/build-with-claude/prompt-caching#tracking-cache-performance
    """
    tools = raw.get("server_tool_use") or {}
    geo = raw.get("inference_geo")
    read, wrote = raw.get("cache_read_input_tokens"), raw.get("cache_creation_input_tokens")
    fresh = raw.get("input_tokens")
    # Fast mode has its own prices, whatever the tier:
    # https://platform.claude.com/docs/en/build-with-claude/fast-mode
    tier = "fast" if raw.get("speed") == "fast" else raw.get("service_tier")
    thought = (raw.get("output_tokens_details") or {}).get("thinking_tokens")
    return Usage(
        input_tokens=None if fresh is None else fresh + (read or 0) + (wrote or 0),
        output_tokens=raw.get("output_tokens"),
        cached_input_tokens=read,
        cache_write_tokens=wrote,
        cache_write_1h_tokens=(raw.get("cache_creation") or {}).get("ephemeral_1h_input_tokens"),
        reasoning_tokens=thought,
        service_tier=tier,
        web_searches=tools.get("web_search_requests"),
        region=None if geo in _ANYWHERE else geo,
        unpriced_charges=tuple(_unpriced_charges(raw, tools, message)),
        raw=raw,
    )


def _unpriced_charges(raw: Mapping[str, Any], tools: Mapping[str, Any], message: Mapping[str, Any]) -> Iterator[str]:
    """List what is billed but not counted: containers by the hour, and tokens of other models or rounds (an advisor's,
    a compaction's): https://platform.claude.com/docs/en/build-with-claude/compaction#understanding-usage"""
    yield from (name for name, count in tools.items() if count and name not in _COUNTED)
    yield from {each["type"]: None for each in raw.get("iterations") or () if each.get("type", "message") != "message"}
    if message.get("container"):
        yield "container"
