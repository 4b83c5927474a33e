"""Decode a message, whole or streamed. https://docs.claude.com/en/docs/build-with-claude/streaming

An unstreamed message is read as a stream whose blocks each begin and end at once, with all of their content.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, evolve, field

from ....pipeline.side_fields import kept_event, left_out
from ....schemas.chunks import (
    STREAM_END,
    Cited,
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
from ....schemas.fold import fold
from ....schemas.json_text import JSONDecodeError, exact, loads_fast
from ....schemas.model import Model
from ....schemas.parts import Reasoning
from ....schemas.reply import PAUSE, Reply
from ....schemas.usage import Usage
from ...declare.errors import provider_error
from ...declare.event_errors import by_kind, read_broken
from ..blocks import Blocks
from ..calls import arguments_text, distinct_id, orphaned, server_tool_input
from ..fields import given
from ..finish import finish_reason_of
from ..sources import inner, text_in
from .encode import NAME
from .server_tools import citations_of, server_part
from .side_fields import EVENT_FIELDS
from .usage import CONTAINER, usage_of

FINISH_REASONS: Mapping[str, str] = {
    # https://docs.claude.com/en/docs/build-with-claude/handling-stop-reasons
    "pause_turn": PAUSE,
}
"""Those beside the common words."""

METADATA = ("stop_sequence", "stop_details", CONTAINER, "context_management")
"""Fields of a message that are kept on `reply.metadata`."""


@define
class State(Blocks):
    """The state of one stream."""

    id: str | None = None
    blocks: dict[int, dict[str, Any]] = field(factory=dict)
    """The open blocks, by place."""
    usage: dict[str, Any] = field(factory=dict)
    reason: str | None = None
    counted: bool = False
    """Whether the event with the reason and the final counts came."""
    ended: bool = False
    metadata: dict[str, Any] = field(factory=dict)
    called: dict[int, dict[str, Any]] = field(factory=dict)
    """The details of the calls that have ended, by place."""


def decode_stream_event(event: tuple[str, bytes], model: Model, state: State) -> tuple[list[StreamChunk], State]:
    """Decode one event. Raises the provider's error for an `error` event, DecodeError for data that is not JSON."""
    try:
        data = loads_fast(event[1])
        kind = data["type"]
        if kind == "content_block_delta":
            delta = data["delta"]
            # Nearly every event is one of these two.
            place = state.places[data["index"]]
            if delta["type"] == "text_delta" and (text := delta["text"]).__class__ is str:
                return [TextDelta(text, place)], state
            piece = delta["partial_json"] if delta["type"] == "input_json_delta" else None
            if piece.__class__ is str and (block := state.blocks[place])["type"] == "tool_use":
                if not piece:
                    return [], state
                block["input"] = None  # the pieces are the input, also where the start has it
                return [ToolCallDelta(place, piece)], state
            if delta["type"] == "thinking_delta" and (thinking := delta["thinking"]).__class__ is str:
                return ([ReasoningDelta(thinking, place)] if thinking else []), state
    except JSONDecodeError:
        return read_broken(event[1], event[0], model, lambda value: _general(value, event[0], model, state)), state
    except (KeyError, TypeError):
        pass
    return _general(exact(data, event[1]), event[0], model, state), state


def _general(data: object, name: str, model: Model, state: State) -> list[StreamChunk]:
    if state.ended or (handler := by_kind(_HANDLERS, data, name, model)) is None:
        return []
    event, out = kept_event(data, EVENT_FIELDS, model)
    return out + handler(event, model, state)


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    """Decode an unstreamed message. Raises the provider's error if the body is one."""
    if data.get("type") == "error":
        raise provider_error(model.provider, data.get("error"))
    state = State(id=data.get("id"))
    out: list[StreamChunk] = [Start(state.id, data.get("model"))]
    for index, block in enumerate(data["content"]):
        event = {"index": index, "content_block": block}
        out += _block_start(event, model, state)
        out += _block_stop(event, model, state)
    _message_delta({"delta": data}, model, state)
    return fold([*out, *_closing(state)])


def extract_usage(data: Mapping[str, Any], model: Model) -> Usage | None:
    raw = data.get("usage")
    return usage_of(raw, data) if raw else None


