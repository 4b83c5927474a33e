"""Encode messages in Mistral's form of a chat completion.

It differs from OpenAI's: files and audio have another form, tool results hold images, a user message may not follow a
tool message (error 3230), an empty answer is refused, thinking is sent back to models that think, and a last assistant
message, which the model continues, needs `prefix`. https://docs.mistral.ai/api,
https://docs.mistral.ai/capabilities/reasoning, https://github.com/mistralai/mistral-common/issues/169
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Any

from ....pipeline.http.request import Request
from ....schemas.message import Message
from ....schemas.model import Model
from ....schemas.parts import Audio, File, Image, Opaque, Part, Reasoning, Refusal, Text, Video
from ..calls import error_as_text
from ..fields import given, own_block
from ..media import address, inline, unsendable
from ..openai_chat.encode import build_body as build_chat_body
from ..openai_chat.encode import encode_answer
from ..openai_chat.places import NAME
from ..turns import BRIDGE_TEXT

_BRIDGE = {"role": "assistant", "content": BRIDGE_TEXT}
"""Sent between tool results and a user message."""


def build_body(request: Request) -> dict[str, Any]:
    messages = partial(encode_messages, model=request.model)
    return build_chat_body(request, usage_in_stream=False, messages=messages)


def accepts_part(part: Part, model: Model) -> bool:
    return isinstance(part, Reasoning) and bool(part.text) and model.reasoning is not False


def encode_messages(messages: Iterable[Message], model: Model) -> list[dict[str, Any]]:
    """Encode the messages in order. Raises NotSupported for video, and for images and audio by file id."""
    encoded: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "assistant":
            if (answer := _answer(message, model)).get("content") or "tool_calls" in answer:
                encoded.append(answer)
            continue
        if message.role != "tool" and encoded and encoded[-1]["role"] == "tool":
            encoded.append(_BRIDGE)
        if message.is_error:
            message = error_as_text(message)
        id = {"tool_call_id": message.tool_call_id} if message.role == "tool" else {}
        encoded.append({"role": message.role, "content": _content(message.content), **id})
    if encoded and encoded[-1]["role"] == "assistant" and not encoded[-1].get("tool_calls"):
        encoded[-1] = {**encoded[-1], "prefix": True}
    return encoded


def _answer(message: Message, model: Model) -> dict[str, Any]:
    answer = encode_answer(message)
    answer.pop("reasoning_details", None)
    answer.pop("audio", None)
    answer.pop("name", None)
    thoughts = [part.text for part in message.content if isinstance(part, Reasoning) and accepts_part(part, model)]
    if thoughts:
        thinking = {"type": "thinking", "thinking": [{"type": "text", "text": "".join(thoughts)}]}
        text = [{"type": "text", "text": answer["content"]}] if answer["content"] else []
        answer["content"] = [thinking, *text]
    return answer


def _content(parts: tuple[Part, ...]) -> Any:
    if all(isinstance(part, Text | Refusal) for part in parts):
        return "".join(part.text for part in parts if isinstance(part, Text | Refusal))
    return [block for part in parts if (block := _block(part)) is not None]


def _block(part: Part) -> dict[str, Any] | None:
    match part:
        case Text() | Refusal():
            return {"type": "text", "text": part.text} if part.text else None
        case File() if part.file_id is not None:
            return {"type": "file", "file_id": part.file_id}
        case File():
            return given(type="document_url", document_url=address(part), document_name=part.filename or None)
        case Image() if part.file_id is None:
            return {"type": "image_url", "image_url": given(url=address(part), detail=part.detail or None)}
        case Audio() if part.file_id is None:
            inlined = inline(part)
            return {"type": "input_audio", "input_audio": inlined[1] if inlined else part.url}
        case Image() | Audio() | Video():
            raise unsendable(part, "Mistral's chat", "text, images, audio and files, by URL or as bytes")
        case Opaque():
            return own_block(part, NAME)
        case _:
            return None
