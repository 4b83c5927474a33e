"""A stream of stepwell's chunks as a stream of LangChain's."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk

from ...schemas.chunks import (
    PartDone,
    PartEnd,
    ReasoningDelta,
    RefusalDelta,
    StreamChunk,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
)
from ...schemas.reply import Reply
from .incoming import OURS
from .outgoing import block_of, extras_of, metadata_of, note_of, usage_of


class ChunkWriter:
    """A stream's chunks as LangChain's, one at a time; `last` gives the final one.

    Text is a string until something else than text has come, and a block from then on: LangChain joins blocks by their
    index. With `listed` it is a block from the beginning, as output version v1 wants it.
    """

    def __init__(self, *, listed: bool = False) -> None:
        self._whole = listed
        self._listed = listed
        self._ends: dict[int, dict[str, Any]] = {}
        self._reasoning: set[int] = set()
        self._ids: dict[int, str] = {}
        self._notes: dict[str, Any] = {}
        self._write: dict[type, Any] = {
            TextDelta: self._text,
            ReasoningDelta: self._thought,
            RefusalDelta: self._refusal,
            PartEnd: self._end,
            PartDone: self._part,
            ToolCallStart: self._call,
            ToolCallDelta: self._arguments,
            ToolCallEnd: self._call_end,
        }

    def feed(self, chunk: StreamChunk) -> ChatGenerationChunk | None:
        """None for a chunk that says nothing to LangChain by itself."""
        write = self._write.get(type(chunk))
        message = write(chunk) if write else None
        return ChatGenerationChunk(message=message) if message else None

    def last(self, reply: Reply) -> ChatGenerationChunk:
        """The end: what the parts gained besides text, the usage and the metadata."""
        blocks: list[str | dict[Any, Any]] = [
            self._ending(index, gained) for index, gained in self._ends.items() if gained
        ]
        noted = bool(blocks) or self._listed or any("extra" in note for note in self._notes.values())
        return ChatGenerationChunk(
            message=AIMessageChunk(
                content=blocks or ([] if self._whole else ""),
                additional_kwargs={OURS: {"calls": self._notes}} if self._notes and noted else {},
                usage_metadata=usage_of(reply.usage),
                response_metadata=metadata_of(reply),
                chunk_position="last",
            )
        )

    def _ending(self, index: int, gained: Mapping[str, Any]) -> dict[str, Any]:
        kind = {"type": "reasoning", "reasoning": ""} if index in self._reasoning else {"type": "text", "text": ""}
        return {**kind, "index": index, **extras_of(gained)}

    def _block(self, block: dict[str, Any]) -> AIMessageChunk:
        self._listed = True
        return AIMessageChunk(content=[block])

    def _text(self, chunk: TextDelta) -> AIMessageChunk:
        if not self._listed:
            return AIMessageChunk(content=chunk.text)
        return self._block({"type": "text", "text": chunk.text, "index": chunk.index})

    def _thought(self, chunk: ReasoningDelta) -> AIMessageChunk:
        self._reasoning.add(chunk.index)
        return self._block({"type": "reasoning", "reasoning": chunk.text, "index": chunk.index})

    def _refusal(self, chunk: RefusalDelta) -> AIMessageChunk:
        return AIMessageChunk(content="", additional_kwargs={"refusal": chunk.text})

    def _end(self, chunk: PartEnd) -> None:
        if chunk.fields.keys() & {"signature", "encrypted", "wire"}:
            self._reasoning.add(chunk.index)
        self._ends.setdefault(chunk.index, {}).update(chunk.fields)

    def _part(self, chunk: PartDone) -> AIMessageChunk:
        return self._block(block_of(chunk.part, chunk.index))

    def _call(self, chunk: ToolCallStart) -> AIMessageChunk:
        self._ids[chunk.index] = chunk.id
        return _call_chunk(chunk.index, id=chunk.id, name=chunk.name, args="")

    def _arguments(self, chunk: ToolCallDelta) -> AIMessageChunk:
        return _call_chunk(chunk.index, id=None, name=None, args=chunk.arguments_json)

    def _call_end(self, chunk: ToolCallEnd) -> None:
        self._notes[self._ids.get(chunk.index, "")] = note_of(chunk.index, chunk.extra)


def _call_chunk(index: int, *, id: str | None, name: str | None, args: str) -> AIMessageChunk:
    return AIMessageChunk(content="", tool_call_chunks=[tool_call_chunk(id=id, name=name, args=args, index=index)])
