"""Sample messages."""

from __future__ import annotations

from typing import Any

from ....schemas.json_text import dumps
from ..samples import Sample, Samples, scenes, sse_event

_HEAD = {"id": "msg_1", "type": "message", "role": "assistant", "model": "sample"}


def _body(content: list[dict[str, Any]], reason: str) -> bytes:
    usage = {"input_tokens": 12, "output_tokens": 7}
    return dumps({**_HEAD, "content": content, "stop_reason": reason, "stop_sequence": None, "usage": usage})


def _stream(block: dict[str, Any], deltas: list[dict[str, Any]], reason: str) -> tuple[bytes, int]:
    start: dict[str, Any] = {
        **_HEAD,
        "content": [],
        "stop_reason": None,
        "usage": {"input_tokens": 12, "output_tokens": 1},
    }
    whole = b"".join(
        (
            sse_event("message_start", message=start),
            sse_event("content_block_start", index=0, content_block=block),
            sse_event("ping"),
            *(sse_event("content_block_delta", index=0, delta=delta) for delta in deltas),
            sse_event("content_block_stop", index=0),
            sse_event(
                "message_delta", delta={"stop_reason": reason, "stop_sequence": None}, usage={"output_tokens": 7}
            ),
            sse_event("message_stop"),
        )
    )
    return whole, len(whole) - 2


_TEXT, _TEXT_WHOLE = _stream(
    {"type": "text", "text": ""},
    [{"type": "text_delta", "text": piece} for piece in ("Grüß ", "Gott", ", 世界")],
    "end_turn",
)
_TOOLS, _TOOLS_WHOLE = _stream(
    {"type": "tool_use", "id": "toolu_1", "name": "look_up", "input": {}},
    [{"type": "input_json_delta", "partial_json": piece} for piece in ("", '{"city":', '"Pune"}')],
    "tool_use",
)
_CACHED = {"input_tokens": 7, "cache_read_input_tokens": 5, "output_tokens": 7}


def _more(text: str, reasoning: str, reason: str) -> tuple[bytes, bytes]:
    thought = {"type": "thinking", "thinking": reasoning, "signature": "c2lnbmVk"}
    content = [*([thought] if reasoning else []), *([{"type": "text", "text": text}] if text else [])]
    blocks = b""
    for index, block in enumerate(content):
        kind = "thinking" if block["type"] == "thinking" else "text"
        begun = {"type": kind, kind: "", **({"signature": ""} if kind == "thinking" else {})}
        deltas: list[dict[str, Any]] = [
            {"type": f"{kind}_delta", kind: piece} for piece in (block[kind][:2], block[kind][2:])
        ]
        if kind == "thinking":
            deltas.append({"type": "signature_delta", "signature": block["signature"]})
        blocks += sse_event("content_block_start", index=index, content_block=begun)
        blocks += b"".join(sse_event("content_block_delta", index=index, delta=delta) for delta in deltas)
        blocks += sse_event("content_block_stop", index=index)
    end = {"stop_reason": reason, "stop_sequence": None}
    stream = (
        sse_event("message_start", message={**_HEAD, "content": [], "usage": {**_CACHED, "output_tokens": 1}})
        + blocks
        + sse_event("message_delta", delta=end, usage={"output_tokens": 7})
        + sse_event("message_stop")
    )
    return dumps({**_HEAD, "content": content, **end, "usage": _CACHED}), stream


_CALL = {"type": "tool_use", "id": "toolu_1", "name": "look_up", "input": {"city": "Pune"}}
_ERROR = {"type": "some_error", "message": "this is what went wrong"}

SAMPLES = Samples(
    text=Sample(
        body=_body([{"type": "text", "text": "Grüß Gott, 世界"}], "end_turn"),
        stream=_TEXT,
        whole_at=_TEXT_WHOLE,
        text="Grüß Gott, 世界",
        input_tokens=12,
        output_tokens=7,
    ),
    tools=Sample(
        body=_body([_CALL], "tool_use"),
        stream=_TOOLS,
        whole_at=_TOOLS_WHOLE,
        tool_calls=(("look_up", {"city": "Pune"}),),
        input_tokens=12,
        output_tokens=7,
    ),
    error=dumps({"type": "error", "error": _ERROR}),
    stream_error=sse_event("message_start", message={**_HEAD, "content": []})
    + sse_event("content_block_start", index=0, content_block={"type": "text", "text": ""})
    + sse_event("content_block_delta", index=0, delta={"type": "text_delta", "text": "so far"})
    + sse_event("error", error={"type": "overloaded_error", "message": "this is what went wrong"}),
    stream_error_text="so far",
    more=scenes(_more, stop="end_turn", length="max_tokens", filtered="refusal", cached_tokens=5),
)
