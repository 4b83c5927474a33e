"""Decode a Converse answer to a Reply."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ....pipeline.http.error_body import error_in, error_message
from ....pipeline.http.response import Response
from ....schemas.errors import ProviderError
from ....schemas.json_text import dumps
from ....schemas.message import Message
from ....schemas.model import Model
from ....schemas.parts import Opaque, Part, Reasoning, Text, ToolCall
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ...declare.errors import answer_error
from ...declare.errors import find_error as find_error_by_status
from .encode import NAME

FINISH_REASONS: Mapping[str, str] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
METADATA = ("metrics", "trace", "performanceConfig", "additionalModelResponseFields", "serviceTier")
ON_DEMAND = "on-demand throughput"


def find_error(response: Response) -> ProviderError | None:
    """Find the error of a response by its status, and its kind in the header `x-amzn-errortype`."""
    kind = response.headers.get("x-amzn-errortype", "").partition(":")[0]
    if response.status < 300 or not kind:
        error = find_error_by_status(response)
    else:
        error = answer_error(response, {"message": error_message(error_in(response.body)), "code": kind})
    if error is not None and ON_DEMAND in error.message:
        error.hint = "name an inference profile: put us., eu., apac. or global. before the model's id, or use its ARN"
    return error


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    raw = data.get("stopReason")
    parts = [part for block in data["output"]["message"]["content"] if (part := decode_block(block)) is not None]
    message = Message("assistant", parts)
    reply = Reply(message, finish_reason(raw), raw)
    if metadata := metadata_of(data):
        reply.metadata = metadata
    return reply


def finish_reason(raw: str | None) -> str:
    return FINISH_REASONS.get(raw or "", raw or "unknown")


def metadata_of(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: data[name] for name in METADATA if data.get(name)}


def decode_block(block: Mapping[str, Any]) -> Part | None:
    """Decode one content block. Calls with a `type` are run by the provider and kept whole, like unknown blocks."""
    if None in block.values():
        block = {name: value for name, value in block.items() if value is not None}
    if not block:
        return None
    if "text" in block:
        return Text(block["text"]) if block["text"] else None
    if "reasoningContent" in block:
        return _reasoning(block["reasoningContent"])
    if "toolUse" in block and "type" not in block["toolUse"]:
        use = block["toolUse"]
        # A stream sends nothing for empty arguments; do the same here, so that both give the same part.
        arguments = dumps(use["input"]).decode() if use.get("input") else ""
        return ToolCall(use["toolUseId"], use["name"], arguments)
    if "citationsContent" in block:
        cited = block["citationsContent"]
        text = "".join(each.get("text") or "" for each in cited.get("content") or ())
        return Text(text, cited_extra(cited.get("citations") or ()))
    return Opaque(NAME, dict(block))


def cited_extra(citations: Iterable[Any]) -> dict[str, Any]:
    return {NAME: {"citations": list(citations)}}


def _reasoning(content: Mapping[str, Any]) -> Reasoning:
    if content.get("redactedContent"):
        return Reasoning(encrypted=content["redactedContent"], wire=NAME)
    thought = content.get("reasoningText") or {}
    return Reasoning(thought.get("text") or "", thought.get("signature"), wire=NAME)


def extract_usage(data: Mapping[str, Any], model: Model) -> Usage | None:
    raw = data.get("usage")
    if not raw:
        return None
    blocks = data["output"]["message"]["content"]
    return usage_of(raw, data, any("type" in (block.get("toolUse") or ()) for block in blocks))


def usage_of(raw: Mapping[str, Any], data: Mapping[str, Any], ran_tools: bool) -> Usage:
    """Convert usage. Converse's `inputTokens` excludes cache reads and writes; ours includes them.

    raw: the usage object
    data: the object that holds it, with tier and trace
    ran_tools: whether Bedrock ran tools itself, which it bills separately, like guardrails
    """
    read, wrote, fresh = raw.get("cacheReadInputTokens"), raw.get("cacheWriteInputTokens"), raw.get("inputTokens")
    hour = [each.get("inputTokens") or 0 for each in raw.get("cacheDetails") or () if each.get("ttl") == "1h"]
    unpriced_charges = ("tools",) if ran_tools else ()
    return Usage(
        input_tokens=None if fresh is None else fresh + (read or 0) + (wrote or 0),
        output_tokens=raw.get("outputTokens"),
        cached_input_tokens=read,
        cache_write_tokens=wrote,
        cache_write_1h_tokens=sum(hour) if hour else None,
        service_tier=(data.get("serviceTier") or {}).get("type"),
        unpriced_charges=(*unpriced_charges, "guardrail")
        if (data.get("trace") or {}).get("guardrail")
        else unpriced_charges,
        raw=raw,
    )
