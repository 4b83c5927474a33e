"""Answers that go on over several calls: paused by the provider, or kept by it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import orjson
import pytest

import stepwell
from stepwell import AsyncClient, Client, Reply
from stepwell.errors import StepLimit
from stepwell.messages import server_tool

from tool_loops import add

CLAUDE, GPT = "anthropic:claude-sonnet-4-5", "openai:gpt-5.1"
KEYS = {"anthropic": "k", "openai": "k"}
SEARCH = server_tool("web_search")


class Served:
    """A server that gives its answers in order, the last one again and again; `bodies` are what it was sent."""

    def __init__(self, *answers: Any) -> None:
        self.answers, self.bodies = answers, list[Any]()

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.bodies.append(httpx.Response(200, content=request.content).json())
        return httpx.Response(200, json=self.answers[min(len(self.bodies), len(self.answers)) - 1])

    def client(self, kind: type[Any]) -> Any:
        return kind(transport=httpx.MockTransport(self), api_keys=KEYS, retries=0)


def run_sync(server: Served, *arguments: Any, **how: Any) -> Reply:
    reply: Reply = server.client(Client).run_tools(*arguments, **how)
    return reply


def run_async(server: Served, *arguments: Any, **how: Any) -> Reply:
    reply: Reply = asyncio.run(server.client(AsyncClient).run_tools(*arguments, **how))
    return reply


@pytest.fixture(params=[run_sync, run_async], ids=["sync", "async"])
def run(request: pytest.FixtureRequest) -> Iterator[Callable[..., Reply]]:
    return request.param  # type: ignore[no-any-return]


def claude(stop: str, *content: Any) -> dict[str, Any]:
    usage = {"input_tokens": 10, "output_tokens": 5}
    return {"id": "m", "type": "message", "content": content, "stop_reason": stop, "usage": usage}


PAUSED = claude("pause_turn", {"type": "text", "text": "I am still searching."})


def test_a_model_that_pauses_again_and_again_is_stopped_and_can_go_on(run: Callable[..., Reply]) -> None:
    server = Served(PAUSED)
    with pytest.raises(StepLimit) as caught:
        run(server, CLAUDE, "Go.", [SEARCH], max_steps=3)
    assert len(server.bodies) == 3 and caught.value.usage.input_tokens == 30
    onward = Served(claude("end_turn", {"type": "text", "text": "Found."}))
    reply = run(onward, CLAUDE, caught.value.partial.context, [SEARCH], resume=True)
    assert reply.text == "Found." and len(onward.bodies[0]["messages"]) == 2


def test_the_condition_that_ends_the_loop_is_asked_after_a_pause_too(run: Callable[..., Reply]) -> None:
    server = Served(PAUSED)
    assert run(server, CLAUDE, "Go.", [SEARCH], stop_when=lambda reply: True).finish_reason == "pause"
    assert len(server.bodies) == 1


def test_a_call_for_the_caller_in_a_paused_answer_is_handed_over(run: Callable[..., Reply]) -> None:
    outside = stepwell.Tool("ask_user", "", {"type": "object", "properties": {}})
    call = {"type": "tool_use", "id": "t", "name": "ask_user", "input": {}}
    server = Served(claude("pause_turn", call), claude("end_turn"))
    reply = run(server, CLAUDE, "Go.", [SEARCH, outside])
    assert [each.name for each in reply.tool_calls] == ["ask_user"] and len(server.bodies) == 1


def response(id: str, *output: Any) -> dict[str, Any]:
    usage = {"input_tokens": 10, "output_tokens": 5, "total_tokens": 15}
    return {"id": id, "status": "completed", "output": output, "usage": usage}


def said(text: str) -> dict[str, Any]:
    content = [{"type": "output_text", "text": text, "annotations": []}]
    return {"type": "message", "id": "msg", "role": "assistant", "status": "completed", "content": content}


def test_a_loop_goes_on_from_the_answer_that_the_provider_kept(run: Callable[..., Reply]) -> None:
    """Its results alone are sent, so the provider has to know the answer with the calls."""
    call = {"type": "function_call", "id": "fc", "call_id": "c", "name": "add", "arguments": '{"a": 1, "b": 2}'}
    server = Served(response("resp_1", call), response("resp_2", said("3")))
    options = {"wire": "openai_responses", "previous_response_id": "resp_0"}
    assert run(server, GPT, "Go.", [add], **options).text == "3"
    assert [body["previous_response_id"] for body in server.bodies] == ["resp_0", "resp_1"]
    assert server.bodies[1]["input"] == [{"type": "function_call_output", "call_id": "c", "output": "3"}]


def test_a_correction_goes_on_from_the_answer_that_it_is_of() -> None:
    server = Served(response("resp_1", said("four")), response("resp_2", said('{"value": 4}')))
    options = {"wire": "openai_responses", "previous_response_id": "resp_0"}
    assert server.client(Client).generate_object(GPT, "2 + 2?", int, **options).object == 4
    assert [body["previous_response_id"] for body in server.bodies] == ["resp_0", "resp_1"]


def test_only_what_is_new_is_added_to_a_conversation_that_the_provider_keeps(run: Callable[..., Reply]) -> None:
    """https://platform.openai.com/docs/guides/conversation-state: answers are added to it by the provider."""
    call = {"type": "function_call", "id": "fc", "call_id": "c", "name": "add", "arguments": '{"a": 1, "b": 2}'}
    server = Served(response("resp_1", call), response("resp_2", said("3")))
    options = {"wire": "openai_responses", "provider_options": {"conversation": "conv_1"}}
    assert run(server, GPT, "Go.", [add], **options).text == "3"
    assert [len(body["input"]) for body in server.bodies] == [1, 1]
    assert all(body["conversation"] == "conv_1" and "store" not in body for body in server.bodies)


