"""Build the body of Converse from context and options.

Bedrock insists that roles alternate, no text is empty, document names keep to a small alphabet, and a history with
calls comes with tools.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ....pipeline.http.request import Request
from ....schemas.json_text import dumps
from ....schemas.message import Message
from ....schemas.model import Model
from ....schemas.parts import Audio, File, Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall, Video
from ....schemas.tool import NO_PARAMETERS, Tool, chosen_name
from ...history.shape import HistoryShape
from ..calls import sent_object
from ..fields import Field, format_asked, given, listed, own_block, put_options, unknown_choice
from ..media import Media, inline, unsendable
from ..turns import EMPTY_RESULT_TEXT, EMPTY_USER_TEXT, alternating, encoded, thinking_if_begun
from .tool_results import fit_tool_results

NAME = "bedrock_converse"

OPTIONS = frozenset(
    (
        "temperature",
        "top_p",
        "max_tokens",
        "stop",
        "tools",
        "tool_choice",
        "response_format",
        "prompt_cache",
        "metadata",
        "service_tier",
    )
)

_FORMATS: Mapping[str, str] = {
    "application/pdf": "pdf",
    "text/csv": "csv",
    "text/html": "html",
    "text/markdown": "md",
    "text/plain": "txt",
    "application/msword": "doc",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.ms-excel": "xls",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
}

Block = dict[str, Any]


def build_body(request: Request) -> dict[str, Any]:
    unsigned = bool(request.model.facts.get("interleaved"))
    system, messages = encode_messages(request.context.messages, unsigned=unsigned)
    config = tool_config(request.context.tools, request.context.messages)
    body = given(messages=messages, system=system or None, toolConfig=config)
    put_options(body, request.options, _FIELDS)
    return body


def encode_messages(messages: Sequence[Message], *, unsigned: bool = False) -> tuple[list[Block], list[Block]]:
    """Encode system blocks, and alternating turns; tool results come first in the user's turn.

    messages: the messages.
    unsigned: whether reasoning without a signature is sent: only Claude signs.

    Raises NotSupported for media by URL, except s3://: Bedrock fetches no others.
    """
    system = [
        {"text": part.text}
        for message in messages
        for part in message.content
        if message.role == "system" and isinstance(part, Text) and part.text.strip()
    ]
    others = (message for message in messages if message.role != "system")
    turns = alternating(others, _block_or_thought if unsigned else _block, _result, lambda block: "toolResult" in block)
    for turn in turns:
        # "A text block must be included when using documents", and it must not be blank.
        if any("document" in block for block in turn["content"]) and not any("text" in b for b in turn["content"]):
            turn["content"].append({"text": EMPTY_USER_TEXT})
    number_documents(block for turn in turns for block in turn["content"])
    return system, turns


def number_documents(blocks: Iterable[Block]) -> None:
    """Add a number to each document's name that an earlier document has: Bedrock refuses two documents of one name.

    Names must be unique in all turns together. Earlier documents keep theirs, so that a longer conversation starts with
    the same bytes (prompt caches depend on it).
    """
    count: dict[str, int] = {}
    inner = (each for block in blocks for each in (block, *block.get("toolResult", {}).get("content", ())))
    for document in (block["document"] for block in inner if "document" in block):
        key = document["name"].lower()
        count[key] = count.get(key, 0) + 1
        if count[key] > 1:
            document["name"] = f"{document['name'][:190]} ({count[key]})"


def _result(message: Message) -> Block:
    audio = [part for part in message.content if isinstance(part, Audio)]
    if audio:
        raise unsendable(audio[0], "A tool's result in Converse", "text, images, documents and video")
    # An empty result is refused, so send a text that says so.
    content = encoded(message.content, _block) or [{"text": EMPTY_RESULT_TEXT}]
    status = "error" if message.is_error else None
    return {"toolResult": {"toolUseId": message.tool_call_id, "content": content, **given(status=status)}}


def _block(part: Part) -> Block | None:
    match part:
        case Text() | Refusal():
            if not part.text.strip():
                return None
            cited = part.extra[NAME].get("citations") if NAME in part.extra else None
            block = {"text": part.text}
            return {"citationsContent": {"content": [block], "citations": cited}} if cited else block
        case Reasoning():
            return _reasoning(part)
        case ToolCall():
            return {"toolUse": {"toolUseId": part.id, "name": part.name, "input": sent_object(part)}}
        case Opaque():
            return own_block(part, NAME)
        case Image() | Video() | Audio():
            return {part.type: {"format": _format_of(part), "source": _source(part)}}
        case File():
            document: Block = {"format": _document_format(part), "name": document_name(part.filename)}
            return {"document": {**document, "source": _source(part), **part.extra.get(NAME, {})}}


def _reasoning(part: Reasoning) -> Block | None:
    if part.wire != NAME:
        return None
    if part.encrypted is not None:
        return {"reasoningContent": {"redactedContent": part.encrypted}}
    if not part.signature:
        return None
    return {"reasoningContent": {"reasoningText": {"text": part.text, "signature": part.signature}}}


def _block_or_thought(part: Part) -> Block | None:
    """Encode a part, reasoning without a signature, too."""
    if isinstance(part, Reasoning) and part.wire == NAME and part.text and _reasoning(part) is None:
        return {"reasoningContent": {"reasoningText": {"text": part.text}}}
    return _block(part)


def accepts_part(part: Part, model: Model) -> bool:
    encode = _block_or_thought if model.facts.get("interleaved") else _reasoning
    return isinstance(part, Reasoning) and encode(part) is not None


def _server_tools(data: Any) -> tuple[str | None, str | None]:
    return (data.get("toolUse") or {}).get("toolUseId"), (data.get("toolResult") or {}).get("toolUseId")


HISTORY_SHAPE = HistoryShape(
    system_first=True,
    system_text=True,
    alternates=True,
    opens_with_user=True,
    speakers=frozenset(),
    empty=frozenset(("system", "user", "assistant")),
    blank=True,
    strips_last=True,
    details=False,
    server_tools=_server_tools,
    empty_results=False,
)
_without_late_thinking = thinking_if_begun(_block, lambda block: "reasoningContent" in block)


def finalize_history(request: Request) -> Request:
    """Drop late thinking, fit the results of tools, and warn of tools that a history with calls brings unasked."""
    request = fit_tool_results(_without_late_thinking(request))
    if all(message.role != "tool" for message in request.context.messages):
        return request
    if not request.context.tools:
        request = request.warn("tools", "a history with calls comes with tools: some were made up by the calls' names")
    if request.options.get("tool_choice") == "none":
        request = request.warn("tool_choice", "left out: a history with calls comes with tools, which may be called")
    return request


def _format_of(part: Media) -> str:
    """Return AWS's name of a media type:
    https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html"""
    kind = (inline(part) or (part.sent_type, ""))[0]
    return _NAMES.get(kind, kind.partition("/")[2].removeprefix("x-"))


_NAMES = {
    "image/jpg": "jpeg",
    "audio/mpeg": "mp3",
    "audio/L16": "pcm",
    "video/quicktime": "mov",
    "video/x-matroska": "mkv",
    "video/3gpp": "three_gp",
    "video/x-ms-wmv": "wmv",
}


def _document_format(part: File) -> str:
    kind = (inline(part) or (part.sent_type, ""))[0]
    if kind in _FORMATS:
        return _FORMATS[kind]
    if kind.startswith("text/") or _is_text(part.data):
        return "txt"
    raise unsendable(part, "Converse", f"documents in {', '.join(_FORMATS.values())}")


def _is_text(data: bytes | None) -> bool:
    try:
        return data is not None and bool(data.decode())
    except UnicodeDecodeError:
        return False


def _source(part: Media) -> Block:
    if part.url and part.url.startswith("s3://"):
        return {"s3Location": {"uri": part.url}}
    if (inlined := inline(part)) is None:
        raise unsendable(part, "Converse", "bytes and s3:// addresses")
    return {"bytes": inlined[1]}


def document_name(name: str | None) -> str:
    """Reduce a document's name to the letters, digits, single spaces, hyphens and brackets that Bedrock takes."""
    stem = (name or "document").rpartition(".")[0] or name or "document"
    return re.sub(r"\s+", " ", re.sub(r"[^a-zA-Z0-9\s\-()\[\]]", "-", stem)).strip()[:200] or "document"


