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

from ....pipeline.side_fields import Rules, kept_event, left_out
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
    Warned,
)
from ....schemas.errors import DecodeError
from ....schemas.fold import fold
from ....schemas.json_text import JSONDecodeError, dumps, exact, loads_fast
from ....schemas.model import Model
from ....schemas.parts import Opaque
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ...declare.errors import provider_error
from ...declare.event_errors import by_kind, read_broken
from ..blocks import Blocks
from ..calls import arguments_text, distinct_id, orphaned
from ..finish import finish_reason_of
from ..sources import objects
from .citations import cited
from .encode import NAME
from .side_fields import CONTENT_START_FIELDS, EVENT_FIELDS, START_FIELDS

FINISH_REASONS: Mapping[str, str] = {
    "ERROR_TOXIC": "content_filter",
    "TIMEOUT": "error",
}
"""Those beside the common words."""
PLAN, CALLS = 999, 1000
"""Places in the message: the plan comes after all content, and tool calls from 1000 on."""


@define
class State:
    """The state of one stream."""

    model: Model
    plan: str = ""
    content: Blocks = field(factory=Blocks)
    thinking: set[int] = field(factory=set)
    """The places of the open thinking."""
    id: str | None = None
    calls: Blocks = field(factory=Blocks)
    """The calls, whose places in the message are from CALLS on."""
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
    try:
        if (data.get("type") or event[0]) == "content-delta" and "logprobs" not in data:
            text = data["delta"]["message"]["content"]["text"]
            if text and text.__class__ is str:
                return [TextDelta(text, state.content.places[data["index"]])], state
    except (LookupError, TypeError, AttributeError):
        pass
    return _event(exact(data, event[1]), event[0], model, state), state


def _event(event: object, name: str, model: Model, state: State) -> list[StreamChunk]:
    if state.ended or (handler := by_kind(_HANDLERS, event, name, model)) is None:
        return []
    data, out = kept_event(event, _RULES.get(handler, EVENT_FIELDS), model)
    delta = data.get("delta") or {}
    return out + handler(data, delta.get("message") or {}, state)


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
        out += [*_block(block, state.content.begin(index), state), *_end_content(index, state)]
    for index, call in enumerate(message.get("tool_calls") or ()):
        out += [*_call(call, index, state), *_end_call(index, state)]
    return [*out, *_plan(data, message, state), *_citations(data, message, state), *_logprobs(data)]


def _block(block: Mapping[str, Any], place: int, state: State) -> list[StreamChunk]:
    """Decode a block of content, or a piece of one."""
    if thinking := block.get("thinking"):
        state.thinking.add(place)
        return [ReasoningDelta(thinking, place)]
    return [TextDelta(block["text"], place)] if block.get("text") else []


def _end_content(index: int | None, state: State) -> list[StreamChunk]:
    place = state.content.end(index)
    if place not in state.thinking:
        return []
    state.thinking.discard(place)
    return [PartEnd(place, {"wire": NAME})]


def _call(call: Mapping[str, Any], index: int | None, state: State) -> list[StreamChunk]:
    """Decode a call, or the beginning of one."""
    out = _end_call(index, state) if index in state.calls.places else []
    place, function = CALLS + state.calls.begin(index), call["function"]
    out.append(ToolCallStart(place, distinct_id(call.get("id"), state.calls.call_ids, state.id), function["name"]))
    arguments = arguments_text(function.get("arguments"))
    return [*out, ToolCallDelta(place, arguments)] if arguments else out


def _end_call(index: int | None, state: State) -> list[StreamChunk]:
    place = state.calls.end(index)
    return [] if place is None else [ToolCallEnd(CALLS + place)]


def _logprobs(data: Mapping[str, Any]) -> list[StreamChunk]:
    """Read the logprobs: a list of them in a body, one in an event.

    Each is of a piece of text that may have several tokens; the log probability of all of them is the sum.
    """
    found = data.get("logprobs")
    rows = [
        {"token": each.get("text") or "", "logprob": sum(number for number in numbers if type(number) in (int, float))}
        for each in objects(found if isinstance(found, list) else [found])
        if isinstance(numbers := each.get("logprobs"), list)
    ]
    return [MetadataUpdate({"logprobs": rows})] if rows else []


