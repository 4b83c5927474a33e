"""Build the body of a message request from context and options.

The vendor insists that user and assistant turns alternate, tool results come first in the user's turn, no text is
empty, and thinking is sent back unaltered and in its place or not at all. https://docs.claude.com/en/api/messages
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from ....pipeline.http.request import Request
from ....schemas.message import Message
from ....schemas.model import Model
from ....schemas.parts import Audio, File, Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall, Video
from ....schemas.tool import Tool
from ...history.shape import HistoryShape
from ..calls import sent_object
from ..fields import Field, format_asked, given, listed, own_block, own_fields, put_options
from ..media import inline, unsendable
from ..turns import alternating, encoded, thinking_if_begun

NAME = "anthropic_messages"
MAX_TOKENS = 8192
"""The default of max_tokens, which this wire demands, for models whose own limit is higher or unknown."""

OPTIONS = frozenset(
    (
        "temperature",
        "top_p",
        "top_k",
        "max_tokens",
        "stop",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "response_format",
        "prompt_cache",
        "service_tier",
        "user",
        "metadata",
    )
)

Block = dict[str, Any]


def build_body(request: Request, *, version: str | None = None) -> dict[str, Any]:
    """Build the body.

    request: the request
    version: for Vertex and Bedrock, where the URL holds the model and says whether to stream: the body has
        `anthropic_version` instead of `model` and `stream`
    """
    options = dict(request.options)
    system, messages = encode_messages(request.context.messages, unsigned=bool(request.model.facts.get("interleaved")))
    body = given(
        anthropic_version=version or None,
        model=None if version else request.model.id,
        max_tokens=options.pop("max_tokens", None) or min(request.model.max_output_tokens or MAX_TOKENS, MAX_TOKENS),
        messages=messages,
        system=system or None,
        tools=[encode_tool(tool) for tool in request.context.tools] or None,
    )
    _choose(body, options.pop("tool_choice", None), options.pop("parallel_tool_calls", None))
    put_options(body, options, _FIELDS)
    if request.stream and not version:
        body["stream"] = True
    return body


def body_for(version: str) -> Callable[[Request], dict[str, Any]]:
    """Make a `build_body` for a cloud that serves these models under its own URLs."""
    return partial(build_body, version=version)


def encode_messages(messages: Sequence[Message], *, unsigned: bool = False) -> tuple[list[Block], list[Block]]:
    """Encode system blocks, and alternating turns. System messages may come anywhere.

    messages: the messages.
    unsigned: whether thinking without a signature is sent: vendors other than Anthropic do not sign.

    Raises NotSupported for media other than images, PDFs and text files.
    """
    system = [block for message in messages if message.role == "system" for block in encoded(message.content, _block)]
    others = (message for message in messages if message.role != "system")
    encode = _block_or_thought if unsigned else _block
    return system, alternating(others, encode, _result, lambda block: block["type"] == "tool_result")


def _result(message: Message) -> Block:
    content = encoded(message.content, _block)
    only_text = len(content) == 1 and content[0].keys() == {"type", "text"}
    said = given(content=content[0]["text"] if only_text else content or None, is_error=message.is_error or None)
    return {"type": "tool_result", "tool_use_id": message.tool_call_id, **said, **message.extra.get(NAME, {})}


def _block(part: Part) -> Block | None:
    match part:
        case Text() | Refusal():
            return {"type": "text", "text": part.text, **own_fields(part, NAME)} if part.text.strip() else None
        case Reasoning():
            return _thinking(part)
        case ToolCall():
            call = {"type": "tool_use", "id": part.id, "name": part.name, "input": sent_object(part)}
            return {**call, **part.extra.get(NAME, {})}
        case Opaque():
            return own_block(part, NAME)
        case Image():
            return {"type": "image", "source": _source(part), **own_fields(part, NAME)}
        case File():
            block = {"type": "document", "source": _source(part), **own_fields(part, NAME)}
            return {**block, "title": part.filename} if part.filename and "title" not in block else block
        case Audio() | Video():
            raise unsendable(part, "A message", "text, images and documents")


def _thinking(part: Reasoning) -> Block | None:
    if part.wire != NAME:
        return None
    if part.encrypted is not None:
        return {"type": "redacted_thinking", "data": part.encrypted}
    return {"type": "thinking", "thinking": part.text, "signature": part.signature} if part.signature else None


def _block_or_thought(part: Part) -> Block | None:
    """Encode a part, thinking without a signature, too."""
    if isinstance(part, Reasoning) and part.wire == NAME and part.text and _thinking(part) is None:
        return {"type": "thinking", "thinking": part.text, "signature": ""}
    return _block(part)


def accepts_part(part: Part, model: Model) -> bool:
    encode = _block_or_thought if model.facts.get("interleaved") else _thinking
    return isinstance(part, Reasoning) and encode(part) is not None


def _server_tools(data: Any) -> tuple[str | None, str | None]:
    asked = data.get("id") if data.get("type") in ("server_tool_use", "mcp_tool_use") else None
    return asked, data.get("tool_use_id")


HISTORY_SHAPE = HistoryShape(
    system_first=True,
    alternates=True,
    opens_with_user=True,
    speakers=frozenset(),
    empty=frozenset(("system", "user", "assistant")),
    blank=True,
    strips_last=True,
    details=False,
    server_tools=_server_tools,
    cache_marks=frozenset(("system", "user", "assistant", "tool")),
)
finalize_history = thinking_if_begun(_block, lambda block: block["type"] in ("thinking", "redacted_thinking"))


def _source(part: Image | File) -> Block:
    if part.file_id:
        return {"type": "file", "file_id": part.file_id}
    if (inlined := inline(part)) is None:
        return {"type": "url", "url": part.url}
    kind, data = inlined
    if isinstance(part, Image) or kind == "application/pdf":
        return {"type": "base64", "media_type": kind, "data": data}
    if kind.startswith("text/") or kind in _TEXTS:
        return {"type": "text", "media_type": "text/plain", "data": b64decode(data).decode("utf-8", "replace")}
    raise unsendable(part, "A message", "documents as PDF or plain text")


_TEXTS = frozenset(("application/json", "application/xml", "application/x-yaml", "application/yaml"))


def encode_tool(tool: Tool) -> Block:
    """Encode a tool; a server tool stays as it is."""
    if tool.server is not None:
        return dict(tool.server)
    optional = given(description=tool.description or None, strict=tool.strict)
    return {"name": tool.name, "input_schema": tool.parameters, **optional, **tool.extra.get(NAME, {})}


def _choose(body: dict[str, Any], choice: object, parallel: bool | None) -> None:
    if isinstance(choice, Mapping) and "function" in choice:
        choice = choice["function"]
    if isinstance(choice, Tool):
        choice = {"name": choice.name}
    if isinstance(choice, str):
        encoded: Block = {"type": {"required": "any"}.get(choice, choice)}
    elif isinstance(choice, Mapping):
        encoded = {"type": "tool", **choice}
    elif parallel is False and body.get("tools"):
        encoded = {"type": "auto"}
    else:
        return
    if parallel is False and encoded["type"] != "none":
        encoded["disable_parallel_tool_use"] = True
    body["tool_choice"] = encoded


def _format(body: dict[str, Any], value: object) -> None:
    """Ask for structured output: https://docs.claude.com/en/docs/build-with-claude/structured-outputs"""
    if isinstance(schema := format_asked(value), Mapping):
        body["output_config"] = {**body.get("output_config", {}), "format": {"type": "json_schema", "schema": schema}}


def _cache(body: dict[str, Any], value: object) -> None:
    """Mark the ends of what stays the same from turn to turn: tools, system message, conversation so far."""
    if not value:
        return
    mark = {"cache_control": {"type": "ephemeral", "ttl": "1h"} if value == "1h" else {"type": "ephemeral"}}
    turns = reversed(body["messages"])
    said = next((turn["content"] for turn in turns if turn["role"] == "user"), None)
    for blocks in (body.get("tools"), body.get("system"), said):
        if blocks:
            blocks[-1] = {**blocks[-1], **mark}


_FIELDS: Mapping[str, Field] = {
    "stop": ("stop_sequences", listed),
    "user": "metadata.user_id",
    "response_format": _format,
    "prompt_cache": _cache,
}
