"""The events of a streamed response. https://platform.openai.com/docs/api-reference/responses-streaming"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field

from ....schemas.chunks import (
    LAST_WORD,
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
from ....schemas.json_text import JSONDecodeError, dumps, exact, loads_fast
from ....schemas.model import Model
from ....schemas.parts import Reasoning, Refusal, Text, ToolCall
from ..failures import provider_error, read_again
from .decode import (
    PLACES,
    call_extra,
    custom_tools,
    decode_item,
    extract_usage,
    failure,
    finish_reason,
    logprobs_of,
    metadata_of,
    reasoning_fields,
)


@define
class State:
    """One stream's memory: which places have shown text already, which calls have begun, which items are whole, and the
    response as the last event described it."""

    shown: set[int] = field(factory=set)
    begun: set[int] = field(factory=set)
    done: set[int | str] = field(factory=set)
    last: int = -1
    custom: frozenset[str] = frozenset()
    started: bool = False
    has_calls: bool = False
    refused: bool = False
    final: Mapping[str, Any] | None = None
    items: list[Mapping[str, Any]] = field(factory=list)
    places: dict[str, int] = field(factory=dict)

    def place(self, data: Mapping[str, Any]) -> int:
        """Where the item of an event stands. llama.cpp gives no indexes: there the order of appearance counts."""
        if (index := data.get("output_index")) is not None:
            return int(index) * PLACES
        id = data.get("item_id") or (data.get("item") or {}).get("id") or ""
        return self.places.setdefault(id, len(self.places) * PLACES)


def init_stream_state(model: Model) -> State:
    return State()


def decode_stream_event(event: tuple[str, bytes], model: Model, state: State) -> tuple[list[StreamChunk], State]:
    """Raises the provider's error for `error` and `response.failed`, DecodeError for data that is not JSON."""
    try:
        data = loads_fast(event[1])
        kind = data["type"]
        if kind == "response.output_text.delta":
            place = data["output_index"] * PLACES + data["content_index"]
            if place != state.last:
                state.last = place
                state.shown.add(place)
            return [TextDelta(data["delta"], place)], state
    except JSONDecodeError:
        if event[1].strip() == b"[DONE]":
            return [], state
        return read_again(event[1], lambda value: _general(value, model, state)), state
    except (KeyError, TypeError):
        pass
    return _general(exact(data, event[1]), model, state), state


def _general(data: Any, model: Model, state: State) -> list[StreamChunk]:
    handler = _HANDLERS.get(data.get("type", "")) if isinstance(data, dict) else None
    return handler(data, model, state) if handler else []


def _begun(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    response = data["response"]
    state.custom = custom_tools(response)
    if state.started:
        return []
    state.started = True
    return [Start(response.get("id"), response.get("model"))]


def _added(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    item, place = data["item"], state.place(data)
    if item["type"] == "function_call" or (item["type"] == "custom_tool_call" and item.get("name") in state.custom):
        state.begun.add(place)
        return [ToolCallStart(place, item["call_id"], item["name"])]
    return []


def _text(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    place = state.place(data) + (data.get("content_index") or 0)
    state.shown.add(place)
    return [TextDelta(data["delta"], place)]


def _reasoning(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    place = state.place(data)
    state.shown.add(place)
    return [ReasoningDelta(data["delta"], place)]


def _refusal(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    place = state.place(data) + (data.get("content_index") or 0)
    state.shown.add(place)
    return [RefusalDelta(data["delta"], place)]


def _arguments(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    place = state.place(data)
    if place not in state.begun:
        return []  # of a call whose name is not known yet: it is given when it is whole
    state.shown.add(place)
    return [ToolCallDelta(place, data["delta"])] if data["delta"] else []


def _done(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    """An item is whole: what was not shown yet is shown now, and each part gets what it gains at its end."""
    item, at = data["item"], state.place(data)
    state.items.append(item)
    state.done |= {at, item.get("id") or at}
    out: list[StreamChunk] = []
    for place, part in decode_item(item, at // PLACES, state.custom):
        shown = place in state.shown
        if isinstance(part, Text | Refusal):
            state.refused = state.refused or isinstance(part, Refusal)
            delta = TextDelta if isinstance(part, Text) else RefusalDelta
            out += [] if shown or not part.text else [delta(part.text, place)]
            out.append(PartEnd(place, {"extra": part.extra}))
        elif isinstance(part, Reasoning):
            out += [] if shown or not part.text else [ReasoningDelta(part.text, place)]
            out.append(PartEnd(place, reasoning_fields(item)))
        elif isinstance(part, ToolCall):
            state.has_calls = True
            out += [] if place in state.begun else [ToolCallStart(place, part.id, part.name)]
            out += [] if shown or not part.arguments_json else [ToolCallDelta(place, part.arguments_json)]
            out.append(ToolCallEnd(place, call_extra(item)))
        else:
            out.append(PartDone(part, place))
    return out


def _over(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    state.final = response = data["response"]
    out: list[StreamChunk] = []
    for at, item in enumerate(response.get("output") or ()):
        if state.done.isdisjoint((at * PLACES, item.get("id") or at * PLACES)):
            # Some servers give an item here alone, or never say that it is whole.
            out += _done({"item": item, "output_index": at}, model, state)
        elif item["type"] == "reasoning" and item not in state.items:
            # The whole response encrypts its reasoning anew (see the recordings); an unstreamed one would hold this.
            out.append(PartEnd(at * PLACES, reasoning_fields(item)))
    # Some servers leave out of the last event what they have told in pieces.
    usage = extract_usage(response if response.get("output") else {**response, "output": state.items}, model)
    if usage is not None:
        out.append(UsageUpdate(usage))
    return [*out, LAST_WORD]


def _failed(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    error = failure(data["response"], model)
    error.usage = extract_usage(data["response"], model)
    raise error


def _error(data: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    raise provider_error(model.provider, data.get("error") or data, body=dumps(data))


_HANDLERS = {
    "response.created": _begun,
    "response.in_progress": _begun,
    "response.output_item.added": _added,
    "response.output_text.delta": _text,
    "response.reasoning_summary_text.delta": _reasoning,
    "response.reasoning_text.delta": _reasoning,
    "response.refusal.delta": _refusal,
    "response.function_call_arguments.delta": _arguments,
    "response.custom_tool_call_input.delta": _arguments,
    "response.output_item.done": _done,
    "response.completed": _over,
    "response.incomplete": _over,
    "response.failed": _failed,
    "error": _error,
}


def flush_stream_state(model: Model, state: State) -> list[StreamChunk]:
    if state.final is None:
        return []
    metadata = metadata_of(state.final)
    if logprobs := logprobs_of(state.items):
        metadata["logprobs"] = logprobs
    told: list[StreamChunk] = [MetadataUpdate(metadata)] if metadata else []
    return [*told, Finish(finish_reason(state.final, state.has_calls, state.refused), state.final.get("status"))]
