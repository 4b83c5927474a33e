"""The notes that were sent with a question: which of them the answer cites, and where."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from attrs import evolve

from ..pipeline.http.response import Stage
from ..schemas.chunks import Cited, Finish, MetadataUpdate, StreamChunk
from ..schemas.citation import Citation
from ..schemas.cited_parts import with_citations
from ..schemas.reply import Reply
from .node import ScoredNode

KEY = "notes"


def _note_citations(nodes: Sequence[ScoredNode], first: int) -> list[Citation]:
    """Return a citation for each note, under the number by which the model saw it, from `first` on."""
    return [
        Citation(
            kind="note",
            id=scored.node.id,
            title=scored.node.source or None,
            text=scored.text,
            number=number,
            score=scored.score,
            metadata=dict(scored.node.metadata),
        )
        for number, scored in enumerate(nodes, start=first)
    ]


def _sent(notes: Sequence[Citation]) -> dict[str, Any]:
    """Return all notes that were sent, as plain data for `reply.metadata["notes"]`."""
    names = ("number", "id", "source", "text", "score", "metadata")
    return {KEY: [{name: getattr(note, name) for name in names} for note in notes]}


def with_notes_cited(reply: Reply, nodes: Sequence[ScoredNode], first: int) -> Reply:
    """Return the reply with citations of the notes that its text names, after the provider's own.

    first: the number of the first note.
    """
    notes = _note_citations(nodes, first)
    parts = with_citations(tuple(enumerate(reply.message.content)), [Cited(notes, None, "notes")])
    message = evolve(reply.message, content=tuple(parts))
    sent = _sent(notes)[KEY] + reply.metadata.get(KEY, [])  # a step inside this one has given the later numbers
    return reply.replace(message=message, metadata={**reply.metadata, KEY: sent})


class CitingStage(Stage):
    """A stage that puts the notes on a streamed reply, at its end."""

    def __init__(self, nodes: Sequence[ScoredNode], first: int) -> None:
        self._found = nodes
        self._first = first

    def feed(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        """Pass chunks on, with the notes before the final one, and before those of a step inside this one."""
        at = next((at for at, chunk in enumerate(chunks) if _is_end(chunk)), None)
        if at is None:
            return chunks
        notes = _note_citations(self._found, self._first)
        return [*chunks[:at], Cited(notes, None, "notes"), MetadataUpdate(_sent(notes)), *chunks[at:]]


def _is_end(chunk: StreamChunk) -> bool:
    return type(chunk) is Finish or (type(chunk) is MetadataUpdate and KEY in chunk.values)
