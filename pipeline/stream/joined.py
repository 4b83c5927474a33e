"""Join the parts of an answer that broke off: what has been said, and the chunks of the rest as its continuation."""

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

_PLACED = (TextDelta, ReasoningDelta, RefusalDelta, PartEnd, PartDone, Cited, ToolCallStart, ToolCallDelta, ToolCallEnd)


class Said:
    """What has come of an answer, as far as its continuation depends on it."""

    def __init__(self) -> None:
        self._pieces: list[str] = []
        self._text = ""
        self.place = 0
        """The index of the text that grew last."""
        self.places = 0
        """One more than the highest index."""
        self.length = 0
        """The characters of the text part at `place`."""
        self.usage: Usage | None = None
        self.has_finished_part = False
        """Whether a tool call has ended, or a part has come that is neither text nor reasoning."""
        self.has_others = False
        """Whether there are further answers, or a refusal."""
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
            if kind in _PLACED and (index := getattr(chunk, "index", None)) is not None:
                self.places = max(self.places, index + 1)
            if isinstance(chunk, TextDelta):
                self._pieces.append(chunk.text)
                self.length = len(chunk.text) + (self.length if chunk.index == self.place else 0)
                self.place, self.is_shown = chunk.index, True
            elif isinstance(chunk, UsageUpdate):
                self.usage = chunk.usage
            elif kind in (ToolCallEnd, PartDone):
                part: Any = getattr(chunk, "part", None)
                self.has_finished_part = self.has_finished_part or not isinstance(part, Text | Reasoning)
                self.is_shown = self.is_shown or not isinstance(part, Reasoning)
            elif kind in (ToolCallStart, ToolCallDelta):
                self.is_shown = True
            elif kind in (Alternative, RefusalDelta):
                self.has_others = self.is_shown = True
            elif isinstance(chunk, Seam) and chunk.how == "anew":
                self._pieces, self._text, self.length, self.has_others, self.is_shown = [], "", 0, False, False


class Joined:
    """Changes the chunks of the rest of an answer: their places, spans and usage go on from what was said.

    said: what has come so far; it is read at the beginning.
    is_new: whether this is a whole new answer, of which only the usage is added.
    echoed: the text with which the rest may begin once more, "" if it does not.
    """

    def __init__(self, said: Said, *, is_new: bool = False, echoed: str = "") -> None:
        self._usage = said.usage or NO_USAGE
        self._is_new = is_new
        self._place, self._others, self._length, self._said = said.place, said.places, said.length, said.text
        self._first: int | None = None
        self._blank = self._said[len(self._said.rstrip()) :]
        self._echo = echoed.rstrip()
        self._held: str | None = None if is_new else ""

    def feed(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        out: list[StreamChunk] = []
        for chunk in chunks:
            if isinstance(chunk, UsageUpdate):
                out.append(evolve(chunk, usage=total_usage((self._usage, chunk.usage))))
            elif self._is_new or type(chunk) not in _PLACED:
                out.append(chunk)
            else:
                out += self._placed(chunk)
        return out

    def _placed(self, placed: StreamChunk) -> list[StreamChunk]:
        chunk: Any = placed
        if type(chunk) is TextDelta and self._first is None:
            self._first = chunk.index
        if isinstance(chunk, Cited):
            return [self._cited(chunk)]
        at = self._place if chunk.index == self._first else self._others + chunk.index
        if type(chunk) is TextDelta and chunk.index == self._first and self._held is not None:
            text = self._released(chunk.text)
            return [TextDelta(text, at)] if text else []
        return [evolve(chunk, index=at)]

    def _released(self, piece: str) -> str:
        """Return what is new of the beginning of the text: without an echo, and the white space that was there.

        What is held back has been said already, so nothing is lost if the rest ends or breaks off there.
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
        if chunk.index is None:
            by, index = len(self._said), None
        elif chunk.index == self._first:
            by, index = self._length, self._place
        else:
            by, index = 0, self._others + chunk.index
        if chunk.spans == "bytes" and by:
            by = len(self._said[-by:].encode("utf-8", "surrogatepass"))
        elif chunk.spans not in ("characters", "bytes"):
            by = 0
        return evolve(chunk, citations=later(chunk.citations, by), index=index)
