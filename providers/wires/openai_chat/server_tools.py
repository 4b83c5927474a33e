"""Read the sources of a chat completion, and the tools that the server ran for it.

Chats have no form of their own for these, so each vendor has one: `search_results` and `citations` beside the choices
(https://docs.perplexity.ai/api-reference/chat-completions-post, https://docs.x.ai/docs/guides/live-search),
`executed_tools` in the message (https://console.groq.com/docs/agentic-tooling), references among the blocks of the
content (https://docs.mistral.ai/capabilities/citations/). None of them is sent back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve

from ....schemas.chunks import Cited, MetadataUpdate, PartDone, StreamChunk
from ....schemas.citation import Citation
from ....schemas.parts import Opaque, ServerToolCall, ServerToolResult
from ..sources import arguments_in, items, objects, text_in, web_pages
from .places import NAME, SERVER_TOOLS

SOURCES = frozenset(("citations", "search_results"))
"""Fields beside the choices that name sources, in the order in which the text numbers them."""
_KINDS: Mapping[str, str] = {
    "search": "web_search",
    "browser_search": "web_search",
    "visit": "web_fetch",
    "visit_website": "web_fetch",
    "browser.open": "web_fetch",
    "python": "code_execution",
    "code_interpreter": "code_execution",
}


def metadata_chunks(beside: Mapping[str, Any], *, cited: bool) -> list[StreamChunk]:
    """Return the chunks for the fields of an answer other than `choices`.

    beside: these fields.
    cited: whether the message has cited its sources itself; those of these fields are then left out.
    """
    metadata = {name: value for name, value in beside.items() if name not in SOURCES}
    out: list[StreamChunk] = [MetadataUpdate(metadata)] if metadata else []
    # `search_results` have titles and dates; `citations` are the same addresses alone.
    pages = () if cited else web_pages(beside.get("search_results")) or web_pages(beside.get("citations"))
    if pages:
        out.append(Cited([evolve(page, number=at) for at, page in enumerate(pages, start=1)], None, "numbers"))
    return out


def executed(tools: Iterable[Mapping[str, Any]]) -> list[PartDone]:
    """Return the chunks of the tools that Groq ran: a call and its result for each."""
    out: list[Opaque] = []
    for at, tool in enumerate(tools):
        name = text_in(tool, "type", "name") or ""
        kind, id = _KINDS.get(name, name), f"{name}_{at}"
        found = tool.get("search_results")
        pages = found.get("results") if isinstance(found, dict) else found
        sources = web_pages(pages) + web_pages(tool.get("browser_results"))
        results = [text for each in objects(tool.get("code_results")) if (text := text_in(each, "text"))]
        out.append(ServerToolCall(NAME, None, kind, id, name, _arguments(tool.get("arguments"))))
        out.append(
            ServerToolResult(NAME, None, kind, id, text_in(tool, "output") or "\n".join(results), sources=sources)
        )
    return [PartDone(part, SERVER_TOOLS + at) for at, part in enumerate(out)]


def _arguments(arguments: object) -> dict[str, Any]:
    if isinstance(arguments, str) and arguments:
        return arguments_in(arguments)
    return dict(arguments) if isinstance(arguments, dict) else {}


def references(content: Iterable[Mapping[str, Any]]) -> list[Citation]:
    """Return Mistral's references, each at its place in the text: they follow what they support.

    content: the blocks of a message, or of a piece of one, in which the places count.
    """
    out: list[Citation] = []
    said = 0
    for block in content:
        if isinstance(text := block.get("text"), str):
            said += len(text)
        elif block.get("type") == "reference":
            ids = [each for each in items(block, "reference_ids") if isinstance(each, int | str)]
            out += [Citation(kind="document", id=str(id), start=said, end=said) for id in ids]
        elif block.get("type") == "tool_reference":
            title, url = text_in(block, "title"), text_in(block, "url")
            out.append(Citation(url=url, title=title, start=said, end=said, metadata=_about(block)))
    return out


def _about(block: Mapping[str, Any]) -> dict[str, Any]:
    return {name: block[name] for name in ("tool", "source", "description") if block.get(name)}
