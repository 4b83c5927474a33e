"""Convert a stream of stepwell's chunks to LangChain's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from attrs import define
from langchain_core.messages import AIMessageChunk
from langchain_core.messages.tool import ToolCallChunk, tool_call_chunk
from langchain_core.outputs import ChatGenerationChunk
from langchain_core.utils.json import parse_partial_json

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
from ...schemas.json_text import repaired
from ...schemas.parts import Opaque, Refusal, ToolCall
from ...schemas.reply import Reply
from .incoming import OURS
from .outgoing import content_block, extras_of, note_of, response_metadata, usage_metadata
from .server_tools import citations_note


class ChunkWriter:
    """A converter of the chunks of one stream, one at a time; `last` gives the final one.

    Text is a string until something other than text has come, and a block from then on: LangChain joins blocks by
    their index. With `listed` it is a block from the beginning, as output version v1 requires.
    """

    def __init__(self, *, listed: bool = False) -> None:
        self._v1 = listed
        self._listed = listed
        self._plain: int | None = None
        self._ends: dict[int, dict[str, Any]] = {}
        self._begun: set[int] = set()
        self._reasoning: set[int] = set()
        self._calls: dict[int, _Call] = {}
        self._write: dict[type, Any] = {
            TextDelta: self._text,
            ReasoningDelta: self._reasoning_text,
            RefusalDelta: self._refusal,
            PartEnd: self._end,
            PartDone: self._part,
            ToolCallStart: self._call,
            ToolCallDelta: self._arguments,
            ToolCallEnd: self._call_end,
        }

    def feed(self, chunk: StreamChunk) -> ChatGenerationChunk | None:
        """Convert a chunk; None if it has no counterpart in LangChain."""
        write = self._write.get(type(chunk))
        message = write(chunk) if write else None
        return ChatGenerationChunk(message=message) if message else None

    def last(self, reply: Reply) -> ChatGenerationChunk:
        """Return the final chunk: the parts' fields other than text, the usage and the metadata."""
        extra = self._ends.pop(self._plain, {}).get("extra") if self._plain is not None else None
        blocks: list[str | dict[Any, Any]] = [
            self._end_block(index, fields) for index, fields in self._ends.items() if fields
        ]
        calls = self._calls.values()
        invalid = [
            _call_chunk(call.index, args=call.rest() + ending) for call in calls if (ending := call.invalid_ending())
        ]
        needs_notes = bool(blocks or invalid) or self._listed or any("extra" in call.note for call in calls)
        notes = {call.id: call.note for call in calls} if needs_notes else {}
        own = {"calls": notes, "text": extra, "citations": citations_note(reply.message)}
        extras = {name: value for name, value in own.items() if value}
        return ChatGenerationChunk(
            message=AIMessageChunk(
                content=blocks or ([] if self._v1 else ""),
                tool_call_chunks=invalid,
                additional_kwargs={OURS: extras} if extras else {},
                usage_metadata=usage_metadata(reply.usage),
                response_metadata=response_metadata(reply),
                chunk_position="last",
            )
        )

    def _end_block(self, index: int, fields: Mapping[str, Any]) -> dict[str, Any]:
        kind = {"type": "reasoning", "reasoning": ""} if index in self._reasoning else {"type": "text", "text": ""}
        return {**kind, "index": index, **extras_of(fields)}

    def _block(self, block: dict[str, Any]) -> AIMessageChunk:
        self._listed = True
        return AIMessageChunk(content=[block])

    def _text(self, chunk: TextDelta) -> AIMessageChunk:
        self._begun.add(chunk.index)
        if not self._listed and self._plain in (None, chunk.index):
            self._plain = chunk.index
            return AIMessageChunk(content=chunk.text)
        return self._block({"type": "text", "text": chunk.text, "index": chunk.index})

    def _reasoning_text(self, chunk: ReasoningDelta) -> AIMessageChunk:
        self._begun.add(chunk.index)
        self._reasoning.add(chunk.index)
        return self._block({"type": "reasoning", "reasoning": chunk.text, "index": chunk.index})

    def _refusal(self, chunk: RefusalDelta) -> AIMessageChunk:
        return AIMessageChunk(content="", additional_kwargs={"refusal": chunk.text})

    def _end(self, chunk: PartEnd) -> AIMessageChunk | None:
        """Keep a part's further fields for the last chunk; a part that had no chunk yet gets its empty block now."""
        new = chunk.index not in self._begun
        self._begun.add(chunk.index)
        if chunk.fields.keys() & {"signature", "encrypted", "wire"}:
            self._reasoning.add(chunk.index)
        self._ends.setdefault(chunk.index, {}).update(chunk.fields)
        return self._block(self._end_block(chunk.index, {})) if new else None

    def _part(self, chunk: PartDone) -> AIMessageChunk:
        if isinstance(chunk.part, Refusal):
            return AIMessageChunk(content="", additional_kwargs={"refusal": chunk.part.text})
        block = content_block(chunk.part, chunk.index)
        if self._v1 and isinstance(chunk.part, Opaque):
            # In v1 LangChain removes the index of a non-standard block, and then joins two that follow each other.
            block = {"type": "text", "text": "", "index": chunk.index, **extras_of({"opaque": block["value"]})}
        return self._block(block)

    def _call(self, chunk: ToolCallStart) -> AIMessageChunk:
        self._calls[chunk.index] = _Call(chunk.index, chunk.id, note_of(chunk.index, {}))
        return _call_message(_call_chunk(chunk.index, id=chunk.id, name=chunk.name))

    def _arguments(self, chunk: ToolCallDelta) -> AIMessageChunk | None:
        text = self._calls[chunk.index].add(chunk.arguments_json)
        return _call_message(_call_chunk(chunk.index, args=text)) if text else None

    def _call_end(self, chunk: ToolCallEnd) -> AIMessageChunk | None:
        call = self._calls[chunk.index]
        call.note, call.ended = note_of(chunk.index, chunk.extra), True
        return _call_message(_call_chunk(chunk.index, args=rest)) if (rest := call.rest()) else None


