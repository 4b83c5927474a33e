"""Costs of real answers at the prices of 2026-08-18, each worked out by hand beside it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import httpx
import orjson
import pytest

from stepwell import Client, Reply


def answered(model: str, body: Any, *, stream: bool = False, **options: Any) -> Reply:
    """The reply that a body becomes; a list of events is streamed."""
    content = body if isinstance(body, bytes) else orjson.dumps(body)
    headers = {"content-type": "text/event-stream" if stream else "application/json"}
    transport = httpx.MockTransport(lambda request: httpx.Response(200, content=content, headers=headers))
    keys: dict[str, Any] = {
        "amazon_bedrock": {"access_key": "a", "secret_key": "b", "region": "us-east-1"},
        "google_vertex": {"token": "t", "project": "p", "location": "global"},
    }
    provider = model.partition(":")[0]
    with Client(transport=transport, api_keys={provider: keys.get(provider, "k")}) as client:
        if stream:
            return client.stream_text(model, "hi", **options).reply()
        return client.generate_text(model, "hi", **options)


def claude(**usage: Any) -> dict[str, Any]:
    return {"id": "m", "content": [{"type": "text", "text": "yes"}], "stop_reason": "end_turn", "usage": usage}


def chat(tier: str | None = None, **usage: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}], "service_tier": tier, "usage": usage}


def gemini(**usage: Any) -> dict[str, Any]:
    return {"candidates": [{"content": {"parts": [{"text": "yes"}]}, "finishReason": "STOP"}], "usageMetadata": usage}


LONG = {"prompt_tokens": 272_000, "completion_tokens": 1_000, "prompt_tokens_details": {"cached_tokens": 200_000}}
WRITTEN = {"input_tokens": 100, "cache_read_input_tokens": 5_000, "cache_creation_input_tokens": 3_000}
HOURS = {"ephemeral_5m_input_tokens": 1_000, "ephemeral_1h_input_tokens": 2_000}


@pytest.mark.parametrize(
    ("model", "body", "cost"),
    [
        # 100 x $2 + 5,000 x $0.20 + 1,000 x $2.50 + 2,000 x $4 + 400 x $10, a million each
        (
            "anthropic:claude-sonnet-5",
            claude(**WRITTEN, output_tokens=400, cache_creation=HOURS, service_tier="standard"),
            "0.0157",
        ),
        # the same in a batch: half of everything
        (
            "anthropic:claude-sonnet-5",
            claude(**WRITTEN, output_tokens=400, cache_creation=HOURS, service_tier="batch"),
            "0.00785",
        ),
        # 1,000 x $10 + 100 x $50: fast mode costs twice $5 and $25
        ("anthropic:claude-opus-5", claude(input_tokens=1_000, output_tokens=100, speed="fast"), "0.015"),
        # at the threshold itself the low prices: 72,000 x $2.50 + 200,000 x $0.25 + 1,000 x $15
        ("openai:gpt-5.4", chat("default", **LONG), "0.245"),
        # one token more, and the whole request costs $5, $0.50 and $22.50: 72,001, 200,000 and 1,000 of them
        ("openai:gpt-5.4", chat("default", **{**LONG, "prompt_tokens": 272_001}), "0.482505"),
        # flex is half: 1,000 x $0.625 + 500 x $5, of which 300 for reasoning, which is output
        (
            "openai:gpt-5",
            chat(
                "flex",
                prompt_tokens=1_000,
                completion_tokens=500,
                completion_tokens_details={"reasoning_tokens": 300},
            ),
            "0.003125",
        ),
        # priority is twice: 1,000 x $2.50 + 500 x $20
        ("openai:gpt-5", chat("priority", prompt_tokens=1_000, completion_tokens=500), "0.0125"),
        # thoughts are beside the candidates: 1,000 x $1.25 + 700 x $10
        (
            "google:gemini-2.5-pro",
            gemini(promptTokenCount=1_000, candidatesTokenCount=200, thoughtsTokenCount=500, totalTokenCount=1_700),
            "0.00825",
        ),
        # long context at Google starts above 200,000: 200,001 x $2.50 + 10 x $15
        (
            "google:gemini-2.5-pro",
            gemini(promptTokenCount=200_001, candidatesTokenCount=10, totalTokenCount=200_011),
            "0.5001525",
        ),
    ],
)
def test_a_real_answer_costs_what_it_does_by_hand(model, body, cost):
    assert answered(model, body).cost.total == Decimal(cost)


def test_a_streamed_answer_is_priced_by_its_tier_too():
    events = [
        {"choices": [{"delta": {"content": "yes"}, "finish_reason": None}], "service_tier": "flex"},
        {"choices": [{"delta": {}, "finish_reason": "stop"}], "service_tier": "flex"},
        {"choices": [], "service_tier": "flex", "usage": {"prompt_tokens": 1_000, "completion_tokens": 500}},
    ]
    body = b"".join(b"data: " + orjson.dumps(event) + b"\n\n" for event in events) + b"data: [DONE]\n\n"
    reply = answered("openai:gpt-5", body, stream=True)
    assert (reply.usage.service_tier, reply.cost.total) == ("flex", Decimal("0.003125"))


@pytest.mark.parametrize(
    ("model", "body", "tier"),
    [
        (
            "openai:o3-pro",
            {"status": "completed", "output": [], "service_tier": "flex", "usage": {"input_tokens": 1}},
            "flex",
        ),
        ("mistral:mistral-small-2603", chat(prompt_tokens=1, service_tier="standard"), "standard"),
        ("groq:llama-3.3-70b-versatile", chat("on_demand", prompt_tokens=1), "on_demand"),
        ("google:gemini-2.5-pro", gemini(promptTokenCount=1, serviceTier="priority"), "priority"),
        ("google:gemini-2.5-pro", gemini(promptTokenCount=1, trafficType="ON_DEMAND_FLEX"), "flex"),
        (
            "amazon_bedrock:us.amazon.nova-micro-v1:0",
            {
                "output": {"message": {"role": "assistant", "content": [{"text": "yes"}]}},
                "stopReason": "end_turn",
                "usage": {"inputTokens": 1, "outputTokens": 1},
                "serviceTier": {"type": "priority"},
            },
            "priority",
        ),
    ],
)
def test_every_wire_says_how_a_call_was_served(model, body, tier):
    assert answered(model, body).usage.service_tier == tier


def test_a_tier_that_no_list_prices_makes_the_cost_unknown():
    cost = answered("openai:gpt-5", chat("scale", prompt_tokens=1, completion_tokens=1)).cost
    assert cost.total is None and "'scale'" in (cost.reason or "")
