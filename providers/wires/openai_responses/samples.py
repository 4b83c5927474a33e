"""Sample responses."""

from __future__ import annotations

from typing import Any

from ....schemas.json_text import dumps
from ..samples import Sample, Samples, scenes, sse_event

_USAGE = {"input_tokens": 12, "output_tokens": 7, "total_tokens": 19}
_HEAD = {"id": "resp_1", "object": "response", "model": "sample"}


def _response(items: list[dict[str, Any]], status: str = "completed") -> dict[str, Any]:
    return {**_HEAD, "status": status, "output": items, "usage": _USAGE if status == "completed" else None}


def _stream(begun: dict[str, Any], deltas: list[bytes], item: dict[str, Any]) -> tuple[bytes, int]:
    whole = b"".join(
        (
            sse_event("response.created", response=_response([], "in_progress")),
            sse_event("response.output_item.added", output_index=0, item=begun),
            *deltas,
            sse_event("response.output_item.done", output_index=0, item=item),
            sse_event("response.completed", response=_response([item])),
        )
    )
    return whole, len(whole) - 2


def _message(text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": "msg_1", "role": "assistant", "status": "completed", "content": content}


def _call(arguments: str) -> dict[str, Any]:
    return {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "look_up", "arguments": arguments}


def _delta(kind: str, text: str) -> bytes:
    return sse_event(f"response.{kind}.delta", output_index=0, content_index=0, item_id="x", delta=text)


def _more(text: str, reasoning: str, reason: str) -> tuple[bytes, bytes]:
    thought = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": reasoning}]}
    items = [*([thought] if reasoning else []), *([_message(text)] if text else [])]
    ended = {"status": "incomplete", "incomplete_details": {"reason": reason}} if reason else {"status": "completed"}
    response = {
        **_response(items),
        **ended,
        "usage": {**_USAGE, "input_tokens_details": {"cached_tokens": 5}},
    }
    stream = sse_event("response.created", response=_response([], "in_progress"))
    for index, item in enumerate(items):
        kind, value = ("reasoning_summary_text", reasoning) if item is thought else ("output_text", text)
        begun = {**item, "summary" if item is thought else "content": []}
        stream += sse_event("response.output_item.added", output_index=index, item=begun)
        place = {"output_index": index, "item_id": item["id"], "content_index": 0, "summary_index": 0}
        stream += b"".join(
            sse_event(f"response.{kind}.delta", **place, delta=piece) for piece in (value[:2], value[2:])
        )
        stream += sse_event("response.output_item.done", output_index=index, item=item)
    return dumps(response), stream + sse_event(f"response.{response['status']}", response=response)


_TEXT, _TEXT_WHOLE = _stream(
    {**_message(""), "content": []},
    [_delta("output_text", piece) for piece in ("Grüß ", "Gott", ", 世界")],
    _message("Grüß Gott, 世界"),
)
_TOOLS, _TOOLS_WHOLE = _stream(
    _call(""),
    [_delta("function_call_arguments", piece) for piece in ('{"city":', '"Pune"}')],
    _call('{"city":"Pune"}'),
)
_ERROR = {"type": "server_error", "code": "server_error", "message": "this is what went wrong"}

SAMPLES = Samples(
    text=Sample(
        body=dumps(_response([_message("Grüß Gott, 世界")])),
        stream=_TEXT,
        whole_at=_TEXT_WHOLE,
        text="Grüß Gott, 世界",
        input_tokens=12,
        output_tokens=7,
    ),
    tools=Sample(
        body=dumps(_response([_call('{"city":"Pune"}')])),
        stream=_TOOLS,
        whole_at=_TOOLS_WHOLE,
        tool_calls=(("look_up", {"city": "Pune"}),),
        input_tokens=12,
        output_tokens=7,
    ),
    error=dumps({"error": {**_ERROR, "code": None, "type": "some_error"}}),
    stream_error=sse_event("response.created", response=_response([], "in_progress"))
    + _delta("output_text", "so far")
    + sse_event("error", **{name: value for name, value in _ERROR.items() if name != "type"}),
    stream_error_text="so far",
    more=scenes(_more, stop="", length="max_output_tokens", filtered="content_filter", cached_tokens=5),
)
