"""Decode a response, or the events of a streamed one.

An unstreamed response holds each item once and whole, as a stream does at the item's end: `_decoded` is for both. Only
a stream has to find out which item an event belongs to, and what its deltas have said of it.

https://platform.openai.com/docs/api-reference/responses-streaming
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any

from attrs import define, field

from ....pipeline.outcome import PENDING
from ....pipeline.side_fields import kept_event
from ....schemas.chunks import (
    STREAM_END,
    WHOLE,
    Delta,
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
    ToolCallEnd,
    ToolCallStart,
    UsageUpdate,
)
from ....schemas.errors import ProviderError
from ....schemas.json_text import JSONDecodeError, exact, loads_fast
from ....schemas.message import Message
from ....schemas.model import Model
from ....schemas.parts import Part, Reasoning, Refusal, Text, ToolCall
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ...declare.errors import provider_error
from ...declare.event_errors import by_kind, read_broken
from ..calls import arguments_text, orphaned
from ..openai_chat.usage import usage_of
from .parts import call_extra, cited, custom_tools, decode_item, logprobs_of, reasoning_fields
from .places import CALL, MESSAGE, PLACES, REASONING, Item, Items, kind_of
from .rest import Rest
from .side_fields import BESIDE_TEXT, EVENT_FIELDS

METADATA = ("service_tier", "incomplete_details")
BILLED_APART = frozenset(
    ("web_search_call", "file_search_call", "code_interpreter_call", "image_generation_call", "shell_call")
)
"""Items of tools that the provider runs and charges for by call, container or image."""


@define
class State:
    """The state of one stream."""

    items: Items = field(factory=Items)
    last: tuple[Any, Any, Any] | None = None
    """Item id, item index and content index of the text that grew last."""
    place: int = 0
    """The place of that text."""
    custom: frozenset[str] = frozenset()
    call_ids: dict[str, int] = field(factory=dict)
    id: str | None = None
    started: bool = False
    kinds: set[type] = field(factory=set)
    """The classes of the parts of the complete items."""
    final: Mapping[str, Any] | None = None
    """The response in the last event."""
    whole: list[Mapping[str, Any]] = field(factory=list)
    """The complete items."""
    rest: Rest | None = None
    """What is left of a response that the server keeps."""


def decode_stream_event(event: tuple[str, bytes], model: Model, state: State) -> tuple[list[StreamChunk], State]:
    """Decode one event. Raises the provider's error for `error` and `response.failed`, DecodeError for data not
    JSON."""
    try:
        data = loads_fast(event[1])
        kind = data["type"]
        # Nearly every event is one more piece of the text that grew last.
        if (
            kind == "response.output_text.delta"
            and (data.get("item_id"), data["output_index"], data["content_index"]) == state.last
        ):
            return [TextDelta(data["delta"], state.place)], state
    except JSONDecodeError:
        if event[1].strip() == b"[DONE]":
            return [], state
        return read_broken(event[1], event[0], model, lambda value: _general(value, event[0], model, state)), state
    except (KeyError, TypeError):
        pass
    return _general(exact(data, event[1]), event[0], model, state), state


def _general(data: object, name: str, model: Model, state: State) -> list[StreamChunk]:
    if state.final is not None or (handler := by_kind(_HANDLERS, data, name, model)) is None:
        return []
    rules = BESIDE_TEXT if handler in (_reasoning, _refusal) else EVENT_FIELDS
    event, out = kept_event(data, rules, model)
    out += handler(event, model, state)
    if state.rest is not None:
        state.rest.number = event.get("sequence_number", state.rest.number)
    return out


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    """Decode an unstreamed response. Raises the provider's error, with the partial reply on it, for one that failed."""
    items, custom, ids, id = data["output"], custom_tools(data), dict[str, int](), data.get("id")
    parts = [part for at, item in enumerate(items) for _, part in decode_item(item, at, custom, ids, id)]
    reply = Reply(
        Message("assistant", tuple(parts)),
        _finish_reason(data, set(map(type, parts))),
        data.get("status"),
        id=id or None,
        model=data.get("model") or "",
        metadata=_metadata(data, items),
    )
    if data.get("status") == "failed" or data.get("error"):
        error = _failure(data, model)
        error.partial = reply
        raise error
    return reply


def _decoded(item: Mapping[str, Any], at: int, state: State) -> list[tuple[int, Part]]:
    """Decode a complete item, and note what the end of the answer will say of it."""
    state.whole.append(item)
    parts = decode_item(item, at, state.custom, state.call_ids, state.id)
    state.kinds.update([type(part) for _, part in parts])
    return parts


def extract_usage(data: Mapping[str, Any], model: Model) -> Usage | None:
    raw = data.get("usage")
    if not raw:
        return None
    unpriced_charges = dict.fromkeys(item["type"] for item in data.get("output") or () if item["type"] in BILLED_APART)
    return usage_of(raw, data.get("service_tier"), tuple(unpriced_charges))


