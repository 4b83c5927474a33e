"""The chunks of a whole Reply, to stream an answer that did not come as a stream: stored, scripted, or unstreamed."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from .chunks import (
    Alternative,
    Cited,
    Finish,
    MetadataUpdate,
    PartDone,
    PartEnd,
    ReasoningDelta,
    RefusalDelta,
    Start,
    StreamChunk,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
    UsageUpdate,
    Warned,
)
from .parts import Part, Reasoning, Refusal, Text, ToolCall
from .reply import Reply

_DELTAS: Mapping[type[Text | Reasoning | Refusal], type[TextDelta | ReasoningDelta | RefusalDelta]] = MappingProxyType(
    {Text: TextDelta, Reasoning: ReasoningDelta, Refusal: RefusalDelta}
)
BESIDE_TEXT = ("signature", "encrypted", "id", "wire", "extra")
"""The fields of these parts that a PartEnd has."""


def chunks_of(reply: Reply) -> list[StreamChunk]:
    """Return the shortest stream that folds to this Reply. All text is in deltas, also where a part has more fields."""
    chunks: list[StreamChunk] = [Start(reply.id, reply.model)]
    for index, part in enumerate(reply.message.content):
        chunks.extend(_chunks_of_part(part, index))
    for choice, message in enumerate(reply.alternatives, start=1):
        for index, part in enumerate(message.content):
            chunks.extend(Alternative(choice, chunk) for chunk in _chunks_of_part(part, index))
    if reply.metadata:
        chunks.append(MetadataUpdate(reply.metadata))
    if reply.warnings:
        chunks.append(Warned(reply.warnings))
    chunks.append(UsageUpdate(reply.usage))
    chunks.append(Finish(reply.finish_reason or "stop", reply.finish_reason_raw))
    return chunks


def call_chunks(
    index: int, id: str, name: str, arguments_json: str, extra: Mapping[str, Any] | None = None
) -> list[StreamChunk]:
    """Return the chunks of a complete tool call; an `id` of "" is for `rewrite_text` to replace."""
    return [
        ToolCallStart(index, id, name),
        ToolCallDelta(index, arguments_json),
        ToolCallEnd(index, extra or {}, id, name, arguments_json),
    ]


def _chunks_of_part(part: Part, index: int) -> list[StreamChunk]:
    if isinstance(part, ToolCall):
        return call_chunks(index, part.id, part.name, part.arguments_json, part.extra)
    if not isinstance(part, Text | Reasoning | Refusal):
        return [PartDone(part, index)]
    fields = {name: value for name in BESIDE_TEXT if (value := getattr(part, name, None)) not in (None, {})}
    citations = part.citations if isinstance(part, Text) else ()
    if not part.text and (fields or citations):
        return [PartDone(part, index)]
    chunks: list[StreamChunk] = [_DELTAS[type(part)](part.text, index)]
    if fields:
        chunks.append(PartEnd(index, fields))
    if citations:
        chunks.append(Cited(citations, index))
    return chunks
