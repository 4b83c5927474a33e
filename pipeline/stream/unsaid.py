"""Take from a whole text what its deltas have given, for formats whose ends repeat the whole text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import evolve

from ...schemas.chunks import Alternative, Delta, StreamChunk, Warned
from ...schemas.fold import Fold
from ...schemas.model import Model
from ...schemas.reply import CallWarning
from .halves import GROWING

CONTRADICTION = "the end of the stream has another text than its pieces had; theirs was kept"
"""Why an end is not trusted."""


def unsaid(whole: StreamChunk, received: Fold, batch: Iterable[StreamChunk], model: Model) -> list[StreamChunk]:
    """Return a delta with what is new in a whole text; nothing if nothing is, a warning if the deltas gave another.

    whole: a delta with the whole text of its part, or an Alternative with one
    received: the chunks that came before this batch
    batch: the chunks that came before it in this batch
    model: the model that answers
    """
    if not isinstance(whole, Alternative | Delta):
        return [whole]
    delta: Delta = whole.chunk if isinstance(whole, Alternative) else whole
    name = GROWING[type(delta)]
    if not isinstance(text := getattr(delta, name), str):
        return [whole]  # for the accumulator to refuse
    part = _part_of(whole)
    pieces = [_text_of(each) for each in batch if _part_of(each) == part]
    said = "".join([received.text_of(whole), *pieces])
    if not text.startswith(said):
        return [Warned((CallWarning("output", CONTRADICTION, str(model)),))]
    if len(text) == len(said):
        return []
    fields: dict[str, Any] = {name: text[len(said) :]}
    rest = evolve(delta, **fields)
    return [Alternative(whole.choice, rest) if isinstance(whole, Alternative) else rest]


def _part_of(chunk: StreamChunk) -> tuple[int | None, type, int | None]:
    """Return the choice, the kind and the place of what a chunk is about."""
    choice, delta = (chunk.choice, chunk.chunk) if isinstance(chunk, Alternative) else (None, chunk)
    return choice, type(delta), getattr(delta, "index", None)


def _text_of(chunk: StreamChunk) -> str:
    delta = chunk.chunk if isinstance(chunk, Alternative) else chunk
    text: str = getattr(delta, GROWING[type(delta)])
    return text
