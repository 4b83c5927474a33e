"""Decode a chat answer to a Reply.

The model's plan for its tools (`tool_plan`) is in the reply's metadata, and also an opaque part of the message, because
it has to be sent back with the calls: https://docs.cohere.com/docs/tool-use-overview
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....schemas.message import Message
from ....schemas.model import Model
from ....schemas.parts import Opaque, Part, Reasoning, Text, ToolCall
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ..calls import call_id
from .encode import NAME

FINISH_REASONS: Mapping[str, str] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
    "ERROR": "error",
    "TIMEOUT": "error",
}
PLAN, CALLS = 999, 1000
"""Places in the message: the plan comes after all content, and tool calls from 1000 on."""


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    message = data["message"]
    parts = [part for block in message.get("content") or () if (part := decode_block(block)) is not None]
    if message.get("tool_plan"):
        parts.append(decode_plan(message["tool_plan"]))
    calls = [decode_call(call, at, data.get("id")) for at, call in enumerate(message.get("tool_calls") or ())]
    raw = data.get("finish_reason")
    metadata = {name: message[name] for name in ("tool_plan", "citations") if message.get(name)}
    if data.get("logprobs"):
        metadata["logprobs"] = data["logprobs"]
    return Reply(Message("assistant", [*parts, *calls]), finish_reason(raw), raw, id=data.get("id"), metadata=metadata)


def finish_reason(raw: str | None) -> str:
    return FINISH_REASONS.get(raw or "", (raw or "unknown").lower())


def decode_block(block: Mapping[str, Any]) -> Part | None:
    if block.get("type") == "thinking":
        return Reasoning(block["thinking"], wire=NAME) if block.get("thinking") else None
    return Text(block["text"]) if block.get("text") else None


def decode_plan(plan: str) -> Opaque:
    return Opaque(NAME, {"tool_plan": plan})


def decode_call(call: Mapping[str, Any], index: int, reply_id: str | None) -> ToolCall:
    function = call["function"]
    return ToolCall(call.get("id") or call_id(reply_id, index), function["name"], function.get("arguments") or "")


def extract_usage(data: Mapping[str, Any], model: Model) -> Usage | None:
    raw = data.get("usage")
    return usage_of(raw) if raw else None


def usage_of(raw: Mapping[str, Any]) -> Usage:
    """Convert usage: `tokens` is what the model read and wrote, `billed_units` (without the vendor's own prompt and
    special tokens) is what is paid for: https://docs.cohere.com/docs/how-does-cohere-pricing-work"""
    billed = raw.get("billed_units") or {}
    tokens = raw.get("tokens") or billed
    return Usage(
        input_tokens=tokens.get("input_tokens"),
        output_tokens=tokens.get("output_tokens"),
        cached_input_tokens=raw.get("cached_tokens"),
        reasoning_tokens=tokens.get("reasoning_tokens"),
        billed_input_tokens=billed.get("input_tokens"),
        billed_output_tokens=billed.get("output_tokens"),
        raw=raw,
    )
