"""Sample answers of Converse."""

from __future__ import annotations

from typing import Any

from ....schemas.json_text import dumps
from ..protocols.aws_event_stream import MEDIA_TYPE, encode
from ..samples import Sample, Samples, scenes

_USAGE = {"inputTokens": 12, "outputTokens": 7, "totalTokens": 19}


def _body(content: list[dict[str, Any]], reason: str) -> bytes:
    message = {"role": "assistant", "content": content}
    return dumps({"output": {"message": message}, "stopReason": reason, "usage": _USAGE})


def _event(kind: str, **data: Any) -> bytes:
    headers = {":message-type": "event", ":event-type": kind, ":content-type": "application/json"}
    return encode(headers, dumps(data))


def _stream(start: dict[str, Any] | None, deltas: list[dict[str, Any]], reason: str) -> tuple[bytes, int]:
    whole = b"".join(
        (
            _event("messageStart", role="assistant"),
            _event("contentBlockStart", contentBlockIndex=0, start=start) if start else b"",
            *(_event("contentBlockDelta", contentBlockIndex=0, delta=delta) for delta in deltas),
            _event("contentBlockStop", contentBlockIndex=0),
            _event("messageStop", stopReason=reason),
        )
    )
    return whole + _event("metadata", usage=_USAGE), len(whole)


def _more(text: str, reasoning: str, reason: str) -> tuple[bytes, bytes]:
    usage = {**_USAGE, "inputTokens": 7, "cacheReadInputTokens": 5}
    content: list[dict[str, Any]] = []
    deltas: list[list[dict[str, Any]]] = []
    if reasoning:
        content.append({"reasoningContent": {"reasoningText": {"text": reasoning}}})
        deltas.append([{"reasoningContent": {"text": piece}} for piece in (reasoning[:2], reasoning[2:])])
    if text:
        content.append({"text": text})
        deltas.append([{"text": piece} for piece in (text[:2], text[2:])])
    stream = _event("messageStart", role="assistant")
    for index, pieces in enumerate(deltas):
        stream += b"".join(_event("contentBlockDelta", contentBlockIndex=index, delta=delta) for delta in pieces)
        stream += _event("contentBlockStop", contentBlockIndex=index)
    output = {"message": {"role": "assistant", "content": content}}
    stream += _event("messageStop", stopReason=reason) + _event("metadata", usage=usage)
    return dumps({"output": output, "stopReason": reason, "usage": usage}), stream


_TEXT, _TEXT_WHOLE = _stream(None, [{"text": piece} for piece in ("Grüß ", "Gott", ", 世界")], "end_turn")
_TOOLS, _TOOLS_WHOLE = _stream(
    {"toolUse": {"toolUseId": "t-1", "name": "look_up"}},
    [{"toolUse": {"input": piece}} for piece in ('{"city":', '"Pune"}')],
    "tool_use",
)
_CALL = {"toolUse": {"toolUseId": "t-1", "name": "look_up", "input": {"city": "Pune"}}}
_THROTTLED = {":message-type": "exception", ":exception-type": "throttlingException"}

SAMPLES = Samples(
    text=Sample(
        body=_body([{"text": "Grüß Gott, 世界"}], "end_turn"),
        stream=_TEXT,
        whole_at=_TEXT_WHOLE,
        text="Grüß Gott, 世界",
        input_tokens=12,
        output_tokens=7,
        stream_type=MEDIA_TYPE,
    ),
    tools=Sample(
        body=_body([_CALL], "tool_use"),
        stream=_TOOLS,
        whole_at=_TOOLS_WHOLE,
        tool_calls=(("look_up", {"city": "Pune"}),),
        input_tokens=12,
        output_tokens=7,
        stream_type=MEDIA_TYPE,
    ),
    error=b'{"message": "this is what went wrong"}',
    stream_error=_event("messageStart", role="assistant")
    + _event("contentBlockDelta", contentBlockIndex=0, delta={"text": "so far"})
    + encode(_THROTTLED, b'{"message": "this is what went wrong"}'),
    stream_error_text="so far",
    more=scenes(
        _more,
        stop="end_turn",
        length="max_tokens",
        filtered="content_filtered",
        cached_tokens=5,
        stream_type=MEDIA_TYPE,
    ),
)
