"""The notes that were sent with a question, as listed on the reply, and which of them the answer cites."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from ..pipeline.http.response import Stage
from ..schemas.chunks import Finish, MetadataUpdate, StreamChunk, TextDelta
from ..schemas.reply import Reply
from .node import ScoredNode

KEY = "citations"
_NUMBERS = re.compile(r"\[\s*(\d{1,4}(?:\s*[,;–-]\s*\d{1,4})*)\s*\]")
_LONGEST_RANGE = 1000
"""Numbers that one range such as [6-8] may stand for, so that [1-9999] costs nothing."""


@frozen(hash=False)
class Citation:
    """A note that was sent to the model with the question."""

    number: int
    """The number under which the model saw it, from 1."""
    id: str
    """The node's id."""
    source: str
    """Where the text comes from."""
    text: str = field(repr=False)
    score: float | None = None
    """How well it fits the query; None where the retriever has no scores."""
    metadata: Mapping[str, Any] = field(factory=dict, repr=False)
    cited: bool = False
    """Whether the answer cites the number."""


def citations(reply: Reply, *, all: bool = False) -> list[Citation]:
    """Return the notes that the answer cites, by number; with `all`, every note that was sent.

    Numbers without a note are left out. The list is empty for a reply without a retrieve_context step.
    """
    rows = [row for row in reply.metadata.get(KEY) or () if isinstance(row, Mapping) and row.get("type") == "note"]
    sent = [Citation(**{name: value for name, value in row.items() if name != "type"}) for row in rows]
    return [note for note in sent if all or note.cited]


def numbers_in(text: str) -> set[int]:
    """Return the numbers that a text cites: [1], [2, 3], [4][5], [6-8]."""
    found: set[int] = set()
    for match in _NUMBERS.finditer(text):
        for part in re.split(r"[,;]", match[1]):
            first, *last = (int(number) for number in re.split(r"[–-]", part))
            found.update(range(first, min(max([first, *last]), first + _LONGEST_RANGE) + 1))
    return found


def citation_rows(nodes: Sequence[ScoredNode], text: str) -> list[dict[str, Any]]:
    """Return the notes as plain data for `reply.metadata["citations"]`.

    Their type is "note", which tells them from the citations that a provider may have put there.
    """
    cited = numbers_in(text)
    return [
        {
            "type": "note",
            "number": number,
            "id": scored.node.id,
            "source": scored.node.source,
            "text": scored.text,
            "score": scored.score,
            "metadata": dict(scored.node.metadata),
            "cited": number in cited,
        }
        for number, scored in enumerate(nodes, start=1)
    ]


def with_citations(reply: Reply, nodes: Sequence[ScoredNode]) -> Reply:
    """Return the reply with the notes after the provider's own citations."""
    own = reply.metadata.get(KEY)
    rows = [*(own if isinstance(own, list) else [] if own is None else [own]), *citation_rows(nodes, reply.text)]
    return reply.replace(metadata={**reply.metadata, KEY: rows})


class CitingStage(Stage):
    """A stage that puts the notes on a streamed reply, once its text is complete."""

    def __init__(self, nodes: Sequence[ScoredNode]) -> None:
        self._found = nodes
        self._text: list[str] = []

    def feed(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        """Pass chunks on, with the notes before the final one."""
        out: list[StreamChunk] = []
        for chunk in chunks:
            if type(chunk) is TextDelta:
                self._text.append(chunk.text)
            elif type(chunk) is Finish:
                out.append(MetadataUpdate({KEY: citation_rows(self._found, "".join(self._text))}))
            out.append(chunk)
        return out
