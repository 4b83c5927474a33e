"""What a stream leaves without a beginning or an end: arguments of no call, calls and server tools that never end."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from stepwell.catalog import Model
from stepwell.providers.declare.wire import Wire
from stepwell.providers.wires.anthropic_messages import anthropic_messages
from stepwell.providers.wires.bedrock_converse import bedrock_converse
from stepwell.providers.wires.cohere_chat import cohere_chat
from stepwell.providers.wires.google_generate import google_generate
from stepwell.providers.wires.openai_chat import openai_chat
from stepwell.providers.wires.openai_responses import openai_responses
from stepwell.schemas.chunks import STREAM_END
from stepwell.schemas.fold import fold
from stepwell.schemas.reply import Reply

MODEL = Model("p", "m")
PIECE = '{"z":1}'


def read(wire: Wire, *events: Any) -> Reply:
    """Decode events, without their framing."""
    steps = wire.stream_steps()
    state: Any = steps.init_stream_state(MODEL)
    chunks: list[Any] = []
    for event in events:
        framed = event if isinstance(event, tuple) else ("", event)
        more, state = steps.decode_stream_event((framed[0], orjson.dumps(framed[1])), MODEL, state)
        chunks += more
    return fold([each for each in chunks if each is not STREAM_END] + steps.flush_stream_state(MODEL, state))


def chat(finish: str | None = None, **delta: Any) -> dict[str, Any]:
    return {"id": "x", "choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}


def frame(kind: str, **data: Any) -> tuple[dict[str, str], Any]:
    return {":event-type": kind}, data


STOP = {"type": "message_delta", "delta": {"stop_reason": "end_turn"}}, {"type": "message_stop"}
ITEM = {"type": "function_call", "id": "fc", "call_id": "c", "name": "f", "arguments": ""}
DONE = {"type": "response.completed", "response": {"id": "r", "status": "completed", "output": []}}
ORPHANS: dict[str, tuple[Wire, list[Any]]] = {
    "openai_chat": (
        openai_chat,
        [chat(content="x"), chat("tool_calls", tool_calls=[{"index": 3, "function": {"arguments": PIECE}}])],
    ),
    "anthropic_messages": (
        anthropic_messages,
        [
            {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": PIECE}},
            {"type": "content_block_stop", "index": 0},
            *STOP,
        ],
    ),
    "anthropic_messages, without an end": (
        anthropic_messages,
        [
            {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": PIECE}},
            *STOP,
        ],
    ),
    "bedrock_converse": (
        bedrock_converse,
        [
            frame("contentBlockDelta", contentBlockIndex=0, delta={"toolUse": {"input": PIECE}}),
            frame("contentBlockStop", contentBlockIndex=0),
            frame("messageStop", stopReason="tool_use"),
        ],
    ),
    "cohere_chat": (
        cohere_chat,
        [
            {
                "type": "tool-call-delta",
                "index": 0,
                "delta": {"message": {"tool_calls": {"function": {"arguments": PIECE}}}},
            },
            {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL"}},
        ],
    ),
    "google_generate": (
        google_generate,
        [
            {
                "candidates": [
                    {"content": {"parts": [{"functionCall": {"args": {"z": 1}}}]}, "finishReason": "STOP"},
                ]
            }
        ],
    ),
    "openai_responses": (
        openai_responses,
        [{"type": "response.function_call_arguments.delta", "item_id": "fc", "output_index": 0, "delta": PIECE}, DONE],
    ),
    "openai_chat, a call without a name": (
        openai_chat,
        [chat("tool_calls", tool_calls=[{"index": 0, "id": "c", "function": {"arguments": PIECE}}])],
    ),
    "openai_responses, arguments that come at once": (
        openai_responses,
        [{"type": "response.function_call_arguments.done", "output_index": 0, "arguments": PIECE}, DONE],
    ),
}


CALLS = {
    "anthropic_messages": (
        anthropic_messages,
        [
            {"type": "content_block_start", "index": 0, "content_block": {"type": "tool_use", "id": "t", "name": "f"}},
            *STOP,
        ],
    ),
    "bedrock_converse": (
        bedrock_converse,
        [
            frame("contentBlockStart", contentBlockIndex=0, start={"toolUse": {"toolUseId": "t", "name": "f"}}),
            frame("messageStop", stopReason="tool_use"),
        ],
    ),
    "cohere_chat": (
        cohere_chat,
        [
            {
                "type": "tool-call-start",
                "index": 0,
                "delta": {"message": {"tool_calls": {"id": "t", "function": {"name": "f", "arguments": ""}}}},
            },
            {"type": "message-end", "delta": {"finish_reason": "TOOL_CALL"}},
        ],
    ),
    "openai_responses": (
        openai_responses,
        [{"type": "response.output_item.added", "output_index": 0, "item": {**ITEM, "call_id": "t"}}, DONE],
    ),
}
"""Whole answers in which the end of a call was left out."""


@pytest.mark.parametrize("case", CALLS)
def test_a_call_ends_with_its_answer_at_the_latest(case: str) -> None:
    reply = read(*CALLS[case][:1], *CALLS[case][1])
    assert [(call.id, call.name) for call in reply.tool_calls] == [("t", "f")] and reply.warnings == ()


@pytest.mark.parametrize("case", ORPHANS)
def test_what_is_left_out_of_a_stream_is_reported(case: str) -> None:
    reply = read(*ORPHANS[case][:1], *ORPHANS[case][1])
    assert reply.tool_calls == () and len(reply.warnings) == 1
    assert "left out" in reply.warnings[0].why


def test_what_is_left_out_of_another_choice_is_reported() -> None:
    orphan = {"index": 1, "delta": {"tool_calls": [{"index": 3, "function": {"arguments": PIECE}}]}}
    reply = read(openai_chat, chat(content="x"), {"id": "x", "choices": [orphan]}, chat("stop"))
    assert [warning.subject for warning in reply.warnings] == ["tool_calls"]


def test_a_server_tool_that_is_open_at_the_end_is_in_the_reply() -> None:
    use = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {}}
    piece = {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": PIECE}}
    reply = read(anthropic_messages, {"type": "content_block_start", "index": 0, "content_block": use}, piece, *STOP)
    (call,) = reply.server_tool_calls
    assert (call.data, call.arguments) == ({**use, "input": {"z": 1}}, {"z": 1})
    start = {"toolUse": {"toolUseId": "s", "name": "web", "type": "server_tool_use"}}
    reply = read(
        bedrock_converse,
        frame("contentBlockStart", contentBlockIndex=0, start=start),
        frame("contentBlockDelta", contentBlockIndex=0, delta={"toolUse": {"input": PIECE}}),
        frame("messageStop", stopReason="end_turn"),
    )
    (call,) = reply.server_tool_calls
    assert (call.data, call.id) == ({"toolUse": {**start["toolUse"], "input": {"z": 1}}}, "s")
