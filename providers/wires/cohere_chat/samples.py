"""Sample answers of a chat."""

from __future__ import annotations

from typing import Any

from ....schemas.json_text import dumps
from ..samples import Sample, Samples, scenes, sse_event

_USAGE = {"tokens": {"input_tokens": 12, "output_tokens": 7}}
_CALL = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": '{"city":"Pune"}'}}


def _body(message: dict[str, Any], reason: str) -> bytes:
    return dumps({"id": "1", "message": {"role": "assistant", **message}, "finish_reason": reason, "usage": _USAGE})


def _event(kind: str, index: int | None = None, message: Any = None, **delta: Any) -> bytes:
    data: dict[str, Any] = {"type": kind}
    if index is not None:
        data["index"] = index
    data["delta"] = {"message": message, **delta} if message is not None else delta
    return sse_event(**data)


def _stream(events: list[bytes], reason: str) -> tuple[bytes, int]:
    start = b'event: message-start\ndata: {"type":"message-start","id":"1"}\n\n'
    end = _event("message-end", finish_reason=reason, usage=_USAGE)
    whole = start + b"".join(events) + end
    return whole, len(whole) - 2


def _more(text: str, reasoning: str, reason: str) -> tuple[bytes, bytes]:
    blocks = [(kind, value) for kind, value in (("thinking", reasoning), ("text", text)) if value]
    events = []
    for index, (kind, value) in enumerate(blocks):
        events += [
            _event("content-start", index, {"content": {"type": kind, kind: ""}}),
            *(_event("content-delta", index, {"content": {kind: piece}}) for piece in (value[:2], value[2:])),
            _event("content-end", index),
        ]
    content = [{"type": kind, kind: value} for kind, value in blocks]
    return _body({"content": content}, reason), _stream(events, reason)[0]


_TEXT, _TEXT_WHOLE = _stream(
    [
        _event("content-start", 0, {"content": {"type": "text", "text": ""}}),
        *(_event("content-delta", 0, {"content": {"text": piece}}) for piece in ("Grüß ", "Gott", ", 世界")),
        _event("content-end", 0),
    ],
    "COMPLETE",
)
_BEGUN = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": ""}}
_TOOLS, _TOOLS_WHOLE = _stream(
    [
        _event("tool-call-start", 0, {"tool_calls": _BEGUN}),
        *(
            _event("tool-call-delta", 0, {"tool_calls": {"function": {"arguments": piece}}})
            for piece in ('{"city":', '"Pune"}')
        ),
        _event("tool-call-end", 0),
    ],
    "TOOL_CALL",
)

SAMPLES = Samples(
    text=Sample(
        body=_body({"content": [{"type": "text", "text": "Grüß Gott, 世界"}]}, "COMPLETE"),
        stream=_TEXT,
        whole_at=_TEXT_WHOLE,
        text="Grüß Gott, 世界",
        input_tokens=12,
        output_tokens=7,
    ),
    tools=Sample(
        body=_body({"tool_calls": [_CALL]}, "TOOL_CALL"),
        stream=_TOOLS,
        whole_at=_TOOLS_WHOLE,
        tool_calls=(("look_up", {"city": "Pune"}),),
        input_tokens=12,
        output_tokens=7,
    ),
    error=b'{"message": "this is what went wrong"}',
    stream_error=_event("content-delta", 0, {"content": {"text": "so far"}})
    + _event("message-end", finish_reason="ERROR", error="this is what went wrong"),
    stream_error_text="so far",
    more=scenes(_more, stop="COMPLETE", length="MAX_TOKENS", filtered="ERROR_TOXIC"),
)
