"""Decode an answer of generateContent, and the pieces of a streamed one: server-sent events, or (Vertex without
alt=sse) one JSON array. A piece looks as a whole answer does.

Text grows from piece to piece. A part with more than its text, usually a thought signature, stays a part of its own:
"don't merge a part with a signature with one without" (https://ai.google.dev/gemini-api/docs/thought-signatures).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, evolve, field

from ....pipeline.side_fields import kept_event, left_out
from ....schemas.chunks import (
    STREAM_END,
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
    Warned,
)
from ....schemas.errors import DecodeError, ProviderError, StepwellError
from ....schemas.fold import fold
from ....schemas.json_text import JSONDecodeError, dumps, exact, loads_fast
from ....schemas.model import Model
from ....schemas.parts import Audio
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ...declare.event_errors import event_error, read_broken
from ..calls import arguments_text, call_id
from ..fields import given
from ..protocols import json_array, sse
from ..protocols.framing import BOM
from .encode import NAME
from .finish import FEEDBACK, SOURCES, UNSOUND, block_of, finish_reason, is_grounded, logprobs_of, metadata_of
from .grounding import server_part, source_chunks
from .media import BLOB, REFERENCE, decode_media
from .partial_args import apply_partial
from .side_fields import EVENT_FIELDS
from .usage import TOTAL, usage_of

_TEXT, _THOUGHT, _SOUND = "text", "thought", "sound"


def parse_stream_protocol(data: bytes, buffer: Any) -> tuple[list[sse.SSEEvent], Any]:
    """Parse server-sent events, or one JSON array, as the first byte that is not white space shows."""
    if type(buffer) is bytes:
        start = buffer + data
        first = start.removeprefix(BOM).lstrip(b" \t\r\n")[:1]
        if data and (not first or BOM.startswith(start)):
            return [], start if BOM.startswith(start) else b""
        data, buffer = start, (_array if first in (b"[", b"{") else sse.parse, b"")
    if isinstance(buffer, StepwellError):
        raise buffer
    parse, rest = buffer
    events, rest = parse(data, rest)
    return events, rest if isinstance(rest, StepwellError) else (parse, rest)


def begins_stream(start: bytes, content_type: str) -> bool:
    """Check whether a body with this start can be one of the two."""
    return start[:1] in (b"[", b"{") or sse.begins(start, content_type)


def _array(data: bytes, buffer: json_array.Buffer) -> tuple[list[sse.SSEEvent], json_array.Buffer]:
    elements, buffer = json_array.parse(data, buffer)
    return [("", element) for element in elements], buffer


@define
class _Call:
    place: int
    name: str
    extra: dict[str, Any]
    args: Any = field(factory=dict)
    """An object; a few servers send its JSON text."""
    whole: bool = False
    ended: bool = False


@define
class _Candidate:
    """The state of one candidate."""

    place: int = -1
    """The place of its last part."""
    open: str = ""
    """The kind of the part that still grows; "" if none does."""
    sound: list[Audio] = field(factory=list)
    calls: list[_Call] = field(factory=list)
    call_ids: set[str | None] = field(factory=set)
    reason: str | None = None
    metadata: dict[str, Any] = field(factory=dict)


@define
class State:
    """The state of one stream."""

    id: str | None = None
    started: bool = False
    first: _Candidate = field(factory=_Candidate)
    index: int | None = None
    """The index of the first candidate that came: that one is the answer."""
    others: dict[int, _Candidate] = field(factory=dict)
    block: dict[str, Any] = field(factory=dict)
    usage: Mapping[str, Any] | None = None
    counted: bool = False
    """Whether that usage is the final one."""
    unreported: int = 0
    """Pieces since usage was reported last."""
    grounded: bool = False
    failure: ProviderError | None = None


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    """Decode an unstreamed answer: a stream of one piece.

    Raises the provider's error if the body is one, and DecodeError for a body with neither candidates nor a reason for
    having none. A blocked prompt gives a reply with the finish reason `content_filter`.
    """
    state = State()
    chunks = _read_piece(data, model, state, whole=True)
    if not data.get("candidates") and not state.block:
        raise DecodeError("the answer has no candidates and does not say why", hint="see .payload")
    return fold([*chunks, *_closing(state, model)])


def extract_usage(data: Mapping[str, Any], model: Model) -> Usage | None:
    raw = data.get("usageMetadata")
    return usage_of(raw, is_grounded(data.get("candidates") or ())) if raw else None


def decode_stream_event(event: sse.SSEEvent, model: Model, state: State) -> tuple[list[StreamChunk], State]:
    """Decode one piece. Raises DecodeError for data that is not JSON."""
    try:
        data = loads_fast(event[1])
        # Nearly every piece continues the open text, and has the counts so far. Making a Usage of each would double a
        # piece's cost, so usage is reported with every eighth, and with all pieces that are more than text.
        if state.first.open is _TEXT and state.unreported < 7 and FEEDBACK not in data:
            (candidate,) = data["candidates"]
            (part,) = candidate["content"]["parts"]
            text = part["text"]
            text_only = len(candidate) == 1 or (len(candidate) == 2 and candidate["index"] == state.index)
            if text_only and len(part) == 1 and text and text.__class__ is str:
                raw = data.get("usageMetadata")
                if raw and TOTAL in raw:
                    state.usage = raw
                state.unreported += 1
                return [TextDelta(text, state.first.place)], state
    except JSONDecodeError:
        return read_broken(event[1], event[0], model, lambda value: _read_piece(value, model, state, event[0])), state
    except (KeyError, ValueError, TypeError):
        pass
    return _read_piece(exact(data, event[1]), model, state, event[0]), state


def _read_piece(data: object, model: Model, state: State, name: str = "", *, whole: bool = False) -> list[StreamChunk]:
    """Decode one piece, whatever is in it.

    An error that it reports is in `state.failure`, since usage and a part of the answer may stand beside it.

    data: the piece, as JSON
    model: the model that answers
    state: the state of the stream
    name: the name of the event
    whole: it is an unstreamed answer, whose side fields were checked before and whose usage is read by itself
    """
    if state.failure is not None:  # an error in front of it, in the same read
        return []
    if isinstance(data, list) and data:
        data = data[0]
    if not whole and (name or not isinstance(data, dict) or not data.get("candidates") or "error" in data):
        state.failure = event_error(model, data, name, body=dumps(data))
    piece: Any = data
    out: list[StreamChunk] = []
    if not whole:
        piece, out = kept_event(data, EVENT_FIELDS, model)
    if not isinstance(data, dict):
        return out if state.failure is None else [STREAM_END]
    if not state.started and (piece.get("responseId") or piece.get("candidates")):
        state.started, state.id = True, piece.get("responseId")
        out.append(Start(piece.get("responseId"), piece.get("modelVersion")))
    for position, candidate in enumerate(piece.get("candidates") or ()):
        index = candidate.get("index", position or None)
        if state.index is None:
            state.index = index or 0
        if index is not None and index != state.index:
            other = state.others.setdefault(index, _Candidate())
            out += [Alternative(index, chunk) for chunk in _candidate(candidate, other, state.id, model)]
        else:
            out += _candidate(candidate, state.first, state.id, model)
    state.block = block_of(piece) or state.block
    if whole:
        return out
    state.grounded = state.grounded or is_grounded(piece.get("candidates") or ())
    raw = piece.get("usageMetadata")
    # Counts are cumulative; a piece without counts (Vertex sends its traffic type alone) changes nothing.
    if raw and (state.usage is None or TOTAL in raw):
        state.usage, state.counted, state.unreported = raw, state.first.reason is not None, 0
    if state.usage is not None and (raw or state.unreported):
        out += _usage(state, model)
    state.unreported = 0
    return out if state.failure is None else [*out, STREAM_END]


def _candidate(
    candidate: Mapping[str, Any], state: _Candidate, reply_id: str | None, model: Model
) -> list[StreamChunk]:
    out: list[StreamChunk] = []
    for part in (candidate.get("content") or {}).get("parts") or ():
        if None in part.values():
            part = {name: value for name, value in part.items() if value is not None}
        if "functionCall" in part:
            out += _call(part, state, reply_id, model)
        elif isinstance(part.get("text"), str):
            out += _text(part, state)
        elif part:
            out += _whole(part, state)
    state.metadata.update(metadata_of(candidate))
    if result := candidate.get("logprobsResult"):
        out.append(MetadataUpdate({"logprobs": logprobs_of(result)}))
    if reason := candidate.get("finishReason"):
        state.reason = reason
        out += _end_calls(state)
    return out


def _text(part: Mapping[str, Any], state: _Candidate) -> list[StreamChunk]:
    """Continue the open text or thought, or begin another; a part with more than its text is one of its own."""
    text, thought = part["text"], part.get("thought") is True
    more = {name: value for name, value in part.items() if name not in ("text", "thought")} if len(part) > 1 else {}
    if not text and not more:
        return []
    kind, delta = (_THOUGHT, ReasoningDelta) if thought else (_TEXT, TextDelta)
    out: list[StreamChunk] = []
    if more or state.open is not kind:
        out += _close(state)
        state.open = kind
        state.place += 1
    if text:
        out.append(delta(text, state.place))
    if more:
        state.open = ""
        out.append(PartEnd(state.place, _thought_fields(more) if thought else {"extra": {NAME: more}}))
    return out


def _thought_fields(more: dict[str, Any]) -> dict[str, Any]:
    signature = more.pop("thoughtSignature", None) or None
    return given(wire=NAME, signature=signature, extra={NAME: more} if more else None)


def _whole(part: Mapping[str, Any], state: _Candidate) -> list[StreamChunk]:
    """Decode a part that comes in one piece: media, or an opaque part.

    Images that a model draws while it thinks are opaque, since they are not part of the answer. Raw audio grows as text
    does.
    """
    more = {name: value for name, value in part.items() if name not in (BLOB, REFERENCE, "thought")}
    medium = None if part.get("thought") else decode_media(part, {NAME: more} if more else {})
    out: list[StreamChunk] = []
    if isinstance(medium, Audio) and not more and medium.data is not None and _is_raw(medium.media_type):
        if state.open is not _SOUND or state.sound[-1].media_type != medium.media_type:
            out += _close(state)
            state.open, state.sound = _SOUND, []
            state.place += 1
        state.sound.append(medium)
        return out
    out += _close(state)
    state.place += 1
    return [*out, PartDone(medium or server_part(dict(part), NAME), state.place)]


def _is_raw(media_type: str | None) -> bool:
    return (media_type or "").lower().startswith(("audio/l16", "audio/pcm"))


def _close(state: _Candidate) -> list[StreamChunk]:
    """End the open part, if it has more than its text."""
    opened, state.open = state.open, ""
    if opened is _THOUGHT:
        return [PartEnd(state.place, {"wire": NAME})]
    if opened is _SOUND:
        data = b"".join(piece.data or b"" for piece in state.sound)
        return [PartDone(Audio(data=data, media_type=state.sound[0].media_type), state.place)]
    return []


def _call(part: Mapping[str, Any], state: _Candidate, reply_id: str | None, model: Model) -> list[StreamChunk]:
    """Decode a function call, complete or continued by `partialArgs` until a piece without `willContinue`. A call
    without a name is left out, with a warning."""
    call = part["functionCall"]
    more = {name: value for name, value in part.items() if name != "functionCall"}
    out = _close(state)
    if call.get("name"):
        state.place += 1
        id = call.get("id")
        if id in state.call_ids:
            id = None
        state.call_ids.add(id)
        current = _Call(state.place, call["name"], {"id": id, **more} if id else more)
        state.calls.append(current)
        out.append(ToolCallStart(current.place, id or call_id(reply_id, len(state.calls) - 1), current.name))
    elif state.calls and not state.calls[-1].whole:
        current = state.calls[-1]
        current.extra.update(more)
    else:
        return [*out, Warned((left_out("candidates.content.parts.functionCall", call, model),))] if call else out
    if args := call.get("args"):
        current.args = {**current.args, **args} if type(args) is type(current.args) is dict else args
    for piece in call.get("partialArgs") or ():
        apply_partial(current.args, piece)
    if not call.get("willContinue"):
        current.whole = True
        out.append(ToolCallDelta(current.place, arguments_text(current.args)))
    return out


def _end_calls(state: _Candidate) -> list[StreamChunk]:
    """End the complete calls; only the finish reason shows whether they are well-formed."""
    out: list[StreamChunk] = []
    for call in state.calls:
        if call.whole and not call.ended and state.reason not in UNSOUND:
            call.ended = True
            out.append(ToolCallEnd(call.place, {NAME: call.extra} if call.extra else {}))
    return out


def flush_stream_state(model: Model, state: State) -> list[StreamChunk]:
    """Return the last chunks, if every candidate has its reason or the prompt was blocked; if cut, the usage."""
    if state.failure is not None:
        raise state.failure
    finished = state.first.reason is not None and all(other.reason is not None for other in state.others.values())
    if finished or state.block:
        return _closing(state, model)
    return _usage(state, model) if state.unreported and state.usage is not None else []


def _closing(state: State, model: Model) -> list[StreamChunk]:
    """Return the chunks that end everything."""
    first = state.first
    refused = first.reason is None and bool(state.block)
    out = _ends(first, refused)
    for index, other in state.others.items():
        out += [Alternative(index, chunk) for chunk in _ends(other, refused)]
    metadata = {**first.metadata, **state.block}
    if first.reason in UNSOUND and first.calls:
        metadata["malformed_tool_calls"] = [{"name": call.name, "args": call.args} for call in first.calls]
    if metadata:
        out.append(MetadataUpdate(metadata))
    if (state.unreported or state.grounded) and state.usage is not None:
        out += _usage(state, model)
    has_calls = any(call.ended for call in first.calls)
    return [*out, Finish(finish_reason(first.reason, has_calls=has_calls, refused=refused), first.reason)]


def _usage(state: State, model: Model) -> list[StreamChunk]:
    """Report the counts so far: estimates, until they come with the finish reason or after it (see the recordings)."""
    counts, out = state.usage or {}, list[StreamChunk]()
    if state.unreported:  # they came with a piece of text, whose other fields are not checked
        checked, out = kept_event({"usageMetadata": counts}, EVENT_FIELDS, model)
        counts = checked.get("usageMetadata") or {}
    usage = usage_of(counts, state.grounded)
    final = state.counted or bool(state.block)
    return [*out, UsageUpdate(usage if final else evolve(usage, complete=False), final)]


def _ends(candidate: _Candidate, refused: bool) -> list[StreamChunk]:
    out = _close(candidate) + ([] if refused else _end_calls(candidate))
    if candidate.metadata and not SOURCES.isdisjoint(candidate.metadata):
        out += source_chunks(candidate.metadata, candidate.place + 1, NAME)
        candidate.metadata.pop("citations", None)
    return out
