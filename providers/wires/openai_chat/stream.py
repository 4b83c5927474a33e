"""Decode a chat completion: the chunks of a stream, and a whole body as a stream of one chunk."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from attrs import define, evolve, field

from ....pipeline.side_fields import Rules, kept_event, left_out
from ....schemas.chunks import (
    STREAM_END,
    WHOLE,
    Alternative,
    Cited,
    Finish,
    MetadataUpdate,
    PartDone,
    PartEnd,
    ReasoningDelta,
    RefusalDelta,
    Start,
    StreamChunk,
    TextDelta,
    ToolCallDelta,
    UsageUpdate,
    Warned,
)
from ....schemas.errors import DecodeError, ProviderError
from ....schemas.fold import fold
from ....schemas.json_text import JSONDecodeError, dumps, exact, loads_fast
from ....schemas.message import Message
from ....schemas.model import Model
from ....schemas.parts import ToolCall
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ...declare.errors import provider_error
from ...declare.event_errors import event_error, read_broken
from ..sources import chat_annotations, objects
from .calls import StreamedCalls
from .finish import finish_reason
from .parts import (
    add_audio,
    add_details,
    audio_chunks,
    decode_image,
    logprob_rows,
    other_blocks,
    plain_parts,
    reasoning_fields,
    reasoning_text,
    split_content,
)
from .places import IMAGES, REASONING, REFUSAL, TEXT
from .server_tools import SOURCES, executed, metadata_chunks, references
from .side_fields import EVENT_FIELDS
from .usage import usage_of

METADATA = ("system_fingerprint", "service_tier")
"""Fields next to the choices that are kept on `reply.metadata`."""
_METADATA = frozenset((*METADATA, *SOURCES))
_BILLED_APART = frozenset(("annotations", "executed_tools", "web_search"))


@define(eq=False)
class _Choice:
    """The state of one choice."""

    calls: StreamedCalls
    raw_reason: str | None = None
    details: list[Any] = field(factory=list)
    executed: dict[Any, Mapping[str, Any]] = field(factory=dict)
    """The tools that the server ran, by index: the last report of each counts."""
    cited: bool = False
    audio: dict[str, Any] = field(factory=dict)
    images: int = 0
    unpriced_charges: tuple[str, ...] = ()
    refused: bool = False
    wrote: bool = False
    """Whether there is text or reasoning."""
    deltas: bool = False
    """Whether it came in deltas: a whole message after them repeats what they said."""


@define(eq=False)
class State:
    """The state of one stream."""

    started: bool = False
    begun: bool = False
    """Whether the answer has begun to be written, and not ended."""
    done: bool = False
    id: str | None = None
    first: _Choice = field(factory=lambda: _Choice(StreamedCalls(None)))
    index: int | None = None
    """The index of the first choice that came: that one is the answer."""
    choices: dict[int, _Choice] = field(factory=dict)
    metadata: dict[str, Any] = field(factory=dict)
    counts_nothing: bool = False
    """Whether the usage counts no output."""
    failure: ProviderError | None = None


def decode_stream_event(event: tuple[str, bytes], model: Model, state: State) -> tuple[list[StreamChunk], State]:
    """Decode one event. Raises the provider's error for an error event, DecodeError for data that is not JSON."""
    try:
        data = loads_fast(event[1])
        # Nearly every event is one more piece of text or of a call's arguments: this path takes 1.0 and 1.3 µs, the
        # general one 1.5 and 3.5.
        if state.begun and not data.get("usage"):
            (choice,) = data["choices"]
            delta = choice["delta"]
            if choice["finish_reason"] is None and choice.get("logprobs") is None and choice["index"] == state.index:
                if "content" in delta:
                    text = delta["content"]
                    alone = len(delta) == 1 or (len(delta) == 2 and "role" in delta)
                    if alone and text and text.__class__ is str:
                        return [TextDelta(text, TEXT)], state
                elif (call := state.first.calls.sure) is not None and len(delta) == 1:
                    # Only index and arguments: StreamedCalls.feed would find the same call.
                    (fragment,) = delta["tool_calls"]
                    function = fragment["function"]
                    if len(fragment) == 2 and len(function) == 1 and fragment["index"] == call.wire_index:
                        arguments = function["arguments"]
                        if arguments and arguments.__class__ is str:
                            return [ToolCallDelta(call.place, arguments)], state
    except JSONDecodeError:
        return _not_json(event, model, state), state
    except (KeyError, ValueError, TypeError, AttributeError):
        pass
    return read_piece(exact(data, event[1]), model, state, name=event[0]), state


