"""Build the body of a response request from context and options.

The vendor's own items (reasoning, messages, calls, built-in tools) are sent back unchanged and in place; messages of
other vendors are written as plain items.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import takewhile
from typing import Any

from ....pipeline.http.request import RAW_OPTIONS, Request
from ....schemas.message import Message
from ....schemas.parts import Audio, File, Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall, Video
from ....schemas.tool import Tool, chosen_name
from ...declare.object_support import ask_for_json, is_any_json
from ..calls import error_as_text, sent_arguments
from ..fields import Field, given, own_block, put_options
from ..media import address, file_name, inline, unsendable

NAME = "openai_responses"
ENCRYPTED_REASONING = "reasoning.encrypted_content"

OPTIONS = frozenset(
    (
        "temperature",
        "top_p",
        "max_tokens",
        "logprobs",
        "top_logprobs",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "reasoning_effort",
        "reasoning_summary",
        "response_format",
        "verbosity",
        "prompt_cache_key",
        "service_tier",
        "user",
        "metadata",
        "store",
        "previous_response_id",
    )
)

Item = dict[str, Any]


def build_body(request: Request) -> dict[str, Any]:
    """Build the body.

    The provider is asked not to store the answer, unless the caller sets `store`, and to send the model's reasoning
    encrypted instead, so that it can be sent back.
    """
    options, messages = request.options, request.context.messages
    continued = "previous_response_id" in options or "conversation" in request.get(RAW_OPTIONS)
    instructions, items = encode_messages(_since_last_answer(messages) if continued else messages)
    if not (items or continued) and instructions:
        # A 400 without input, whatever the instructions (openai/openai-java#396): they are a message then.
        instructions, items = "", [{"type": "message", "role": "developer", "content": instructions}]
    if (
        instructions
        and is_any_json(options.get("response_format"))
        and not ask_for_json(message for message in messages if message.role != "system")
    ):
        # "Response input messages must contain the word 'json'": what stands in the instructions does not count.
        instructions, items = "", [{"type": "message", "role": "developer", "content": instructions}, *items]
    tools = [encode_tool(tool) for tool in request.context.tools]
    body = given(model=request.model.id, instructions=instructions or None, input=items, tools=tools or None)
    if "store" not in options and not continued:
        body["store"] = False
        if _thinks(request):
            body["include"] = [ENCRYPTED_REASONING]
    put_options(body, options, _FIELDS)
    if request.stream:
        body["stream"] = True
    return body


def _thinks(request: Request) -> bool:
    """Guess whether the model thinks: an unknown one does when an option asks for it.

    A model that does not think refuses to encrypt: "Encrypted content is not supported with this model".
    """
    known = request.model.reasoning
    return bool(known) or (known is None and not _THINKING.isdisjoint(request.options))


_THINKING = frozenset(("reasoning_effort", "reasoning_summary", "reasoning"))


def _since_last_answer(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """Return what the provider has not stored: everything after the last answer, and the instructions, which it does
    not carry over: https://platform.openai.com/docs/api-reference/responses/create#responses_create-instructions
    """
    for at in range(len(messages) - 1, -1, -1):
        if messages[at].role == "assistant":
            instructions = tuple(takewhile(lambda message: message.role == "system", messages))
            return instructions + messages[at + 1 :]
    return messages


def encode_messages(messages: Iterable[Message]) -> tuple[str, list[Item]]:
    """Encode instructions, from the system messages at the beginning, and the items of all other messages."""
    instructions: list[str] = []
    items: list[Item] = []
    free_text = set()  # ids of calls of free-text tools, whose results are items of another type
    for message in messages:
        if message.role == "system" and not items and all(isinstance(part, Text) for part in message.content):
            instructions.append(message.text)
        elif message.role == "assistant":
            answer = _answer(message.content)
            free_text |= {item["call_id"] for item in answer if item.get("type") == "custom_tool_call"}
            items += answer
        elif message.role == "tool":
            kind = "custom_tool_call_output" if message.tool_call_id in free_text else "function_call_output"
            output = _output(error_as_text(message) if message.is_error else message)
            items.append({"type": kind, "call_id": message.tool_call_id, "output": output})
        else:
            # Answers to built-in tools (an approval, a screenshot) are items of their own.
            items += filter(None, (own_block(part, NAME) for part in message.content if isinstance(part, Opaque)))
            parts = tuple(part for part in message.content if not isinstance(part, Opaque))
            if parts or not message.content:
                role = "developer" if message.role == "system" else "user"
                items.append({"type": "message", "role": role, "content": _content(parts)})
    return "\n\n".join(text for text in instructions if text), items


def _answer(parts: Iterable[Part]) -> list[Item]:
    items: list[Item] = []
    for part in parts:
        extra = part.extra.get(NAME, {}) if not isinstance(part, Opaque) else {}
        match part:
            case Text() | Refusal():
                _add_text(items, part, extra)
            case Reasoning():
                if part.wire == NAME and "item" in extra:
                    items.append(extra["item"])
            case ToolCall():
                call = {"call_id": part.id, "name": part.name}
                if extra.get("type") == "custom_tool_call":
                    call["input"] = part.arguments_json
                else:
                    call = {"type": "function_call", **call, "arguments": sent_arguments(part)}
                items.append({**call, **extra})
            case Opaque() if (item := own_block(part, NAME)) is not None:
                items.append(item)
    return items


def _add_text(items: list[Item], part: Text | Refusal, extra: Mapping[str, Any]) -> None:
    """Add a text to the message item that it came in, or write an item for it."""
    if isinstance(part, Refusal):
        content: Item = {"type": "refusal", "refusal": part.text}
    else:
        content = {"type": "output_text", "text": part.text, "annotations": extra.get("annotations", [])}
    head: Mapping[str, Any] = extra.get("message") or {}
    if items and head.get("id") and items[-1].get("id") == head["id"]:
        items[-1]["content"].append(content)
    elif head:
        items.append({**head, "content": [content]})
    elif part.text:
        # From another vendor: the short form, since the long one needs an id of this provider. OpenAI makes its type
        # optional; llama.cpp answers without it: "Cannot determine type of 'item'".
        items.append({"type": "message", "role": "assistant", "content": part.text})


def _output(message: Message) -> str | list[Item]:
    if all(isinstance(part, Text) for part in message.content):
        return message.text
    return [block for part in message.content if (block := _block(part)) is not None]


def _content(parts: tuple[Part, ...]) -> str | list[Item]:
    if not parts:
        return ""
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    return [block for part in parts if (block := _block(part)) is not None]


def _block(part: Part) -> Item | None:
    match part:
        case Text() | Refusal():
            return {"type": "input_text", "text": part.text}
        case Image():
            image: Item = {"type": "input_image", "detail": part.detail or "auto"}
            return {**image, "file_id": part.file_id} if part.file_id else {**image, "image_url": address(part)}
        case File():
            if part.file_id:
                return {"type": "input_file", "file_id": part.file_id}
            if part.url and inline(part) is None:
                return {"type": "input_file", "file_url": part.url}
            return {"type": "input_file", "filename": file_name(part), "file_data": address(part)}
        case Audio() | Video():
            raise unsendable(part, "A response", "text, images and files")
        case _:
            return None


def encode_tool(tool: Tool) -> Item:
    """Encode a function, flat; a built-in tool stays as it is."""
    if tool.server is not None:
        return dict(tool.server)
    # Without `strict`, the provider assumes true, and refuses most schemas.
    fields = given(name=tool.name, parameters=tool.parameters, description=tool.description or None)
    return {"type": "function", **fields, "strict": bool(tool.strict)}


def _choice(choice: object) -> object:
    if (name := chosen_name(choice)) is not None:
        return {"type": "function", "name": name}
    return {"any": "required"}.get(choice, choice) if isinstance(choice, str) else choice


def _format(response_format: str | Mapping[str, Any]) -> Mapping[str, Any]:
    if isinstance(response_format, str):
        return {"text": {"type": "text"}, "json": {"type": "json_object"}}[response_format]
    if response_format.get("type") == "json_schema" and "json_schema" in response_format:
        return {"type": "json_schema", **response_format["json_schema"]}
    return response_format


def _logprobs(body: dict[str, Any], value: object) -> None:
    if value:
        body.setdefault("include", []).append("message.output_text.logprobs")


def _include(body: dict[str, Any], value: Iterable[str]) -> None:
    body["include"] = [*dict.fromkeys([*body.get("include", []), *value])]


_FIELDS: Mapping[str, Field] = {
    "max_tokens": "max_output_tokens",
    "max_completion_tokens": "max_output_tokens",
    "tool_choice": ("tool_choice", _choice),
    "response_format": ("text.format", _format),
    "verbosity": "text.verbosity",
    "reasoning_effort": "reasoning.effort",
    "reasoning_summary": "reasoning.summary",
    "user": "safety_identifier",
    "logprobs": _logprobs,
    "include": _include,
}
