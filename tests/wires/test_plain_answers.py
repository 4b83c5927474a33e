"""Chat completions that are decoded at once, as most are, give the reply that chunks and a fold give."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from stepwell.providers.wires.openai_chat.stream import State, decode_response, decode_stream_event, flush_stream_state
from stepwell.schemas.chunks import StreamChunk
from stepwell.schemas.fold import fold
from stepwell.schemas.model import Model
from stepwell.schemas.parts import Image, Text, ToolCall

MODEL = Model("p", "m")
CALL: dict[str, Any] = {"id": "c1", "type": "function", "function": {"name": "add", "arguments": '{"a": 1}'}}
OTHER = {"id": "c2", "function": {"name": "add", "arguments": ""}}


def body(message: dict[str, Any], reason: str | None = "stop", **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": reason}
    return {"id": "x", "model": "m", "choices": [choice], **more}


@pytest.mark.parametrize(
    "data",
    [
        body({"content": "hi"}),
        body({"content": "hi", "refusal": None, "annotations": []}, system_fingerprint="f", service_tier=None),
        body({"content": "hi"}, "length"),
        body({"content": "hi"}, "eos", id="", model=None),
        body({"content": "hi"}, None),
        body({"content": ""}),
        body({"content": None}),
        body({"content": "hi", "refusal": "no"}),
        body({"content": [{"type": "text", "text": "hi"}]}),
        body({"content": None, "tool_calls": [CALL]}, "tool_calls"),
        body({"content": "so", "tool_calls": [CALL, OTHER]}),
        body({"content": None, "tool_calls": [CALL, CALL]}),
        body({"content": None, "tool_calls": [{**CALL, "id": None}]}),
        body({"content": None, "tool_calls": [{**CALL, "function": {"name": "add", "arguments": {"a": 1}}}]}),
        body({"content": None, "tool_calls": [{**CALL, "function": {"name": "add"}}]}),
        body({"content": None, "tool_calls": [{**CALL, "extra_content": {"a": 1}}]}),
        body({"content": None, "tool_calls": [{"id": "c", "type": "custom", "custom": {"name": "n", "input": "i"}}]}),
    ],
)
def test_a_plain_answer_is_the_same_as_one_with_a_rare_field(data: dict[str, Any]) -> None:
    plain, by_pieces = decode_response(data, MODEL), decode_response({**data, "rare": 1}, MODEL)
    assert plain == by_pieces


def test_calls_that_end_with_stop_are_tool_calls() -> None:
    reply = decode_response(body({"content": "so", "tool_calls": [CALL]}), MODEL)
    assert (reply.finish_reason, reply.finish_reason_raw) == ("tool_calls", "stop")
    assert reply.message.content[1] == ToolCall("c1", "add", CALL["function"]["arguments"])


def test_blocks_of_a_content_that_are_no_text_are_images_or_warned_of() -> None:
    """In a body and in a stream."""
    image = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    flat = {"type": "image_url", "image_url": "https://example.com/a.png"}
    blocks = [{"type": "text", "text": "hi"}, image, {"type": "novel", "a": 1}, flat, {"b": 2}, {"type": "image_url"}]
    whole = decode_response(body({"content": blocks}), MODEL)
    pieces = [body({})["choices"][0] | {"delta": {"content": [block]}, "finish_reason": None} for block in blocks]
    state, chunks = State(), list[StreamChunk]()
    for piece in [*pieces, {"index": 0, "delta": {}, "finish_reason": "stop"}]:
        piece.pop("message", None)
        data = orjson.dumps({"id": "x", "model": "m", "choices": [piece]})
        chunks += decode_stream_event(("", data), MODEL, state)[0]
    streamed = fold([*chunks, *flush_stream_state(MODEL, state)])
    for reply in (whole, streamed):
        text, *images = reply.message.content
        assert text == Text("hi") and [type(part) for part in images] == [Image, Image] and len(reply.warnings) == 1
        assert isinstance(images[1], Image) and images[1].url == flat["image_url"]
