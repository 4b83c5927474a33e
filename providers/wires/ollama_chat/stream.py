"""Decode a chat: the lines of a stream, one JSON object each, the last with `done`; and a whole body as one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field

from ....pipeline.side_fields import Rules, kept_event
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
from ....schemas.errors import DecodeError
from ....schemas.fold import fold
from ....schemas.json_text import JSONDecodeError, dumps, exact, loads_fast
from ....schemas.model import Model
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ...declare.errors import provider_error
from ..calls import arguments_text, distinct_id
from ..finish import finish_reason_of
from .encode import NAME
from .side_fields import EVENT_FIELDS

REASONING, TEXT, CALLS = 0, 1, 2
"""Places in the message; further calls come after the first."""


@define
class State:
    """The state of one stream."""

    started: bool = False
    created_at: str | None = None
    thought: bool = False
    call_ids: set[str] = field(factory=set)
    reason: str | None = None
    done: bool = False


def decode_stream_event(event: bytes, model: Model, state: State) -> tuple[list[StreamChunk], State]:
    """Decode one line. Raises the server's error for an error line, DecodeError for a line that is not JSON."""
    try:
        data = loads_fast(event)
    except JSONDecodeError:
        return read_again(event, lambda value: read_piece(value, model, state)), state
    try:
        # Nearly every line is only one more piece of text.
        if state.started and len(data) == 4 and "error" not in data and not data["done"]:
            message = data["message"]
            if len(message) == 2 and (text := message["content"]) and text.__class__ is str:
                return [TextDelta(text, TEXT)], state
    except (KeyError, TypeError):
        pass
    return read_piece(exact(data, event), model, state), state


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    """Decode a whole body as a stream of one piece.

    Raises the server's error if the body is one, DecodeError for a body without a message.
    """
    state = State()
    return fold([*read_piece(data, model, state, rules=None), *closing(state)])


def read_piece(data: object, model: Model, state: State, rules: Rules | None = EVENT_FIELDS) -> list[StreamChunk]:
    """Decode one piece: a line, or the whole body, which looks like the one line of a short stream.

    Raises the server's error if the piece is one, DecodeError for a whole body without a message.

    rules: the rules of the fields that it can do without; None for a whole body: they were applied before, and its
        usage is read by a step of its own
    """
    if state.done:
        return []
    piece: Any = data
    out: list[StreamChunk] = []
    if rules is not None:
        piece, out = kept_event(data, rules, model)
    if rules is not None and not piece:
        return out
    if piece.get("error"):
        raise provider_error(model.provider, piece["error"], body=dumps(data))
    if not state.started:
        state.started, state.created_at = True, piece.get("created_at")
        out.append(Start(None, piece.get("model")))
    message = piece.get("message")
    if rules is None and not isinstance(message, dict):
        raise DecodeError("the answer has no message", hint="see .payload")
    message = message or {}
    if message.get("thinking"):
        state.thought = True
        out.append(ReasoningDelta(message["thinking"], REASONING))
    if message.get("content"):
        out.append(TextDelta(message["content"], TEXT))
    for call in message.get("tool_calls") or ():
        out += _call(call, state)
    if piece.get("logprobs"):
        out.append(MetadataUpdate({"logprobs": piece["logprobs"]}))
    state.reason = piece.get("done_reason")
    if rules is not None and piece.get("done"):
        # Not started any more: later lines take the general path, which drops them.
        state.done, state.started = True, False
        if (usage := extract_usage(piece, model)) is not None:
            out.append(UsageUpdate(usage))
        out.append(STREAM_END)
    return out


def _call(call: Mapping[str, Any], state: State) -> list[StreamChunk]:
    """Decode a call. Older servers send no id, and index 0 for each of several calls, so their order counts."""
    function, place = call["function"], CALLS + len(state.call_ids)
    id = distinct_id(call.get("id"), state.call_ids, state.created_at)
    arguments = arguments_text(function.get("arguments") or {})
    return [ToolCallStart(place, id, function["name"]), ToolCallDelta(place, arguments), ToolCallEnd(place)]


def flush_stream_state(model: Model, state: State) -> list[StreamChunk]:
    return closing(state) if state.done else []


def closing(state: State) -> list[StreamChunk]:
    """Return the chunks that end everything."""
    ends: list[StreamChunk] = [PartEnd(REASONING, {"wire": NAME})] if state.thought else []
    # Ollama sends `stop` with calls, too. Its reasons are ours.
    reason = "tool_calls" if state.call_ids and state.reason == "stop" else finish_reason_of(state.reason, {})
    return [*ends, Finish(reason, state.reason)]


def extract_usage(data: Mapping[str, Any], model: Model) -> Usage | None:
    """Convert usage. The prompt counts in full, including what the server had cached."""
    read, wrote = data.get("prompt_eval_count"), data.get("eval_count")
    if read is None and wrote is None:
        return None
    return Usage(
        input_tokens=read,
        output_tokens=wrote,
        cached_input_tokens=data.get("prompt_eval_cached_count"),
        raw={name: data[name] for name in _METRICS if name in data},
    )


_METRICS = (
    "total_duration",
    "load_duration",
    "prompt_eval_count",
    "prompt_eval_cached_count",
    "prompt_eval_duration",
    "eval_count",
    "eval_duration",
)
