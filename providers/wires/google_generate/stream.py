"""The pieces of a streamed generateContent: server-sent events, or (Vertex without alt=sse) one JSON array."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson
from attrs import define, field

from ....schemas.chunks import (
    Alternative,
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
from ....schemas.model import Model
from ..failures import provider_error
from ..openai_chat.decode import call_id
from ..protocols import json_array, sse
from .decode import MALFORMED, blocked, call_extra, decode_part, finish_reason, metadata_of, usage_of
from .encode import NAME
from .partial_args import apply_partial

_loads = orjson.loads


def parse_stream_protocol(data: bytes, buffer: Any) -> tuple[list[bytes], Any]:
    """Events as the bytes of their JSON. The first byte tells which of the two protocols it is."""
    if type(buffer) is bytes:
        start = buffer + data
        first = start.lstrip()[:1]
        if not first and data:
            return [], start
        parse = json_array.parse if first in (b"[", b"{", b",") else sse.parse
        data, buffer = start, (parse, b"")
    parse, rest = buffer
    events, rest = parse(data, rest)
    return [event if type(event) is bytes else event[1] for event in events], (parse, rest)


@define
class _Call:
    place: int
    extra: dict[str, Any]
    args: dict[str, Any] | None = None


@define
class _Candidate:
    """What one candidate has shown so far: the part that is open, and its calls."""

    next: int = 0
    open: str = ""
    calls: list[_Call] = field(factory=list)
    reason: str | None = None
    metadata: dict[str, Any] = field(factory=dict)


@define
class State:
    """One stream's memory."""

    id: str | None = None
    started: bool = False
    first: _Candidate = field(factory=_Candidate)
    others: dict[int, _Candidate] = field(factory=dict)
    feedback: Mapping[str, Any] = field(factory=dict)


def init_stream_state(model: Model) -> State:
    return State()


def decode_stream_event(event: bytes, model: Model, state: State) -> tuple[list[StreamChunk], State]:
    """Raises the provider's error for an error piece, DecodeError for data that is not JSON."""
    try:
        data = _loads(event)
    except orjson.JSONDecodeError:
        raise DecodeError("a stream event is not JSON", hint="see .payload", payload=event[:2000]) from None
    if not isinstance(data, dict):
        return [], state
    if "error" in data:
        raise provider_error(model.provider, data["error"], body=event)
    out: list[StreamChunk] = []
    if not state.started:
        state.started, state.id = True, data.get("responseId")
        out.append(Start(data.get("responseId"), data.get("modelVersion")))
    for candidate in data.get("candidates") or ():
        if index := candidate.get("index") or 0:
            other = state.others.setdefault(index, _Candidate())
            out += [Alternative(index, chunk) for chunk in _candidate(candidate, other, state)]
        else:
            out += _candidate(candidate, state.first, state)
    if "promptFeedback" in data:
        state.feedback = data
    if raw := data.get("usageMetadata"):
        out.append(UsageUpdate(usage_of(raw)))
    return out, state


def _candidate(candidate: Mapping[str, Any], state: _Candidate, stream: State) -> list[StreamChunk]:
    out: list[StreamChunk] = []
    for part in (candidate.get("content") or {}).get("parts") or ():
        if "text" in part:
            out += _text(part, state)
        elif "functionCall" in part:
            out += _call(part, state, stream)
        elif (decoded := decode_part(part)) is not None:
            state.open = ""
            out.append(PartDone(decoded, state.next))
            state.next += 1
    state.metadata.update(metadata_of(candidate))
    state.reason = candidate.get("finishReason") or state.reason
    return out


def _text(part: Mapping[str, Any], state: _Candidate) -> list[StreamChunk]:
    """A piece of the open text or thought, or the beginning of another. A signature ends the part that it comes on,
    which may be the piece before: the vendor sends it with an empty text."""
    text, signature = part["text"], part.get("thoughtSignature")
    kind = "thought" if part.get("thought") else "text"
    if not text and not signature:
        return []
    if state.open != kind:
        state.open = kind
        state.next += 1
    place = state.next - 1
    delta = ReasoningDelta if kind == "thought" else TextDelta
    out: list[StreamChunk] = [delta(text, place)] if text else []
    if kind == "thought" and text:
        out.append(PartEnd(place, {"wire": NAME}))
    if signature:
        state.open = ""
        fields = {"signature": signature, "wire": NAME}
        out.append(PartEnd(place, fields if kind == "thought" else {"extra": {NAME: {"thoughtSignature": signature}}}))
    return out


def _call(part: Mapping[str, Any], state: _Candidate, stream: State) -> list[StreamChunk]:
    """A function call, whole, or begun and continued by `partialArgs` until a piece says no more is to come."""
    call = part["functionCall"]
    state.open = ""
    out: list[StreamChunk] = []
    if "name" in call:
        made = _Call(state.next, call_extra(call.get("id"), part.get("thoughtSignature")))
        id = call.get("id") or call_id(stream.id, len(state.calls))
        state.calls.append(made)
        state.next += 1
        out.append(ToolCallStart(made.place, id, call["name"]))
        if not call.get("willContinue") and "partialArgs" not in call:
            return [*out, ToolCallDelta(made.place, orjson.dumps(call.get("args") or {}).decode())]
        made.args = dict(call.get("args") or {})
    if not state.calls or (open_call := state.calls[-1]).args is None:
        return out
    for piece in call.get("partialArgs") or ():
        apply_partial(open_call.args, piece)
    if not call.get("willContinue"):
        out.append(ToolCallDelta(open_call.place, orjson.dumps(open_call.args).decode()))
        open_call.args = None
    return out


def flush_stream_state(model: Model, state: State) -> list[StreamChunk]:
    first = state.first
    why = blocked(state.feedback)
    if first.reason is None and not why:
        return []
    out = _ends(first)
    for index, other in state.others.items():
        out += [Alternative(index, chunk) for chunk in _ends(other)]
    if metadata := {**first.metadata, **why}:
        out.append(MetadataUpdate(metadata))
    has_calls = bool(first.calls) and first.reason != MALFORMED
    return [*out, Finish(finish_reason(first.reason, has_calls, state.feedback), first.reason)]


def _ends(candidate: _Candidate) -> list[StreamChunk]:
    """Only now is it known that the calls are sound."""
    if candidate.reason == MALFORMED:
        return []
    return [ToolCallEnd(call.place, call.extra) for call in candidate.calls if call.args is None]