def _message_start(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    message = data.get("message") or {}
    state.id = message.get("id")
    state.usage.update(message.get("usage") or {})
    _add_metadata(message, state)
    return [Start(message.get("id"), message.get("model")), *_usage(state, complete=False)]


def _add_metadata(about: Mapping[str, Any], state: State) -> None:
    state.metadata.update({name: about[name] for name in METADATA if about.get(name) is not None})


def _block_start(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    number, block = data.get("index"), dict(data.get("content_block") or ())
    out = _block_stop(data, model, state) if number in state.places else []
    if not isinstance(block.get("type"), str):
        return out
    place = state.begin(number)
    state.blocks[place] = block
    match block["type"]:
        case "text" if block.get("text"):
            out.append(TextDelta(block["text"], place))
        case "thinking" if block.get("thinking"):
            out.append(ReasoningDelta(block["thinking"], place))
        case "redacted_thinking":
            out.append(PartDone(Reasoning(encrypted=block["data"], wire=NAME), place))
        case "tool_use":
            out.append(ToolCallStart(place, distinct_id(block.get("id"), state.call_ids, state.id), block["name"]))
    return out


def _block_delta(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    delta = data.get("delta") or {}
    if not isinstance(delta.get("type"), str):
        return []
    place = state.find_or_begin(data.get("index"))
    block = state.blocks.setdefault(place, {"type": _GROWS.get(delta["type"])})
    match delta["type"]:
        case "text_delta":
            return [TextDelta(delta["text"], place)] if delta.get("text") else []
        case "thinking_delta":
            return [ReasoningDelta(delta["thinking"], place)] if delta.get("thinking") else []
        case "signature_delta":
            block["signature"] = (block.get("signature") or "") + (delta.get("signature") or "")
        case "citations_delta":
            block["citations"] = [
                *(block.get("citations") or []),
                *([delta["citation"]] if delta.get("citation") else []),
            ]
        case "input_json_delta" if block["type"] == "tool_use":
            if piece := arguments_text(delta.get("partial_json")):
                block["input"] = None
                return [ToolCallDelta(place, piece)]
        case "input_json_delta":
            if not isinstance(piece := delta.get("partial_json") or "", str):
                return [Warned((left_out("delta.partial_json", piece, model),))]
            block["partial_json"] = block.get("partial_json", "") + piece
        case _:
            # A delta of a block that is kept whole: merge its fields into the block.
            for name, value in delta.items():
                if name != "type":
                    known = block.get(name)
                    block[name] = known + value if isinstance(known, str) and isinstance(value, str) else value
    return []


_GROWS = {
    "text_delta": "text",
    "citations_delta": "text",
    "thinking_delta": "thinking",
    "signature_delta": "thinking",
}
"""The type of a block whose start was left out, by its deltas."""


def _block_stop(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    place = state.end(data.get("index"))
    block = None if place is None else state.blocks.pop(place, None)
    if block is None or place is None:
        return []
    match block["type"]:
        case "text":
            details = {k: v for k, v in block.items() if k not in ("type", "text") and v is not None}
            if not details:
                return []
            end = PartEnd(place, {"extra": {NAME: details}})
            cited = citations_of(details.get("citations"))
            return [Cited(cited, place, "part"), end] if cited else [end]
        case "thinking":
            return [PartEnd(place, given(wire=NAME, signature=block.get("signature") or None))]
        case "tool_use":
            details = {k: v for k, v in block.items() if k not in ("type", "id", "name", "input")}
            state.called[place] = details
            ended = ToolCallEnd(place, {NAME: details} if details else {})
            given_input = block.get("input")
            return [ToolCallDelta(place, arguments_text(given_input)), ended] if given_input else [ended]
        case None:
            return [orphaned(model)] if block.get("partial_json") else []
        case "redacted_thinking":
            return []
        case _:
            if partial := block.pop("partial_json", ""):
                block["input"] = server_tool_input(partial)
            return [PartDone(server_part(block, NAME), place)]


def _message_delta(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    delta = data.get("delta") or {}
    state.reason, state.counted = delta.get("stop_reason") or state.reason, True
    _add_metadata(delta, state)
    if (managed := data.get("context_management")) is not None:
        state.metadata["context_management"] = managed
    # The counts are totals, those of the input too: the last ones are right, unless they are lower.
    final = {name: value for name, value in (data.get("usage") or {}).items() if value is not None}
    state.usage.update(final)
    return _usage(state, complete=bool(final))


def _message_stop(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    state.ended = True
    # Some servers leave out the ends of blocks.
    ends = [chunk for number in tuple(state.places) for chunk in _block_stop({"index": number}, model, state)]
    return [*ends, STREAM_END]


def _usage(state: State, *, complete: bool) -> list[StreamChunk]:
    return [UsageUpdate(evolve(usage_of(dict(state.usage), state.metadata), complete=complete))] if state.usage else []


def _ping(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    return []


_HANDLERS = {
    "message_start": _message_start,
    "content_block_start": _block_start,
    "content_block_delta": _block_delta,
    "content_block_stop": _block_stop,
    "message_delta": _message_delta,
    "message_stop": _message_stop,
    "ping": _ping,
}


def flush_stream_state(model: Model, state: State) -> list[StreamChunk]:
    """Return the last chunks; none for a stream that was cut, which lacks its message_delta or its message_stop."""
    if not (state.ended and state.counted):
        return []
    return _closing(state)


def _closing(state: State) -> list[StreamChunk]:
    chunks: list[StreamChunk] = [MetadataUpdate(state.metadata)] if state.metadata else []
    if state.called and (id := text_in(inner(state.metadata, CONTAINER), "id")):
        # The container comes last, and the request with the results of the calls must name it.
        chunks += [PartEnd(at, {"extra": {NAME: {**call, CONTAINER: id}}}) for at, call in state.called.items()]
    reason = finish_reason_of(state.reason, FINISH_REASONS, has_calls=bool(state.call_ids))
    return [*chunks, Finish(reason, state.reason)]
