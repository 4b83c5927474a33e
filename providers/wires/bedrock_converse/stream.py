"""Decode an answer of Converse, or the events of ConverseStream.

An unstreamed answer is read as a stream whose blocks each begin and end at once. Its blocks are objects of their own,
ContentBlock, where a stream has ContentBlockStart and ContentBlockDelta: `_block` puts the one in terms of the other.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ContentBlock.html
https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from attrs import define, field

from ....pipeline.side_fields import kept_event
from ....schemas.chunks import (
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
)
from ....schemas.fold import fold
from ....schemas.json_text import JSONDecodeError, dumps, exact, loads_fast
from ....schemas.model import Model
from ....schemas.parts import Reasoning
from ....schemas.reply import Reply
from ....schemas.usage import Usage
from ...declare.event_errors import event_error, read_broken
from ..blocks import Blocks
from ..calls import arguments_text, distinct_id, orphaned, server_tool_input
from ..fields import given
from ..finish import finish_reason_of
from ..media import join_base64
from ..protocols.aws_event_stream import AWSEvent
from .encode import NAME
from .errors import stream_failure
from .server_tools import citations_of, server_part
from .side_fields import SIDE_FIELDS
from .usage import TIER, TRACE, usage_of

FINISH_REASONS: Mapping[str, str] = {
    "guardrail_intervened": "content_filter",
}
"""Those beside the common words."""
METADATA = ("metrics", TRACE, "performanceConfig", "additionalModelResponseFields", TIER)
"""Fields of an answer that are kept on `reply.metadata`."""


@define
class State(Blocks):
    """The state of one stream."""

    open: dict[int, dict[str, Any]] = field(factory=dict)
    """The open blocks, by place. One of text alone is not among them."""
    reason: str | None = None
    stopped: bool = False
    ran_tools: bool = False
    kinds: dict[str, str] = field(factory=dict)
    """The kinds of the provider's own tools that were called, by the call's id."""
    orphaned: bool = False
    """Whether arguments came that belong to no call."""
    metadata: dict[str, Any] = field(factory=dict)


def decode_stream_event(event: AWSEvent, model: Model, state: State) -> tuple[list[StreamChunk], State]:
    """Decode one frame. Raises the provider's error for an exception frame, DecodeError for data that is not JSON."""
    if (error := stream_failure(event, model)) is not None:
        raise error
    kind = event[0].get(":event-type")
    try:
        data = loads_fast(event[1])
        if kind == "contentBlockDelta" and (text := data["delta"]["text"]).__class__ is str and text:
            return [TextDelta(text, state.places[data["contentBlockIndex"]])], state
    except JSONDecodeError:
        return read_broken(event[1], "", model, lambda value: _general(value, kind, model, state)), state
    except (KeyError, TypeError):
        pass
    return _general(data if kind == "contentBlockDelta" else exact(data, event[1]), kind, model, state), state


def _general(event: object, kind: str | None, model: Model, state: State) -> list[StreamChunk]:
    if kind not in _KINDS and (error := event_error(model, event, body=dumps(event))) is not None:
        raise error
    data, out = kept_event(event, SIDE_FIELDS, model)
    number = data.get("contentBlockIndex")
    match kind:
        case "messageStart":  # which has neither an id nor a model
            out.append(Start())
        case "contentBlockDelta" if delta := data.get("delta"):
            out += _delta(state.find_or_begin(number), delta, state)
        case "contentBlockStart" if start := data.get("start"):
            out += _stop(number, model, state) if number in state.places else []
            out += _start(state.begin(number), start, state)
        case "contentBlockStop":
            out += _stop(number, model, state)
        case "messageStop":
            # Some servers leave out the ends of blocks.
            out += [chunk for each in tuple(state.places) for chunk in _stop(each, model, state)]
            _ended(data, state)
        case "metadata":
            _add_metadata(data, state)
            if raw := data.get("usage"):
                out.append(UsageUpdate(usage_of(raw, data, state.ran_tools)))
    return out


_KINDS = frozenset(
    ("contentBlockDelta", "contentBlockStart", "contentBlockStop", "messageStart", "messageStop", "metadata")
)


def decode_response(data: Mapping[str, Any], model: Model) -> Reply:
    """Decode an unstreamed answer."""
    state = State()
    out = [chunk for index, block in enumerate(_content(data)) for chunk in _block(index, block, model, state)]
    _ended(data, state)
    return fold([*out, *flush_stream_state(model, state)])


