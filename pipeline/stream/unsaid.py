"""Take from a whole text what its deltas have given, for formats whose ends repeat the whole text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from attrs import evolve

from ...schemas.chunks import Alternative, Delta, StreamChunk, Warned
from ...schemas.fold import Fold
from ...schemas.json_text import well_formed
from ...schemas.model import Model
from ...schemas.reply import CallWarning
from .halves import GROWING, Halves

CONTRADICTION = "the end of the stream has another text than its pieces had; theirs was kept"
"""Why an end is not trusted."""
_Part = tuple[int, type, int | None]


class Batch:
    """The texts of each part in a batch of chunks, a list that grows: each of its chunks is read once."""

    def __init__(self, chunks: list[StreamChunk]) -> None:
        self._chunks = chunks
        self._read = 0
        self._texts: dict[_Part, list[str]] = {}

    def texts_of(self, part: _Part) -> Sequence[str]:
        """Return the texts of the deltas of a part."""
        for at in range(self._read, len(self._chunks)):
            if (of := _part_of(chunk := self._chunks[at]))[1] in GROWING:
                self._texts.setdefault(of, []).append(_text_of(chunk))
        self._read = len(self._chunks)
        return self._texts.get(part, ())


def unsaid(
    whole: StreamChunk, received: Fold, batch: Batch, model: Model, halves: Halves | None = None
) -> list[StreamChunk]:
    """Return a delta with what is new in a whole text; nothing if it has nothing new, a warning if it contradicts the
    deltas.

    whole: a delta with the whole text of its part, or an Alternative with one
    received: the chunks that came before this batch
    batch: the chunks that came before it in this batch
    model: the model that answers
    halves: what holds halves of characters back between batches
    """
    if not isinstance(whole, Alternative | Delta):
        return [whole]
    delta = cast(Delta, whole.chunk) if isinstance(whole, Alternative) else whole
    name = GROWING[type(delta)]
    if not isinstance(text := getattr(delta, name), str):
        return [whole]  # for the accumulator to refuse
    part = _part_of(whole)
    pieces = batch.texts_of(part)
    if not all(isinstance(piece, str) for piece in pieces):
        return [whole]  # the accumulator refuses the piece before it
    held = halves.held(*part) if halves is not None else ""
    rest = _rest(well_formed(text), "".join([received.text_of(whole), held, *pieces]))
    if rest is None:
        return [Warned((CallWarning("output", CONTRADICTION, str(model)),))]
    if not rest:
        return []
    fields: dict[str, Any] = {name: rest}
    more = evolve(delta, **fields)
    return [Alternative(whole.choice, more) if isinstance(whole, Alternative) else more]


def _rest(text: str, said: str) -> str | None:
    """Return what follows in the text; None if it does not begin so. After half a character, that is the other half."""
    whole = well_formed(said)
    if text.startswith(whole):
        return text[len(whole) :]
    if not "\ud800" <= said[-1:] <= "\udbff" or not text.startswith(whole[:-1]):
        return None
    units = text[len(whole) - 1].encode("utf-16-be")
    if len(units) != 4 or units[:2].decode("utf-16-be", "surrogatepass") != said[-1]:
        return None
    return units[2:].decode("utf-16-be", "surrogatepass") + text[len(whole) :]


def _part_of(chunk: StreamChunk) -> _Part:
    """Return the choice, the kind and the place of what a chunk is about."""
    choice, delta = (chunk.choice, chunk.chunk) if isinstance(chunk, Alternative) else (0, chunk)
    return choice, type(delta), getattr(delta, "index", None)


def _text_of(chunk: StreamChunk) -> str:
    delta = chunk.chunk if isinstance(chunk, Alternative) else chunk
    text: str = getattr(delta, GROWING[type(delta)])
    return text
