"""Convert LangChain's messages to stepwell's.

Content blocks may have the form of LangChain's standard, of OpenAI, of Anthropic, or of Google; LangChain itself
rewrites the forms of its older versions before a chat model sees them. What `outgoing` wrote is restored unchanged.
https://docs.langchain.com/oss/python/langchain/messages#standard-content-blocks
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import unquote_to_bytes

from langchain_core.messages import AIMessage, BaseMessage, ChatMessage, ToolMessage

from ...schemas.errors import ConfigError
from ...schemas.json_text import dumps
from ...schemas.message import Message, Role
from ...schemas.parts import Audio, File, Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall, Video
from .server_tools import part_of, with_noted_citations

OURS = "stepwell"
"""Key in a block's `extras` or a message's `additional_kwargs` for what LangChain has no field for."""
Block = Mapping[str, Any]

_ROLES: Mapping[str, Role] = {
    "system": "system",
    "developer": "system",
    "human": "user",
    "user": "user",
    "ai": "assistant",
    "assistant": "assistant",
    "AIMessageChunk": "assistant",
}


def messages_from_langchain(messages: Iterable[BaseMessage]) -> list[Message]:
    """Convert messages. Raises ConfigError for a role or a content block that cannot be sent to a model."""
    return [_message(message) for message in messages]


def _message(message: BaseMessage) -> Message:
    if isinstance(message, ToolMessage):
        failed = message.status == "error"
        return Message("tool", _content(message), message.tool_call_id, message.name, failed)
    if isinstance(message, AIMessage):
        return Message("assistant", _parts(message), name=message.name, model=_author(message))
    role = _ROLES.get(message.role if isinstance(message, ChatMessage) else message.type.removesuffix("MessageChunk"))
    if role is None:
        raise ConfigError(
            f"a {type(message).__name__} of type {message.type!r} cannot be sent to a model",
            hint="use a system, human, AI or tool message",
        )
    return Message(role, _content(message), name=message.name)


def _author(message: AIMessage) -> str | None:
    """Return the model that wrote it, as `provider:model-id`; None if another adapter did, which uses other names."""
    metadata = message.response_metadata
    return metadata.get("model_name") if "served_model" in metadata else None


def _content(message: BaseMessage) -> list[Part]:
    return [_part(block) for block in _blocks(message)]


def _blocks(message: BaseMessage) -> list[Block]:
    content = message.content
    blocks: Sequence[Any] = [content] if isinstance(content, str) else content
    return [{"type": "text", "text": block} if isinstance(block, str) else block for block in blocks if block]


def _parts(message: AIMessage) -> list[Part]:
    """Return the parts of an answer in the order in which the model wrote them, as far as the message has it."""
    ours = message.additional_kwargs.get(OURS, {})
    notes, extra = ours.get("calls", {}), ours.get("text", {})
    indexed: list[tuple[float, Part]] = []
    index: float = 0
    in_blocks: set[str | None] = set()
    for block in _blocks(message):
        note = notes.get(block.get("id") or "", {}) if block["type"] in _CALLS else {}
        own = note.get("index", block.get("index"))
        index = own if isinstance(own, int) else index
        if block["type"] in _CALLS:
            in_blocks.add(block.get("id"))
            indexed.append((index, _call(block, notes)))
        elif block["type"] not in _PIECES:
            indexed.append((index, _answer_part(block)))
    for call in (*message.tool_calls, *message.invalid_tool_calls):
        if call["id"] not in in_blocks:
            index = notes.get(call["id"] or "", {}).get("index", float("inf"))
            indexed.append((index, _call(call, notes)))
    if refusal := message.additional_kwargs.get("refusal"):
        indexed.append((index, Refusal(refusal)))
    parts = [part for _, part in sorted(indexed, key=lambda pair: pair[0])]
    parts = _with_extra(parts, extra) if extra else parts
    return with_noted_citations(parts, ours["citations"]) if ours.get("citations") else parts


def _with_extra(parts: list[Part], extra: Mapping[str, Any]) -> list[Part]:
    """Return the parts with `extra` on the first text, which is a plain string in LangChain and cannot hold it."""
    for at, part in enumerate(parts):
        if isinstance(part, Text):
            return [*parts[:at], Text(part.text, extra), *parts[at + 1 :]]
    return [Text("", extra), *parts]


_CALLS = frozenset(("tool_call", "tool_use", "function_call"))
# Pieces of calls that are complete in `tool_calls`.
_PIECES = frozenset(("tool_call_chunk", "input_json_delta", "invalid_tool_call"))


def _call(call: Mapping[str, Any], notes: Mapping[str, Any]) -> ToolCall:
    arguments = call.get("args", call.get("input"))
    text = arguments if isinstance(arguments, str) else dumps(arguments or {}).decode()
    note = notes.get(call.get("id") or "", {})
    return ToolCall(call.get("id") or "", call.get("name") or "", note.get("arguments", text), note.get("extra", {}))


def _answer_part(block: Block) -> Part:
    """Convert a block as `_part` does, but carry a block of an unknown type along as Opaque.

    Only its provider understands it; for another one it is left out with a warning.
    """
    return _part(block) if block["type"] in _PARTS else Opaque("langchain", dict(block))


def _part(block: Block) -> Part:
    make = _PARTS.get(block.get("type", ""))
    if make is None:
        raise ConfigError(
            f"a content block of type {block.get('type')!r} cannot be sent to a model",
            hint=f"use one of {', '.join(_PARTS)}",
        )
    try:
        return make(block)
    except KeyError as error:
        raise ConfigError(
            f"a content block of type {block['type']!r} has no {error}", hint="see LangChain's content blocks"
        ) from None


def _ours(block: Block) -> dict[str, Any]:
    return dict(block.get("extras", {}).get(OURS, {}))


def _text(block: Block) -> Part:
    ours = _ours(block)
    if (opaque := ours.get("opaque")) and (own := part_of(opaque)) is not None:
        return own
    extra = ours.get("extra", {})
    if cached := block.get("cache_control"):
        # Anthropic's own mark, which may also be in LangChain's blocks.
        extra = {**extra, "anthropic_messages": {**extra.get("anthropic_messages", {}), "cache_control": cached}}
    return Text(block["text"], extra)


def _reasoning(block: Block) -> Reasoning:
    if block["type"] == "redacted_thinking":
        return Reasoning(encrypted=block["data"], wire="anthropic_messages")
    if block["type"] == "thinking":
        signature = block.get("signature")
        return Reasoning(block["thinking"], signature=signature, wire="anthropic_messages" if signature else None)
    summary = "\n\n".join(item["text"] for item in block.get("summary") or ())  # the form of OpenAI's responses
    return Reasoning(block.get("reasoning") or summary, **_ours(block))


def _image(block: Block) -> Image:
    if block["type"] == "image_url":
        image = block["image_url"]
        image = image if isinstance(image, Mapping) else {"url": image}
        return Image(**_source({"url": image["url"]}), detail=image.get("detail"))
    return Image(**_source(block), detail=block.get("extras", {}).get("detail"))


def _file(block: Block) -> File:
    return File(**_source(block))


def _media(block: Block) -> Part:
    """Convert a "media" block of langchain-google-genai, which is a part of any kind, by its MIME type."""
    kinds: dict[str, Callable[..., Part]] = {"image": Image, "audio": Audio, "video": Video}
    kind = kinds.get(block["mime_type"].partition("/")[0], File)
    return kind(**_source({**block, "url": block.get("file_uri")}))


def _source(block: Block) -> dict[str, Any]:
    """Return the arguments of a part that has bytes, a URL or a provider's file."""
    flat = {**block.get("source", {}), **block}  # Anthropic nests these fields under "source"
    extras = block.get("extras", {})
    source: dict[str, Any] = {
        "media_type": flat.get("mime_type") or flat.get("media_type"),
        "filename": flat.get("filename") or flat.get("title") or extras.get("filename"),
        "extra": _ours(block).get("extra", {}),
    }
    data, url = flat.get("base64") or flat.get("data"), flat.get("url")
    if data and block.get("source", {}).get("type") == "text":
        return source | {"data": data.encode()}
    if url and url.startswith("data:"):
        head, _, data = url.removeprefix("data:").partition(",")
        source["media_type"] = head.partition(";")[0] or None
        return source | {"data": _decode_base64(data) if head.endswith(";base64") else unquote_to_bytes(data)}
    if data:
        return source | {"data": _decode_base64(data)}
    return source | ({"url": url} if url else {"file_id": flat.get("file_id")})


