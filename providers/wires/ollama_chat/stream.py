"""Decode a chat: the lines of a stream, one JSON object each, the last with `done`; and a whole body as one line."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field

from ....pipeline.side_fields import Rules, kept_event, left_out
from ....schemas.chunks import (
    STREAM_END,
    WHOLE,
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
    Warned,
)
from ....schemas.errors import DecodeError, ProviderError
from ....schemas.fold import fold
from ....schemas.json_text import JSONDecodeError, dumps, exact, loads, loads_fast
from ....schemas.model import Model
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ...declare.event_errors import event_error, read_broken
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
    """Whether there is reasoning."""
    calls: list[Mapping[str, Any]] = field(factory=list)
    call_ids: set[str] = field(factory=set)
    reason: str | None = None
    done: bool = False
    failure: ProviderError | None = None
    lines: list[bytes] = field(factory=list)
    """The lines of a value that is written over several."""


def decode_stream_event(event: bytes, model: Model, state: State) -> tuple[list[StreamChunk], State]:
    """Decode one line. Raises the server's error for an error line, DecodeError for a line that is not JSON."""
    try:
        data = loads_fast(event)
    except JSONDecodeError:
        if event in (b"{", b"[") or state.lines:
            # Proxies write the JSON of an error over several lines, which begins with a bracket alone.
            state.lines.append(event)
            return ([] if event[:1] not in b"}]" else _joined(model, state)), state
        return read_broken(event, "", model, lambda value: read_piece(value, model, state)), state
    try:
        # Nearly every line is only one more piece of text.
        if state.started and len(data) == 4 and "error" not in data and not data["done"]:
            message = data["message"]
            if len(message) == 2 and (text := message["content"]) and text.__class__ is str:
                return [TextDelta(text, TEXT)], state
    except (KeyError, TypeError):
        pass
    return read_piece(exact(data, event), model, state), state


def _joined(model: Model, state: State) -> list[StreamChunk]:
    """Decode the lines that have come of a value, if they are all of it."""
    try:
        data = loads(b"".join(state.lines))
    except JSONDecodeError:
        return []
    state.lines = []
    return read_piece(data[0] if isinstance(data, list) and data else data, model, state)


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    """Decode a whole body as a stream of one piece.

    Raises the server's error if the body is one, DecodeError for a body without a message.
    """
    state = State()
    chunks = read_piece(data, model, state, rules=None)
    if data.get("done") is False:
        state.reason = "in_progress"  # a line of a stream, of which the others are missing
    return fold([*chunks, *closing(state)])


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
        if type(data) is not dict or type(data.get("message")) is not dict or data.get("error"):
            state.failure = event_error(model, data, body=dumps(data))
            if state.failure is not None and (type(data) is not dict or "done" not in data):
                return [STREAM_END]
        piece, out = kept_event(data, rules, model)
        if not piece:
            return out
    if not state.started:
        state.started, state.created_at = True, piece.get("created_at")
        out.append(Start(None, piece.get("model")))
    message = piece.get("message")
    if rules is None and not isinstance(message, dict):
        raise DecodeError("the answer has no message", hint="see .payload")
    message = message or {}
    ends = rules is not None and bool(piece.get("done"))
    calls = message.get("tool_calls") or ()
    out += _texts(message, state, ends, model)
    if calls != state.calls or not ends:  # a last line may repeat all calls
        for call in calls:
            out += _call(call, state)
    if piece.get("logprobs"):
        out.append(MetadataUpdate({"logprobs": piece["logprobs"]}))
    state.reason = piece.get("done_reason")
    if rules is not None and (piece.get("done") or state.failure is not None):
        # Not started any more: later lines take the general path, which drops them.
        state.done, state.started = True, False
        if (usage := extract_usage(piece, model)) is not None:
            out.append(UsageUpdate(usage))
        out.append(STREAM_END)
    return out


def _texts(message: Mapping[str, Any], state: State, ends: bool, model: Model) -> list[StreamChunk]:
    """Decode the texts of a line. The last one of a stream has none, or on some servers all of them again."""
    out: list[StreamChunk] = []
    again = [WHOLE] if ends else []
    if thinking := message.get("thinking"):
        state.thought = True
        out += [*again, ReasoningDelta(thinking, REASONING)]
    content = message.get("content")
    if message.get("tool_calls") and type(content) not in _CONTENTS:
        out.append(Warned((left_out("message.content", content, model),)))
    elif content:
        out += [*again, TextDelta(content, TEXT)]
    return out


_CONTENTS = (str, type(None))
"""The types of a content that is read. Another is an error, but beside calls it is left out."""


def _call(call: Mapping[str, Any], state: State) -> list[StreamChunk]:
    """Decode a call. Older servers send no id, and index 0 for each of several calls, so their order counts."""
    function, place = call["function"], CALLS + len(state.calls)
    id = distinct_id(call.get("id"), state.call_ids, state.created_at)
    state.calls.append(call)
    arguments = arguments_text(function.get("arguments") or {})
    return [ToolCallStart(place, id, function["name"]), ToolCallDelta(place, arguments), ToolCallEnd(place)]


def flush_stream_state(model: Model, state: State) -> list[StreamChunk]:
    """Return the last chunks; none for a stream that was cut. Raises the error that a line has reported."""
    if state.failure is not None:
        raise state.failure
    if len(state.lines) > 1 and not state.done:
        return read_broken(b"\n".join(state.lines), "", model, lambda value: read_piece(value, model, state))
    return closing(state) if state.done else []


def closing(state: State) -> list[StreamChunk]:
    """Return the chunks that end everything."""
    ends: list[StreamChunk] = [PartEnd(REASONING, {"wire": NAME})] if state.thought else []
    # Ollama sends `stop` with calls, too.
    return [*ends, Finish(finish_reason_of(state.reason, {}, has_calls=bool(state.calls)), state.reason)]


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