def _not_json(event: tuple[str, bytes], model: Model, state: State) -> list[StreamChunk]:
    name, data = event
    if data.strip() == b"[DONE]":
        # Later events take the general path, which drops them.
        state.done, state.begun = True, False
        return [STREAM_END]
    if not state.done and data.strip()[:1] != b":":
        # Proxies put keep-alive comments into data; other data that is not JSON means a broken stream.
        return read_broken(data, name, model, lambda value: read_piece(value, model, state, name=name))
    return []


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    """Decode a whole body: one plain text at once, anything else as a stream of one piece.

    Raises the provider's error if the body is one, or if a choice has failed, then with the partial answer; DecodeError
    for a body without choices.
    """
    choices = data.get("choices")
    if choices and len(choices) == 1 and _PLAIN_BODY.issuperset(data) and _PLAIN_CHOICE.issuperset(choices[0]):
        parts = plain_parts(choices[0].get("message") or {})
        if parts is not None and not choices[0].get("logprobs") and not (data.get("x_groq") or _NOTHING).get("error"):
            raw, has_calls = choices[0].get("finish_reason"), type(parts[-1]) is ToolCall
            return Reply(
                Message("assistant", parts),
                raw if raw == "stop" and not has_calls else finish_reason(raw, has_calls, False),
                raw,
                id=data.get("id") or None,
                model=data.get("model") or "",
                metadata={} if _METADATA.isdisjoint(data) else _metadata_of(data),
            )
    state = State()
    chunks = read_piece(data, model, state, rules=None)
    if not isinstance(data, Mapping):
        raise TypeError("not an object")
    if state.index is None:
        raise DecodeError("the answer has no choices", hint="the provider may have filtered it; see .payload")
    reply = fold([*chunks, *closing(model, state)])
    if (error := state.failure) is not None:
        error.partial, error.usage = reply, extract_usage(data, model)
        raise error
    return reply


_PLAIN_BODY = frozenset((*METADATA, "id", "model", "object", "created", "choices", "usage", "x_groq"))
_PLAIN_CHOICE = frozenset(("index", "message", "finish_reason", "logprobs"))


def _metadata_of(data: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name in _METADATA if (value := data.get(name))}


_NOTHING: Mapping[str, Any] = {}


def read_piece(
    data: object, model: Model, state: State, rules: Rules | None = EVENT_FIELDS, name: str = ""
) -> list[StreamChunk]:
    """Decode one piece of an answer: an event, or the whole body, which has a message in the place of a delta.

    An error that it reports, of the answer or of a choice, is in `state.failure`, since a part of the answer and usage
    may come with it; the flush of a stream raises it. Raises the error of an event that is nothing else.

    name: the name of the event
    rules: the rules of the fields that it can do without; None for a whole body: they were applied before, and its
        usage is read by a step of its own
    """
    if state.done or state.failure is not None:
        return []
    whole = rules is None
    if not isinstance(data, dict) or (not whole and (name or not data.get("choices") or data.get("error"))):
        state.failure = event_error(model, data, name, body=dumps(data))
    chunk: Any = data
    out: list[StreamChunk] = []
    if rules is not None:
        chunk, out = kept_event(data, rules, model)
    if not isinstance(data, dict):
        return out if state.failure is None else [STREAM_END]
    if not state.started and (chunk.get("id") or chunk.get("choices")):
        state.started, state.id = True, chunk.get("id")
        state.first.calls.reply_id = state.id
        out.append(Start(state.id or None, chunk.get("model") or None))
    if not _METADATA.isdisjoint(chunk):
        state.metadata |= _metadata_of(chunk)  # repeated in every chunk; reported once, at the end
    out += _choices(chunk, data, model, state, whole)
    if rules is not None and data.get("choices") and not chunk.get("choices"):
        # What cannot be read may have been the reason of the end.
        state.first.raw_reason = state.first.raw_reason or "unknown"
    if error := (chunk.get("x_groq") or _NOTHING).get("error"):  # Groq, in the field that else has its usage
        state.failure = provider_error(model.provider, error, body=dumps(data))
    if whole:
        return out
    if (usage := extract_usage(chunk, model)) is not None:
        if state.first.raw_reason is None:
            usage = evolve(usage, complete=False)  # more may be written, and counted
        state.counts_nothing = usage.output_tokens == 0
        if unpriced_charges := state.first.unpriced_charges:
            usage = evolve(usage, unpriced_charges=tuple(dict.fromkeys(unpriced_charges + usage.unpriced_charges)))
        out.append(UsageUpdate(usage))
    if state.failure is not None:
        if not out:
            raise state.failure
        out.append(STREAM_END)
    return out


