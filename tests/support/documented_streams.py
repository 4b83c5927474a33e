"""The stream that the vendors document for an answer, piece by piece, made from the whole answer."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from stepwell.providers.wires.protocols.aws_event_stream import encode
from stepwell.schemas.json_text import dumps

Body = dict[str, Any]


def _pieces(text: str, size: int = 0) -> list[str]:
    """Cut a text into pieces of so many characters; 0: into two halves."""
    if size:
        return [text[at : at + size] for at in range(0, len(text), size)]
    return [text[: len(text) // 2], text[len(text) // 2 :]] if len(text) > 1 else [text]


def _data(*events: Any) -> bytes:
    return b"".join(b"data: " + dumps(each) + b"\n\n" for each in events)


def _named(events: Iterable[Body]) -> bytes:
    return b"".join(b"event: " + each["type"].encode() + b"\ndata: " + dumps(each) + b"\n\n" for each in events)


def chat(body: Body, size: int = 0) -> bytes:
    """Chat completions: the text in deltas, what stands beside it in one more, then the end, the usage and [DONE]."""
    head = {name: body[name] for name in ("id", "created", "model")} | {"object": "chat.completion.chunk"}
    (choice,) = body["choices"]
    message = dict(choice["message"])
    text, logprobs = message.pop("content"), choice.get("logprobs")
    thought = message.pop("reasoning_content", None) or message.pop("reasoning", None)
    deltas: list[Body] = [{"role": message.pop("role"), "content": ""}]
    deltas += [{"reasoning_content": piece} for piece in _pieces(thought or "") if piece]
    pieces = [[part] for part in text] if isinstance(text, list) else _pieces(text or "", size)
    deltas += [{"content": piece} for piece in pieces]
    calls = message.pop("tool_calls", None) or []
    deltas += [{"tool_calls": [{"index": at, **call}]} for at, call in enumerate(calls)]
    deltas += [{name: value} for name, value in message.items() if value is not None]
    chunks = [{**head, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]} for delta in deltas]
    if logprobs:
        chunks[1]["choices"][0]["logprobs"] = logprobs
    chunks.append({**head, "choices": [{"index": 0, "delta": {}, "finish_reason": choice["finish_reason"]}]})
    beside = {name: body[name] for name in ("citations", "search_results") if name in body}
    chunks = [{**each, **beside} for each in chunks]
    end = [] if "usage" not in body else [{**head, **beside, "choices": [], "usage": body["usage"]}]
    return _data(*chunks, *end) + b"data: [DONE]\n\n"


def responses(body: Body) -> bytes:
    """Responses: each item and each part begun and ended, the text in deltas, annotations one by one."""
    begun = {**body, "status": "in_progress", "output": [], "usage": None}
    events: list[Body] = [{"type": "response.created", "response": begun}]
    for at, item in enumerate(body["output"]):
        place = {"output_index": at}
        is_message = item["type"] == "message"
        empty = {"content": []} if is_message else {}
        events.append(
            {"type": "response.output_item.added", **place, "item": {**item, "status": "in_progress", **empty}}
        )
        for index, part in enumerate(item["content"] if is_message else ()):
            spot = {**place, "item_id": item["id"], "content_index": index}
            events.append(
                {"type": "response.content_part.added", **spot, "part": {**part, "text": "", "annotations": []}}
            )
            logs = part.get("logprobs") or []
            for nth, piece in enumerate(_pieces(part["text"])):
                events.append(
                    {"type": "response.output_text.delta", **spot, "delta": piece, "logprobs": [] if nth else logs}
                )
            for nth, each in enumerate(part["annotations"]):
                note = {"annotation_index": nth, "annotation": each}
                events.append({"type": "response.output_text.annotation.added", **spot, **note})
            events.append({"type": "response.output_text.done", **spot, "text": part["text"], "logprobs": logs})
            events.append({"type": "response.content_part.done", **spot, "part": part})
        events.append({"type": "response.output_item.done", **place, "item": item})
    events.append({"type": "response.completed", "response": body})
    return _named({**each, "sequence_number": number} for number, each in enumerate(events))


def messages(body: Body, size: int = 0) -> bytes:
    """Messages: each block begun empty, its deltas, its end; then the reason and the usage."""
    begun = {**body, "content": [], "stop_reason": None, "usage": {**body["usage"], "output_tokens": 1}}
    events: list[Body] = [{"type": "message_start", "message": begun}]
    for at, block in enumerate(body["content"]):
        empty, deltas = _block(block, size)
        events.append({"type": "content_block_start", "index": at, "content_block": empty})
        events += [{"type": "content_block_delta", "index": at, "delta": delta} for delta in deltas]
        events.append({"type": "content_block_stop", "index": at})
    end = {"stop_reason": body["stop_reason"], "stop_sequence": body["stop_sequence"]}
    events += [{"type": "message_delta", "delta": end, "usage": body["usage"]}, {"type": "message_stop"}]
    return _named(events)


def _block(block: Body, size: int) -> tuple[Body, list[Body]]:
    if block["type"] == "text":
        notes = block.get("citations") or []
        deltas: list[Body] = [{"type": "citations_delta", "citation": each} for each in notes]
        empty: Body = {"type": "text", "text": "", **({"citations": []} if notes else {})}
        return empty, [*deltas, *({"type": "text_delta", "text": piece} for piece in _pieces(block["text"], size))]
    if block["type"] == "thinking":
        deltas = [{"type": "thinking_delta", "thinking": piece} for piece in _pieces(block["thinking"])]
        deltas.append({"type": "signature_delta", "signature": block["signature"]})
        return {**block, "thinking": "", "signature": ""}, deltas
    if block["type"].endswith("tool_use"):
        written = json.dumps(block["input"])
        return {**block, "input": {}}, [{"type": "input_json_delta", "partial_json": each} for each in _pieces(written)]
    return block, []


def gemini(body: Body) -> bytes:
    """generateContent: the text in two answers, what stands beside it in the last."""
    (candidate,) = body["candidates"]
    parts = candidate["content"]["parts"]
    at = next(index for index, part in enumerate(parts) if "text" in part)
    first, last = _pieces(parts[at]["text"])
    begun = {"content": {"role": "model", "parts": [*parts[:at], {**parts[at], "text": first}]}, "index": 0}
    ended = {**candidate, "content": {"role": "model", "parts": [{**parts[at], "text": last}, *parts[at + 1 :]]}}
    common = {name: value for name, value in body.items() if name != "candidates"}
    return _data({**common, "candidates": [begun]}, {**common, "candidates": [ended]})


def converse(body: Body) -> bytes:
    """Converse: the frames of an event stream; citations are deltas of the block that they are of."""
    events: list[tuple[str, Body]] = [("messageStart", {"role": "assistant"})]
    for at, block in enumerate(body["output"]["message"]["content"]):
        place = {"contentBlockIndex": at}
        cited = block.get("citationsContent")
        text = cited["content"][0]["text"] if cited else block["text"]
        events += [("contentBlockDelta", {**place, "delta": {"text": piece}}) for piece in _pieces(text)]
        for each in cited["citations"] if cited else ():
            events.append(("contentBlockDelta", {**place, "delta": {"citation": each}}))
        events.append(("contentBlockStop", place))
    events.append(("messageStop", {"stopReason": body["stopReason"]}))
    events.append(("metadata", {"usage": body["usage"], "metrics": body["metrics"]}))
    return b"".join(
        encode({":message-type": "event", ":event-type": name, ":content-type": "application/json"}, dumps(data))
        for name, data in events
    )


def cohere(body: Body) -> bytes:
    """Chat of Cohere: the pieces of the text, each with its log probabilities, then the reason and the usage."""
    (block,), logprobs = body["message"]["content"], body["logprobs"]
    message = {**body["message"], "content": []}
    events: list[Body] = [{"type": "message-start", "id": body["id"], "delta": {"message": message}}]
    begun = {**block, "text": ""}
    events.append({"type": "content-start", "index": 0, "delta": {"message": {"content": begun}}})
    for each in logprobs:
        delta = {"message": {"content": {"text": each["text"]}}}
        events.append({"type": "content-delta", "index": 0, "delta": delta, "logprobs": each})
    events.append({"type": "content-end", "index": 0})
    end = {"finish_reason": body["finish_reason"], "usage": body["usage"]}
    return _named([*events, {"type": "message-end", "delta": end}])


STREAMS: dict[str, tuple[Callable[..., bytes], str]] = {
    "openai_chat": (chat, "text/event-stream"),
    "mistral_chat": (chat, "text/event-stream"),
    "cohere_chat": (cohere, "text/event-stream"),
    "openai_responses": (responses, "text/event-stream"),
    "anthropic_messages": (messages, "text/event-stream"),
    "google_generate": (gemini, "text/event-stream"),
    "bedrock_converse": (converse, "application/vnd.amazon.eventstream"),
}
"""For each wire that streams, the stream of a whole answer and its media type.

Chat completions and Messages also take the characters of a piece of text: `chat(body, 5)`.
"""
