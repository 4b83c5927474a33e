"""Decode a chat: the events of a stream (https://docs.cohere.com/docs/streaming), and a whole body.

Both are read by the same functions. What differs is how they come to a piece: a body has lists of whole blocks and
calls, a stream an event for the beginning, each piece and the end of one.

The model's plan for its tools (`tool_plan`) is in the reply's metadata, and also an opaque part of the message, because
it has to be sent back with the calls: https://docs.cohere.com/docs/tool-use-overview
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import define, field

from ....pipeline.side_fields import kept_event
from ....schemas.chunks import (
    STREAM_END,
    Finish,
    MetadataUpdate,
    PartDone,
    PartEnd,
    ReasoningDelta,
    Start,
    StreamChunk,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
    UsageUpdate,
)
from ....schemas.errors import DecodeError
from ....schemas.fold import fold
from ....schemas.json_text import JSONDecodeError, dumps, exact, loads_fast
from ....schemas.model import Model
from ....schemas.parts import Opaque
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ...declare.errors import provider_error
from ...declare.event_errors import event_error, read_broken
from ..calls import call_id
from .encode import NAME
from .side_fields import EVENT_FIELDS

FINISH_REASONS: Mapping[str, str] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
    "ERROR": "error",
    "TIMEOUT": "error",
}
PLAN, CALLS = 999, 1000
"""Places in the message: the plan comes after all content, and tool calls from 1000 on."""


@define
class State:
    """The state of one stream."""

    model: Model
    plan: str = ""
    citations: list[Any] = field(factory=list)
    thinking: set[int] = field(factory=set)
    """The indexes of the open thinking."""
    id: str | None = None
    calls: set[int] = field(factory=set)
    """The indexes of the calls that have started."""
    reason: str | None = None
    ended: bool = False


def decode_stream_event(event: tuple[str, bytes], model: Model, state: State) -> tuple[list[StreamChunk], State]:
    """Decode one event. Raises the provider's error for a message that ends with one, DecodeError for data that is not
    JSON."""
    try:
        data = loads_fast(event[1])
    except JSONDecodeError:
        if event[1].strip() == b"[DONE]":
            return [], state
        return read_broken(event[1], event[0], model, lambda value: _event(value, event[0], model, state)), state
    if type(data) is dict and (data.get("type") or event[0]) == "content-delta":
        try:
            text = data["delta"]["message"]["content"].get("text")
        except (LookupError, TypeError, AttributeError):
            text = None
        if text and "logprobs" not in data:
            return [TextDelta(text, data["index"])], state
    return _event(exact(data, event[1]), event[0], model, state), state


def _event(data: Any, name: str, model: Model, state: State) -> list[StreamChunk]:
    kind = (data.get("type") or name) if isinstance(data, dict) else None
    if not isinstance(kind, str) or (handler := _HANDLERS.get(kind)) is None or data.get("error"):
        if (error := event_error(model, data, name, body=dumps(data))) is not None:
            raise error
        return []
    out: list[StreamChunk] = []
    if (rules := EVENT_FIELDS.tables.get(kind)) is not None:
        data, out = kept_event(data, rules, model)
    delta = data.get("delta")
    return out + handler(data, delta.get("message") or {} if isinstance(delta, dict) else {}, state)


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    """Decode a whole body as a stream that comes at once. Raises DecodeError for a body without a message."""
    state = State(model)
    return fold([*read_body(data, state), *closing(state)])


def read_body(data: Mapping[str, Any], state: State) -> list[StreamChunk]:
    """Decode a whole body, whose message holds at once what the events of a stream bring one by one.

    Its usage is read by a step of its own. Raises DecodeError for a body without a message.
    """
    message = data.get("message")
    if not isinstance(message, dict):
        raise DecodeError("the answer has no message", hint="see .payload")
    state.reason = data.get("finish_reason")
    out = _start(data, message, state)
    for index, block in enumerate(message.get("content") or ()):
        out += [*_block(block, index, state), *_end_thinking(index, state)]
    for index, call in enumerate(message.get("tool_calls") or ()):
        out += [*_call(call, index, state), ToolCallEnd(CALLS + index)]
    return [*out, *_plan(data, message, state), *_citations(data, message, state), *_logprobs(data)]


def _block(block: Mapping[str, Any], index: int, state: State) -> list[StreamChunk]:
    """Decode a block of content, or a piece of one."""
    if thinking := block.get("thinking"):
        state.thinking.add(index)
        return [ReasoningDelta(thinking, index)]
    return [TextDelta(block["text"], index)] if block.get("text") else []


def _end_thinking(index: int | None, state: State) -> list[StreamChunk]:
    ended = [each for each in state.thinking if index is None or each == index]
    state.thinking.difference_update(ended)
    return [PartEnd(each, {"wire": NAME}) for each in ended]


def _call(call: Mapping[str, Any], index: int, state: State) -> list[StreamChunk]:
    """Decode a call, or the beginning of one."""
    place, function = CALLS + index, call["function"]
    start = ToolCallStart(place, call.get("id") or call_id(state.id, len(state.calls)), function["name"])
    state.calls.add(index)
    arguments = function.get("arguments")
    return [start, ToolCallDelta(place, arguments)] if arguments else [start]


def _logprobs(data: Mapping[str, Any]) -> list[StreamChunk]:
    """Read the logprobs: a list of them in a body, one in an event."""
    found = data.get("logprobs")
    return [MetadataUpdate({"logprobs": found if isinstance(found, list) else [found]})] if found else []


# The handlers of events take the event, the message in its delta ({} for none), and the state. Those of the plan and
# of the citations read a whole message, too.


def _start(data: Mapping[str, Any], message: Mapping[str, Any], state: State) -> list[StreamChunk]:
    state.id = data.get("id")
    return [Start(state.id, None)]


def _content(data: Mapping[str, Any], message: Mapping[str, Any], state: State) -> list[StreamChunk]:
    block = message.get("content")
    return [*(_block(block, data["index"], state) if block else ()), *_logprobs(data)]


def _plan(data: Mapping[str, Any], message: Mapping[str, Any], state: State) -> list[StreamChunk]:
    state.plan += message.get("tool_plan") or ""
    return []


def _citations(data: Mapping[str, Any], message: Mapping[str, Any], state: State) -> list[StreamChunk]:
    """Collect the citations: a list of them in a body, one in an event."""
    if found := message.get("citations"):
        state.citations += found if isinstance(found, list) else [found]
    return []


def _call_delta(data: Mapping[str, Any], message: Mapping[str, Any], state: State) -> list[StreamChunk]:
    if data["index"] not in state.calls:
        return []
    piece = message["tool_calls"]["function"]["arguments"]
    return [ToolCallDelta(CALLS + data["index"], piece)] if piece else []


def _end(data: Mapping[str, Any], message: Mapping[str, Any], state: State) -> list[StreamChunk]:
    delta = data.get("delta") or {}
    if delta.get("error"):
        error = provider_error(state.model.provider, delta["error"], body=dumps(data))
        error.usage = extract_usage(delta, state.model)
        raise error
    state.reason, state.ended = delta.get("finish_reason"), True
    usage = extract_usage(delta, state.model)
    return [STREAM_END] if usage is None else [UsageUpdate(usage), STREAM_END]


_HANDLERS: Mapping[str, Callable[[Mapping[str, Any], Mapping[str, Any], State], list[StreamChunk]]] = {
    "message-start": _start,
    "content-start": _content,
    "content-delta": _content,
    "content-end": lambda data, message, state: _end_thinking(data.get("index"), state),
    "tool-plan-delta": _plan,
    "tool-call-start": lambda data, message, state: (
        _call(message["tool_calls"], data["index"], state) if message.get("tool_calls") else []
    ),
    "tool-call-delta": _call_delta,
    "tool-call-end": lambda data, message, state: (
        [ToolCallEnd(CALLS + data["index"])] if data["index"] in state.calls else []
    ),
    "citation-start": _citations,
    "message-end": _end,
}


def flush_stream_state(model: Model, state: State) -> list[StreamChunk]:
    return closing(state) if state.ended else []


def closing(state: State) -> list[StreamChunk]:
    """Return the chunks that end everything."""
    plan = {"tool_plan": state.plan}
    out: list[StreamChunk] = [MetadataUpdate(plan), PartDone(Opaque(NAME, plan), PLAN)] if state.plan else []
    if state.citations:
        out.append(MetadataUpdate({"citations": state.citations}))
    reason = state.reason or ""
    return [*out, Finish(FINISH_REASONS.get(reason, reason.lower() or "unknown"), state.reason)]


def extract_usage(data: Mapping[str, Any], model: Model) -> Usage | None:
    """Convert usage: `tokens` is what the model read and wrote, `billed_units` (without the vendor's own prompt and
    special tokens) is what is paid for: https://docs.cohere.com/docs/how-does-cohere-pricing-work"""
    raw = data.get("usage")
    if not raw:
        return None
    billed = raw.get("billed_units") or {}
    tokens = raw.get("tokens") or billed
    return Usage(
        input_tokens=tokens.get("input_tokens"),
        output_tokens=tokens.get("output_tokens"),
        cached_input_tokens=raw.get("cached_tokens"),
        reasoning_tokens=tokens.get("reasoning_tokens"),
        billed_input_tokens=billed.get("input_tokens"),
        billed_output_tokens=billed.get("output_tokens"),
        raw=raw,
    )
