"""Convert stepwell's replies to LangChain's messages.

The content of a text-only answer is a string. Any other is a list of LangChain's standard blocks in the model's order,
with what LangChain has no field for under `extras["stepwell"]`, from which `incoming` restores it. Tool calls are in
`tool_calls`, where LangChain looks for them.
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
from ...schemas.reply_chunks import BESIDE_TEXT
from ...schemas.usage import Usage
from .incoming import OURS
from .server_tools import citations_note, value_of


def result_of(reply: Reply) -> ChatResult:
    """Convert a reply: a generation for each of its choices, with usage and metadata on the first one."""
    first = _ai_message(
        reply.message, usage_metadata=usage_metadata(reply.usage), response_metadata=response_metadata(reply)
    )
    others = [_ai_message(message) for message in reply.alternatives]
    return ChatResult(generations=[ChatGeneration(message=message) for message in (first, *others)])


def _ai_message(
    message: Message, usage_metadata: UsageMetadata | None = None, response_metadata: Mapping[str, Any] | None = None
) -> AIMessage:
    content = [(index, part) for index, part in enumerate(message.content) if not isinstance(part, ToolCall | Refusal)]
    texts = [part for _, part in content if isinstance(part, Text)]
    plain = len(texts) == len(content) and (len(content) == 1 or not any(part.extra for part in texts))
    more: dict[str, Any] = {}
    if refusal := "".join(part.text for part in message.content if isinstance(part, Refusal)):
        more["refusal"] = refusal
    calls = [(index, part) for index, part in enumerate(message.content) if isinstance(part, ToolCall)]
    notes = {call.id: note_of(index, call.extra) for index, call in calls if call.extra or not plain}
    extra = texts[0].extra if plain and texts else {}
    own = {"calls": notes, "text": extra, "citations": citations_note(message)}
    if ours := {name: value for name, value in own.items() if value}:
        more[OURS] = ours
    return AIMessage(
        content=message.text if plain else [content_block(part, index) for index, part in content],
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
        usage_metadata=usage_metadata,
        response_metadata=dict(response_metadata or {}),
    )


def note_of(index: int, extra: Mapping[str, Any]) -> dict[str, Any]:
    """Return what to keep of a call besides LangChain's fields: its place in the answer, and its wire's own data."""
    return {"index": index, "extra": dict(extra)} if extra else {"index": index}


def content_block(part: Part, index: int) -> dict[str, Any]:
    """Convert a part at this place of an answer to one of LangChain's content blocks."""
    if isinstance(part, Text):
        return {"type": "text", "text": part.text, "index": index, **extras_of({"extra": part.extra})}
    if isinstance(part, Reasoning):
        ours = {name: getattr(part, name) for name in BESIDE_TEXT}
        return {"type": "reasoning", "reasoning": part.text, "index": index, **extras_of(ours)}
    if isinstance(part, Opaque):
        return {"type": "non_standard", "value": value_of(part), "index": index}
    return {**_medium(part), "index": index}


def _medium(part: Any) -> dict[str, Any]:
    block: dict[str, Any] = {"type": part.type, "mime_type": part.sent_type}
    if part.data is not None:
        block["base64"] = b64encode(part.data).decode()
    else:
        block |= {"url": part.url} if part.url else {"file_id": part.file_id}
    ours = {"extra": part.extra, "transcript": getattr(part, "transcript", None)}
    name = {"filename": part.filename} if part.filename else {}
    extras = {**name, **extras_of(ours).get("extras", {})}
    return {**block, "extras": extras} if extras else block


def extras_of(extras: Mapping[str, Any]) -> dict[str, Any]:
    """Return a block's `extras` that hold what is not empty; none if everything is."""
    extras = {name: value for name, value in extras.items() if value}
    return {"extras": {OURS: extras}} if extras else {}


def usage_metadata(usage: Usage) -> UsageMetadata | None:
    """Convert a usage; None if the provider reported none."""
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
    """Return LangChain's metadata of a reply, without what is unknown.

    `model_name` is the name that was called (`provider:model-id`), `served_model` the one that the provider reports,
    `cost` US dollars as a string.
    """
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
