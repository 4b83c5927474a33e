"""Take from a whole text what its deltas have given, for formats whose ends repeat the whole text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from attrs import evolve

from ...schemas.chunks import Alternative, StreamChunk, Warned
from ...schemas.fold import Fold
from ...schemas.model import Model
from ...schemas.reply import CallWarning
from .halves import GROWING

CONTRADICTION = "the end of the stream has another text than its pieces had; theirs was kept"
"""Why an end is not trusted."""


def unsaid(whole: Any, received: Fold, batch: Iterable[StreamChunk], model: Model) -> list[StreamChunk]:
    """Return a delta with what is new in a whole text; nothing if nothing is, a warning if the deltas gave another.

    whole: a delta with the whole text of its part, or an Alternative with one
    received: the chunks that came before this batch
    batch: the chunks that came before it in this batch
    model: the model that answers
    """
    delta, part = _delta_of(whole), _part_of(whole)
    name = GROWING[type(delta)]
    if not isinstance(text := getattr(delta, name), str):
        return [whole]  # for the accumulator to refuse
    pieces = [getattr(_delta_of(each), name) for each in batch if _part_of(each) == part]
    said = "".join([received.text_of(whole), *pieces])
    if not text.startswith(said):
        return [Warned((CallWarning("output", CONTRADICTION, str(model)),))]
    if len(text) == len(said):
        return []
    rest = evolve(delta, **{name: text[len(said) :]})
    return [rest if delta is whole else Alternative(whole.choice, rest)]


def _delta_of(chunk: Any) -> Any:
    return chunk.chunk if type(chunk) is Alternative else chunk


def _part_of(chunk: Any) -> tuple[int | None, type, int | None]:
    """Return the choice, the kind and the place of what a chunk is about."""
    delta = _delta_of(chunk)
    return None if delta is chunk else chunk.choice, type(delta), getattr(delta, "index", None)
