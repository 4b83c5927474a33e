"""Build the body of a chat request from context and options; sampling options are in an object of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ....pipeline.http.request import Request
from ....schemas.message import Message
from ....schemas.model import Model
from ....schemas.parts import MEDIA, Image, Part, Reasoning, Refusal, Text
from ..calls import error_as_text, sent_object
from ..fields import Field, format_asked, given, listed, put_options
from ..media import Media, inline, unsendable
from ..openai_chat.encode import encode_tools

NAME = "ollama_chat"

_SAMPLING = {
    "max_tokens": "num_predict",
    "repetition_penalty": "repeat_penalty",
    **{
        name: name
        for name in ("temperature", "top_p", "top_k", "min_p", "seed", "presence_penalty", "frequency_penalty")
    },
}
OPTIONS = frozenset((*_SAMPLING, "stop", "tools", "reasoning_effort", "response_format", "logprobs", "top_logprobs"))


def build_body(request: Request) -> dict[str, Any]:
    """Build the body.

    By default this server streams, and silently cuts the front off a prompt that does not fit into the context. With
    `truncate` and `shift` false it answers with an error that names the sizes instead.
    (https://github.com/ollama/ollama/blob/main/api/types.go: Truncate, Shift; older servers ignore them.)
    """
    body: dict[str, Any] = {
        "model": request.model.id,
        "messages": encode_messages(request.context.messages),
        "stream": request.stream,
        "truncate": False,
        "shift": False,
    }
    put_options(body, request.options, _FIELDS)
    if request.context.tools:
        body["tools"] = encode_tools(request.context.tools)
    return body


def encode_messages(messages: Iterable[Message]) -> list[dict[str, Any]]:
    """Encode the messages: arguments as objects, results by the tool's name, images next to the text.

    Raises NotSupported for media other than images.
    """
    encoded = []
    names: dict[str, str] = {}
    for message in messages:
        if message.is_error:
            message = error_as_text(message)
        names.update((call.id, call.name) for call in message.tool_calls)
        calls = [{"function": {"name": call.name, "arguments": sent_object(call)}} for call in message.tool_calls]
        media = [part for part in message.content if isinstance(part, MEDIA) and message.role != "assistant"]
        thoughts = (part.text for part in message.content if isinstance(part, Reasoning) and part.wire == NAME)
        turn = given(
            role=message.role,
            content="".join(part.text for part in message.content if isinstance(part, Text | Refusal)),
            thinking="".join(thoughts) or None,
            tool_calls=calls or None,
            images=[_image(part) for part in media] or None,
            tool_name=message.name or names.get(message.tool_call_id or "", "") if message.role == "tool" else None,
        )
        encoded.append(turn)
    return encoded


def accepts_part(part: Part, model: Model) -> bool:
    return isinstance(part, Reasoning) and part.wire == NAME


def _image(part: Media) -> str:
    """Return an image's bytes in base64. Raises NotSupported for anything else; the server fetches no URLs."""
    inlined = inline(part) if isinstance(part, Image) else None
    if inlined is None:
        raise unsendable(part, "Ollama's chat", "text and images as bytes")
    return inlined[1]


def _format(body: dict[str, Any], response_format: object) -> None:
    if (asked := format_asked(response_format)) is not False:
        body["format"] = "json" if asked is True else asked


_FIELDS: Mapping[str, Field] = {
    **{name: f"options.{theirs}" for name, theirs in _SAMPLING.items()},
    "num_ctx": "options.num_ctx",
    "stop": ("options.stop", listed),
    # A switch, or one of the model's own levels: https://docs.ollama.com/capabilities/thinking
    "reasoning_effort": ("think", lambda effort: effort != "none" and effort),
    "response_format": _format,
}
