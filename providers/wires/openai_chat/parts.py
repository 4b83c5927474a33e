"""Read the parts of a message, and of a delta, which is a piece of one: text, reasoning, audio, images."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ....pipeline.side_fields import GONE, left_out
from ....schemas.chunks import PartDone, StreamChunk, Warned
from ....schemas.model import Model
from ....schemas.parts import Audio, Image, Part, Text, ToolCall
from ..fields import given
from ..media import base64_text, data_or_url, from_base64, of_data_url
from .places import AUDIO, NAME


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


def other_blocks(content: Iterable[object], index: int, model: Model) -> list[StreamChunk]:
    """Return the chunks of the blocks of a content that are no text, no thinking and no source: of images.

    Others are left out, with a warning.

    content: the blocks
    index: the place of the first image
    model: the model that answers
    """
    out: list[StreamChunk] = []
    for block in content:
        kind = block.get("type") if isinstance(block, Mapping) else None
        if isinstance(block, Mapping) and (kind in _READ or "text" in block):
            continue
        address = block.get("image_url") if isinstance(block, Mapping) and kind == "image_url" else None
        url = data_or_url(address.get("url") if isinstance(address, Mapping) else address)
        if url is GONE:
            out.append(Warned((left_out("choices.message.content", block, model),)))
        else:
            out.append(PartDone(decode_image({"image_url": {"url": url}}), index))
            index += 1
    return out


_READ = ("text", "thinking", "reference", "tool_reference")


def reasoning_text(message: Mapping[str, Any]) -> str:
    """Return the reasoning under one of its three names; gateways send the same text under several: the first
    counts."""
    for name in ("reasoning_content", "reasoning"):
        if (value := message.get(name)) and isinstance(value, str):
            return value
    if not (details := message.get("reasoning_details")):
        return ""
    known = [detail for detail in details if isinstance(detail, Mapping)]
    return "".join([detail.get("text") or detail.get("summary") or "" for detail in known])


def logprob_rows(logprobs: object) -> list[Any]:
    """Return the rows of a choice's log probabilities, of its text or its refusal.

    Together and others send the lists of old completions: https://docs.together.ai/docs/logprobs
    """
    if not isinstance(logprobs, Mapping):
        return []
    if rows := logprobs.get("content") or logprobs.get("refusal"):
        return list(rows)
    tokens, numbers, tops = (logprobs.get(name) or () for name in ("tokens", "token_logprobs", "top_logprobs"))
    return [
        {"token": token, "logprob": number, "top_logprobs": _tops(tops[at]) if at < len(tops) else []}
        for at, (token, number) in enumerate(zip(tokens, numbers, strict=False))
    ]


def _tops(top: object) -> list[dict[str, Any]]:
    return [{"token": token, "logprob": number} for token, number in top.items()] if isinstance(top, Mapping) else []


def add_details(known: list[Any], message: Mapping[str, Any], *, whole: bool) -> None:
    """Add the reasoning_details of a message or delta to those that came before.

    The items of a whole message are whole. A streamed piece belongs to the block that has the same marks, as far as
    both have them: index, type and id. It begins a block if the delta has another piece of that one, or if the block
    has ended: its signature or the end of its base64 has come. https://openrouter.ai/docs/use-cases/reasoning-tokens
    """
    details = message.get("reasoning_details") or ()
    if whole:
        known += details
        return
    grown: set[int] = set()
    for piece in details:
        found = (at for at in reversed(range(len(known))) if at not in grown and _continues(piece, known[at]))
        # Without an index the order counts: only the last block is open.
        at = next(found, None)
        if at is None or (piece.get("index") is None and at != len(known) - 1):
            at = len(known)
            known.append({})
        grown.add(at)
        block = known[at]
        for name, value in piece.items():
            if name in _GROWING and isinstance(value, str):
                block[name] = (block.get(name) or "") + value
            elif value is not None or name not in block:
                block[name] = value


_GROWING = ("text", "summary", "data")


def _continues(piece: Mapping[str, Any], block: Mapping[str, Any]) -> bool:
    """Check whether a piece of reasoning_details belongs to this block."""
    if piece.get("index") != block.get("index") or piece.get("type") != block.get("type"):
        return False
    ids = piece.get("id"), block.get("id")
    if None not in ids and ids[0] != ids[1]:
        return False
    signed = block.get("signature")
    return not (
        (signed and (piece.get("text") or (piece.get("signature") or signed) != signed))
        or (piece.get("data") and str(block.get("data")).endswith("="))
    )


def reasoning_fields(details: Iterable[object]) -> dict[str, Any]:
    """Return the fields of a Reasoning part from reasoning_details: the signature, and the blocks to send back."""
    known = [detail for detail in details if isinstance(detail, Mapping)]
    signature = next((detail["signature"] for detail in known if detail.get("signature")), None)
    encrypted = next((detail["data"] for detail in known if detail.get("data")), None)
    extra = {NAME: {"reasoning_details": details}}
    return given(wire=NAME, extra=extra, signature=signature, encrypted=encrypted)


def add_audio(known: dict[str, Any], audio: Mapping[str, Any]) -> None:
    """Add the audio of a message or delta to what came before: the data and the transcript grow."""
    for name, value in audio.items():
        grows = isinstance(value, str) and name in ("data", "transcript")
        known[name] = known.get(name, "") + value if grows else value


def audio_chunks(audio: Mapping[str, Any], model: Model) -> list[StreamChunk]:
    """Return the part of the whole audio. Data that is not base64 is left out, with a warning."""
    data, id = audio.get("data"), audio.get("id")
    if data and base64_text(data) is GONE:
        warning = left_out("choices.delta.audio.data", data, model)
        return [Warned((warning,)), *audio_chunks({**audio, "data": None}, model)]
    medium = {"data": from_base64(data)} if data else {"file_id": id, "provider": model.provider}
    return [PartDone(Audio(**medium, transcript=audio.get("transcript")), AUDIO)] if data or id else []


def decode_image(image: Mapping[str, Any]) -> Image:
    """Decode an image in OpenRouter's form: a data URI, or a URL."""
    url = image["image_url"]["url"]
    if (inlined := of_data_url(url)) is None:
        return Image(url=url)
    return Image(data=from_base64(inlined[1]), media_type=inlined[0])


def plain_parts(message: Mapping[str, Any]) -> tuple[Part, ...] | None:
    """Return the parts of a message that has only text and function calls, as most have; None for any other.

    With the reply made of them it takes 3 µs; to decode chunks and fold them takes 8.
    """
    text, seen = message.get("content") or "", set()
    rare = message.get("refusal") or message.get("annotations") or type(text) is not str
    if rare or not _PLAIN_MESSAGE.issuperset(message):
        return None
    parts: list[Part] = [Text(text)] if text else []
    for call in message.get("tool_calls") or ():
        id, function = call.get("id"), call.get("function") or {}
        name, arguments = function.get("name"), function.get("arguments")
        known = _PLAIN_CALL.issuperset(call) and _PLAIN_FUNCTION.issuperset(function)
        if not (known and id and name) or id in seen or type(arguments) is not str:
            return None
        seen.add(id)
        parts.append(ToolCall(id, name, arguments))
    return tuple(parts) or None


_PLAIN_MESSAGE = frozenset(("role", "content", "refusal", "annotations", "tool_calls"))
_PLAIN_CALL, _PLAIN_FUNCTION = frozenset(("id", "type", "index", "function")), frozenset(("name", "arguments"))
