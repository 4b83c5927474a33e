"""Messages in Mistral's form of a chat completion.

Where it differs from OpenAI's: files and sounds have another form, results of tools hold pictures, a user may not speak
right after a tool (error 3230), and an answer that is begun for the model must say that it is.
https://docs.mistral.ai/api, https://github.com/mistralai/mistral-common/issues/169
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ....schemas.message import Message
from ....schemas.parts import Audio, File, Image, Part, Refusal, Text, Video
from ..media import address, inline, unsendable
from ..openai_chat.encode import encode_answer

BRIDGE = {"role": "assistant", "content": "OK"}
"""Stands between the results of tools and what the user says to them; nothing shorter is taken."""


def encode_messages(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """The messages in order. Raises NotSupported for film, and for pictures and sounds that lie with a provider."""
    encoded: list[dict[str, Any]] = []
    for message in messages:
        if message.role == "assistant":
            encoded.append(encode_answer(message))
            continue
        turn: dict[str, Any] = {"role": message.role, "content": _content(message.content)}
        if message.role == "tool":
            turn["tool_call_id"] = message.tool_call_id
        elif encoded and encoded[-1]["role"] == "tool":
            encoded.append(BRIDGE)
        encoded.append(turn)
    if encoded and encoded[-1]["role"] == "assistant" and not encoded[-1].get("tool_calls"):
        encoded[-1] = {**encoded[-1], "prefix": True}
    return encoded


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
            document = {"type": "document_url", "document_url": address(part)}
            return {**document, "document_name": part.filename} if part.filename else document
        case Image() if part.file_id is None:
            image = {"url": address(part)}
            return {"type": "image_url", "image_url": {**image, "detail": part.detail} if part.detail else image}
        case Audio() if part.file_id is None:
            here = inline(part)
            return {"type": "input_audio", "input_audio": here[1] if here else part.url}
        case Image() | Audio() | Video():
            raise unsendable(part, "Mistral's chat", "text, pictures, sounds and files, by address or as bytes")
        case _:
            return None
