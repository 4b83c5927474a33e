"""Decode the body of a chat completion to a Reply."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from ....pipeline.http.error_body import error_in
from ....pipeline.http.response import Response
from ....schemas.errors import DecodeError, ProviderError
from ....schemas.message import Message
from ....schemas.model import Model
from ....schemas.parts import Audio, Image, Part, Reasoning, Refusal, Text, ToolCall
from ....schemas.reply import Reply
from ...declare.errors import answer_error, names_error, provider_error
from ...declare.errors import find_error as find_error_by_status
from ..calls import arguments_text, call_id
from ..media import from_base64, of_data_url
from .places import NAME
from .usage import extract_usage

FINISH_REASONS: Mapping[str, str] = {
    "stop": "stop",
    "eos": "stop",
    "eos_token": "stop",
    "stop_sequence": "stop",
    "end_turn": "stop",
    "length": "length",
    "max_tokens": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "tool_use": "tool_calls",
    "content_filter": "content_filter",
    "error": "error",
}
METADATA = ("system_fingerprint", "service_tier", "citations", "search_results")
"""Fields next to the choices that are kept on `reply.metadata`."""


# Avoids parsing good answers twice: most do not have the word, and the others have null after it.
_ERROR_FIELD = re.compile(rb'"error"\s*+:\s*+[{"\[]')


def find_error(response: Response) -> ProviderError | None:
    """Find the error of a response: as every wire does, or anywhere among the fields of a 200, as gateways send it."""
    body = response.body
    if response.status == 200 and b'"error"' in body and _ERROR_FIELD.search(body):
        error = error_in(body)
        if names_error(error):
            return answer_error(response, error)
    return find_error_by_status(response)


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    """Decode the body. Raises the provider's error if the body is one, DecodeError for a body without choices."""
    choices = data.get("choices")
    if data.get("error"):
        raise provider_error(model.provider, data["error"])
    if not choices:
        raise DecodeError("the answer has no choices", hint="the provider may have filtered it; see .payload")
    first = choices[0]
    message = Message("assistant", decode_message(first, data.get("id")))
    raw = first.get("finish_reason")
    reply = Reply(
        message=message,
        finish_reason=finish_reason(raw, bool(message.tool_calls), refused(message)),
        finish_reason_raw=raw,
        id=data.get("id") or None,
        model=data.get("model") or "",
    )
    if metadata := _metadata(data, first):
        reply.metadata = metadata
    if len(choices) > 1:
        reply.alternatives = tuple(Message("assistant", decode_message(each, data.get("id"))) for each in choices[1:])
    if first.get("error"):
        # Gateways report a failure halfway inside the choice, next to the partial answer (OpenRouter; see the
        # recordings).
        error = provider_error(model.provider, first["error"])
        error.partial, error.usage = reply, extract_usage(data, model)
        raise error
    return reply


def finish_reason(raw: str | None, has_calls: bool, refused: bool) -> str:
    """Map to the canonical reason.

    Providers send `stop` with tool calls, too: with calls the reason is tool_calls. OpenAI sends it for a model's
    refusal, for which others (Anthropic) have a reason: with a refusal it is content_filter.

    raw: the provider's reason
    has_calls: whether the answer has tool calls
    refused: whether the answer is a refusal
    """
    reason = FINISH_REASONS.get(raw.lower(), raw) if raw else "unknown"
    if reason == "stop" or not raw:
        return "tool_calls" if has_calls else "content_filter" if refused else reason
    return reason


def refused(message: Message) -> bool:
    return any(type(part) is Refusal for part in message.content)