def _content(data: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    content: Sequence[Mapping[str, Any]] = data["output"]["message"]["content"]
    return content


def extract_usage(data: Mapping[str, Any], model: Model) -> Usage | None:
    raw = data.get("usage")
    if not raw:
        return None
    return usage_of(raw, data, any("type" in (block.get("toolUse") or ()) for block in _content(data)))


def _ended(data: Mapping[str, Any], state: State) -> None:
    state.reason, state.stopped = data.get("stopReason"), True
    _add_metadata(data, state)


def _add_metadata(data: Mapping[str, Any], state: State) -> None:
    state.metadata.update({name: data[name] for name in METADATA if data.get(name)})


def _block(number: int, block: Mapping[str, Any], model: Model, state: State) -> list[StreamChunk]:
    """Decode a whole block. Calls with a `type` are run by the provider and kept whole, like unknown blocks."""
    if None in block.values():
        block = {name: value for name, value in block.items() if value is not None}
    index = state.begin(number)
    if "text" in block:
        return _delta(index, block, state)
    if "reasoningContent" in block:
        content = block["reasoningContent"]
        thought = content if content.get("redactedContent") else content.get("reasoningText") or {}
        return [*_thought(index, thought, state.open.setdefault(index, {})), *_stop(index, model, state)]
    if "toolUse" in block and "type" not in block["toolUse"]:
        delta = {"toolUse": {"input": block["toolUse"].get("input") or ""}}
        return [*_start(index, block, state), *_delta(index, delta, state), *_stop(index, model, state)]
    if "citationsContent" in block:
        cited = block["citationsContent"]
        text = "".join(each.get("text") or "" for each in cited.get("content") or ())
        state.open[index] = {"kind": "text", "citations": list(cited.get("citations") or ())}
        return [*_delta(index, {"text": text}, state), *_stop(index, model, state)]
    return [PartDone(server_part(dict(block), NAME, state.kinds), index)] if block else []


def _start(index: int, start: Mapping[str, Any], state: State) -> list[StreamChunk]:
    use = start.get("toolUse")
    if use and "type" not in use:
        state.open[index] = {"kind": "call"}
        return [ToolCallStart(index, distinct_id(use.get("toolUseId"), state.call_ids, None), use["name"])]
    opened = next(((name, block) for name, block in start.items() if type(block) is dict), None)
    if opened is not None:
        name, block = opened
        state.ran_tools = state.ran_tools or use is not None
        state.open[index] = {"kind": "opaque", "name": name, "block": dict(block)}
    return []


def _delta(index: int, delta: Mapping[str, Any], state: State) -> list[StreamChunk]:
    if "text" in delta:
        return [TextDelta(delta["text"], index)] if delta["text"] else []
    block = state.open.setdefault(index, {"kind": "text"})
    if (use := delta.get("toolUse")) is not None:
        piece = arguments_text(use.get("input"))
        if block["kind"] == "call":
            return [ToolCallDelta(index, piece)] if piece else []
        block["input"] = block.get("input", "") + piece
        state.orphaned = state.orphaned or block["kind"] == "text"
    elif thought := delta.get("reasoningContent"):
        return _thought(index, thought, block)
    elif citation := delta.get("citation"):
        block.setdefault("citations", []).append(citation)
    elif result := delta.get("toolResult"):
        block.setdefault("content", []).extend(result)
    elif block["kind"] == "opaque":
        for value in delta.values():
            block["block"].update(value if type(value) is dict else {})
    return []


def _thought(index: int, content: Mapping[str, Any], block: dict[str, Any]) -> list[StreamChunk]:
    block["kind"] = "reasoning"
    if content.get("signature"):
        block["signature"] = block.get("signature", "") + content["signature"]
    if content.get("redactedContent"):
        block["encrypted"] = join_base64(block.get("encrypted", ""), content["redactedContent"])
    return [ReasoningDelta(content["text"], index)] if content.get("text") else []


def _stop(number: int | None, model: Model, state: State) -> list[StreamChunk]:
    index = state.end(number)
    block = None if index is None else state.open.pop(index, None)
    if block is None or index is None:
        return []
    if block["kind"] == "call":
        return [ToolCallEnd(index)]
    if block["kind"] == "reasoning":
        if "encrypted" in block:
            return [PartDone(Reasoning(encrypted=block["encrypted"], wire=NAME), index)]
        return [PartEnd(index, given(wire=NAME, signature=block.get("signature")))]
    if block["kind"] == "opaque":
        whole = block["block"]
        if block.get("input"):
            whole["input"] = server_tool_input(block["input"])
        if "content" in block:
            whole["content"] = block["content"]
        return [PartDone(server_part({block["name"]: whole}, NAME, state.kinds), index)]
    if block.get("input"):
        return [orphaned(model)]
    if "citations" not in block:
        return []
    end = PartEnd(index, {"extra": {NAME: {"citations": block["citations"]}}})
    cited = citations_of(block["citations"])
    return [Cited(cited, index, "part"), end] if cited else [end]


def flush_stream_state(model: Model, state: State) -> list[StreamChunk]:
    """Return the last chunks; none for a stream that was cut."""
    if not state.stopped:
        return []
    chunks: list[StreamChunk] = [MetadataUpdate(state.metadata)] if state.metadata else []
    if state.orphaned:
        chunks.append(orphaned(model))
    reason = finish_reason_of(state.reason, FINISH_REASONS, has_calls=bool(state.call_ids))
    return [*chunks, Finish(reason, state.reason)]
