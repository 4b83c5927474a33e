"""Parley, a provider whose format is like no other: one JSON object a line, answers in numbered frames."""

from __future__ import annotations

from typing import Any

import orjson
from attrs import define

from stepwell import Wire, declare_provider
from stepwell.providers.wires.samples import Sample, Samples
from stepwell.schemas.chunks import (
    Finish,
    StreamChunk,
    TextDelta,
    ToolCallDelta,
    ToolCallEnd,
    ToolCallStart,
    UsageUpdate,
)
from stepwell.schemas.errors import DecodeError, ServerError
from stepwell.schemas.message import assistant
from stepwell.schemas.model import Model
from stepwell.schemas.parts import Part, Text, ToolCall
from stepwell.schemas.reply import Reply
from stepwell.schemas.usage import Usage

_ENDS = {"done": "stop", "cut": "length", "tool": "tool_calls"}


@define
class State:
    parts: int = 0
    end: str | None = None


def build_body(request: Any) -> dict[str, Any]:
    turns = [{"who": message.role, "say": message.text} for message in request.context]
    return {"engine": request.model.id, "turns": turns, "live": request.stream, **request.options}


def decode_response(data: Any, model: Model) -> Reply:
    parts: list[Part] = [_part(frame) for frame in data["frames"] if frame["frame"] in ("say", "call")]
    return Reply(assistant(parts), _ENDS[data["end"]], data["end"])


def _part(frame: dict[str, Any]) -> Part:
    if frame["frame"] == "say":
        return Text(frame["text"])
    return ToolCall(frame["id"], frame["name"], orjson.dumps(frame["with"]).decode())


def extract_usage(data: Any, model: Model) -> Usage:
    return Usage(input_tokens=data["meter"]["in"], output_tokens=data["meter"]["out"])


def parse_stream_protocol(data: bytes, buffer: bytes) -> tuple[list[bytes], bytes]:
    *lines, rest = (buffer + data).split(b"\n")
    if not data and rest:
        lines, rest = [*lines, rest], b""
    return [line for line in lines if line.strip()], rest


def decode_stream_event(event: bytes, model: Model, state: State) -> tuple[list[StreamChunk], State]:
    try:
        frame = orjson.loads(event)
    except orjson.JSONDecodeError:
        raise DecodeError("a frame is not JSON") from None
    match frame["frame"]:
        case "say":
            return [TextDelta(frame["text"], 0)], state
        case "call":
            arguments = orjson.dumps(frame["with"]).decode()
            return [ToolCallStart(1, frame["id"], frame["name"]), ToolCallDelta(1, arguments), ToolCallEnd(1)], state
        case "meter":
            return [UsageUpdate(Usage(input_tokens=frame["in"], output_tokens=frame["out"]))], state
        case "end":
            state.end = frame["why"]
        case "oops":
            raise ServerError(f"{model.provider} reported: {frame['why']}")
    return [], state


def flush_stream_state(model: Model, state: State) -> list[StreamChunk]:
    return [Finish(_ENDS[state.end], state.end)] if state.end else []


parley_chat = Wire(
    name="parley_chat",
    path="/v2/chat",
    options=frozenset(("temperature", "tools")),
    build_body=build_body,
    decode_response=decode_response,
    extract_usage=extract_usage,
    parse_stream_protocol=parse_stream_protocol,
    init_stream_state=lambda model: State(),
    decode_stream_event=decode_stream_event,
    flush_stream_state=flush_stream_state,
)

parley = declare_provider("parley", wire=parley_chat, base_url="https://parley.test", env_key="PARLEY_KEY")


def _lines(*frames: dict[str, Any]) -> bytes:
    return b"".join(orjson.dumps(frame) + b"\n" for frame in frames)


def _sample(said: list[dict[str, Any]], streamed: list[dict[str, Any]], end: str, **expected: Any) -> Sample:
    meter = {"frame": "meter", "in": 3, "out": 4}
    stream = _lines(*streamed, meter, {"frame": "end", "why": end})
    return Sample(
        body=orjson.dumps({"frames": said, "end": end, "meter": {"in": 3, "out": 4}}),
        stream=stream,
        whole_at=len(stream) - 1,
        input_tokens=3,
        output_tokens=4,
        stream_type="application/x-ndjson",
        **expected,
    )


_CALL = {"frame": "call", "id": "c1", "name": "look_up", "with": {"city": "Pune"}}

PARLEY_SAMPLES = Samples(
    text=_sample(
        [{"frame": "say", "text": "good day"}],
        [{"frame": "say", "text": "good "}, {"frame": "say", "text": "day"}],
        "done",
        text="good day",
    ),
    tools=_sample([_CALL], [_CALL], "tool", tool_calls=(("look_up", {"city": "Pune"}),)),
    error=b'{"error": {"message": "not now"}}',
    stream_error=_lines({"frame": "say", "text": "so far"}, {"frame": "oops", "why": "tripped"}),
    stream_error_text="so far",
)
