"""A generateContent answer to a Reply, and what a single part becomes in both manners of answering."""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Mapping
from typing import Any

import orjson

from ....schemas.message import Message
from ....schemas.model import Model
from ....schemas.parts import Audio, File, Image, Opaque, Part, Reasoning, Text, ToolCall, Video
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ..failures import provider_error
from ..openai_chat.decode import call_id
from .encode import NAME

FINISH_REASONS: Mapping[str, str] = {
    "STOP": "stop",
    "MAX_TOKENS": "length",
    "SAFETY": "content_filter",
    "RECITATION": "content_filter",
    "BLOCKLIST": "content_filter",
    "PROHIBITED_CONTENT": "content_filter",
    "SPII": "content_filter",
    "MODEL_ARMOR": "content_filter",
    "IMAGE_SAFETY": "content_filter",
    "IMAGE_PROHIBITED_CONTENT": "content_filter",
    "IMAGE_RECITATION": "content_filter",
}
MALFORMED = "MALFORMED_FUNCTION_CALL"
METADATA: Mapping[str, str] = {
    "groundingMetadata": "grounding",
    "citationMetadata": "citations",
    "safetyRatings": "safety_ratings",
    "urlContextMetadata": "url_context",
    "logprobsResult": "logprobs",
    "finishMessage": "finish_message",
}


def decode_response(data: Any, model: Model) -> Reply:
    """Raises the provider's error where the body holds one. A blocked prompt is a reply that was filtered."""
    if "error" in data:
        raise provider_error(model.provider, data["error"])
    candidates = data.get("candidates") or []
    first = candidates[0] if candidates else {}
    raw = first.get("finishReason")
    message = Message("assistant", _parts(first, data.get("responseId"), raw))
    reply = Reply(
        message,
        finish_reason(raw, bool(message.tool_calls), data),
        raw,
        id=data.get("responseId"),
        model=data.get("modelVersion") or "",
    )
    if metadata := {**metadata_of(first), **blocked(data)}:
        reply.metadata = metadata
    reply.alternatives = tuple(
        Message("assistant", _parts(each, data.get("responseId"), each.get("finishReason"))) for each in candidates[1:]
    )
    return reply


def finish_reason(raw: str | None, has_calls: bool, data: Mapping[str, Any]) -> str:
    """The canonical reason; the vendor says STOP with calls, and gives no candidate at all for a blocked prompt."""
    if raw is None:
        return "content_filter" if blocked(data) else "unknown"
    reason = FINISH_REASONS.get(raw, raw.lower())
    return "tool_calls" if reason == "stop" and has_calls else reason


def blocked(data: Mapping[str, Any]) -> dict[str, Any]:
    """Why the prompt was refused, if it was."""
    feedback = data.get("promptFeedback") or {}
    if not feedback.get("blockReason"):
        return {}
    told = {"block_reason": feedback["blockReason"]}
    return {**told, "block_message": feedback["blockReasonMessage"]} if feedback.get("blockReasonMessage") else told


def metadata_of(candidate: Mapping[str, Any]) -> dict[str, Any]:
    return {ours: candidate[name] for name, ours in METADATA.items() if candidate.get(name)}


def _parts(candidate: Mapping[str, Any], reply_id: str | None, raw: str | None) -> list[Part]:
    found: list[Part] = []
    calls = 0
    for part in (candidate.get("content") or {}).get("parts") or ():
        if "functionCall" in part:
            # A malformed call is there to be read about, not to be run.
            if raw != MALFORMED:
                found.append(decode_call(part, calls, reply_id))
            calls += 1
        elif (decoded := decode_part(part)) is not None:
            found.append(decoded)
    return found


def decode_part(part: Mapping[str, Any]) -> Part | None:
    """Any part but a function call. The signature stays with the part that it came on."""
    signature = part.get("thoughtSignature")
    extra = {NAME: {"thoughtSignature": signature}} if signature else {}
    if "text" in part:
        if part.get("thought"):
            return Reasoning(part["text"], signature, wire=NAME) if part["text"] or signature else None
        return Text(part["text"], extra) if part["text"] or extra else None
    if "inlineData" in part:
        kind = part["inlineData"].get("mimeType", "")
        return media_class(kind)(data=b64decode(part["inlineData"]["data"]), media_type=kind, extra=extra)
    return Opaque(NAME, dict(part)) if part else None


def media_class(kind: str) -> type[Image | Audio | Video | File]:
    return {"image": Image, "audio": Audio, "video": Video}.get(kind.partition("/")[0], File)


def decode_call(part: Mapping[str, Any], index: int, reply_id: str | None) -> ToolCall:
    """A function call. Most come without an id; one that came with one takes it back."""
    call = part["functionCall"]
    return ToolCall(
        call.get("id") or call_id(reply_id, index),
        call["name"],
        orjson.dumps(call.get("args") or {}).decode(),
        call_extra(call.get("id"), part.get("thoughtSignature")),
    )


def call_extra(id: str | None, signature: str | None) -> dict[str, Any]:
    extra = ({"id": id} if id else {}) | ({"thoughtSignature": signature} if signature else {})
    return {NAME: extra} if extra else {}


def extract_usage(data: Any, model: Model) -> Usage | None:
    raw = data.get("usageMetadata")
    return usage_of(raw) if raw else None


def usage_of(raw: Mapping[str, Any]) -> Usage:
    """Thoughts are counted beside the candidates, and the prompts of built-in tools beside the prompt; ours has all."""
    prompt, tool_prompt = raw.get("promptTokenCount"), raw.get("toolUsePromptTokenCount") or 0
    written, thought = raw.get("candidatesTokenCount"), raw.get("thoughtsTokenCount")
    return Usage(
        input_tokens=None if prompt is None else prompt + tool_prompt,
        output_tokens=None if written is None and thought is None else (written or 0) + (thought or 0),
        cached_input_tokens=raw.get("cachedContentTokenCount"),
        reasoning_tokens=thought,
        input_audio_tokens=_modality(raw, "promptTokensDetails"),
        output_audio_tokens=_modality(raw, "candidatesTokensDetails"),
        raw=raw,
    )


def _modality(raw: Mapping[str, Any], details: str) -> int | None:
    counts = [each.get("tokenCount", 0) for each in raw.get(details) or () if each.get("modality") == "AUDIO"]
    return sum(counts) if counts else None
