"""Read the items of tools that the provider runs.

An item holds the call, and the result if there is one: the call is sent back as that item, the result with it. The
field names are those of https://platform.openai.com/docs/api-reference/responses/object and of the types in the
vendor's SDK (openai.types.responses).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ....schemas.citation import Citation
from ....schemas.parts import Opaque, ServerToolCall, ServerToolResult
from ..sources import arguments_in, inner, objects, score_in, text_in, web_pages

_CALL, _OUTPUT = "_call", "_call_output"
_KINDS: Mapping[str, str] = {
    "code_interpreter": "code_execution",
    "computer": "computer_use",
    "mcp_list_tools": "mcp",
    "mcp_approval_request": "mcp",
    "custom_tool": "",  # xAI's own tools, whose names say what they are
}
_ABOUT = frozenset(
    ("id", "type", "status", "call_id", "name", "input", "output", "outputs", "results", "result", "error", "tools")
)


def server_parts(item: dict[str, Any], wire: str) -> list[Opaque]:
    """Make the parts of an item that is sent back to this wire as it is: a call with its result, or another item."""
    type: str = item["type"]
    if type.endswith(_OUTPUT):
        kind = type.removesuffix(_OUTPUT)
        return [ServerToolResult(wire, item, _KINDS.get(kind, kind), _id(item), _words(item))]
    if not type.endswith(_CALL) and type not in _KINDS:
        return [Opaque(wire, item)]
    name = text_in(item, "name") or type.removesuffix(_CALL)
    kind = _KINDS.get(type.removesuffix(_CALL), type.removesuffix(_CALL)) or name
    status = "approval_requested" if type == "mcp_approval_request" else text_in(item, "status")
    call = ServerToolCall(wire, item, kind, _id(item), name, _arguments(item), status)
    text, sources = _words(item), _sources(item)
    failed = bool(item.get("error")) or status == "failed"
    if not (text or sources or failed):
        return [call]
    return [call, ServerToolResult(wire, None, kind, call.id, text, failed, sources)]


def _id(item: Mapping[str, Any]) -> str:
    return text_in(item, "call_id", "id") or ""


def _arguments(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was asked: the action, the JSON of the arguments, or the item's own fields."""
    if action := inner(item, "action"):
        return {name: value for name, value in action.items() if name != "sources"}
    text = text_in(item, "arguments", "input")
    if text is not None:
        return arguments_in(text)
    return {name: value for name, value in item.items() if name not in _ABOUT and value is not None}


def _words(item: Mapping[str, Any]) -> str:
    """Return the result of a tool as text: what it printed or returned, or why it failed."""
    outputs = "\n".join(text for each in objects(item.get("outputs")) if (text := text_in(each, "logs")))
    listed = ", ".join(text for each in objects(item.get("tools")) if (text := text_in(each, "name")))
    parts = "\n".join(_lines(item.get("output")))
    error = item.get("error")
    why = error if isinstance(error, str) else text_in(inner(item, "error"), "message") or ""
    return outputs or parts or why or listed


def _lines(output: object) -> Iterator[str]:
    """Yield the texts of an output, which is a string or a list of objects."""
    if isinstance(output, str):
        yield output
    for each in objects(output):
        yield from filter(None, (text_in(each, name) for name in ("text", "stdout", "stderr")))


def _sources(item: Mapping[str, Any]) -> tuple[Citation, ...]:
    files = [
        Citation(
            kind="document",
            id=text_in(each, "file_id"),
            title=text_in(each, "filename"),
            text=text_in(each, "text") or "",
            score=score_in(each, "score"),
            metadata=inner(each, "attributes"),
        )
        for each in objects(item.get("results"))
    ]
    return (*web_pages(inner(item, "action").get("sources")), *files)
