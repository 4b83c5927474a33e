"""The tokens of a prompt: the provider's count where there is one, otherwise an estimate."""

from __future__ import annotations

import asyncio
from decimal import Decimal

import httpx
import pytest

from stepwell import AsyncClient, Client, Tool
from stepwell.costs import cost_report
from stepwell.schemas.estimate import estimate_tokens
from stepwell.schemas.message import context_of
from stepwell.schemas.prices import Cost

PROMPT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Why is the sky blue?"}]


def unreachable(request: httpx.Request) -> httpx.Response:
    raise AssertionError("nothing may be sent")


@pytest.mark.parametrize("model", ["groq:llama-3.3-70b-versatile", "openrouter:qwen/qwen3-32b", "cohere:command-a"])
def test_without_an_endpoint_tokens_are_estimated_with_a_warning(model):
    with Client(transport=httpx.MockTransport(unreachable)) as client:
        reply = client.count_tokens(model, PROMPT)
    assert reply.usage.input_tokens == estimate_tokens(context_of(PROMPT))
    (warning,) = reply.warnings
    assert (warning.subject, warning.model) == ("count_tokens", model)
    assert "estimated" in warning.why


def test_tools_count_towards_the_limit():
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


def test_counting_tokens_is_free():
    def count(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"input_tokens": 4711})

    with Client(transport=httpx.MockTransport(count), api_keys={"anthropic": "k"}) as client:
        counted = client.count_tokens("anthropic:claude-haiku-4-5", PROMPT)
        estimated = client.count_tokens("groq:m", PROMPT)
    assert counted.cost == estimated.cost == Cost(Decimal(0))
    report = cost_report([counted, estimated])
    assert (report.total, report.all.calls, report.all.complete) == (0, 2, True)
    assert report.all.usage.input_tokens is None  # no model has read them


ENDPOINTS = [
    ("openai:gpt-4o", "/v1/responses/input_tokens", {"object": "response.input_tokens", "input_tokens": 4711}),
    ("google:gemini-2.5-flash", "/v1beta/models/gemini-2.5-flash:countTokens", {"totalTokens": 4711}),
    (
        "amazon_bedrock:anthropic.claude-haiku-4-5-20251001-v1:0",
        "/model/anthropic.claude-haiku-4-5-20251001-v1:0/count-tokens",
        {"inputTokens": 4711},
    ),
]


@pytest.mark.parametrize(("model", "path", "answer"), ENDPOINTS)
def test_every_endpoint_is_asked_in_its_own_form(model, path, answer):
    asked: list[httpx.Request] = []

    def count(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json=answer)

    keys = {
        "amazon_bedrock": {"access_key": "a", "secret_key": "b", "region": "us-east-1"},
        "openai": "k",
        "google": "k",
    }
    with Client(transport=httpx.MockTransport(count), api_keys=keys) as client:
        reply = client.count_tokens(model, PROMPT, tools=[Tool("look")])
    assert (asked[0].url.path, reply.usage.input_tokens, reply.warnings) == (path, 4711, ())
    assert all(word in asked[0].content for word in (b"Why is the sky blue?", b"Be brief.", b"look"))


def test_a_provider_of_several_families_counts_tokens_where_it_has_an_endpoint():
    keys = {"azure": {"api_key": "k", "endpoint": "https://r.openai.azure.com"}, "google_vertex": "t"}
    with Client(transport=httpx.MockTransport(unreachable), api_keys=keys) as client:
        assert client.count_tokens("azure:gpt-5.4", PROMPT).warnings[0].subject == "count_tokens"
