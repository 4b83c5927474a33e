"""Read citations, and the blocks of tools that Bedrock runs.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Citation.html,
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_CitationLocation.html,
https://docs.aws.amazon.com/nova/latest/userguide/grounding.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....schemas.citation import Citation
from ....schemas.json_text import dumps
from ....schemas.parts import Opaque, ServerToolCall, ServerToolResult
from ..sources import inner, objects, place_in, text_in

_UNITS = {
    "documentChar": ("document", "characters", "documentIndex"),
    "documentPage": ("document", "pages", "documentIndex"),
    "documentChunk": ("document", "chunks", "documentIndex"),
    "searchResultLocation": ("search_result", "blocks", "searchResultIndex"),
}
_KINDS = {"nova_grounding": "web_search", "nova_code_interpreter": "code_execution"}


def citations_of(citations: object) -> list[Citation]:
    """Read the citations of a block, which support all of its text."""
    return [_citation(each) for each in objects(citations)]


def _citation(raw: Mapping[str, Any]) -> Citation:
    where = inner(raw, "location")
    name = next((name for name in _UNITS if inner(where, name)), "")
    kind, unit, index = _UNITS.get(name, ("web" if "web" in where else "document", "", ""))
    web = inner(where, "web")
    return Citation(
        kind=kind,
        url=text_in(web, "url"),
        title=text_in(raw, "title") or text_in(web, "domain"),
        id=text_in(raw, "source"),
        text="".join([text_in(each, "text") or "" for each in objects(raw.get("sourceContent"))]),
        location=place_in(where[name], unit, "start", "end", index) if name else {},
    )


def server_part(block: dict[str, Any], wire: str, kinds: dict[str, str]) -> Opaque:
    """Make the part of a block that is sent back as it is: a call, a result, or another block.

    block: the block.
    wire: the name of the wire.
    kinds: the kind of each call so far, by its id. That of a new call is added: a result does not always name its own.
    """
    if use := inner(block, "toolUse"):
        name, id = text_in(use, "name") or "", text_in(use, "toolUseId") or ""
        kinds[id] = _KINDS.get(name, name)
        return ServerToolCall(wire, block, kinds[id], id, name, inner(use, "input"))
    if result := inner(block, "toolResult"):
        id, failed = text_in(result, "toolUseId") or "", result.get("status") == "error"
        name = (text_in(result, "type") or "").removesuffix("_result")
        words = "".join(map(_words, objects(result.get("content"))))
        return ServerToolResult(wire, block, kinds.get(id, _KINDS.get(name, name)), id, words, failed)
    return Opaque(wire, block)


def _words(content: Mapping[str, Any]) -> str:
    """Return what a piece of a result says; JSON as its text."""
    return dumps(content["json"]).decode() if "json" in content else text_in(content, "text") or ""
