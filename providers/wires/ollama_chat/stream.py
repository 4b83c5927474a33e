"""Decode the lines of a streamed chat: one JSON object each, the last with `done`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define

from ....pipeline.side_fields import kept_event
from ....pipeline.stream.broken_event import read_again
from ....schemas.chunks import (
    STREAM_END,
    Finish,
    MetadataUpdate,
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
from ....schemas.json_text import JSONDecodeError, exact, loads_fast
from ....schemas.model import Model
from ...declare.errors import provider_error
from .decode import CALLS, REASONING, TEXT, decode_call, extract_usage, finish_reason
from .encode import NAME
from .side_fields import EVENT_FIELDS


@define
class State:
    """The state of one stream."""

    started: bool = False
    created_at: str | None = None
    thought: bool = False
    calls: int = 0
    reason: str | None = None
    done: bool = False


def init_stream_state(model: Model) -> State:
    return State()


def decode_stream_event(event: bytes, model: Model, state: State) -> tuple[list[StreamChunk], State]:
    """Decode one line. Raises the server's error for an error line, DecodeError for a line that is not JSON."""
    try:
        data = loads_fast(event)
    except JSONDecodeError:
        return read_again(event, lambda value: _general(value, event, model, state)), state
    # Nearly every line is only one more piece of text.
    if state.started and len(data) == 4 and "error" not in data and not data["done"]:
        message = data["message"]
        if len(message) == 2 and (text := message.get("content")):
            return [TextDelta(text, TEXT)], state
    return _general(exact(data, event), event, model, state), state


def _general(data: Mapping[str, Any], event: bytes, model: Model, state: State) -> list[StreamChunk]:
    if state.done:
        return []
    if "error" in data:
        raise provider_error(model.provider, data["error"], body=event)
    data, out = kept_event(data, EVENT_FIELDS, model)
    if not state.started:
        state.started, state.created_at = True, data.get("created_at")
        out.append(Start(None, data.get("model")))
    message: dict[str, Any] = data.get("message") or {}
    if message.get("thinking"):
        state.thought = True
        out.append(ReasoningDelta(message["thinking"], REASONING))
    if message.get("content"):
        out.append(TextDelta(message["content"], TEXT))
    for call in message.get("tool_calls") or ():
        decoded, place = decode_call(call, state.calls, state.created_at), CALLS + state.calls
        state.calls += 1
        out += [ToolCallStart(place, decoded.id, decoded.name), ToolCallDelta(place, decoded.arguments_json)]
        out.append(ToolCallEnd(place))
    if data.get("logprobs"):
        out.append(MetadataUpdate({"logprobs": data["logprobs"]}))
    if data.get("done"):
        # Not started any more: later lines take the general path, which drops them.
        state.done, state.started, state.reason = True, False, data.get("done_reason")
        if (usage := extract_usage(data, model)) is not None:
            out.append(UsageUpdate(usage))
        out.append(STREAM_END)
    return out


def flush_stream_state(model: Model, state: State) -> list[StreamChunk]:
    if not state.done:
        return []
    ends: list[StreamChunk] = [PartEnd(REASONING, {"wire": NAME})] if state.thought else []
    return [*ends, Finish(finish_reason(state.reason, state.calls > 0), state.reason)]
