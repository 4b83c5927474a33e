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


def note_citations(nodes: Sequence[ScoredNode]) -> list[Citation]:
    """Return a citation for each note, under the number by which the model saw it, from 1."""
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
        for number, scored in enumerate(nodes, start=1)
    ]


def _sent(notes: Sequence[Citation]) -> dict[str, Any]:
    """Return all notes that were sent, as plain data for `reply.metadata["notes"]`."""
    names = ("number", "id", "source", "text", "score", "metadata")
    return {KEY: [{name: getattr(note, name) for name in names} for note in notes]}


def with_notes_cited(reply: Reply, nodes: Sequence[ScoredNode]) -> Reply:
    """Return the reply with citations of the notes that its text names, after the provider's own."""
    notes = note_citations(nodes)
    parts = with_citations(tuple(enumerate(reply.message.content)), [Cited(notes, None, "notes")])
    message = evolve(reply.message, content=tuple(parts))
    return reply.replace(message=message, metadata={**reply.metadata, **_sent(notes)})


class CitingStage(Stage):
    """A stage that puts the notes on a streamed reply, at its end."""

    def __init__(self, nodes: Sequence[ScoredNode]) -> None:
        self._found = nodes

    def feed(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        """Pass chunks on, with the notes before the final one."""
        at = next((at for at, chunk in enumerate(chunks) if type(chunk) is Finish), None)
        if at is None:
            return chunks
        notes = note_citations(self._found)
        return [*chunks[:at], Cited(notes, None, "notes"), MetadataUpdate(_sent(notes)), *chunks[at:]]
