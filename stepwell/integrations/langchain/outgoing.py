"""Stepwell's replies as LangChain's messages.

An answer of nothing but text has a string for content. Any other has a list of LangChain's standard blocks, in the
order in which they were said, with what LangChain has no place for under `extras["stepwell"]`, so that `incoming` can
send it back unharmed. Tool calls stand in `tool_calls`, where LangChain looks for them.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessage
from langchain_core.messages.ai import InputTokenDetails, OutputTokenDetails, UsageMetadata
from langchain_core.outputs import ChatGeneration, ChatResult

from ...schemas.message import Message
from ...schemas.parts import Opaque, Part, Reasoning, Refusal, Text, ToolCall
from ...schemas.reply import Reply
from ...schemas.usage import Usage
from .incoming import OURS

_REASONING = ("signature", "encrypted", "id", "wire", "extra")


def result_of(reply: Reply) -> ChatResult:
    """A generation for each choice; usage and metadata are the first one's."""
    first = _ai_message(
        reply.message, usage_metadata=usage_metadata(reply.usage), response_metadata=response_metadata(reply)
    )
    others = [_ai_message(message) for message in reply.alternatives]
    return ChatResult(generations=[ChatGeneration(message=message) for message in (first, *others)])


def _ai_message(message: Message, **fields: Any) -> AIMessage:
    said = [(index, part) for index, part in enumerate(message.content) if not isinstance(part, ToolCall | Refusal)]
    texts = [part for _, part in said if isinstance(part, Text)]
    plain = len(texts) == len(said) and (len(said) == 1 or not any(part.extra for part in texts))
    more: dict[str, Any] = {}
    if refusal := "".join(part.text for part in message.content if isinstance(part, Refusal)):
        more["refusal"] = refusal
    calls = [(index, part) for index, part in enumerate(message.content) if isinstance(part, ToolCall)]
    notes = {call.id: note_of(index, call.extra) for index, call in calls if call.extra or not plain}
    extra = texts[0].extra if plain and texts else {}
    if kept := {name: value for name, value in {"calls": notes, "text": extra}.items() if value}:
        more[OURS] = kept
    return AIMessage(
        content=message.text if plain else [content_block(part, index) for index, part in said],
        tool_calls=[
            {"type": "tool_call", "id": call.id, "name": call.name, "args": call.arguments}
            for _, call in calls
            if call.arguments is not None
        ],
        invalid_tool_calls=[
            {"type": "invalid_tool_call", "id": call.id, "name": call.name, "args": call.arguments_json, "error": error}
            for _, call in calls
            if (error := call.error)
        ],
        additional_kwargs=more,
        **fields,
    )


def note_of(index: int, extra: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of a call besides what LangChain keeps: its place in the answer, and what its wire wants back."""
    return {"index": index, "extra": dict(extra)} if extra else {"index": index}


def content_block(part: Part, index: int) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text, "index": index, **extras_of({"extra": part.extra})}
    if isinstance(part, Reasoning):
        kept = {name: getattr(part, name) for name in _REASONING}
        return {"type": "reasoning", "reasoning": part.text, "index": index, **extras_of(kept)}
    if isinstance(part, Opaque):
        return {"type": "non_standard", "value": {"wire": part.wire, "data": part.data}, "index": index}
    return {**_medium(part), "index": index}


def _medium(part: Any) -> dict[str, Any]:
    block: dict[str, Any] = {"type": part.type, "mime_type": part.sent_type}
    if part.data is not None:
        block["base64"] = b64encode(part.data).decode()
    else:
        block |= {"url": part.url} if part.url else {"file_id": part.file_id}
    kept = {"extra": part.extra, "transcript": getattr(part, "transcript", None)}
    named = {"filename": part.filename} if part.filename else {}
    extras = {**named, **extras_of(kept).get("extras", {})}
    return {**block, "extras": extras} if extras else block


def extras_of(kept: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in kept.items() if value}
    return {"extras": {OURS: kept}} if kept else {}


def usage_metadata(usage: Usage) -> UsageMetadata | None:
    """None where the provider told nothing."""
    if usage.total_tokens is None:
        return None
    read: dict[str, int | None] = {
        "audio": usage.input_audio_tokens,
        "cache_creation": usage.cache_write_tokens,
        "cache_read": usage.cached_input_tokens,
    }
    written: dict[str, int | None] = {"audio": usage.output_audio_tokens, "reasoning": usage.reasoning_tokens}
    facts = UsageMetadata(
        input_tokens=usage.input_tokens or 0,
        output_tokens=usage.output_tokens or 0,
        total_tokens=usage.total_tokens,
    )
    if details := {name: count for name, count in read.items() if count is not None}:
        facts["input_token_details"] = InputTokenDetails(**details)  # type: ignore[typeddict-item]
    if details := {name: count for name, count in written.items() if count is not None}:
        facts["output_token_details"] = OutputTokenDetails(**details)  # type: ignore[typeddict-item]
    return facts


def response_metadata(reply: Reply) -> dict[str, Any]:
    """`model_name` is the name that the model was called by (`provider:model-id`), `served_model` what the provider
    says it ran, `cost` US dollars as a string, left out where it is not known."""
    cost = reply.cost.total
    facts = {
        **reply.metadata,
        "model_name": str(reply.billed_model) if reply.billed_model else f"{reply.provider}:{reply.model}",
        "served_model": reply.model,
        "finish_reason": reply.finish_reason,
        "id": reply.id,
        "request_id": reply.request_id,
        "warnings": [str(warning) for warning in reply.warnings],
        "cost": None if cost is None else str(cost),
    }
    return {name: value for name, value in facts.items() if value not in (None, [])}
