"""Decode the events of ConverseStream.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStreamOutput.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import define, field

from ....pipeline.http.error_body import error_in, error_message
from ....pipeline.side_fields import kept_event
from ....pipeline.stream.broken_event import read_again
from ....schemas.chunks import (
    Finish,
    MetadataUpdate,
    PartDone,
    PartEnd,
    ReasoningDelta,
    StreamChunk,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
    UsageUpdate,
)
from ....schemas.errors import ProviderError
from ....schemas.json_text import JSONDecodeError, exact, loads_fast
from ....schemas.model import Model
from ....schemas.parts import Opaque, Reasoning
from ...declare.errors import provider_error
from ..calls import server_tool_input
from ..protocols.aws_event_stream import AWSEvent
from .decode import cited_extra, finish_reason, metadata_of, usage_of
from .encode import NAME
from .side_fields import SIDE_FIELDS


@define
class State:
    """The state of one stream."""

    open: dict[int, dict[str, Any]] = field(factory=dict)
    """The open blocks, by index."""
    reason: str | None = None
    stopped: bool = False
    ran_tools: bool = False
    metadata: dict[str, Any] = field(factory=dict)


def init_stream_state(model: Model) -> State:
    return State()


def stream_failure(event: AWSEvent, model: Model) -> ProviderError | None:
    """Return the error of a frame: modelled exceptions and the service's own errors have frames of their own."""
    headers, payload = event
    if headers.get(":message-type") == "exception":
        error = error_in(payload)
        described = {"message": error_message(error), "code": headers.get(":exception-type")}
        if isinstance(error, Mapping) and (status := error.get("originalStatusCode")):
            described["status"] = status
        return provider_error(model.provider, described, body=payload)
    if headers.get(":message-type") == "error":
        described = {"message": headers.get(":error-message"), "code": headers.get(":error-code")}
        return provider_error(model.provider, described, body=payload)
    return None


def decode_stream_event(event: AWSEvent, model: Model, state: State) -> tuple[list[StreamChunk], State]:
    """Decode one frame. Raises the provider's error for an exception frame, DecodeError for data that is not JSON."""
    if (error := stream_failure(event, model)) is not None:
        raise error
    kind = event[0].get(":event-type")
    try:
        data = loads_fast(event[1])
    except JSONDecodeError:
        return read_again(event[1], lambda value: _general(value, kind, model, state)), state
    return _general(data if kind == "contentBlockDelta" else exact(data, event[1]), kind, model, state), state


def _general(data: Mapping[str, Any], kind: str | None, model: Model, state: State) -> list[StreamChunk]:
    out: list[StreamChunk] = []
    if kind != "contentBlockDelta" or type(data.get("delta")) is not dict or "text" not in data["delta"]:
        data, out = kept_event(data, SIDE_FIELDS, model)
    match kind:
        case "contentBlockDelta":
            out += _delta(data, state)
        case "contentBlockStart":
            out += _start(data, state)
        case "contentBlockStop":
            out += _stop(data, state)
        case "messageStop":
            state.reason, state.stopped = data.get("stopReason"), True
            state.metadata.update(metadata_of(data))
        case "metadata":
            state.metadata.update(metadata_of(data))
            if raw := data.get("usage"):
                out.append(UsageUpdate(usage_of(raw, data, state.ran_tools)))
    return out


def _start(data: Mapping[str, Any], state: State) -> list[StreamChunk]:
    index, start = data["contentBlockIndex"], data.get("start") or {}
    use = start.get("toolUse")
    if use and "type" not in use:
        state.open[index] = {"kind": "call"}
        return [ToolCallStart(index, use["toolUseId"], use["name"])]
    opened = next(((name, block) for name, block in start.items() if type(block) is dict), None)
    if opened is not None:
        name, block = opened
        state.ran_tools = state.ran_tools or use is not None
        state.open[index] = {"kind": "opaque", "name": name, "block": dict(block)}
    return []


def _delta(data: Mapping[str, Any], state: State) -> list[StreamChunk]:
    delta = data.get("delta")
    if not delta:
        return []
    index = data["contentBlockIndex"]
    if "text" in delta:
        return [TextDelta(delta["text"], index)] if delta["text"] else []
    block = state.open.setdefault(index, {"kind": "text"})
    if (use := delta.get("toolUse")) is not None:
        piece = use.get("input") or ""
        if block["kind"] == "call":
            return [ToolCallDelta(index, piece)] if piece else []
        block["input"] = block.get("input", "") + piece
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
        block["encrypted"] = block.get("encrypted", "") + content["redactedContent"]
    return [ReasoningDelta(content["text"], index)] if content.get("text") else []


def _stop(data: Mapping[str, Any], state: State) -> list[StreamChunk]:
    index = data.get("contentBlockIndex")
    if index is None:
        index = next(reversed(state.open), 0)
    block = state.open.pop(index, None)
    if block is None:
        return []
    if block["kind"] == "call":
        return [ToolCallEnd(index)]
    if block["kind"] == "reasoning":
        if "encrypted" in block:
            return [PartDone(Reasoning(encrypted=block["encrypted"], wire=NAME), index)]
        fields: dict[str, Any] = {"wire": NAME}
        return [PartEnd(index, {**fields, "signature": block["signature"]} if "signature" in block else fields)]
    if block["kind"] == "opaque":
        whole = block["block"]
        if block.get("input"):
            whole["input"] = server_tool_input(block["input"])
        if "content" in block:
            whole["content"] = block["content"]
        return [PartDone(Opaque(NAME, {block["name"]: whole}), index)]
    return [PartEnd(index, {"extra": cited_extra(block["citations"])})] if "citations" in block else []


def flush_stream_state(model: Model, state: State) -> list[StreamChunk]:
    if not state.stopped:
        return []
    chunks: list[StreamChunk] = [MetadataUpdate(state.metadata)] if state.metadata else []
    return [*chunks, Finish(finish_reason(state.reason), state.reason)]
