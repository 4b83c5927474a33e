"""Decode a chat answer to a Reply."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....schemas.message import Message
from ....schemas.model import Model
from ....schemas.parts import Part, Reasoning, Text, ToolCall
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ...declare.errors import provider_error
from ..calls import arguments_text, call_id
from .encode import NAME

FINISH_REASONS: Mapping[str, str] = {"stop": "stop", "length": "length"}
REASONING, TEXT, CALLS = 0, 1, 2
"""Places in the message; further calls come after the first."""


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    """Decode the answer. Raises the server's error if the body is one."""
    if data.get("error"):
        raise provider_error(model.provider, data["error"])
    message = data["message"]
    parts: list[Part] = []
    if message.get("thinking"):
        parts.append(Reasoning(message["thinking"], wire=NAME))
    if message.get("content"):
        parts.append(Text(message["content"]))
    calls = [decode_call(call, at, data.get("created_at")) for at, call in enumerate(message.get("tool_calls") or ())]
    raw = data.get("done_reason")
    return Reply(
        Message("assistant", [*parts, *calls]),
        finish_reason(raw, bool(calls)),
        raw,
        model=data.get("model") or "",
        metadata={"logprobs": data["logprobs"]} if data.get("logprobs") else {},
    )


def finish_reason(raw: str | None, has_calls: bool) -> str:
    """Map to the canonical reason; Ollama sends `stop` with calls, too."""
    reason = FINISH_REASONS.get(raw or "", raw or "unknown")
    return "tool_calls" if has_calls and reason == "stop" else reason


def decode_call(call: Mapping[str, Any], index: int, created_at: str | None) -> ToolCall:
    """Decode a call. Older servers send no id, and index 0 for each of several calls, so their order counts.

    call: the call
    index: its position among the calls of the answer
    created_at: the answer's time, from which ids are made
    """
    function = call["function"]
    arguments = arguments_text(function.get("arguments") or {})
    return ToolCall(call.get("id") or call_id(created_at, index), function["name"], arguments)


def extract_usage(data: Mapping[str, Any], model: Model) -> Usage | None:
    """Convert usage. The prompt counts in full, including what the server had cached."""
    read, wrote = data.get("prompt_eval_count"), data.get("eval_count")
    if read is None and wrote is None:
        return None
    return Usage(
        input_tokens=read,
        output_tokens=wrote,
        cached_input_tokens=data.get("prompt_eval_cached_count"),
        raw={name: data[name] for name in _METRICS if name in data},
    )


_METRICS = (
    "total_duration",
    "load_duration",
    "prompt_eval_count",
    "prompt_eval_cached_count",
    "prompt_eval_duration",
    "eval_count",
    "eval_duration",
)
