"""Read what an answer rests on (grounding, recitations, fetched pages), and the parts of tools that Google runs.

https://ai.google.dev/gemini-api/docs/google-search, https://ai.google.dev/gemini-api/docs/url-context,
https://ai.google.dev/gemini-api/docs/code-execution, https://ai.google.dev/api/generate-content#GroundingMetadata; the
field names are those of the types in the vendor's SDK (google.genai.types).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import evolve

from ....schemas.chunks import Cited, PartDone, StreamChunk
from ....schemas.citation import Citation
from ....schemas.parts import Opaque, ServerToolCall, ServerToolResult
from ..sources import inner, items, number_in, objects, others, score_in, span_in, text_in

_CODE, _RESULT, _CALL, _RESPONSE = "executableCode", "codeExecutionResult", "toolCall", "toolResponse"
_CHUNKS = {"web": "web", "maps": "web", "image": "web", "retrievedContext": "document"}
_KINDS = {
    "GOOGLE_SEARCH_WEB": "web_search",
    "GOOGLE_SEARCH_IMAGE": "web_search",
    "URL_CONTEXT": "web_fetch",
    "FILE_SEARCH": "file_search",
}
_SOUND = "OUTCOME_OK"


def server_part(part: dict[str, Any], wire: str) -> Opaque:
    """Make the part of what is sent back to this wire as it is: a call, a result, or a part of another meaning."""
    if code := inner(part, _CODE):
        about = others(code, "id")
        return ServerToolCall(wire, part, "code_execution", text_in(code, "id") or "", _CODE, about)
    if result := inner(part, _RESULT):
        failed = result.get("outcome") not in (None, _SOUND)
        return ServerToolResult(
            wire, part, "code_execution", text_in(result, "id") or "", text_in(result, "output") or "", failed
        )
    if call := inner(part, _CALL):
        name = text_in(call, "toolType") or ""
        return ServerToolCall(wire, part, _KINDS.get(name, name), text_in(call, "id") or "", name, inner(call, "args"))
    if response := inner(part, _RESPONSE):
        name = text_in(response, "toolType") or ""
        return ServerToolResult(wire, part, _KINDS.get(name, name), text_in(response, "id") or "")
    return Opaque(wire, part)


def source_chunks(metadata: Mapping[str, Any], place: int, wire: str) -> list[StreamChunk]:
    """Make the chunks of what a candidate reports of its sources: its citations, searches and fetched pages.

    metadata: its metadata, by our names.
    place: the next free place in the message.
    wire: the name of the wire.
    """
    out: list[StreamChunk] = []
    grounding = inner(metadata, "grounding")
    if cited := [*_grounded(grounding), *_recited(inner(metadata, "citations"))]:
        out.append(Cited(cited, None, "bytes"))
    pages = [_page(each) for each in objects(inner(metadata, "url_context").get("urlMetadata"))]
    found = tuple(_chunks(grounding))
    queries = [each for name in _QUERIES for each in items(grounding, name) if isinstance(each, str)]
    searches = "file_search" if grounding.get("retrievalQueries") else "web_search"
    done: list[Opaque] = []
    if queries:
        done.append(ServerToolCall(wire, None, searches, name="grounding", arguments={"queries": queries}))
        done.append(ServerToolResult(wire, None, searches, sources=found))
    if pages:
        arguments = {"urls": [page.url for page in pages]}
        done.append(ServerToolCall(wire, None, "web_fetch", name="urlContext", arguments=arguments))
        done.append(ServerToolResult(wire, None, "web_fetch", sources=tuple(pages)))
    return [*out, *(PartDone(part, place + at) for at, part in enumerate(done))]


_QUERIES = ("webSearchQueries", "imageSearchQueries", "retrievalQueries")


def _chunks(grounding: Mapping[str, Any]) -> Sequence[Citation]:
    """Return a citation for each source, an empty one if it cannot be read: the supports name sources by their
    index."""
    chunks = grounding.get("groundingChunks")
    return [_chunk(each if isinstance(each, dict) else {}) for each in chunks] if isinstance(chunks, list) else []


def _chunk(chunk: Mapping[str, Any]) -> Citation:
    name = next((name for name in _CHUNKS if inner(chunk, name)), "")
    about = inner(chunk, name)
    page = number_in(about, "pageNumber")
    return Citation(
        kind=_CHUNKS.get(name, "web"),
        url=text_in(about, "uri", "sourceUri"),
        title=text_in(about, "title"),
        id=text_in(about, "documentName", "placeId", "mediaId"),
        text=text_in(about, "text") or "",
        location={} if page is None else {"pages": [page, page + 1]},
        metadata=others(about, "uri", "sourceUri", "title", "documentName", "placeId", "mediaId", "text", "pageNumber"),
    )


def _grounded(grounding: Mapping[str, Any]) -> list[Citation]:
    """Read which words each source supports, and the sources that no words are named for."""
    chunks, out, used = _chunks(grounding), list[Citation](), set[int]()
    for support in objects(grounding.get("groundingSupports")):
        segment, scores = inner(support, "segment"), support.get("confidenceScores")
        words = text_in(segment, "text")
        for nth, at in enumerate(items(support, "groundingChunkIndices")):
            if not isinstance(at, int) or not 0 <= at < len(chunks):
                continue
            used.add(at)
            sure = {"score": scores[nth]} if isinstance(scores, list) and nth < len(scores) else {}
            metadata = {**chunks[at].metadata, **({"supports": words} if words else {})}
            span = span_in(segment, "startIndex", "endIndex")
            out.append(evolve(chunks[at], **span, score=score_in(sure, "score"), metadata=metadata))
    return [*out, *(chunk for at, chunk in enumerate(chunks) if at not in used and chunk.source)]


def _recited(recited: Mapping[str, Any]) -> list[Citation]:
    """Read the sources that the text quotes: https://ai.google.dev/api/generate-content#citationmetadata"""
    listed = recited.get("citationSources") or recited.get("citations")
    return [
        Citation(
            url=text_in(each, "uri"),
            title=text_in(each, "title"),
            **span_in(each, "startIndex", "endIndex"),
            metadata=others(each, "uri", "title", "startIndex", "endIndex"),
        )
        for each in objects(listed)
    ]


def _page(page: Mapping[str, Any]) -> Citation:
    return Citation(url=text_in(page, "retrievedUrl"), metadata=others(page, "retrievedUrl"))
