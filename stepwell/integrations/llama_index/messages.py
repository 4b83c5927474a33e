"""Convert LlamaIndex's messages to stepwell's, and stepwell's replies to LlamaIndex's responses.

A message with what LlamaIndex has no block for (signatures, a provider's own blocks) is stored as a whole in
`additional_kwargs["stepwell"]`, and restored from there unless its blocks have been changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from attrs import evolve
from llama_index.core.base.llms.types import (
    AudioBlock,
    ChatMessage,
    ChatResponse,
    CitableBlock,
    CitationBlock,
    ContentBlock,
    DocumentBlock,
    ImageBlock,
    MessageRole,
    TextBlock,
    ThinkingBlock,
    ToolCallBlock,
    VideoBlock,
)
from pydantic import BaseModel

from ...schemas.errors import ConfigError
from ...schemas.json_text import dumps
from ...schemas.message import Context, Message, Role
from ...schemas.parts import Audio, File, Image, Part, Reasoning, Refusal, Text, ToolCall, Video
from ...schemas.reply import Reply

OURS = "stepwell"
CALLS = "tool_calls"
"""Key under which LlamaIndex's older integrations kept the calls, and its programs and chat engines still look:
https://github.com/run-llama/llama_index/blob/main/llama-index-core/llama_index/core/program/utils.py"""

_ROLES: Mapping[MessageRole, Role] = {
    MessageRole.SYSTEM: "system",
    MessageRole.DEVELOPER: "system",
    MessageRole.USER: "user",
    MessageRole.ASSISTANT: "assistant",
    MessageRole.CHATBOT: "assistant",
    MessageRole.MODEL: "assistant",
    MessageRole.TOOL: "tool",
    MessageRole.FUNCTION: "tool",
}


def messages_from_llama_index(messages: Iterable[ChatMessage]) -> list[Message]:
    """Convert messages. Raises ConfigError for a block that cannot be sent to a model."""
    return [_stored_message(message) or _message(message) for message in messages]


def _stored_message(message: ChatMessage) -> Message | None:
    """Return the stored message of the model; None without one, or if its blocks have been changed since."""
    stored = message.additional_kwargs.get(OURS)
    if not isinstance(stored, str):
        return None
    (original,) = Context.from_json(stored).messages
    return original if blocks_of(original) == message.blocks else None


def _message(message: ChatMessage) -> Message:
    more = message.additional_kwargs
    parts = [part for block in message.blocks if (part := _part(block)) is not None]
    if not any(isinstance(part, ToolCall) for part in parts) and _ROLES[message.role] == "assistant":
        parts += [_old_call(call) for call in more.get(CALLS) or ()]
    return Message(_ROLES[message.role], parts, more.get("tool_call_id"), more.get("name"))


def _part(block: ContentBlock) -> Part | None:
    make = _PARTS.get(type(block))
    if make is None:
        raise ConfigError(f"a {type(block).__name__} cannot be sent to a model", hint="use text, media or tool calls")
    return make(block)


def _call(block: ToolCallBlock) -> ToolCall:
    arguments = block.tool_kwargs
    text = arguments if isinstance(arguments, str) else dumps(arguments).decode()
    return ToolCall(block.tool_call_id or "", block.tool_name, text)


def _old_call(call: Mapping[str, Any] | BaseModel) -> ToolCall:
    """Convert a call of the time before LlamaIndex had blocks for them: a dict, or an object of the openai package."""
    fields = call if isinstance(call, Mapping) else call.model_dump()
    return ToolCall(fields["id"], fields["function"]["name"], fields["function"]["arguments"])


def _reasoning(block: ThinkingBlock) -> Reasoning:
    signature = block.additional_information.get("signature")
    return Reasoning(block.content or "", signature=signature, wire="anthropic_messages" if signature else None)


def _source(url: object, resolve: Callable[[], Any], media_type: str | None) -> dict[str, Any]:
    """Return the arguments of a part.

    url: an address, which the provider gets unchanged; a `data:` URL and None mean the block's own bytes.
    resolve: opens the block's bytes.
    media_type: the MIME type, if it is known.
    """
    if url and not str(url).startswith("data:"):
        return {"url": str(url), "media_type": media_type}
    return {"data": resolve().read(), "media_type": media_type}


def _citable(block: CitableBlock) -> Text:
    texts = [inner.text for inner in block.content if isinstance(inner, TextBlock)]
    if len(texts) < len(block.content):
        raise ConfigError(
            "a CitableBlock can only be sent with text", hint="put its media into blocks of their own, beside it"
        )
    return Text("\n".join(texts))