def _begun(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    response = data.get("response") or {}
    state.custom = custom_tools(response)
    if state.started:
        return []
    state.started, state.id = True, response.get("id")
    state.rest = Rest(state.id) if state.id and response.get("background") is True else None
    return [Start(state.id, response.get("model"))]


def _added(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    item = data.get("item")
    if not item:
        return []
    known = state.items.find(data, kind_of(item), begins=True)
    known.given = item
    if known.kind != CALL:
        return []
    part = decode_item(item, known.base // PLACES, state.custom, state.call_ids, state.id)[0][1]
    if not isinstance(part, ToolCall):
        return []
    known.begun = True
    return [ToolCallStart(known.base, part.id, part.name)]


def _content_place(data: Mapping[str, Any], state: State) -> tuple[Item, int]:
    item = state.items.find(data, MESSAGE)
    return item, item.base + (data.get("content_index") or 0)


def _text(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    if (delta := data.get("delta")) is None:
        return []
    item, state.place = _content_place(data, state)
    item.shown.add(state.place)
    if state.rest is None:  # else each event's number is noted
        state.last = (data.get("item_id"), data.get("output_index"), data.get("content_index"))
    return [TextDelta(delta, state.place)]


def _reasoning(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    item = state.items.find(data, REASONING)
    if (delta := data.get("delta")) is None:
        return []
    if delta:
        part = data.get("summary_index", data.get("content_index", len(item.texts)))
        if part not in item.parts[-1:]:
            delta = f"\n{delta}" if item.parts else delta
            item.parts.append(part)
    item.shown.add(item.base)
    return [ReasoningDelta(delta, item.base)]


def _refusal(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    item, place = _content_place(data, state)
    if (delta := data.get("delta")) is None:
        return []
    item.shown.add(place)
    return [RefusalDelta(delta, place)]


def _content_done(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    if not (text := data.get("text") or data.get("refusal")):
        return []
    item, place = _content_place(data, state)
    return [] if item.done else _whole(item, (TextDelta if "text" in data else RefusalDelta)(text, place))


def _part_done(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    part = data.get("part") or {}
    return _content_done({**data, **part}, model, state) if part.get("type") in ("output_text", "refusal") else []


def _reasoning_done(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    """Add what the deltas of one text of a reasoning item have not said, unless other texts of it came after."""
    item, text = state.items.find(data, REASONING), data.get("text")
    part = data.get("summary_index", data.get("content_index"))
    if not text or item.done or (text in item.texts.values() if part is None else part in item.texts):
        return []
    part = len(item.texts) if part is None else part
    item.texts[part] = text
    if part in item.parts[:-1]:
        return []  # deltas of the next text have come, too
    item.parts += [] if part in item.parts else [part]
    # Each text is on a line of its own.
    return _whole(item, ReasoningDelta("\n".join(item.texts.values()), item.base))


def _arguments_done(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    item, text = state.items.find(data, CALL), arguments_text(data.get("arguments") or data.get("input"))
    if not text or item.done:
        return []
    if not item.begun:
        item.waits = True
        return []
    return _whole(item, ToolCallDelta(item.base, text))


def _whole(item: Item, delta: Delta) -> list[StreamChunk]:
    """Return the chunks of a text that an end gives whole."""
    item.shown.add(delta.index)
    return [WHOLE, delta]


def _arguments(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    item = state.items.find(data, CALL)
    if not item.begun:
        item.waits = True  # the call's name is not known yet; the final item will hold the arguments
        return []
    piece = arguments_text(data.get("delta"))
    item.shown.add(item.base)
    return [ToolCallDelta(item.base, piece)] if piece else []


def _done(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    item = data.get("item")
    return [] if not item else _ended(item, state.items.find(data, kind_of(item), whole=True), model, state)


def _ended(item: Mapping[str, Any], known: Item, model: Model, state: State) -> list[StreamChunk]:
    """Complete an item: return chunks for what its deltas left out, and the end of each part."""
    if known.done:
        return []
    known.done, state.last = True, None
    out: list[StreamChunk] = []
    decoded = _decoded(item, known.base // PLACES, state)
    for place, (_, part) in zip(known.match([place for place, _ in decoded]), decoded, strict=True):
        if isinstance(part, Text | Refusal):
            kind = TextDelta if isinstance(part, Text) else RefusalDelta
            out += _whole(known, kind(part.text, place)) if part.text else []
            out += [*cited(part, place), PartEnd(place, {"extra": part.extra})]
        elif isinstance(part, Reasoning):
            out += _whole(known, ReasoningDelta(part.text, place)) if part.text else []
            out.append(PartEnd(place, reasoning_fields(item)))
        elif isinstance(part, ToolCall):
            out += [] if known.begun else [ToolCallStart(place, part.id, part.name)]
            out += _whole(known, ToolCallDelta(place, part.arguments_json))
            out.append(ToolCallEnd(place, call_extra(item)))
        else:
            out.append(PartDone(part, place))
    return out


def _response_end(data: Mapping[str, Any], model: Model, state: State, status: str = "completed") -> list[StreamChunk]:
    """Decode the last event. `status`: that of its type, for a response in it which has no final status."""
    response = data.get("response") or {}
    if response.get("status") == "failed" or response.get("error"):
        raise _failure(response, model)
    unsaid = not response.get("status") or response["status"] in PENDING
    state.final = {**response, "status": status} if unsaid else response
    out: list[StreamChunk] = []
    seen: dict[str, int] = {}
    for at, item in enumerate(response.get("output") or ()):
        kind = kind_of(item)
        nth = seen.get(kind, 0)
        seen[kind] = nth + 1
        known = state.items.listed(item, at, kind, nth)
        if known is None:
            known = state.items.find({"item": item, "output_index": at}, kind)
        if not known.done:
            # Some servers send an item only here, or no end for it.
            out += _ended(item, known, model, state)
        elif kind == REASONING and item not in state.whole:
            # The final response encrypts its reasoning anew (see the recordings); an unstreamed one would hold this.
            out.append(PartEnd(known.base, reasoning_fields(item)))
    if state.final.get("status") == "completed":
        # Items that were whole in their first event, after which nothing more of them came.
        for each in state.items.all:
            out += _ended(each.given, each, model, state) if each.given and not (each.done or each.shown) else []
        # Calls that have neither an end of their own nor a place in the list.
        unended = [ToolCallEnd(each.base) for each in state.items.all if each.begun and not each.done]
        state.kinds.update([ToolCall] if unended else [])
        out += unended
    # Some servers leave the items out of the last event.
    usage = extract_usage(response if response.get("output") else {**response, "output": state.whole}, model)
    if usage is not None:
        out.append(UsageUpdate(usage))
    return [*out, STREAM_END]


def _failed(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    raise _failure(data.get("response") or {}, model)


_HANDLERS: Mapping[str, Callable[[Mapping[str, Any], Model, State], list[StreamChunk]]] = {
    "response.created": _begun,
    "response.in_progress": _begun,
    "response.queued": _begun,
    "response.output_item.added": _added,
    "response.output_text.delta": _text,
    "response.reasoning_summary_text.delta": _reasoning,
    "response.reasoning_text.delta": _reasoning,
    "response.refusal.delta": _refusal,
    "response.output_text.done": _content_done,
    "response.refusal.done": _content_done,
    "response.content_part.done": _part_done,
    "response.reasoning_text.done": _reasoning_done,
    "response.reasoning_summary_text.done": _reasoning_done,
    "response.function_call_arguments.done": _arguments_done,
    "response.custom_tool_call_input.done": _arguments_done,
    "response.function_call_arguments.delta": _arguments,
    "response.custom_tool_call_input.delta": _arguments,
    "response.output_item.done": _done,
    "response.completed": _response_end,
    "response.incomplete": partial(_response_end, status="incomplete"),
    "response.failed": _failed,
    "response.cancelled": partial(_response_end, status="cancelled"),
}


def _failure(response: Mapping[str, Any], model: Model) -> ProviderError:
    """Make the error of a failed response, with its usage."""
    nothing = {"message": "the response failed", "code": "server_error"}
    error = provider_error(model.provider, response.get("error") or nothing)
    error.usage = extract_usage(response, model)
    return error


def _finish_reason(response: Mapping[str, Any], kinds: set[type]) -> str:
    """Map a status to the canonical reason; the reason of an incomplete response is in its details.

    response: the response
    kinds: the classes of its parts
    """
    status = response.get("status") or "unknown"
    if status == "completed":
        return "tool_calls" if ToolCall in kinds else "content_filter" if Refusal in kinds else "stop"
    if status == "incomplete":
        why = (response.get("incomplete_details") or {}).get("reason") or "incomplete"
        return {"max_output_tokens": "length", "max_tokens": "length"}.get(why, why)
    return str(status)


def flush_stream_state(model: Model, state: State) -> list[StreamChunk]:
    """Return the last chunks; none for a stream that was cut."""
    if state.final is None:
        return []
    metadata = _metadata(state.final, state.whole)
    chunks: list[StreamChunk] = [MetadataUpdate(metadata)] if metadata else []
    if any(item.waits and not item.done for item in state.items.all):
        chunks.append(orphaned(model))
    return [*chunks, Finish(_finish_reason(state.final, state.kinds), state.final.get("status"))]


def _metadata(response: Mapping[str, Any], items: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    metadata = {name: response[name] for name in METADATA if response.get(name) is not None}
    logprobs = logprobs_of(items)
    return {**metadata, "logprobs": logprobs} if logprobs else metadata
