"""Put the originals back into an answer, streamed or not: text, reasoning, refusals, arguments of calls."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from ...schemas.chunks import (
    Alternative,
    Cited,
    Finish,
    PartDone,
    PartEnd,
    ReasoningDelta,
    RefusalDelta,
    Seam,
    StreamChunk,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
)
from ...schemas.citation import Citation
from ...schemas.parts import Part, Reasoning, Refusal, Text, ToolCall
from ..http.response import Stage
from .placeholders import Placeholders, PutBack

NOTE = "redact"
"""The key in a reasoning's `extra` of the text as the model wrote it, which its signature covers."""
_Key = tuple[type, int]


class Restoring(Stage):
    """Puts the originals back into the chunks of one answer.

    placeholders: those of the request.
    as_json: whether the text of the answer is JSON.
    """

    def __init__(self, placeholders: Placeholders, *, as_json: bool = False) -> None:
        self._placeholders = placeholders
        self._as_json = as_json
        self._open: dict[_Key, PutBack] = {}
        self._others: dict[int, Restoring] = {}

    def feed(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        out: list[StreamChunk] = []
        for chunk in chunks:
            out += self._fed(chunk)
        return out

    def flush(self) -> list[StreamChunk]:
        out = [chunk for key in [*self._open] for chunk in self._rest(key)]
        for choice, other in self._others.items():
            out += [Alternative(choice, chunk) for chunk in other.flush()]
        return out

    held = flush

    def _fed(self, given: StreamChunk) -> list[StreamChunk]:
        """Return the chunks to pass on for one, with the originals. What may begin a placeholder is held back."""
        chunk: Any = given
        kind = type(chunk)
        if kind in (TextDelta, ReasoningDelta, RefusalDelta):
            before = self._rest_of_texts(but=(kind, chunk.index))
            text = self._part((kind, chunk.index), as_json=self._as_json and kind is TextDelta).feed(chunk.text)
            return [*before, evolve(chunk, text=text)] if text or not chunk.text else before
        if kind is ToolCallDelta:
            text = self._part((kind, chunk.index), as_json=True).feed(chunk.arguments_json)
            return [evolve(chunk, arguments_json=text)] if text or not chunk.arguments_json else []
        if kind is ToolCallEnd:
            arguments = self._placeholders.restored(chunk.arguments_json, as_json=True)
            rest = self._rest((ToolCallDelta, chunk.index))
            self._open.pop((ToolCallDelta, chunk.index), None)
            return [*rest, evolve(chunk, arguments_json=arguments)]
        if kind is PartEnd:
            rest = [each for text in (TextDelta, ReasoningDelta) for each in self._rest((text, chunk.index))]
            return [*rest, self._with_note(chunk)]
        if kind is PartDone:
            return [evolve(chunk, part=restored_part(chunk.part, self._placeholders, as_json=self._as_json))]
        if kind is Cited:
            return [self._cited(chunk)]
        if kind is Alternative:
            other = self._others.setdefault(chunk.choice, Restoring(self._placeholders, as_json=self._as_json))
            return [Alternative(chunk.choice, each) for each in other.feed([chunk.chunk])]
        if kind is Finish:
            return [*self.flush(), chunk]
        if kind is Seam and chunk.how == "anew":
            self._open, self._others = {}, {}
        return [chunk]

    def _part(self, key: _Key, *, as_json: bool) -> PutBack:
        part = self._open.get(key)
        if part is None:
            part = self._open[key] = PutBack(self._placeholders, as_json=as_json)
        return part

    def _rest(self, key: _Key) -> list[StreamChunk]:
        """Return what was held back of a part, as a chunk of its kind; nothing if it is empty."""
        part = self._open.get(key)
        if part is None or not (text := part.flush()):
            return []
        make: Any = key[0]
        return [make(key[1], text) if make is ToolCallDelta else make(text, key[1])]

    def _rest_of_texts(self, but: _Key) -> list[StreamChunk]:
        """Return what was held back of all other texts, which end where this one goes on."""
        if len(self._open) == (but in self._open):  # mostly: there is no other
            return []
        ended = [key for key in self._open if key != but and key[0] is not ToolCallDelta]
        return [chunk for key in ended for chunk in self._rest(key)]

    def _with_note(self, chunk: PartEnd) -> PartEnd:
        """Return the end of a reasoning part, with a note of the model's own text if that has placeholders."""
        part = self._open.get((ReasoningDelta, chunk.index))
        raw = "" if part is None else "".join(part.raw)
        if not self._placeholders.used(raw):
            return chunk
        extra = {**chunk.fields.get("extra", {}), NOTE: _note(raw, self._placeholders)}
        return evolve(chunk, fields={**chunk.fields, "extra": extra})

    def _cited(self, chunk: Cited) -> Cited:
        """Remove the start and end of citations that count the characters of a text which has changed."""
        at = chunk.index
        changed = any(part.changed for (kind, of), part in self._open.items() if kind is TextDelta and at in (None, of))
        if chunk.spans in ("part", "numbers", "notes") or not changed:
            return chunk
        citations: list[Citation] = [evolve(each, start=None, end=None) for each in chunk.citations]
        return evolve(chunk, citations=citations)


def restored_part(part: Part, placeholders: Placeholders, *, as_json: bool = False) -> Part:
    """Return a part with the originals in place of the placeholders. The JSON of arguments is escaped."""
    if isinstance(part, ToolCall):
        return evolve(part, arguments_json=placeholders.restored(part.arguments_json, as_json=True))
    if not isinstance(part, Text | Refusal | Reasoning):
        return part
    text = placeholders.restored(part.text, as_json=as_json and isinstance(part, Text))
    if text == part.text:
        return part
    if isinstance(part, Reasoning):
        return evolve(part, text=text, extra={**part.extra, NOTE: _note(part.text, placeholders)})
    return evolve(part, text=text)


def _note(raw: str, placeholders: Placeholders) -> dict[str, Any]:
    """Return what a later request needs to send a reasoning part as the model wrote it."""
    return {"text": raw, "originals": placeholders.used(raw)}
