"""Build the body of a chat completion from context and options."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, Literal

from ....pipeline.http.request import Request
from ....schemas.dict_form import LOOSE
from ....schemas.message import Message
from ....schemas.model import Model
from ....schemas.parts import MEDIA, Audio, File, Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall, Video
from ....schemas.tool import Tool, chosen_name
from ..calls import error_as_text, sent_arguments
from ..fields import given, own_block, own_fields
from ..media import Media, address, file_name, inline, unsendable
from .places import NAME

OPTIONS = frozenset(
    (
        "temperature",
        "top_p",
        "max_tokens",
        "stop",
        "seed",
        "n",
        "presence_penalty",
        "frequency_penalty",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "reasoning_effort",
        "response_format",
        "verbosity",
        "prompt_cache_key",
        "service_tier",
        "user",
        "metadata",
        "modalities",
        "audio",
        "store",
    )
)


Encode = Callable[[Iterable[Message]], list[dict[str, Any]]]
Takes = Literal["usual", "file_urls", "images"]


def build_body(
    request: Request,
    *,
    usage_in_stream: bool = True,
    replay: str | None = None,
    takes: Takes = "usual",
    messages: Encode | None = None,
    cache_marks: bool = False,
) -> dict[str, Any]:
    """Build the body.

    request: the request
    usage_in_stream: False for servers that refuse `stream_options`
    replay: the message field in which a provider wants the reasoning of earlier turns, of any model (DeepSeek:
        `reasoning_content`; default: the field that the model's row in the catalog names)
    takes: "file_urls" for servers that fetch documents, which OpenAI does not; "images" for those that take no other
        media
    messages: encodes the messages, for a format that has its own
    cache_marks: True for servers that take `prompt_cache` as marks in the messages
    """
    conversation = request.context.messages
    if replay is None:
        replay = request.model.facts.get("interleaved")
    encoded = encode_messages(conversation, replay, takes) if messages is None else messages(conversation)
    body: dict[str, Any] = {"model": request.model.id, "messages": encoded}
    options = request.options
    if options:
        body.update(options)
        for name in _ENCODED.keys() & options.keys():
            body[name] = _ENCODED[name](options[name])
    if request.context.tools and "tools" not in options:
        body["tools"] = encode_tools(request.context.tools)
    if "tools" in body and not body["tools"]:
        del body["tools"]
    if cache_marks and (cached := body.pop("prompt_cache", None)):
        _mark_for_cache(encoded, cached)
    if request.stream:
        body["stream"] = True
        if usage_in_stream:
            body["stream_options"] = {"include_usage": True, **body.get("stream_options", {})}
    return body


def _mark_for_cache(messages: list[dict[str, Any]], value: object) -> None:
    """Mark, for the provider's cache, the last system message and the last one of the user or a tool.

    What ends there comes again in the next call.
    """
    mark = {"cache_control": {"type": "ephemeral", "ttl": "1h"} if value == "1h" else {"type": "ephemeral"}}
    for roles in (("system", "developer"), ("user", "tool")):
        last = next((each for each in reversed(messages) if each["role"] in roles and each["content"]), None)
        if last is not None:
            said = last["content"]
            blocks = [{"type": "text", "text": said}] if isinstance(said, str) else said
            last["content"] = [*blocks[:-1], {**blocks[-1], **mark}]


def body_with(
    *, usage_in_stream: bool = True, replay: str | None = None, takes: Takes = "usual", cache_marks: bool = False
) -> Callable[[Request], dict[str, Any]]:
    """Make a `build_body` with a provider's quirks, for its declaration; see `build_body` for the arguments."""
    return partial(build_body, usage_in_stream=usage_in_stream, replay=replay, takes=takes, cache_marks=cache_marks)


def with_plain_texts(body: dict[str, Any]) -> dict[str, Any]:
    """Write the text of each message as a string, also that of a list of texts, for servers that take no list."""
    for turn in body["messages"]:
        content = turn["content"]
        if isinstance(content, list) and all(block.keys() == {"type", "text"} for block in content):
            turn["content"] = "\n".join(block["text"] for block in content)
    return body


def replaying(field: str, takes: Takes = "usual") -> Mapping[str, Any]:
    """Make the steps of a provider that wants the reasoning of earlier turns, of any model, in this message field.

    takes: see build_body
    """

    def replays_text(part: Part, model: Model) -> bool:
        return (isinstance(part, Reasoning) and bool(part.text)) or accepts_part(part, model)

    return {"build_body": body_with(replay=field, takes=takes), "accepts_part": replays_text}


def accepts_part(part: Part, model: Model) -> bool:
    if isinstance(part, Reasoning):
        return bool(_details(part) or (part.text and model.facts.get("interleaved")))
    return isinstance(part, Audio) and part.file_id is not None


def _details(part: Reasoning) -> list[Any] | None:
    """Return the blocks of reasoning that gateways want back; a message in dict form may have brought them."""
    extra = part.extra
    return (extra.get(NAME) or extra.get(LOOSE) or {}).get("reasoning_details") if extra else None


def encode_messages(
    messages: Iterable[Message], replay: str | None = None, takes: Takes = "usual"
) -> list[dict[str, Any]]:
    """Encode the messages in order. Media in tool results follow in a user message: the format has no other place.

    messages: the messages
    replay: see build_body
    takes: see build_body
    """
    encoded: list[dict[str, Any]] = []
    media: list[Part] = []
    for message in messages:
        if media and message.role != "tool":
            encoded.append({"role": "user", "content": _content(tuple(media), takes)})
            media = []
        if message.role == "tool":
            if message.is_error:
                message = error_as_text(message)
            media += [part for part in message.content if isinstance(part, MEDIA)]
            encoded.append({"role": "tool", "tool_call_id": message.tool_call_id, "content": message.text})
        elif message.role == "assistant":
            encoded.append(encode_answer(message, replay))
        else:
            name, parts = {"name": message.name} if message.name else {}, message.content
            content = (  # text alone, as most often, without a call
                parts[0].text
                if len(parts) == 1 and type(parts[0]) is Text and not parts[0].extra
                else _content(parts, takes)
            )
            encoded.append({"role": message.role, "content": content, **name})
    if media:
        encoded.append({"role": "user", "content": _content(tuple(media), takes)})
    return encoded


def encode_answer(message: Message, replay: str | None = None) -> dict[str, Any]:
    """Encode an assistant message to be sent back.

    message: the message
    replay: see build_body
    """
    # A refusal is sent back as text: few servers besides OpenAI know its field, and some refuse it.
    text = "".join(part.text for part in message.content if isinstance(part, Text | Refusal))
    turn: dict[str, Any] = {"role": "assistant", "content": text or None}
    if message.name:
        turn["name"] = message.name
    calls = [_call(part) for part in message.content if isinstance(part, ToolCall)]
    if calls:
        turn["tool_calls"] = calls
    if replay and (reasoning := message.reasoning):
        turn[_TEXT_FIELDS.get(replay, replay)] = reasoning
    for part in message.content:
        if isinstance(part, Reasoning) and (details := _details(part)):
            # Without exactly these blocks, tool use after thinking fails at gateways.
            turn["reasoning_details"] = details
        if isinstance(part, Audio) and part.file_id:
            turn["audio"] = {"id": part.file_id}
    if turn["content"] is None and not calls and "audio" not in turn:
        turn["content"] = ""
    return turn


_TEXT_FIELDS: Mapping[object, str] = {"reasoning_details": "reasoning", True: "reasoning_content"}
"""The field for the text of the reasoning, where a row names one for other blocks, or none.

https://openrouter.ai/docs/use-cases/reasoning-tokens#preserving-reasoning
"""


def _call(call: ToolCall) -> dict[str, Any]:
    extra = call.extra.get(NAME, {})
    if extra.get("type") == "custom":
        return {"id": call.id, "type": "custom", "custom": {"name": call.name, "input": call.arguments_json}}
    function = {"name": call.name, "arguments": sent_arguments(call)}
    return {"id": call.id, "type": "function", "function": function, **extra}


def _content(parts: tuple[Part, ...], takes: Takes) -> str | list[dict[str, Any]]:
    return [block for part in parts if (block := _block(part, takes)) is not None] if parts else ""


def _block(part: Part, takes: Takes) -> dict[str, Any] | None:
    match part:
        case Text():
            return {"type": "text", "text": part.text, **own_fields(part, NAME)}
        case Image() | File() | Audio() | Video():
            return {**_media(part, takes), **own_fields(part, NAME)}
        case Opaque():
            return own_block(part, NAME)
        case _:
            return {"type": "text", "text": part.text} if isinstance(part, Refusal) else None


def _media(part: Media, takes: Takes) -> dict[str, Any]:
    """Encode media.

    Raises NotSupported for what the format cannot hold: media by file id except documents, audio by URL, and documents
    by URL (https://platform.openai.com/docs/guides/pdf-files) where the provider does not fetch them.
    """
    if takes == "images" and not isinstance(part, Image):
        raise unsendable(part, "This provider's chat", "text and images")
    if isinstance(part, File):
        if part.file_id:
            return {"type": "file", "file": {"file_id": part.file_id}}
        if takes == "usual" and inline(part) is None:
            raise unsendable(part, "A chat completion", "files as bytes and by id; OpenAI's responses take URLs")
        return {"type": "file", "file": {"filename": file_name(part), "file_data": address(part)}}
    if part.file_id is not None:
        raise unsendable(part, "A chat completion", "bytes and URLs, and files by id")
    if isinstance(part, Image):
        return {"type": "image_url", "image_url": given(url=address(part), detail=part.detail or None)}
    if isinstance(part, Video):
        return {"type": "video_url", "video_url": {"url": address(part)}}
    if (inlined := inline(part)) is None:
        raise unsendable(part, "A chat completion", "audio as bytes")
    kind = inlined[0].partition("/")[2].removeprefix("x-").replace("mpeg", "mp3")
    return {"type": "input_audio", "input_audio": {"data": inlined[1], "format": kind}}


def encode_tools(tools: Iterable[Tool]) -> list[dict[str, Any]]:
    """Encode tools as functions; a provider's own tool stays as it is."""
    return [dict(tool.server) if tool.server is not None else _function(tool) for tool in tools]


def _function(tool: Tool) -> dict[str, Any]:
    optional = given(description=tool.description or None, strict=tool.strict)
    return {"type": "function", "function": {"name": tool.name, "parameters": tool.parameters, **optional}}


def encode_tool_choice(choice: object) -> object:
    """Encode a tool choice: `auto`, `none` and `required` as they are, a tool's name as OpenAI's object."""
    if (name := chosen_name(choice)) is not None:
        return {"type": "function", "function": {"name": name}}
    return {"any": "required"}.get(choice, choice) if isinstance(choice, str) else choice


def encode_response_format(response_format: object) -> object:
    """Encode `text` and `json`; anything else is OpenAI's own object."""
    return _FORMATS.get(response_format, response_format) if isinstance(response_format, str) else response_format


_FORMATS = {"text": {"type": "text"}, "json": {"type": "json_object"}}


_ENCODED: Mapping[str, Callable[[Any], Any]] = {
    "tools": encode_tools,
    "tool_choice": encode_tool_choice,
    "response_format": encode_response_format,
}
