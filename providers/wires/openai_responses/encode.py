"""Context and options to the body of a response request.

The vendor's own items (reasoning, messages, calls, built-in tools) are sent back as they came, in their places; a
conversation begun elsewhere is written as plain items.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import takewhile
from typing import Any

from ....pipeline.http.request import Request
from ....schemas.json_text import repaired
from ....schemas.message import Message
from ....schemas.parts import Audio, File, Image, Opaque, Part, Reasoning, Refusal, Text, ToolCall, Video
from ....schemas.tool import Tool
from ..media import address, inline, unsendable

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


def build_body(request: Request, *, stateless: bool = True) -> dict[str, Any]:
    """The body. `stateless` asks the provider not to keep the answer, unless the caller says otherwise, and for the
    encrypted form of the model's reasoning instead, without which it could not be sent back. Servers that know no
    such thing are declared with `stateless=False`.
    """
    options = dict(request.options)
    body: dict[str, Any] = {"model": request.model.id}
    messages = request.context.messages
    if "previous_response_id" in options:
        messages = _since_last_answer(messages)
    instructions, items = encode_messages(messages)
    if instructions:
        body["instructions"] = instructions
    body["input"] = items
    if request.context.tools:
        body["tools"] = [encode_tool(tool) for tool in request.context.tools]
    if stateless and "store" not in options and "previous_response_id" not in options:
        body["store"] = False
        if _thinks(request):
            body["include"] = [ENCRYPTED_REASONING]
    for name, value in options.items():
        _OPTION.get(name, _plain(name))(body, value)
    if request.stream:
        body["stream"] = True
    return body


def _thinks(request: Request) -> bool:
    """Whether the model does, as far as is known: one that does not refuses to encrypt ("Encrypted content is not
    supported with this model"), and an unknown one does when it is asked to."""
    known = request.model.reasoning
    return bool(known) or (known is None and not _THINKING.isdisjoint(request.options))


_THINKING = frozenset(("reasoning_effort", "reasoning_summary", "reasoning"))


def responses_body_with(**quirks: Any) -> Callable[[Request], dict[str, Any]]:
    """`build_body` with a provider's quirks, for its declaration."""
    return partial(build_body, **quirks)


def _since_last_answer(messages: tuple[Message, ...]) -> tuple[Message, ...]:
    """What the provider does not have yet: everything after the last answer, and the instructions, which it does not
    carry over: https://platform.openai.com/docs/api-reference/responses/create#responses_create-instructions"""
    for at in range(len(messages) - 1, -1, -1):
        if messages[at].role == "assistant":
            led = tuple(takewhile(lambda message: message.role == "system", messages))
            return led + messages[at + 1 :]
    return messages


def encode_messages(messages: Iterable[Message]) -> tuple[str, list[Item]]:
    """Instructions, from the system messages at the beginning, and the items of everything after them."""
    instructions: list[str] = []
    items: list[Item] = []
    free = set()  # the calls of free-text tools, whose results are items of another type
    for message in messages:
        if message.role == "system" and not items:
            instructions.append(message.text)
        elif message.role == "assistant":
            said = _answer(message.content)
            free |= {item["call_id"] for item in said if item.get("type") == "custom_tool_call"}
            items += said
        elif message.role == "tool":
            kind = "custom_tool_call_output" if message.tool_call_id in free else "function_call_output"
            items.append({"type": kind, "call_id": message.tool_call_id, "output": _output(message)})
        else:
            # Answers to built-in tools (an approval, a screenshot) are items of their own.
            items += [part.data for part in message.content if isinstance(part, Opaque) and part.wire == NAME]
            parts = tuple(part for part in message.content if not isinstance(part, Opaque))
            if parts:
                role = "developer" if message.role == "system" else "user"
                items.append({"role": role, "content": _content(parts)})
    return "\n\n".join(text for text in instructions if text), items


def _answer(parts: Iterable[Part]) -> list[Item]:
    items: list[Item] = []
    for part in parts:
        extra = part.extra.get(NAME, {}) if not isinstance(part, Opaque) else {}
        match part:
            case Text() | Refusal():
                _say(items, part, extra)
            case Reasoning():
                if part.wire == NAME and "item" in extra:
                    items.append(extra["item"])
            case ToolCall():
                arguments = repaired(part.arguments_json) if part.arguments_json.strip() not in ("", "null") else "{}"
                call = {"type": "function_call", "call_id": part.id, "name": part.name, "arguments": arguments}
                if extra.get("type") == "custom_tool_call":
                    call = {"call_id": part.id, "name": part.name, "input": part.arguments_json}
                items.append({**call, **extra})
            case Opaque() if part.wire == NAME:
                items.append(part.data)
    return items


def _say(items: list[Item], part: Text | Refusal, extra: Mapping[str, Any]) -> None:
    """Add a text to the message item that it came in, or write one for it."""
    if isinstance(part, Refusal):
        content: Item = {"type": "refusal", "refusal": part.text}
    else:
        content = {"type": "output_text", "text": part.text, "annotations": extra.get("annotations", [])}
    head = extra.get("message")
    if head and items and items[-1].get("id") == head["id"]:
        items[-1]["content"].append(content)
    elif head:
        items.append({**head, "content": [content]})
    elif part.text:
        # Said elsewhere: the short form, since the long one wants an id that this provider gave.
        items.append({"role": "assistant", "content": part.text})


def _output(message: Message) -> Any:
    if all(isinstance(part, Text) for part in message.content):
        return message.text
    return [block for part in message.content if (block := _block(part)) is not None]


def _content(parts: tuple[Part, ...]) -> Any:
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
            return {"type": "input_file", "filename": part.filename or "file", "file_data": address(part)}
        case Audio() | Video():
            raise unsendable(part, "A response", "text, pictures and files")
        case _:
            return None


def encode_tool(tool: Tool) -> Item:
    """A function, flat; a built-in tool as it stands."""
    if tool.server is not None:
        return dict(tool.server)
    # Left out, `strict` is taken to be true here, which refuses most schemas.
    encoded: Item = {"type": "function", "name": tool.name, "parameters": tool.parameters, "strict": bool(tool.strict)}
    return {**encoded, "description": tool.description} if tool.description else encoded


def _choice(body: dict[str, Any], choice: Any) -> None:
    if isinstance(choice, Tool):
        choice = {"name": choice.name}
    if isinstance(choice, Mapping) and "function" in choice:
        choice = choice["function"]
    if isinstance(choice, Mapping) and "name" in choice and "type" not in choice:
        choice = {"type": "function", **choice}
    body["tool_choice"] = {"any": "required"}.get(choice, choice) if isinstance(choice, str) else choice


def _format(body: dict[str, Any], wanted: Any) -> None:
    if isinstance(wanted, str):
        wanted = {"text": {"type": "text"}, "json": {"type": "json_object"}}[wanted]
    elif wanted.get("type") == "json_schema" and "json_schema" in wanted:
        wanted = {"type": "json_schema", **wanted["json_schema"]}
    body.setdefault("text", {})["format"] = wanted


def _in(place: str, name: str) -> Callable[[dict[str, Any], Any], None]:
    return lambda body, value: body.setdefault(place, {}).__setitem__(name, value)


def _logprobs(body: dict[str, Any], value: Any) -> None:
    if value:
        body.setdefault("include", []).append("message.output_text.logprobs")


def _include(body: dict[str, Any], value: Iterable[str]) -> None:
    body["include"] = [*dict.fromkeys([*body.get("include", []), *value])]


def _plain(name: str) -> Callable[[dict[str, Any], Any], None]:
    return lambda body, value: body.__setitem__(name, value)


_OPTION: Mapping[str, Callable[[dict[str, Any], Any], None]] = {
    "max_tokens": _plain("max_output_tokens"),
    "max_completion_tokens": _plain("max_output_tokens"),
    "tool_choice": _choice,
    "response_format": _format,
    "verbosity": _in("text", "verbosity"),
    "reasoning_effort": _in("reasoning", "effort"),
    "reasoning_summary": _in("reasoning", "summary"),
    "user": _plain("safety_identifier"),
    "logprobs": _logprobs,
    "include": _include,
}
