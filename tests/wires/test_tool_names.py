"""Tool names that a vendor does not allow are mapped, and mapped back."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httpx
import orjson
import pytest
from exchanges import KEYS, exchanged, reported

from stepwell import AsyncClient, Client, Context, Tool
from stepwell.messages import ToolCall
from stepwell.providers.declare.tool_policies import ToolNamePolicy
from stepwell.providers.history.tool_names import sent_names
from stepwell.schemas.message import assistant, tool_result, user

WEATHER = Tool("get.weather", "Tell the weather.", callback=lambda: "sunny")
CHAT = {"role": "assistant", "content": "done"}
CLAUDE = "amazon_bedrock:anthropic.claude-sonnet-4-5-20250929-v1:0"


def call_of(name: str) -> dict[str, Any]:
    """Return an answer by wire that calls this tool."""
    called = {"id": "c", "type": "function", "function": {"name": name, "arguments": "{}"}}
    use = {"toolUse": {"toolUseId": "c", "name": name, "input": {}}}
    return {
        "openai:gpt-4o": {
            "id": "r",
            "choices": [{"finish_reason": "tool_calls", "message": {"role": "assistant", "tool_calls": [called]}}],
        },
        "anthropic:claude-sonnet-4-5": {
            "type": "message",
            "content": [{"type": "tool_use", "id": "c", "name": name, "input": {}}],
            "stop_reason": "tool_use",
        },
        CLAUDE: {"output": {"message": {"role": "assistant", "content": [use]}}, "stopReason": "tool_use"},
    }


@pytest.mark.parametrize("model", call_of(""))
def test_a_loop_finds_the_tool_by_its_original_name(model: str) -> None:
    bodies: list[str] = []

    def handler(request: httpx.Request) -> httpx.Response:
        bodies.append(request.content.decode())
        return httpx.Response(200, json=call_of("get_weather")[model])

    with Client(transport=httpx.MockTransport(handler), api_keys=KEYS, retries=0) as client:
        reply = client.run_tools(model, "how is it?", [WEATHER], max_steps=3, stop_when=lambda reply: len(bodies) == 2)
    assert [call.name for call in reply.tool_calls] == ["get.weather"]
    assert [message.text for message in reply.context if message.role == "tool"] == ["sunny", "sunny"]
    assert all("get.weather" not in body and "get_weather" in body for body in bodies) and reported(reply) == []


def test_streamed_calls_have_the_users_names_too() -> None:
    fragment = {"index": 0, "id": "c", "function": {"name": "get_weather", "arguments": "{}"}}
    choice = {"index": 0, "delta": {"tool_calls": [fragment]}, "finish_reason": "tool_calls"}
    others = {**choice, "index": 1}
    body = b"data: " + orjson.dumps({"id": "r", "choices": [choice, others]}) + b"\n\ndata: [DONE]\n\n"
    context = Context([user("a")], [WEATHER])
    _, reply = exchanged("openai:gpt-4o", context, body, stream=True, wire="openai_chat", n=2)
    assert [call.name for call in reply.tool_calls] == ["get.weather"]
    assert [call.name for call in reply.alternatives[0].tool_calls] == ["get.weather"]

    async def other() -> Any:
        def handler(request: httpx.Request) -> httpx.Response:
            return httpx.Response(200, content=body, headers={"content-type": "text/event-stream"})

        async with AsyncClient(transport=httpx.MockTransport(handler), api_keys=KEYS, retries=0) as client:
            return await client.stream_text("openai:gpt-4o", context, wire="openai_chat").reply()

    assert [call.name for call in asyncio.run(other()).tool_calls] == ["get.weather"]


@pytest.mark.parametrize(
    "choice",
    [WEATHER, {"name": "get.weather"}, {"type": "function", "function": {"name": "get.weather"}}],
    ids=["tool", "name", "function"],
)
def test_the_choice_of_a_tool_is_mapped_with_it(choice: Any) -> None:
    body, _ = exchanged("openai:gpt-4o", Context([user("a")], [WEATHER]), wire="openai_chat", tool_choice=choice)
    assert body["tool_choice"] == {"type": "function", "function": {"name": "get_weather"}}


def test_the_calls_of_a_history_are_mapped_like_the_tools() -> None:
    call = ToolCall("c", "get.weather", "{}")
    context = Context([user("a"), assistant(call), tool_result(call, "sunny"), user("b")], [WEATHER])
    body, reply = exchanged("google:gemini-2.5-flash", context)
    assert "get.weather" in str(body) and "get_weather" not in str(body), "Google takes dots"
    body, reply = exchanged("ollama:llama3.2", context)
    assert body["messages"][2]["tool_name"] == body["tools"][0]["function"]["name"] == "get_weather"
    assert reply.context.messages[1] == assistant(call), "the stored one is untouched"


def test_a_providers_own_tool_keeps_its_name() -> None:
    server = Tool("web.search", server={"type": "web_search_20250305", "name": "web.search"})
    body, _ = exchanged("anthropic:claude-sonnet-4-5", Context([user("a")], [server, WEATHER]))
    assert [tool["name"] for tool in body["tools"]] == ["web.search", "get_weather"]


NAMES = ["get.weather", "get_weather", "a b", "a_b", "a.b", "9", "é", "x" * 99, "x" * 64 + "y", "fine-1", "q" * 64]


@pytest.mark.parametrize("policy", [ToolNamePolicy(), ToolNamePolicy(first="A-Za-z_", max_length=32)])
def test_names_are_mapped_one_to_one_and_always_alike(policy: ToolNamePolicy) -> None:
    context = Context([assistant([ToolCall(str(at), name, "{}") for at, name in enumerate(NAMES)])])
    names = sent_names(context, policy)
    assert names == sent_names(context, policy)
    sent = [names.get(name, name) for name in NAMES]
    assert len(set(sent)) == len(NAMES)
    pattern = f"[{policy.first or policy.alphabet}][{policy.alphabet}]{{0,{policy.max_length - 1}}}"
    assert all(re.fullmatch(pattern, name) for name in sent)
    assert "get_weather" not in names and "fine-1" not in names, "what fits stays"