def decode_message(choice: Mapping[str, Any], reply_id: str | None) -> tuple[Part, ...]:
    """Decode the parts of one choice, in their fixed order."""
    message = choice.get("message") or {}
    parts: list[Part] = []
    text, reasoning = split_content(message.get("content"))
    reasoning += reasoning_text(message)
    details = message.get("reasoning_details")
    if reasoning or details:
        parts.append(Reasoning(reasoning, **reasoning_fields(details)))
    if text:
        parts.append(Text(text))
    if message.get("refusal"):
        parts.append(Refusal(message["refusal"]))
    if (audio := message.get("audio")) and (audio.get("data") or audio.get("id")):
        parts.append(decode_audio(audio))
    parts.extend(decode_image(image) for image in message.get("images") or ())
    seen: set[str] = set()
    for index, call in enumerate(message.get("tool_calls") or ()):
        if (id := call.get("id")) in seen:
            call = {**call, "id": None}
        seen.add(id)
        parts.append(_call(call, index, reply_id))
    if (old := message.get("function_call")) and old.get("name"):
        parts.append(_call({"function": old}, 0, reply_id))
    return tuple(parts)


def split_content(content: str | Iterable[Mapping[str, Any]] | None) -> tuple[str, str]:
    """Split content into text and thinking; it is a string, or (Mistral, Snowflake) a list of typed blocks."""
    if isinstance(content, str):
        return content, ""
    text, thinking = [], []
    for block in content or ():
        if block.get("type") == "thinking":
            inner = block.get("thinking")
            thinking.append(
                inner if isinstance(inner, str) else "".join(each.get("text") or "" for each in inner or ())
            )
        elif isinstance(block.get("text"), str):
            text.append(block["text"])
    return "".join(text), "".join(thinking)


def reasoning_text(message: Mapping[str, Any]) -> str:
    """Return the reasoning under one of its three names; gateways send the same text under several: the first
    counts."""
    for name in ("reasoning_content", "reasoning"):
        if isinstance(value := message.get(name), str) and value:
            return value
    return "".join(
        detail.get("text") or detail.get("summary") or ""
        for detail in message.get("reasoning_details") or ()
        if isinstance(detail, Mapping)
    )


def reasoning_fields(details: Iterable[object] | None) -> dict[str, Any]:
    """Return the fields of a Reasoning part from reasoning_details: the signature, and the blocks to send back."""
    if not details:
        return {}
    known = [detail for detail in details if isinstance(detail, Mapping)]
    signature = next((detail["signature"] for detail in known if detail.get("signature")), None)
    encrypted = next((detail["data"] for detail in known if detail.get("data")), None)
    fields = {"wire": NAME, "extra": {NAME: {"reasoning_details": details}}}
    return fields | ({"signature": signature} if signature else {}) | ({"encrypted": encrypted} if encrypted else {})


def decode_audio(audio: Mapping[str, Any]) -> Audio:
    if audio.get("data"):
        return Audio(data=from_base64(audio["data"]), transcript=audio.get("transcript"))
    return Audio(file_id=audio["id"], transcript=audio.get("transcript"))


def decode_image(image: Mapping[str, Any]) -> Image:
    """Decode an image in OpenRouter's form: a data URI, or a URL."""
    url = image["image_url"]["url"]
    if (inlined := of_data_url(url)) is None:
        return Image(url=url)
    return Image(data=from_base64(inlined[1]), media_type=inlined[0])


def _call(call: Mapping[str, Any], index: int, reply_id: str | None) -> ToolCall:
    function = call.get("function") or call.get("custom") or {}
    arguments = arguments_text(function.get("arguments", function.get("input")))
    extra = {name: call[name] for name in ("extra_content",) if name in call}
    if "custom" in call:
        extra["type"] = "custom"  # of a tool that takes free text
    id = call.get("id") or call_id(reply_id, index)
    return ToolCall(id, function.get("name") or "", arguments, {NAME: extra} if extra else {})


def _metadata(data: Mapping[str, Any], choice: Mapping[str, Any]) -> dict[str, Any]:
    found = {name: data[name] for name in METADATA if data.get(name)}
    if content := (choice.get("logprobs") or {}).get("content"):
        found["logprobs"] = content
    if annotations := (choice.get("message") or {}).get("annotations"):
        found["annotations"] = annotations
    return found