def _choices(
    chunk: Mapping[str, Any], data: Mapping[str, Any], model: Model, state: State, whole: bool
) -> list[StreamChunk]:
    """Decode the choices of a piece; `data` is the piece as it was received."""
    out: list[StreamChunk] = []
    for position, choice in enumerate(chunk.get("choices") or ()):
        # The order of choices counts in a whole body, where some servers give all the same index.
        index = position if whole else choice.get("index", position or None)
        if state.index is None:
            state.index = index or 0
        if index is not None and index != state.index:
            other = state.choices.setdefault(index, _Choice(StreamedCalls(state.id)))
            chunks = _choice(choice, other, model, whole)
            out += [part if part is WHOLE else Alternative(index, part) for part in chunks]
        else:
            out += _choice(choice, state.first, model, whole)
            state.begun = state.first.wrote or state.first.calls.sure is not None
        if choice.get("error"):
            # Gateways report a failure halfway in the choice, next to the partial answer (OpenRouter; see the
            # recordings).
            state.failure = provider_error(model.provider, choice["error"], body=dumps(data))
    return out


def _choice(choice: Mapping[str, Any], state: _Choice, model: Model, whole: bool) -> list[StreamChunk]:
    out: list[StreamChunk] = []
    again: list[StreamChunk] = []
    if delta := choice.get("delta") or {}:
        state.deltas = True
    elif (delta := choice.get("message") or {}) and state.deltas:
        delta, again = _after_deltas(delta, state), [WHOLE]
    if delta:
        content = delta.get("content")
        if content.__class__ not in _CONTENTS and delta.get("tool_calls"):
            out.append(Warned((left_out("choices.message.content", content, model),)))
            content = None
        if content.__class__ is list and not again:
            if cited := references(objects(content)):
                out.append(Cited(cited, None, "onward"))
            others = other_blocks(content, IMAGES + state.images, model)
            state.images += sum(isinstance(chunk, PartDone) for chunk in others)
            out += others
        text, thinking = split_content(content)
        if thinking := thinking or reasoning_text(delta):
            out += [*again, ReasoningDelta(thinking, REASONING)]
            state.wrote = True
        if text:
            out += [*again, TextDelta(text, TEXT)]
            state.wrote = True
        for call in delta.get("tool_calls") or ():
            out += state.calls.feed(call, whole=whole)
        if len(delta) > 1 or "content" not in delta:
            out += _rare(delta, state, whole, again)
    if (logprobs := choice.get("logprobs")) and (rows := logprob_rows(logprobs)):
        out.append(MetadataUpdate({"logprobs": rows}))
    if (reason := choice.get("finish_reason")) is not None:
        state.raw_reason = reason or state.raw_reason or ""  # "" is no reason yet, but it is what was sent
    return out


def _after_deltas(message: Mapping[str, Any], state: _Choice) -> dict[str, Any]:
    """Return of a whole message at the end of a stream its texts, and what its deltas have not had."""
    more = {name: value for name, value in message.items() if name in _BESIDE and not (state.calls and name in _CALLS)}
    return {**more, "content": message.get("content"), "reasoning_content": reasoning_text(message)}


