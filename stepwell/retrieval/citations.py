"""The notes that went along with a question, as they stand on the reply, and which of them the answer cites."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from attrs import field, frozen

from ..schemas.chunks import Finish, MetadataUpdate, StreamChunk, TextDelta
from ..schemas.reply import Reply
from .node import ScoredNode

KEY = "citations"
_NUMBERS = re.compile(r"\[\s*(\d{1,4}(?:\s*[,;–-]\s*\d{1,4})*)\s*\]")
_MOST = 1000


@frozen(hash=False)
class Citation:
    """A note that the model was given. `number` is the one it was told to cite it by; `cited` whether its text does."""

    number: int
    id: str
    source: str
    text: str = field(repr=False)
    score: float | None = None
    metadata: Mapping[str, Any] = field(factory=dict, repr=False)
    cited: bool = False


def citations(reply: Reply, *, all: bool = False) -> list[Citation]:
    """The notes that the answer cites, by number; with `all`, every note that the model was given.

    A number that no note has is no citation. Empty for a reply that no retrieve_context step had to do with.
    """
    rows = [row for row in reply.metadata.get(KEY) or () if isinstance(row, Mapping) and row.get("type") == "note"]
    made = [Citation(**{name: value for name, value in row.items() if name != "type"}) for row in rows]
    return [each for each in made if all or each.cited]


def numbers_in(text: str) -> set[int]:
    """The numbers that a text cites: [1], [2, 3], [4][5], [6-8]."""
    found: set[int] = set()
    for match in _NUMBERS.finditer(text):
        for each in re.split(r"[,;]", match[1]):
            first, *last = (int(number) for number in re.split(r"[–-]", each))
            found.update(range(first, min(max([first, *last]), first + _MOST) + 1))
    return found


def citation_rows(found: Sequence[ScoredNode], text: str) -> list[dict[str, Any]]:
    """The notes as plain data for `reply.metadata["citations"]`. A provider may have citations of its own there, which
    stay: ours are those with the type "note"."""
    cited = numbers_in(text)
    return [
        {
            "type": "note",
            "number": number,
            "id": each.node.id,
            "source": each.node.source,
            "text": each.text,
            "score": each.score,
            "metadata": dict(each.node.metadata),
            "cited": number in cited,
        }
        for number, each in enumerate(found, start=1)
    ]


def with_citations(reply: Reply, found: Sequence[ScoredNode]) -> Reply:
    """The reply with the notes on it."""
    own = reply.metadata.get(KEY)
    rows = [*(own if isinstance(own, list) else [] if own is None else [own]), *citation_rows(found, reply.text)]
    return reply.replace(metadata={**reply.metadata, KEY: rows})


class CitingStage:
    """Puts the notes on a streamed reply, once its text is known."""

    def __init__(self, found: Sequence[ScoredNode]) -> None:
        self._found = found
        self._text: list[str] = []

    def feed(self, chunks: list[StreamChunk]) -> list[StreamChunk]:
        out: list[StreamChunk] = []
        for chunk in chunks:
            if type(chunk) is TextDelta:
                self._text.append(chunk.text)
            elif type(chunk) is Finish:
                out.append(MetadataUpdate({KEY: citation_rows(self._found, "".join(self._text))}))
            out.append(chunk)
        return out

    def flush(self) -> list[StreamChunk]:
        return []