def tool_config(tools: Iterable[Tool], messages: Iterable[Message]) -> Block | None:
    """Encode the tools; for a history with calls but without tools, make up tools with the calls' names."""
    specs = [dict(tool.server) if tool.server is not None else _spec(tool) for tool in tools]
    if not specs:
        names = dict.fromkeys(call.name for message in messages for call in message.tool_calls)
        specs = [_spec(Tool(name)) for name in names]
    return {"tools": specs} if specs else None


def _spec(tool: Tool) -> Block:
    schema = {"json": dict(tool.parameters or NO_PARAMETERS)}
    return {"toolSpec": given(name=tool.name, inputSchema=schema, description=tool.description or None)}


def _choice(body: dict[str, Any], choice: object) -> None:
    if choice == "none":
        # Converse has no such choice: leave the tools out, unless the history has calls and so needs them.
        if not any("toolUse" in block for turn in body["messages"] for block in turn["content"]):
            body.pop("toolConfig", None)
        return
    if "toolConfig" not in body:
        return
    if (name := chosen_name(choice)) is not None:
        body["toolConfig"]["toolChoice"] = {"tool": {"name": name}}
    elif isinstance(choice, str):
        body["toolConfig"]["toolChoice"] = {"auto": {}} if choice == "auto" else {"any": {}}
    else:
        raise unknown_choice()