_CONTENTS = (str, list, type(None))
"""The types of a content that is read. Another is an error, but beside calls it is left out."""
_CALLS = ("tool_calls", "function_call")
_BESIDE = frozenset((*_CALLS, "refusal", "annotations", "executed_tools", "images", "audio"))


def _rare(delta: Mapping[str, Any], state: _Choice, whole: bool, again: Iterable[StreamChunk]) -> list[StreamChunk]:
    out: list[StreamChunk] = []
    if not whole:
        state.unpriced_charges += billed_apart(delta)
    add_details(state.details, delta, whole=whole)
    if refusal := delta.get("refusal"):
        state.refused = True
        out += [*again, RefusalDelta(refusal, REFUSAL)]
    if cited := chat_annotations(objects(delta.get("annotations"))):
        state.cited = True
        out.append(Cited(cited))
    state.executed |= {tool.get("index", at): tool for at, tool in enumerate(objects(delta.get("executed_tools")))}
    for image in delta.get("images") or ():
        out.append(PartDone(decode_image(image), IMAGES + state.images))
        state.images += 1
    if audio := delta.get("audio"):
        add_audio(state.audio, audio)
    if old := delta.get("function_call"):
        out += state.calls.feed_old(old, whole=whole)
    return out


def flush_stream_state(model: Model, state: State) -> list[StreamChunk]:
    """End everything, once a finish reason has arrived; return nothing for a cut stream.

    `[DONE]` alone is no good end, since servers send it after errors, too, unless nothing was written and the usage
    says the same. Raises the error that an event has reported.
    """
    if state.failure is not None:
        raise state.failure
    first = state.first
    if state.done and "expires_at" in first.audio:
        # Spoken answers may end with this and no reason: https://github.com/openai/openai-node/pull/1991
        first.raw_reason = first.raw_reason or "stop"
    empty = state.done and state.counts_nothing and not (first.wrote or first.calls)
    return closing(model, state) if first.raw_reason or empty else []


def closing(model: Model, state: State) -> list[StreamChunk]:
    """Return the chunks that end all parts and the reply."""
    first = state.first
    out = _close(first, model)
    for index, choice in state.choices.items():
        out += [Alternative(index, chunk) for chunk in _close(choice, model)]
    if state.metadata:
        out += metadata_chunks(state.metadata, cited=first.cited)
    out.append(Finish(finish_reason(first.raw_reason, bool(first.calls), first.refused), first.raw_reason))
    return out


def _close(choice: _Choice, model: Model) -> list[StreamChunk]:
    out: list[StreamChunk] = []
    if choice.details:
        out.append(PartEnd(REASONING, reasoning_fields(choice.details)))
    out += executed(choice.executed.values())
    if choice.audio:
        out += audio_chunks(choice.audio, model)
    return out + choice.calls.end(model)


def extract_usage(data: Mapping[str, Any], model: Model) -> Usage | None:
    """Find the usage of a body or a chunk: under `usage`, in `x_groq` (Groq), or in a choice (Moonshot)."""
    first = data["choices"][0] if data.get("choices") else {}
    raw = data.get("usage") or (data.get("x_groq") or {}).get("usage") or first.get("usage")
    if not raw:
        return None
    message = first.get("message") or {}
    charges = () if _BILLED_APART.isdisjoint(data) else billed_apart(data)
    if not _BILLED_APART.isdisjoint(message):
        charges += billed_apart(message)
    return usage_of(raw, data.get("service_tier"), charges)


def billed_apart(shown: Mapping[str, Any]) -> tuple[str, ...]:
    """List the tools of the server that are charged in addition to tokens, as reported by an answer, message or delta.

    They are searches of OpenAI's search models (`annotations`) and of Z.ai, and the tools of Groq's compound systems.
    """
    names = [name for name in _BILLED_APART.intersection(shown) if shown[name]]
    return tuple(sorted(names)) if names else ()
