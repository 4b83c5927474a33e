"""Read citations, and the blocks of tools that Anthropic runs.

https://platform.claude.com/docs/en/build-with-claude/citations,
https://platform.claude.com/docs/en/agents-and-tools/tool-use/web-search-tool#response,
https://platform.claude.com/docs/en/agents-and-tools/tool-use/code-execution-tool#response-format,
https://platform.claude.com/docs/en/agents-and-tools/mcp-connector#response-content-types; the field names are those of
the types in the vendor's SDK (anthropic.types).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....schemas.citation import Citation
from ....schemas.parts import Opaque, ServerToolCall, ServerToolResult
from ..sources import inner, objects, others, place_in, text_in, web_pages

_CALLS = frozenset(("server_tool_use", "mcp_tool_use"))
_KINDS: Mapping[str, str] = {
    "bash_code_execution": "code_execution",
    "text_editor_code_execution": "code_execution",
    "tool_search_tool_regex": "tool_search",
    "tool_search_tool_bm25": "tool_search",
}
_RESULT = "_tool_result"
_LOCATIONS: Mapping[str, tuple[str, str, str, str]] = {
    "char_location": ("document", "characters", "start_char_index", "end_char_index"),
    "page_location": ("document", "pages", "start_page_number", "end_page_number"),
    "content_block_location": ("document", "blocks", "start_block_index", "end_block_index"),
    "search_result_location": ("search_result", "blocks", "start_block_index", "end_block_index"),
}
_KNOWN = frozenset(
    (
        *("type", "cited_text", "url", "source", "title", "document_title", "file_id", "encrypted_index"),
        *("document_index", "search_result_index"),
        *(name for _, _, *names in _LOCATIONS.values() for name in names),
    )
)


def citations_of(citations: object) -> list[Citation]:
    """Read the citations of a text block, which support all of its text."""
    return [_citation(each) for each in objects(citations)]


def _citation(raw: Mapping[str, Any]) -> Citation:
    kind, unit, start, end = _LOCATIONS.get(text_in(raw, "type") or "", ("web", "", "", ""))
    index = "search_result_index" if kind == "search_result" else "document_index"
    return Citation(
        kind=kind,
        url=text_in(raw, "url"),
        title=text_in(raw, "title", "document_title", "source"),
        id=text_in(raw, "file_id", "source"),
        text=text_in(raw, "cited_text") or "",
        location=place_in(raw, unit, start, end, index) if unit else {},
        metadata=others(raw, *_KNOWN),
    )


def server_part(block: dict[str, Any], wire: str) -> Opaque:
    """Make the part of a block that is sent back to this wire as it is: a call, a result, or another block."""
    type = block["type"]
    if type in _CALLS:
        name = text_in(block, "name") or ""
        kind = "mcp" if type == "mcp_tool_use" else _KINDS.get(name, name)
        return ServerToolCall(wire, block, kind, text_in(block, "id") or "", name, inner(block, "input"))
    if not type.endswith(_RESULT) or "tool_use_id" not in block:
        return Opaque(wire, block)
    name = type.removesuffix(_RESULT)
    content = block.get("content")
    about = content if isinstance(content, dict) else {}
    failed = block.get("is_error") is True or (text_in(about, "type") or "").endswith("_error")
    pages = [about] if text_in(about, "url") else content
    return ServerToolResult(
        wire,
        block,
        _KINDS.get(name, name),
        text_in(block, "tool_use_id") or "",
        _words(content),
        failed or bool(about.get("return_code")),
        web_pages(pages),
    )


def _words(content: object) -> str:
    """Return what a result says: its output, its text, or the code of its error."""
    if isinstance(content, str):
        return content
    if isinstance(content, dict):
        output = "".join([text_in(content, name) or "" for name in ("stdout", "stderr")])
        document = inner(inner(content, "content"), "source")
        return output or text_in(content, "content", "error_code") or text_in(document, "data") or ""
    return "".join([text_in(each, "text") or "" for each in objects(content)])
