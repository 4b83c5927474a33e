"""Chat completions that are decoded at once, as most are, give the reply that chunks and a fold give."""

from __future__ import annotations

from typing import Any

import pytest

from stepwell.providers.wires.openai_chat.stream import decode_response
from stepwell.schemas.model import Model
from stepwell.schemas.parts import ToolCall

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
