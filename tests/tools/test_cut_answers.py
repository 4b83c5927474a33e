"""Calls of an answer that was cut short, refused or malformed are visible and never run."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import stepwell
from stepwell.pipeline.step import on_request

from scripted import MODEL, Scripted
from tool_loops import DRIVES, Run

KEYS: dict[str, Any] = dict.fromkeys(("openai", "anthropic", "google", "cohere"), "k")
KEYS["amazon_bedrock"] = {"access_key": "A", "secret_key": "S", "region": "us-east-1"}
BEDROCK = "amazon_bedrock:anthropic.claude-sonnet-4-5-20250929-v1:0"


@pytest.fixture
def wipe_calls() -> Iterator[list[bool]]:
    made: list[bool] = []
    yield made


def wipe_into(made: list[bool]) -> stepwell.Tool:
    @stepwell.tool
    def wipe() -> str:
        made.append(True)
        return "wiped"

    return wipe


def anthropic(reason: str) -> Any:
    block = {"type": "tool_use", "id": "c", "name": "wipe", "input": {}}
    return {"id": "m", "content": [block], "stop_reason": reason, "usage": {"input_tokens": 1, "output_tokens": 1}}


def converse(reason: str) -> Any:
    use = {"toolUse": {"toolUseId": "c", "name": "wipe", "input": {}}}
    return {"output": {"message": {"role": "assistant", "content": [use]}}, "stopReason": reason}


def chat(reason: str) -> Any:
    call = {"id": "c", "type": "function", "function": {"name": "wipe", "arguments": ""}}
    return {"choices": [{"message": {"content": None, "tool_calls": [call]}, "finish_reason": reason}]}


def responses(reason: str) -> Any:
    call = {"type": "function_call", "call_id": "c", "name": "wipe", "arguments": ""}
    return {"status": "incomplete", "incomplete_details": {"reason": reason}, "output": [call]}


def gemini(reason: str) -> Any:
    part = {"functionCall": {"name": "wipe", "args": {}}}
    return {"candidates": [{"content": {"parts": [part]}, "finishReason": reason}]}


def cohere(reason: str) -> Any:
    call = {"id": "c", "type": "function", "function": {"name": "wipe", "arguments": "{}"}}
    return {"message": {"tool_calls": [call]}, "finish_reason": reason}


@pytest.mark.parametrize(
    ("model", "body", "reason"),
    [
        ("anthropic:claude-sonnet-4-5", anthropic("max_tokens"), "length"),
        ("anthropic:claude-sonnet-4-5", anthropic("refusal"), "content_filter"),
        (BEDROCK, converse("malformed_tool_use"), "malformed_tool_use"),
        (BEDROCK, converse("max_tokens"), "length"),
        ("openai:gpt-4o", chat("length"), "length"),
        ("openai:gpt-4o", chat("content_filter"), "content_filter"),
        ("openai:gpt-5", responses("max_output_tokens"), "length"),
        ("google:gemini-2.5-flash", gemini("MAX_TOKENS"), "length"),
        ("google:gemini-2.5-flash", gemini("SAFETY"), "content_filter"),
        ("cohere:command-r-plus", cohere("MAX_TOKENS"), "length"),
    ],
)
def test_no_call_of_a_cut_answer_is_run_on_any_wire(model: str, body: Any, reason: str, wipe_calls: list[bool]) -> None:
    asked: list[httpx.Request] = []
    transport = httpx.MockTransport(lambda request: (asked.append(request), httpx.Response(200, json=body))[1])
    wire = {"wire": "openai_responses"} if "output" in body and "status" in body else {}
    with stepwell.Client(transport=transport, api_keys=KEYS, retries=0) as client:
        reply = client.run_tools(model, "Go.", [wipe_into(wipe_calls)], **wire)
    assert wipe_calls == [] and len(asked) == 1
    assert reply.finish_reason == reason
    assert [call.name for call in reply.tool_calls] == ["wipe"]
    (reported,) = [warning for warning in reply.warnings if warning.subject == "tool_calls"]
    assert "not run" in reported.why and reason in reported.why


def test_no_call_of_a_failed_answer_is_run(wipe_calls: list[bool]) -> None:
    transport = httpx.MockTransport(lambda request: httpx.Response(200, json=chat("error")))
    with stepwell.Client(transport=transport, api_keys=KEYS, retries=0) as client:
        with pytest.raises(stepwell.errors.ServerError) as caught:
            client.run_tools("openai:gpt-4o", "Go.", [wipe_into(wipe_calls)])
    assert wipe_calls == [] and [call.name for call in caught.value.partial.tool_calls] == ["wipe"]


def test_the_conversation_continues_after_a_cut_answer_without_running_its_calls(wipe_calls: list[bool]) -> None:
    wipe = wipe_into(wipe_calls)
    script = Scripted([httpx.Response(200, json=chat("length")), "Done."])
    cut = script.client.run_tools(MODEL, "Go.", [wipe])
    assert script.client.run_tools(MODEL, cut.context, [wipe]).text == "Done."
    assert wipe_calls == []
    assert [message["role"] for message in script.seen[1]["messages"]] == ["user", "assistant", "tool"]
    assert "not run" in script.seen[1]["messages"][2]["content"]


def streamed(reason: str) -> httpx.Response:
    call = {"index": 0, "id": "c", "type": "function", "function": {"name": "wipe", "arguments": "{}"}}
    events = [
        {"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]},
        {"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]},
    ]
    text = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    return httpx.Response(200, content=text + "data: [DONE]\n\n", headers={"content-type": "text/event-stream"})


@pytest.mark.parametrize("drive", DRIVES[2:], ids=lambda drive: drive.__name__)
def test_a_streamed_loop_ends_at_a_cut_answer_as_well(drive: Run, wipe_calls: list[bool]) -> None:
    reply = drive(Scripted([streamed("length")]), [wipe_into(wipe_calls)])
    assert (wipe_calls, reply.finish_reason, len(reply.tool_calls)) == ([], "length", 1)
    assert any("raise max_tokens" in warning.why for warning in reply.warnings)


@pytest.mark.parametrize("reason", ["tool_calls", "stop", "eos_token", None])
def test_calls_are_run_if_the_answer_ended_or_its_reason_is_unknown(reason: Any, wipe_calls: list[bool]) -> None:
    script = Scripted([httpx.Response(200, json=chat(reason)), "Done."])
    assert script.client.run_tools(MODEL, "Go.", [wipe_into(wipe_calls)]).text == "Done."
    assert wipe_calls == [True]


def test_an_answer_of_the_callers_own_step_needs_no_finish_reason(wipe_calls: list[bool]) -> None:
    given = [stepwell.Reply(stepwell.assistant(stepwell.messages.ToolCall("c", "wipe", "{}"))), stepwell.Reply()]
    step = on_request("given", lambda request: given.pop(0))
    Scripted([]).client.run_tools(MODEL, "Go.", [wipe_into(wipe_calls)], pipeline=[step])
    assert wipe_calls == [True]


@pytest.mark.parametrize("reason", ["length", "content_filter"])
def test_a_call_in_plain_text_is_not_read_out_of_a_cut_answer(reason: str, wipe_calls: list[bool]) -> None:
    body = {"choices": [{"message": {"content": "Action: wipe\nAction Input: {}"}, "finish_reason": reason}]}
    client = Scripted([httpx.Response(200, json=body)]).client
    reply = client.run_tools(MODEL, "Go.", [wipe_into(wipe_calls)], react=True)
    assert (wipe_calls, reply.tool_calls, reply.finish_reason) == ([], (), reason)


def test_an_llm_does_not_run_calls_of_a_cut_answer_either(wipe_calls: list[bool]) -> None:
    llm = stepwell.llm.LLM(MODEL, client=Scripted([httpx.Response(200, json=chat("length"))]).client)
    reply = llm.predict_and_call([wipe_into(wipe_calls)], "Go.")
    assert (wipe_calls, reply.finish_reason) == ([], "length")
