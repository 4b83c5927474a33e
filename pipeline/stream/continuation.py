"""Join the parts of an answer that broke off: note what has come, and change the chunks of the rest to follow it."""

from __future__ import annotations

from typing import Any

from attrs import evolve

from ...schemas.chunks import (
    Alternative,
    Cited,
    PartDone,
    PartEnd,
    ReasoningDelta,
    RefusalDelta,
    Seam,
    StreamChunk,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
    UsageUpdate,
)
from ...schemas.citation import later
from ...schemas.estimate import estimate_tokens
from ...schemas.message import Context, assistant
from ...schemas.parts import Reasoning, Text
from ...schemas.usage import NO_USAGE, Usage, total_usage

_INDEXED = (
    TextDelta,
    ReasoningDelta,
    RefusalDelta,
    PartEnd,
    PartDone,
    Cited,
    ToolCallStart,
    ToolCallDelta,
    ToolCallEnd,
)
"""Chunks that have the index of a part."""


class Received:
    """What has come of an answer, as far as its continuation depends on it."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._text = ""
        self.text_index = 0
        """The index of the text part that grew last."""
        self.next_index = 0
        """One more than the highest index of a part."""
        self.text_length = 0
        """The number of characters in the text part at `text_index`."""
        self.usage: Usage | None = None
        self.has_finished_part = False
        """Whether a tool call has ended, or a part has come that is neither text nor reasoning."""
        self.has_others = False
        """Whether there are further answers (n > 1), or a refusal."""
        self.is_shown = False
        """Whether anything but reasoning has come."""

    @property
    def text(self) -> str:
        """All text."""
        if self._pieces:
            self._text = self._text + "".join(self._pieces)
            self._pieces = []
        return self._text

    def tokens(self) -> int:
        """Estimate the tokens of the text."""
        return estimate_tokens(Context((assistant(self.text),)))

    def feed(self, chunks: list[StreamChunk]) -> None:
        for chunk in chunks:
            kind = type(chunk)
            if kind in _INDEXED and (index := getattr(chunk, "index", None)) is not None:
                self.next_index = max(self.next_index, index + 1)
            if isinstance(chunk, TextDelta):
                self._pieces.append(chunk.text)
                self.text_length = len(chunk.text) + (self.text_length if chunk.index == self.text_index else 0)
                self.text_index, self.is_shown = chunk.index, True
            elif isinstance(chunk, UsageUpdate):
                self.usage = chunk.usage
            elif kind in (ToolCallEnd, PartDone):
                part: Any = getattr(chunk, "part", None)
                self.has_finished_part = self.has_finished_part or not isinstance(part, Text | Reasoning)
                self.is_shown = True
            elif kind in (Alternative, RefusalDelta):
                self.has_others = self.is_shown = True
            elif isinstance(chunk, Seam) and chunk.how == "anew":
                self._pieces, self._text, self.text_length = [], "", 0
                self.has_others = self.is_shown = False


class Continuation:
    """Changes the chunks of the rest of an answer: their indexes, spans and usage go on from what has come.

    received: what has come so far; it is read at once, and may change later.
    is_new: whether this is a whole new answer, of which only the usage is added.
    echoed: the prefilled text, if the rest may repeat it; "" if not.
    """

    def __init__(self, received: Received, *, is_new: bool = False, echoed: str = "") -> None:
        self._usage = received.usage or NO_USAGE
        self._is_new = is_new
        self._text = received.text
        self._text_index, self._text_length = received.text_index, received.text_length
        self._next_index = received.next_index
        self._first: int | None = None
        """The index of the first text part of the rest, which continues the text at `_text_index`."""
        self._blank = self._text[len(self._text.rstrip()) :]
        """The white space at the end of the text so far, which was not sent back and may come again."""
        self._echo = echoed.rstrip()
        self._held: str | None = None if is_new else ""

    def feed(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        out: list[StreamChunk] = []
        for chunk in chunks:
            if isinstance(chunk, UsageUpdate):
                out.append(evolve(chunk, usage=total_usage((self._usage, chunk.usage))))
            elif self._is_new or type(chunk) not in _INDEXED:
                out.append(chunk)
            else:
                out += self._moved(chunk)
        return out

    def _moved(self, given: StreamChunk) -> list[StreamChunk]:
        """Return a chunk with the index of its part in the whole answer; nothing for text that came before."""
        chunk: Any = given
        if type(chunk) is TextDelta and self._first is None:
            self._first = chunk.index
        if isinstance(chunk, Cited):
            return [self._cited(chunk)]
        at = self._text_index if chunk.index == self._first else self._next_index + chunk.index
        if type(chunk) is TextDelta and chunk.index == self._first and self._held is not None:
            text = self._new_text(chunk.text)
            return [TextDelta(text, at)] if text else []
        return [evolve(chunk, index=at)]

    def _new_text(self, piece: str) -> str:
        """Return a piece of text without an echo of the prefilled text, and without white space that came before.

        A piece that may still be such a repetition is held back. It has come before, so nothing is lost if the rest
        ends or breaks off there.
        """
        held = self._held = (self._held or "") + piece
        if self._echo:
            if self._echo.startswith(held) and self._echo != held:
                return ""
            held = self._held = held.removeprefix(self._echo)
            self._echo = ""
        if self._blank:
            if self._blank.startswith(held):
                return ""  # perhaps more of the white space that the text had at its end
            own = held[: len(held) - len(held.lstrip())]
            held = held[len(self._blank if own.startswith(self._blank) else own) :]
        self._held = None
        return held

    def _cited(self, chunk: Cited) -> Cited:
        """Return citations with their spans counted from the beginning of the whole answer."""
        if chunk.index is None:
            by, index = len(self._text), None
        elif chunk.index == self._first:
            by, index = self._text_length, self._text_index
        else:
            by, index = 0, self._next_index + chunk.index
        if chunk.spans == "bytes" and by:
            by = len(self._text[-by:].encode("utf-8", "surrogatepass"))
        elif chunk.spans not in ("characters", "bytes"):
            by = 0
        return evolve(chunk, citations=later(chunk.citations, by), index=index)