def _format(body: dict[str, Any], response_format: object) -> None:
    """Ask for structured output: https://docs.aws.amazon.com/bedrock/latest/userguide/structured-output.html"""
    asked = format_asked(response_format)
    if isinstance(response_format, Mapping) and isinstance(asked, Mapping):
        named = response_format["json_schema"]
        schema = {"name": named.get("name", "answer"), "schema": dumps(asked).decode()}
        body["outputConfig"] = {"textFormat": {"type": "json_schema", "structure": {"jsonSchema": schema}}}


def _cache(body: dict[str, Any], value: object) -> None:
    """Put a cache point after everything that stays the same: system message, tools, conversation so far.

    value: True, "5m" or "1h"; "text" for models that take points of five minutes after text alone.
    """
    if not value:
        return
    point = {"cachePoint": {"type": "default", "ttl": "1h"} if value == "1h" else {"type": "default"}}
    if "system" in body:
        body["system"].append(point)
    if "toolConfig" in body and value != "text":
        body["toolConfig"]["tools"].append(point)
    if not body["messages"] or body["messages"][-1]["role"] != "user":
        return
    said = body["messages"][-1]["content"]
    if value != "text" or not any("toolResult" in block for block in said):
        said.append(point)


_MORE = "additionalModelRequestFields"
_FIELDS: Mapping[str, Field] = {
    "temperature": "inferenceConfig.temperature",
    "top_p": "inferenceConfig.topP",
    "max_tokens": "inferenceConfig.maxTokens",
    "stop": ("inferenceConfig.stopSequences", listed),
    "tool_choice": _choice,
    "response_format": _format,
    "prompt_cache": _cache,
    "metadata": "requestMetadata",
    "service_tier": "serviceTier.type",
    # Options that Converse lacks are passed to the model in its own format.
    **{name: f"{_MORE}.{name}" for name in ("top_k", "thinking", "output_config", "anthropic_beta")},
    "additional_model_request_fields": _MORE,
}
