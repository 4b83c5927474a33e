"""Decode the events of a streamed chat. https://docs.cohere.com/docs/streaming"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field

from ....pipeline.side_fields import kept_event
from ....pipeline.stream.broken_event import read_again
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
from ....schemas.json_text import JSONDecodeError, dumps, exact, loads_fast
from ....schemas.model import Model
from ...declare.errors import provider_error
from ..calls import call_id
from .decode import CALLS, PLAN, decode_plan, finish_reason, usage_of
from .encode import NAME
from .side_fields import EVENT_FIELDS


@define
class State:
    """The state of one stream."""

    plan: list[str] = field(factory=list)
    citations: list[Any] = field(factory=list)
    thinking: set[int] = field(factory=set)
    """The indexes of the open thinking."""
    id: str | None = None
    calls: set[int] = field(factory=set)
    """The indexes of the calls that have started."""
    reason: str | None = None


def init_stream_state(model: Model) -> State:
    return State()


def decode_stream_event(event: tuple[str, bytes], model: Model, state: State) -> tuple[list[StreamChunk], State]:
    """Decode one event. Raises the provider's error for a message that ends with one, DecodeError for data that is not
    JSON."""
    try:
        data = loads_fast(event[1])
    except JSONDecodeError:
        if event[1].strip() == b"[DONE]":
            return [], state
        return read_again(event[1], lambda value: _general(value, event[0], model, state)), state
    if (data.get("type") or event[0]) == "content-delta":
        try:
            text = data["delta"]["message"]["content"].get("text")
        except (LookupError, TypeError, AttributeError):
            text = None
        if text and "logprobs" not in data:
            return [TextDelta(text, data["index"])], state
    return _general(exact(data, event[1]), event[0], model, state), state


def _general(data: Mapping[str, Any], name: str, model: Model, state: State) -> list[StreamChunk]:
    kind = data.get("type") or name
    handler = _HANDLERS.get(kind) if isinstance(kind, str) else None
    if handler is None:
        return []
    out: list[StreamChunk] = []
    if (rules := EVENT_FIELDS.tables.get(kind)) is not None:
        data, out = kept_event(data, rules, model)
    return out + handler(data, model, state)


def _content(data: Mapping[str, Any], content: Mapping[str, Any], state: State) -> list[StreamChunk]:
    out: list[StreamChunk] = []
    if content.get("text"):
        out.append(TextDelta(content["text"], data["index"]))
    if content.get("thinking"):
        state.thinking.add(data["index"])
        out.append(ReasoningDelta(content["thinking"], data["index"]))
    if data.get("logprobs"):
        out.append(MetadataUpdate({"logprobs": [data["logprobs"]]}))
    return out


def _start(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    state.id = data.get("id")
    return [Start(state.id, None)]


def _content_start(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    return _content(data, _message(data).get("content") or {}, state)


def _content_end(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    index = data.get("index")
    ended = [each for each in state.thinking if index is None or each == index]
    state.thinking.difference_update(ended)
    return [PartEnd(each, {"wire": NAME}) for each in ended]


def _plan(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    if plan := _message(data).get("tool_plan"):
        state.plan.append(plan)
    return []


def _call_start(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    call = _message(data).get("tool_calls")
    if not call:
        return []
    place = CALLS + data["index"]
    start = ToolCallStart(place, call.get("id") or call_id(state.id, len(state.calls)), call["function"]["name"])
    state.calls.add(data["index"])
    given = call["function"].get("arguments")
    return [start, ToolCallDelta(place, given)] if given else [start]


def _call_delta(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    if data["index"] not in state.calls:
        return []
    piece = data["delta"]["message"]["tool_calls"]["function"]["arguments"]
    return [ToolCallDelta(CALLS + data["index"], piece)] if piece else []


def _call_end(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    return [ToolCallEnd(CALLS + data["index"])] if data["index"] in state.calls else []


def _citation(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    if citations := _message(data).get("citations"):
        state.citations.append(citations)
    return []


def _message(data: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the message of an event's delta; empty where the event has none."""
    return (data.get("delta") or {}).get("message") or {}


def _end(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    delta = data.get("delta") or {}
    if delta.get("error"):
        raise provider_error(model.provider, delta["error"], body=dumps(data))
    state.reason = delta.get("finish_reason") or "COMPLETE"
    raw = delta.get("usage")
    return [UsageUpdate(usage_of(raw)), STREAM_END] if raw else [STREAM_END]


_HANDLERS = {
    "message-start": _start,
    "content-start": _content_start,
    "content-delta": _content_start,
    "content-end": _content_end,
    "tool-plan-delta": _plan,
    "tool-call-start": _call_start,
    "tool-call-delta": _call_delta,
    "tool-call-end": _call_end,
    "citation-start": _citation,
    "message-end": _end,
}


def flush_stream_state(model: Model, state: State) -> list[StreamChunk]:
    if state.reason is None:
        return []
    metadata: dict[str, Any] = {}
    chunks: list[StreamChunk] = []
    if plan := "".join(state.plan):
        metadata["tool_plan"] = plan
        chunks.append(PartDone(decode_plan(plan), PLAN))
    if state.citations:
        metadata["citations"] = state.citations
    if metadata:
        chunks.append(MetadataUpdate(metadata))
    return [*chunks, Finish(finish_reason(state.reason), state.reason)]
