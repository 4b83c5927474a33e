"""How many tokens a prompt has: the provider's word where it gives one, an estimate elsewhere."""

from __future__ import annotations

import asyncio

import httpx
import pytest

from stepwell import AsyncClient, Client, Tool
from stepwell.schemas.estimate import estimate_tokens
from stepwell.schemas.message import context_of

PROMPT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why is the sky blue?"}]


def unreachable(request: httpx.Request) -> httpx.Response:
    raise AssertionError("nothing may be sent")


@pytest.mark.parametrize("model", ["groq:llama-3.3-70b-versatile", "openrouter:qwen/qwen3-32b", "cohere:command-a"])
def test_without_an_endpoint_it_is_estimated_and_said_to_be(model):
    with Client(transport=httpx.MockTransport(unreachable)) as client:
        reply = client.count_tokens(model, PROMPT)
    assert reply.usage.input_tokens == estimate_tokens(context_of(PROMPT))
    (warning,) = reply.warnings
    assert (warning.subject, warning.model) == ("count_tokens", model)
    assert "estimated" in warning.why


def test_tools_count():
    tool = Tool("weather", "The weather in a city")
    with Client(transport=httpx.MockTransport(unreachable)) as client:
        bare, armed = client.count_tokens("groq:m", "hi"), client.count_tokens("groq:m", "hi", tools=[tool])
    assert armed.usage.input_tokens > bare.usage.input_tokens


def test_async_is_the_same():
    async def count() -> int | None:
        async with AsyncClient(transport=httpx.MockTransport(unreachable)) as client:
            return (await client.count_tokens("groq:m", PROMPT)).usage.input_tokens

    assert asyncio.run(count()) == estimate_tokens(context_of(PROMPT))


def test_with_an_endpoint_the_provider_counts():
    def count(request: httpx.Request) -> httpx.Response:
        assert request.url.path == "/v1/messages/count_tokens"
        return httpx.Response(200, json={"input_tokens": 4711})

    with Client(transport=httpx.MockTransport(count), api_keys={"anthropic": "k"}) as client:
        reply = client.count_tokens("anthropic:claude-haiku-4-5", PROMPT)
    assert reply.usage.input_tokens == 4711 and not reply.warnings