# The handlers of events take the event, the message in its delta ({} for none), and the state. Those of the plan and
# of the citations read a whole message, too.


def _start(data: Mapping[str, Any], message: Mapping[str, Any], state: State) -> list[StreamChunk]:
    state.id = data.get("id")
    return [Start(state.id, None)]


def _content_start(data: Mapping[str, Any], message: Mapping[str, Any], state: State) -> list[StreamChunk]:
    index = data.get("index")
    ended = _end_content(index, state) if index in state.content.places else []
    state.content.begin(index)
    return [*ended, *_content(data, message, state)]


def _content(data: Mapping[str, Any], message: Mapping[str, Any], state: State) -> list[StreamChunk]:
    """Decode a piece of content, or the beginning of some."""
    block = message.get("content")
    place = state.content.find_or_begin(data.get("index"))
    return [*(_block(block, place, state) if block else ()), *_logprobs(data)]


def _plan(data: Mapping[str, Any], message: Mapping[str, Any], state: State) -> list[StreamChunk]:
    state.plan += message.get("tool_plan") or ""
    return []


def _citations(data: Mapping[str, Any], message: Mapping[str, Any], state: State) -> list[StreamChunk]:
    """Read the citations: a list of them in a body, one in an event."""
    found = message.get("citations")
    return cited(objects(found if isinstance(found, list) else [found])) if found else []


def _call_start(data: Mapping[str, Any], message: Mapping[str, Any], state: State) -> list[StreamChunk]:
    """Begin a call. One without a name is left out, with a warning."""
    call = message.get("tool_calls") or {}
    if not (call.get("function") or {}).get("name"):
        return [Warned((left_out("delta.message.tool_calls", call, state.model),))]
    return _call(call, data.get("index"), state)


def _call_delta(data: Mapping[str, Any], message: Mapping[str, Any], state: State) -> list[StreamChunk]:
    place = state.calls.find(data.get("index"))
    function = (message.get("tool_calls") or {}).get("function") or {}
    piece = arguments_text(function.get("arguments"))
    if piece and place is None:
        return [orphaned(state.model)]
    return [ToolCallDelta(CALLS + place, piece)] if piece and place is not None else []


def _end(data: Mapping[str, Any], message: Mapping[str, Any], state: State) -> list[StreamChunk]:
    delta = data.get("delta") or {}
    if delta.get("error"):
        error = provider_error(state.model.provider, delta["error"], body=dumps(data))
        error.usage = extract_usage(delta, state.model)
        raise error
    state.reason, state.ended = delta.get("finish_reason"), True
    # Some servers leave out the ends of blocks.
    out = [chunk for index in tuple(state.content.places) for chunk in _end_content(index, state)]
    out += [chunk for index in tuple(state.calls.places) for chunk in _end_call(index, state)]
    usage = extract_usage(delta, state.model)
    return [*out, STREAM_END] if usage is None else [*out, UsageUpdate(usage), STREAM_END]


_Handler = Callable[[Mapping[str, Any], Mapping[str, Any], State], list[StreamChunk]]
_RULES: Mapping[_Handler, Rules] = {_start: START_FIELDS, _content_start: CONTENT_START_FIELDS}
_HANDLERS: Mapping[str, _Handler] = {
    "message-start": _start,
    "content-start": _content_start,
    "content-delta": _content,
    "content-end": lambda data, message, state: _end_content(data.get("index"), state),
    "tool-plan-delta": _plan,
    "tool-call-start": _call_start,
    "tool-call-delta": _call_delta,
    "tool-call-end": lambda data, message, state: _end_call(data.get("index"), state),
    "citation-start": _citations,
    "message-end": _end,
}


def flush_stream_state(model: Model, state: State) -> list[StreamChunk]:
    """Return the last chunks; none for a stream that was cut."""
    return closing(state) if state.ended else []


def closing(state: State) -> list[StreamChunk]:
    """Return the last chunks of an answer: its plan, and the Finish."""
    plan = {"tool_plan": state.plan}
    out: list[StreamChunk] = [MetadataUpdate(plan), PartDone(Opaque(NAME, plan), PLAN)] if state.plan else []
    reason = state.reason or ""
    return [*out, Finish(finish_reason_of(reason, FINISH_REASONS, has_calls=bool(state.calls.call_ids)), state.reason)]


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
