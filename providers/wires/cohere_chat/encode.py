"""Build the body of a chat request from context and options."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import evolve

from ....pipeline.http.request import Request
from ....schemas.message import Message
from ....schemas.model import Model
from ....schemas.parts import Audio, File, Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall, Video
from ....schemas.tool import chosen_name
from ..calls import error_as_text, sent_arguments
from ..fields import Field, format_asked, given, listed, own_block, put_options, unknown_choice
from ..media import address, unsendable
from ..openai_chat.encode import encode_tools
from ..turns import EMPTY_RESULT_TEXT, encoded, media_after_results

NAME = "cohere_chat"

OPTIONS = frozenset(
    (
        "temperature",
        "top_p",
        "top_k",
        "max_tokens",
        "stop",
        "seed",
        "presence_penalty",
        "frequency_penalty",
        "logprobs",
        "tools",
        "tool_choice",
        "response_format",
    )
)

_CHOICES = {"required": "REQUIRED", "any": "REQUIRED", "none": "NONE"}


def build_body(request: Request) -> dict[str, Any]:
    body: dict[str, Any] = {"model": request.model.id, "messages": encode_messages(request.context.messages)}
    put_options(body, request.options, _FIELDS)
    chosen = chosen_name(request.options.get("tool_choice"))
    # The wire can demand a call, but not of a certain tool: offer only this one.
    tools = [tool for tool in request.context.tools if chosen is None or tool.name == chosen]
    if tools:
        # Cohere has one option for all tools in the place of each tool's own.
        body["tools"] = encode_tools(evolve(tool, strict=None) for tool in tools)
        if all(tool.strict for tool in tools):
            body.setdefault("strict_tools", True)
    else:
        body.pop("tool_choice", None)
    if request.stream:
        body["stream"] = True
    return body


def encode_messages(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Encode the messages, without empty ones, which Cohere refuses.

    A tool result holds only text: its images follow in a user message. Raises NotSupported for files, audio and video.
    """
    encoded: list[dict[str, Any]] = []
    for message in media_after_results(messages):
        if message.role == "tool":
            if message.is_error:
                message = error_as_text(message)
            text = message.text or EMPTY_RESULT_TEXT
            encoded.append({"role": "tool", "tool_call_id": message.tool_call_id, "content": text})
        elif message.role == "assistant":
            encoded += _answer(message)
        else:
            encoded += _turn(message.role, message.content)
    return encoded


def _turn(role: str, parts: Iterable[Part]) -> list[dict[str, Any]]:
    content = encoded(parts, _block)
    if not content:
        return []
    single = len(content) == 1 and content[0]["type"] == "text"
    return [{"role": role, "content": content[0]["text"] if single else content}]


def _answer(message: Message) -> list[dict[str, Any]]:
    """Encode an assistant message. Beside calls, its text is the plan for them: "text content is not allowed when
    tool_calls are provided" (https://github.com/vercel/ai/issues/5794)."""
    parts = [part for part in message.content if isinstance(part, Text | Refusal | Reasoning)]
    said = [part.text for part in parts if isinstance(part, Text | Refusal) and part.text]
    if message.tool_calls:
        parts = [part for part in parts if isinstance(part, Reasoning)]
    content = encoded(parts, _block)
    calls = [_call(call) for call in message.tool_calls]
    if not content and not calls:
        return []
    own = [block for part in message.content if isinstance(part, Opaque) and (block := own_block(part, NAME))]
    turn = {"role": "assistant", **given(tool_calls=calls or None, content=content or None)}
    for plan in own:
        turn |= plan
    if calls and said:
        turn["tool_plan"] = "\n\n".join([*([turn["tool_plan"]] if turn.get("tool_plan") else ()), *said])
    return [turn]


def _call(call: ToolCall) -> dict[str, Any]:
    function = {"name": call.name, "arguments": sent_arguments(call)}
    return {"id": call.id, "type": "function", "function": function}


def _block(part: Part) -> dict[str, Any] | None:
    match part:
        case Text() | Refusal():
            return {"type": "text", "text": part.text} if part.text else None
        case Reasoning():
            return {"type": "thinking", "thinking": part.text} if part.wire == NAME and part.text else None
        case Image():
            if part.file_id is not None:
                raise unsendable(part, "Cohere's chat", "text and images, as bytes or by URL")
            return {"type": "image_url", "image_url": {"url": address(part)}}
        case File() | Audio() | Video():
            raise unsendable(part, "Cohere's chat", "text and images, and texts as documents=[...]")
        case _:
            return None


def accepts_part(part: Part, model: Model) -> bool:
    return isinstance(part, Reasoning) and part.wire == NAME


def finalize_history(request: Request) -> Request:
    """Warn where some tools are strict and others are not: Cohere enforces the schemas of all of them, or of none."""
    strict = {bool(tool.strict) for tool in request.context.tools}
    if len(strict) < 2 or "strict_tools" in request.options:
        return request
    return request.warn("tools", "none is strict: Cohere enforces the schemas of all tools or of none")


def _choice(body: dict[str, Any], choice: object) -> None:
    if chosen_name(choice) is None and not isinstance(choice, str):
        raise unknown_choice()
    if choice != "auto":
        body["tool_choice"] = _CHOICES[choice] if isinstance(choice, str) else "REQUIRED"


def _format(body: dict[str, Any], response_format: object) -> None:
    if (asked := format_asked(response_format)) is not False:
        body["response_format"] = {"type": "json_object", **({} if asked is True else {"json_schema": asked})}


_FIELDS: Mapping[str, Field] = {
    "top_p": "p",
    "top_k": "k",
    "stop": ("stop_sequences", listed),
    "tool_choice": _choice,
    "response_format": _format,
}
