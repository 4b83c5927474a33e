"""Read citations. https://docs.cohere.com/docs/rag-citations, https://docs.cohere.com/reference/chat"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve

from ....schemas.chunks import Cited, StreamChunk
from ....schemas.citation import Citation
from ..sources import inner, number_in, objects, others, span_in, text_in

_TEXT = (None, "TEXT_CONTENT")
"""The types of citations of the answer; others are of the plan and of the thinking."""


def cited(citations: Iterable[Mapping[str, Any]]) -> list[StreamChunk]:
    """Return a chunk for each citation of the text, with all its sources."""
    out: list[StreamChunk] = []
    for each in citations:
        if each.get("type") in _TEXT:
            span = span_in(each, "start", "end")
            sources = [evolve(_source(raw), **span) for raw in objects(each.get("sources"))] or [Citation(**span)]
            out.append(Cited(sources, number_in(each, "content_index")))
    return out


def _source(raw: Mapping[str, Any]) -> Citation:
    """Read a source: a document of the request, or what one of the caller's tools gave."""
    kind = "tool" if raw.get("type") == "tool" else "document"
    about = inner(raw, "tool_output") or inner(raw, "document")
    return Citation(
        kind=kind,
        id=text_in(raw, "id"),
        title=text_in(about, "title"),
        url=text_in(about, "url"),
        text=text_in(about, "snippet", "text", "content") or "",
        metadata=others(about, "title", "url", "snippet", "text", "content", "id"),
    )
