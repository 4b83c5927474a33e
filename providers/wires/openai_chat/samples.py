"""Sample chat completions."""

from __future__ import annotations

from typing import Any

from ....schemas.json_text import dumps
from ..samples import Sample, Samples, scenes

_USAGE = {"prompt_tokens": 12, "completion_tokens": 7, "total_tokens": 19}
_HEAD = {"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "sample"}
_CALL = {"id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": '{"city": "Pune"}'}}


def _body(message: dict[str, Any], finish: str, usage: dict[str, Any] = _USAGE) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return dumps({**_HEAD, "choices": [choice], "usage": usage})


def _event(delta: dict[str, Any], finish: str | None = None) -> bytes:
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return b"data: " + dumps({**_HEAD, "object": "chat.completion.chunk", "choices": [choice]}) + b"\n\n"


def _stream(deltas: list[dict[str, Any]], finish: str, usage: dict[str, Any] = _USAGE) -> tuple[bytes, int]:
    first = _event({"role": "assistant", "content": ""})
    answer = first + b"".join(map(_event, deltas)) + _event({}, finish)
    last = b"data: " + dumps({**_HEAD, "choices": [], "usage": usage}) + b"\n\ndata: [DONE]\n\n"
    # The last event may lack its blank line: the answer is complete with the closing brace of the event with the
    # reason.
    return answer + last, len(answer) - 2


def _piece(**function: str) -> dict[str, Any]:
    return {"tool_calls": [{"index": 0, "function": function}]}


def _more(text: str, reasoning: str, reason: str) -> tuple[bytes, bytes]:
    usage = {**_USAGE, "prompt_tokens_details": {"cached_tokens": 5}}
    message = {name: value for name, value in (("reasoning_content", reasoning), ("content", text)) if value}
    deltas = [{name: piece} for name, value in message.items() for piece in (value[:2], value[2:])]
    return _body({"content": text, **message}, reason, usage), _stream(deltas, reason, usage)[0]


_TEXT, _TEXT_WHOLE = _stream([{"content": "Grüß "}, {"content": "Gott"}, {"content": ", 世界"}], "stop")
_TOOLS, _TOOLS_WHOLE = _stream(
    [
        {
            "tool_calls": [
                {"index": 0, "id": "call_1", "type": "function", "function": {"name": "look_up", "arguments": ""}}
            ]
        },
        _piece(arguments='{"city":'),
        _piece(arguments=' "Pune"}'),
    ],
    "tool_calls",
)

SAMPLES = Samples(
    text=Sample(
        body=_body({"content": "Grüß Gott, 世界"}, "stop"),
        stream=_TEXT,
        whole_at=_TEXT_WHOLE,
        text="Grüß Gott, 世界",
        input_tokens=12,
        output_tokens=7,
    ),
    tools=Sample(
        body=_body({"content": None, "tool_calls": [_CALL]}, "tool_calls"),
        stream=_TOOLS,
        whole_at=_TOOLS_WHOLE,
        tool_calls=(("look_up", {"city": "Pune"}),),
        input_tokens=12,
        output_tokens=7,
    ),
    error=dumps({"error": {"message": "this is what went wrong", "type": "some_error", "code": None}}),
    stream_error=_event({"content": "so far"})
    + b"data: "
    + dumps({"error": {"message": "this is what went wrong", "code": 502}})
    + b"\n\n",
    stream_error_text="so far",
    more=scenes(_more, stop="stop", length="length", filtered="content_filter", cached_tokens=5),
)
