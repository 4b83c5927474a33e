"""The bytes that the loopback server answers with, and how many characters a correct reader finds in them.

Two wires (OpenAI chat completions, Anthropic messages), each unstreamed, as text deltas and as tool-call deltas. The
shapes follow what both providers send today. An OpenAI text event is 318 bytes, framing included: the size that the
real ones have with their ids, fingerprint and obfuscation padding.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

EVENT_BYTES = 318
WORDS = (
    " the",
    " steps",
    " lead",
    " down",
    " to",
    " clear",
    " water",
    ",",
    " and",
    " every",
    " stone",
    " is",
    " named",
    ".",
)
TOOL = {
    "name": "get_weather",
    "description": "Get the current weather for a place",
    "parameters": {
        "type": "object",
        "properties": {
            "location": {"type": "string", "description": "City and country, such as Jaipur, India"},
            "unit": {"type": "string", "enum": ["celsius", "fahrenheit"]},
            "days": {"type": "integer", "minimum": 1, "maximum": 14},
        },
        "required": ["location"],
    },
}


@dataclass(frozen=True)
class Payload:
    """An answer of the loopback server."""

    pieces: tuple[bytes, ...]
    """The body, one piece for each event; one piece if it is not streamed."""
    characters: int
    """How many characters of text or arguments a correct reader finds in it."""
    streamed: bool


def words(count: int) -> list[str]:
    """Return `count` short deltas of text, always the same ones."""
    return [WORDS[number * 5 % len(WORDS)] for number in range(count)]


def argument_fragments(count: int) -> list[str]:
    """Return `count` fragments that together are one valid JSON object of tool arguments."""
    return ['{"location":"', *words(count - 2), '"}']


def openai_payload(kind: str, count: int) -> Payload:
    """Write an OpenAI chat completion of `count` deltas ("text", "tools"), or of `count` words unstreamed ("call")."""
    if kind == "call":
        return _json_payload(_openai_completion("".join(words(count))), "".join(words(count)))
    deltas = words(count) if kind == "text" else argument_fragments(count)
    events = [_sse(_openai_chunk(delta, None)) for delta in _openai_deltas(kind, deltas)]
    if kind == "text":
        events = [events[0], *(_padded(delta) for delta in deltas)]
    events.append(_sse(_openai_chunk({}, "stop" if kind == "text" else "tool_calls")))
    events.append(_sse({**_openai_chunk({}, None), "choices": [], "usage": _openai_usage(count)}))
    events.append(b"data: [DONE]\n\n")
    return Payload(tuple(events), sum(map(len, deltas)), streamed=True)


def anthropic_payload(kind: str, count: int) -> Payload:
    """Write an Anthropic message of `count` deltas ("text", "tools"), or of `count` words unstreamed ("call")."""
    if kind == "call":
        content = [{"type": "text", "text": "".join(words(count))}]
        message = {**_anthropic_message(content), "stop_reason": "end_turn"}
        return _json_payload(message, "".join(words(count)))
    deltas = words(count) if kind == "text" else argument_fragments(count)
    events = tuple(
        b"event: %s\n" % event["type"].encode() + _sse(event) for event in _anthropic_events(kind, deltas, count)
    )
    return Payload(events, sum(map(len, deltas)), streamed=True)


@cache
def payload(wire: str, kind: str, count: int) -> Payload:
    """Return the answer of one wire, "openai" or "anthropic"."""
    return {"openai": openai_payload, "anthropic": anthropic_payload}[wire](kind, count)


def _sse(event: dict) -> bytes:
    return b"data: %s\n\n" % json.dumps(event, separators=(",", ":"), ensure_ascii=False).encode()


def _json_payload(body: dict, text: str) -> Payload:
    return Payload((json.dumps(body, indent=2).encode(),), len(text), streamed=False)


def _openai_usage(count: int) -> dict:
    return {
        "prompt_tokens": 12,
        "completion_tokens": count,
        "total_tokens": count + 12,
        "prompt_tokens_details": {"cached_tokens": 0, "audio_tokens": 0},
        "completion_tokens_details": {
            "reasoning_tokens": 0,
            "audio_tokens": 0,
            "accepted_prediction_tokens": 0,
            "rejected_prediction_tokens": 0,
        },
    }


def _openai_completion(text: str) -> dict:
    message = {"role": "assistant", "content": text, "refusal": None, "annotations": []}
    return {
        "id": "chatcmpl-CkQ2vXnT0aYbR7mHs5LdWqEoPzUf1",
        "object": "chat.completion",
        "created": 1763700000,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": _openai_usage(len(text) // 4),
        "service_tier": "default",
        "system_fingerprint": "fp_560af6e559",
    }


def _openai_deltas(kind: str, deltas: list[str]) -> Iterator[dict]:
    if kind == "text":
        yield {"role": "assistant", "content": "", "refusal": None}
        return
    function = {"name": TOOL["name"], "arguments": ""}
    opened = {"index": 0, "id": "call_s0Vn2mQkT8xWc4LrYb6Z", "type": "function", "function": function}
    yield {"role": "assistant", "content": None, "tool_calls": [opened], "refusal": None}
    for fragment in deltas:
        yield {"tool_calls": [{"index": 0, "function": {"arguments": fragment}}]}


def _openai_chunk(delta: dict, finish_reason: str | None) -> dict:
    return {
        "id": "chatcmpl-CkQ2vXnT0aYbR7mHs5LdWqEoPzUf1",
        "object": "chat.completion.chunk",
        "created": 1763700000,
        "model": "gpt-4o-mini-2024-07-18",
        "system_fingerprint": "fp_560af6e559",
        "choices": [{"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}],
        "usage": None,
    }


def _padded(text: str) -> bytes:
    """Write a text event of exactly EVENT_BYTES, padded by the obfuscation field as OpenAI does it."""
    chunk = {**_openai_chunk({"content": text}, None), "obfuscation": ""}
    chunk["obfuscation"] = "k7Rw2ZpQ9vXe4mLtHs5LdWqE"[: EVENT_BYTES - len(_sse(chunk))]
    return _sse(chunk)


def _anthropic_message(content: list[dict]) -> dict:
    return {
        "model": "claude-haiku-4-5-20251001",
        "id": "msg_01XFDUDYJgAACzvnptvVoYEL",
        "type": "message",
        "role": "assistant",
        "content": content,
        "stop_reason": None,
        "stop_sequence": None,
        "usage": {
            "input_tokens": 12,
            "cache_creation_input_tokens": 0,
            "cache_read_input_tokens": 0,
            "cache_creation": {"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
            "output_tokens": 1,
            "service_tier": "standard",
        },
    }


def _anthropic_events(kind: str, deltas: list[str], count: int) -> Iterator[dict]:
    block: dict = {"type": "text", "text": ""}
    field, key = "text_delta", "text"
    if kind == "tools":
        block = {"type": "tool_use", "id": "toolu_01T1x1fJ34qAmk2tNTrN7Up6", "name": TOOL["name"], "input": {}}
        field, key = "input_json_delta", "partial_json"
    yield {"type": "message_start", "message": _anthropic_message([])}
    yield {"type": "content_block_start", "index": 0, "content_block": block}
    yield {"type": "ping"}
    for delta in deltas:
        yield {"type": "content_block_delta", "index": 0, "delta": {"type": field, key: delta}}
    yield {"type": "content_block_stop", "index": 0}
    stop_reason = "end_turn" if kind == "text" else "tool_use"
    usage = {"input_tokens": 12, "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "output_tokens": count}
    yield {"type": "message_delta", "delta": {"stop_reason": stop_reason, "stop_sequence": None}, "usage": usage}
    yield {"type": "message_stop"}
