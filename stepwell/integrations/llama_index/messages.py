"""LlamaIndex's messages as stepwell's, and stepwell's replies as LlamaIndex's responses.

What LlamaIndex has no block for (signatures, a provider's own blocks) rides along whole in
`additional_kwargs["stepwell"]`, and is taken from there as long as nobody has changed the blocks beside it.
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

from ...schemas.errors import ConfigError
from ...schemas.json_text import dumps
from ...schemas.message import Context, Message, Role
from ...schemas.parts import Audio, File, Image, Part, Reasoning, Refusal, Text, ToolCall, Video
from ...schemas.reply import Reply

OURS = "stepwell"
CALLS = "tool_calls"
"""Where LlamaIndex's older integrations kept the calls, and its programs and chat engines still look for them:
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
    """Raises ConfigError for a block that cannot be sent to a model."""
    return [_kept(message) or _message(message) for message in messages]


def _kept(message: ChatMessage) -> Message | None:
    """The message as the model said it, if this is still what it said."""
    stored = message.additional_kwargs.get(OURS)
    if not isinstance(stored, str):
        return None
    (said,) = Context.from_json(stored).messages
    return said if blocks_of(said) == message.blocks else None


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
    given = block.tool_kwargs
    text = given if isinstance(given, str) else dumps(given).decode()
    return ToolCall(block.tool_call_id or "", block.tool_name, text)


def _old_call(call: Any) -> ToolCall:
    """A call of a history from before LlamaIndex had blocks for them: a dict, or an object of the openai package."""
    given = call if isinstance(call, Mapping) else call.model_dump()
    return ToolCall(given["id"], given["function"]["name"], given["function"]["arguments"])


def _thought(block: ThinkingBlock) -> Reasoning:
    signature = block.additional_information.get("signature")
    return Reasoning(block.content or "", signature=signature, wire="anthropic_messages" if signature else None)


def _source(url: Any, resolve: Callable[[], Any], media_type: str | None) -> dict[str, Any]:
    """The arguments of a part. An address goes to the provider as it is; what is here is read here."""
    if url and not str(url).startswith("data:"):
        return {"url": str(url), "media_type": media_type}
    return {"data": resolve().read(), "media_type": media_type}


def _document(block: DocumentBlock) -> File:
    source = _source(block.url, block.resolve_document, block.document_mimetype)
    return File(**source, filename=block.title)


def _audio(block: AudioBlock) -> Audio:
    return Audio(**_source(block.url, block.resolve_audio, f"audio/{block.format}" if block.format else None))


def _citable(block: CitableBlock) -> Text:
    texts = [each.text for each in block.content if isinstance(each, TextBlock)]
    if len(texts) < len(block.content):
        raise ConfigError("a CitableBlock can be sent with text only", hint="put its media beside it")
    return Text("\n".join(texts))


# A mark for the provider's cache (CachePoint) has no part of its own: stepwell's option is prompt_cache.
_PARTS: Mapping[type, Callable[[Any], Part | None]] = {
    TextBlock: lambda block: Text(block.text),
    ImageBlock: lambda block: Image(
        **_source(block.url, block.resolve_image, block.image_mimetype), detail=block.detail
    ),
    AudioBlock: _audio,
    VideoBlock: lambda block: Video(**_source(block.url, block.resolve_video, block.video_mimetype)),
    DocumentBlock: _document,
    ThinkingBlock: _thought,
    ToolCallBlock: _call,
    CitableBlock: _citable,
    CitationBlock: lambda block: None,  # what the model cited stands in its text
}


def chat_message_of(said: Message) -> ChatMessage:
    """The model's message. Tool calls are blocks, with the arguments as text where they are no JSON object."""
    message = ChatMessage(role=MessageRole.ASSISTANT, blocks=blocks_of(said))
    if _message(message) != said:
        message.additional_kwargs[OURS] = Context((said,)).to_json().decode()
    if calls := said.tool_calls:
        message.additional_kwargs[CALLS] = [called(call.id, call.name, call.arguments_json) for call in calls]
    return message


def called(id: str, name: str, arguments_json: str) -> dict[str, Any]:
    """A call in the form of OpenAI's chat API, from which parts of LlamaIndex tell that there are calls."""
    return {"id": id, "type": "function", "function": {"name": name, "arguments": arguments_json}}


def with_one_call(message: ChatMessage) -> ChatMessage:
    """The model's message without any tool call but the first."""
    said = _kept(message) or _message(message)
    others = {id(call) for call in said.tool_calls[1:]}
    kept = [part for part in said.content if id(part) not in others]
    return chat_message_of(evolve(said, content=kept)) if others else message


def blocks_of(said: Message) -> list[ContentBlock]:
    """The message as far as LlamaIndex has words for it."""
    blocks: list[ContentBlock] = []
    for part in said.content:
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
            given = part.arguments_json if arguments is None else arguments
            return ToolCallBlock(tool_call_id=part.id, tool_name=part.name, tool_kwargs=given)
        case Image():
            return ImageBlock(image=part.data, url=part.url, image_mimetype=part.media_type)
        case Audio():
            return AudioBlock(audio=part.data, url=part.url, format=part.sent_type.partition("/")[2])
    return None


def response_of(reply: Reply) -> ChatResponse:
    """The whole answer. `raw` is the provider's body as far as there is one, with the usage in it under the names that
    LlamaIndex's token counter reads; `additional_kwargs` has the rest of what is known."""
    counts = {"prompt_tokens": reply.usage.input_tokens or 0, "completion_tokens": reply.usage.output_tokens or 0}
    raw = {**(reply.raw if isinstance(reply.raw, Mapping) else {}), "usage": counts}
    return ChatResponse(message=chat_message_of(reply.message), raw=raw, additional_kwargs=llama_index_metadata(reply))


def llama_index_metadata(reply: Reply) -> dict[str, Any]:
    """Usage, finish reason and so on; what is not known is left out. `cost` is US dollars, as a string."""
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