def _decode_base64(data: str | bytes) -> bytes:
    try:
        return b64decode("".join(data.split()) if isinstance(data, str) else data, validate=True)
    except (ValueError, TypeError):
        raise ConfigError("the data of a content block is not base64", hint="base64.b64encode(data).decode()") from None


def _opaque(block: Block) -> Part:
    value = block["value"]
    if (own := part_of(value)) is not None:
        return own
    return _answer_part(value) if "type" in value else Opaque("langchain", dict(value))


_PARTS: Mapping[str, Callable[[Block], Part]] = {
    "text": _text,
    "input_text": _text,
    "output_text": _text,
    "text-plain": lambda block: Text(block["text"]) if "text" in block else _file(block),
    "image": _image,
    "image_url": _image,
    "audio": lambda block: Audio(
        **_source(block), transcript=block.get("transcript") or _ours(block).get("transcript")
    ),
    "input_image": lambda block: Image(**_source({**block, "url": block.get("image_url")}), detail=block.get("detail")),
    "input_file": lambda block: File(**_source({**block, "url": block.get("file_data") or block.get("file_url")})),
    "media": _media,
    "file": _file,
    "document": _file,
    "video": lambda block: Video(**_source(block)),
    "reasoning": _reasoning,
    "thinking": _reasoning,
    "redacted_thinking": _reasoning,
    "refusal": lambda block: Refusal(block["refusal"]),
    "non_standard": _opaque,
}
