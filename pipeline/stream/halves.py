"""Join halves of surrogate pairs: a character split over two deltas is joined; any other half becomes U+FFFD."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ...schemas.chunks import Alternative, Finish, ReasoningDelta, RefusalDelta, StreamChunk, TextDelta, ToolCallDelta
from ...schemas.json_text import well_formed

GROWING = {TextDelta: "text", ReasoningDelta: "text", RefusalDelta: "text", ToolCallDelta: "arguments_json"}
"""The chunks of growing parts, and the name of the field that has the text of each."""


class Halves:
    """Hold back a first half at the end of a delta for the next delta of the same part, until the part has ended."""

    __slots__ = ("_held",)

    def __init__(self) -> None:
        self._held: dict[tuple[int, Any, int], str] = {}  # by choice, kind of delta and index

    def join(self, chunks: Iterable[StreamChunk]) -> list[StreamChunk]:
        """Return the chunks with whole characters only."""
        out: list[StreamChunk] = []
        for chunk in chunks:
            if isinstance(chunk, Alternative):
                out += [Alternative(chunk.choice, each) for each in self._next(chunk.choice, chunk.chunk)]
            elif isinstance(chunk, Finish):
                out += [*self._ends(tuple(self._held)), well_formed(chunk)]
            else:
                out += self._next(0, chunk)
        return out

    def held(self, choice: int, kind: type, place: int | None) -> str:
        """Return the half that is held back for a part; "" for none."""
        return self._held.get((choice, kind, place or 0), "")

    def _next(self, choice: int, chunk: StreamChunk) -> list[Any]:
        """Return what can be passed on: a text that ends in half a character is held back by that half."""
        kind, place = type(chunk), getattr(chunk, "index", None)
        if kind not in GROWING:
            ended = [key for key in self._held if key[0] == choice and key[2] == place]
            return [*(self._release(key) for key in ended), well_formed(chunk)]
        text = getattr(chunk, GROWING[kind])
        if not isinstance(text, str) or not isinstance(place, int):
            return [chunk]  # for the accumulator to refuse
        text = self._held.pop((choice, kind, place), "") + text
        if "\ud800" <= text[-1:] <= "\udbff":
            self._held[choice, kind, place] = text[-1]
            text = text[:-1]
        return [kind(**{GROWING[kind]: well_formed(text), "index": place})] if text else []

    def _ends(self, keys: Iterable[tuple[int, Any, int]]) -> list[StreamChunk]:
        return [Alternative(key[0], self._release(key)) if key[0] else self._release(key) for key in keys]

    def _release(self, key: tuple[int, Any, int]) -> Any:
        kind, place = key[1:]
        return kind(**{GROWING[kind]: well_formed(self._held.pop(key)), "index": place})