@define
class _Call:
    """A tool call, as far as it has come."""

    index: int
    """Its place in the answer."""
    id: str
    note: dict[str, Any]
    """What is kept of it in the message besides LangChain's own fields."""
    arguments: str = ""
    """The text of its arguments so far."""
    ended: bool = False
    """Whether its end has come."""
    _pending: str = ""
    """The beginning of an escape that the next piece may complete."""

    def add(self, text: str) -> str:
        """Add a piece of arguments; return what can be passed on, with U+FFFD for half of a surrogate pair."""
        self.arguments += text
        if not self._pending and "\\" not in text:
            return text
        text = self._pending + text
        end = _WHOLE_ESCAPES.match(text).end()  # type: ignore[union-attr]
        self._pending = text[end:]
        return repaired(text[:end])

    def rest(self) -> str:
        """Return the beginning of an escape that no piece completed."""
        rest, self._pending = self._pending, ""
        return repaired(rest)

    def invalid_ending(self) -> str:
        """Return what to append to the arguments of a call that must not be run; "" for a valid call.

        LangChain completes the JSON of a call that was cut and runs it. Only a bracket of the wrong kind makes it an
        invalid call. The arguments as they came are kept in the note.
        """
        if self.ended and ToolCall(self.id, "", self.arguments).error is None:
            return ""
        self.note["arguments"] = self.arguments
        return next(ending for ending in _ENDINGS if _is_refused(self.arguments + ending))


# Text up to an escape that the next piece may complete, or join with the other half of a surrogate pair.
_FIRST_HALF = r"[dD][89abAB][0-9a-fA-F]{2}"
_WHOLE_ESCAPES = re.compile(
    rf"(?:[^\\]++|\\[^u]|\\u{_FIRST_HALF}(?:\\u[0-9a-fA-F]{{4}}|(?=\\[^u]|[^\\]))"
    rf"|\\u(?!{_FIRST_HALF})[0-9a-fA-F]{{4}})*+",
    re.DOTALL,
)
# For text that ends outside of a string, inside one, or inside an escape; in an object or in a list.
_ENDINGS = ("}]", "]}", '"}]', '"]}', '""}]', '""]}')


def _is_refused(arguments: str) -> bool:
    try:
        return not isinstance(parse_partial_json(arguments), dict)
    except ValueError:
        return True


def _call_chunk(index: int, *, id: str | None = None, name: str | None = None, args: str = "") -> ToolCallChunk:
    return tool_call_chunk(id=id, name=name, args=args, index=index)


def _call_message(chunk: ToolCallChunk) -> AIMessageChunk:
    return AIMessageChunk(content="", tool_call_chunks=[chunk])