# CachePoint, a mark for the provider's cache, is not supported: use stepwell's option prompt_cache.
_PARTS: Mapping[type, Callable[[Any], Part | None]] = {
    TextBlock: lambda block: Text(block.text),
    ImageBlock: lambda block: Image(
        **_source(block.url, block.resolve_image, block.image_mimetype), detail=block.detail
    ),
    AudioBlock: lambda block: Audio(
        **_source(block.url, block.resolve_audio, f"audio/{block.format}" if block.format else None)
    ),
    VideoBlock: lambda block: Video(**_source(block.url, block.resolve_video, block.video_mimetype)),
    DocumentBlock: lambda block: File(
        **_source(block.url, block.resolve_document, block.document_mimetype), filename=block.title
    ),
    ThinkingBlock: _reasoning,
    ToolCallBlock: _call,
    CitableBlock: _citable,
    CitationBlock: lambda block: None,  # the cited text is also in the answer's text
}


def chat_message_of(message: Message) -> ChatMessage:
    """Convert a message of the model. Tool calls become blocks; arguments that are not a JSON object stay text."""
    converted = ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks_of(message))
    if _message(converted) != message:
        converted.additional_kwargs[OURS] = Context((message,)).to_json()
    if calls := message.tool_calls:
        converted.additional_kwargs[CALLS] = [call_dict(call.id, call.name, call.arguments_json) for call in calls]
    return converted


def call_dict(id: str, name: str, arguments_json: str) -> dict[str, Any]:
    """Write a call in the form of OpenAI's chat API, by which parts of LlamaIndex notice that there are calls.

    id: the call's id.
    name: the tool's name.
    arguments_json: the arguments as JSON text.
    """
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments_json}}


def with_one_call(message: ChatMessage) -> ChatMessage:
    """Return the model's message without any tool call but the first."""
    original = _stored_message(message) or _message(message)
    others = {id(call) for call in original.tool_calls[1:]}
    parts = [part for part in original.content if id(part) not in others]
    return chat_message_of(evolve(original, content=parts)) if others else message


def blocks_of(message: Message) -> list[ContentBlock]:
    """Convert those parts of a message that LlamaIndex has blocks for."""
    blocks: list[ContentBlock] = []
    for part in message.content:
        block = _block(part)
        before = blocks[-1] if blocks else None
        if isinstance(block, TextBlock) and isinstance(before, TextBlock):
            blocks.pop()  # ChatMessage.content would put a line break between the two
            block = TextBlock(text=before.text + block.text)
        if block is not None:
            blocks.append(block)
    return blocks


def _block(part: Part) -> Any:
    match part:
        case Text() | Refusal():
            return TextBlock(text=part.text)
        case Reasoning():
            return ThinkingBlock(content=part.text)
        case ToolCall():
            arguments = part.arguments
            kwargs = part.arguments_json if arguments is None else arguments
            return ToolCallBlock(tool_call_id=part.id, tool_name=part.name, tool_kwargs=kwargs)
        case Image():
            return ImageBlock(image=part.data, url=part.url, image_mimetype=part.media_type)
        case Audio():
            return AudioBlock(audio=part.data, url=part.url, format=part.sent_type.partition("/")[2])
    return None


def response_of(reply: Reply) -> ChatResponse:
    """Convert a reply.

    `raw` is the provider's body if there is one, with the usage under the names that LlamaIndex's token counter reads;
    `additional_kwargs` are the metadata.
    """
    counts = {"prompt_tokens": reply.usage.input_tokens or 0, "completion_tokens": reply.usage.output_tokens or 0}
    raw = {**(reply.raw if isinstance(reply.raw, Mapping) else {}), "usage": counts}
    return ChatResponse(message=chat_message_of(reply.message), raw=raw, additional_kwargs=llama_index_metadata(reply))


def llama_index_metadata(reply: Reply) -> dict[str, Any]:
    """Return usage, finish reason and the like, without what is unknown. `cost` is US dollars, as a string."""
    usage, cost = reply.usage, reply.cost.total
    facts = {
        **reply.metadata,
        "prompt_tokens": usage.input_tokens,
        "completion_tokens": usage.output_tokens,
        "total_tokens": usage.total_tokens,
        "finish_reason": reply.finish_reason,
        "model": reply.model,
        "id": reply.id,
        "request_id": reply.request_id,
        "warnings": [str(warning) for warning in reply.warnings],
        "cost": None if cost is None else str(cost),
    }
    return {name: value for name, value in facts.items() if value not in (None, [])}