CODE = {"type": "server_tool_use", "id": "srv", "name": "code_execution", "input": {"code": "print(add(1, 2))"}}
CALL = {
    "type": "tool_use",
    "id": "t",
    "name": "add",
    "input": {"a": 1, "b": 2},
    "caller": {"type": "code_execution_20260120", "tool_id": "srv"},
}


@pytest.mark.parametrize(
    ("given", "sent"),
    [({}, "container_1"), ({"skills": []}, {"skills": [], "id": "container_1"}), ("container_0", "container_0")],
    ids=["none given", "given without an id", "another given"],
)
def test_results_of_calls_that_code_made_go_to_its_container(run: Callable[..., Reply], given: Any, sent: Any) -> None:
    """https://platform.claude.com/docs/en/agents-and-tools/tool-use/programmatic-tool-calling"""
    container = {"id": "container_1", "expires_at": "2026-12-01T00:00:00Z"}
    server = Served(
        {**claude("tool_use", CODE, CALL), "container": container}, claude("end_turn", {"type": "text", "text": "3"})
    )
    options = {"provider_options": {"container": given}} if given else {}
    reply = run(server, CLAUDE, "Go.", [server_tool("code_execution"), add], **options)
    second = server.bodies[1]
    assert second["container"] == sent and second["messages"][1]["content"] == [CODE, CALL]
    run(onward := Served(claude("end_turn")), CLAUDE, reply.context.append("Thanks."), [add])
    assert "container" not in str(onward.bodies[0]), "the code has ended"


def test_a_streamed_call_of_code_has_its_container_too() -> None:
    events: list[Any] = [{"type": "message_start", "message": {"id": "m", "content": [], "container": None}}]
    for at, block in enumerate((CODE, CALL)):
        events.append({"type": "content_block_start", "index": at, "content_block": block})
        events.append({"type": "content_block_stop", "index": at})
    container = {"id": "container_1", "expires_at": "2026-12-01T00:00:00Z"}
    ended = {"stop_reason": "tool_use", "container": container}
    events += [{"type": "message_delta", "delta": ended, "usage": {"output_tokens": 1}}, {"type": "message_stop"}]
    body = b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events)
    stream = {"content-type": "text/event-stream"}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=body, headers=stream))
    client = Client(transport=transport, api_keys=KEYS)
    reply = client.stream_text(CLAUDE, "Go.", tools=[add]).reply()
    context = reply.context.append(stepwell.tool_result(reply.tool_calls[0], "3"))
    sent = client.preview(CLAUDE, context, tools=[add]).json
    assert sent["container"] == "container_1" and sent["messages"][1]["content"] == [CODE, CALL]
