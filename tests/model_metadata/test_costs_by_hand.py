"""Costs of real answers at the prices of 2026-08-18, each worked out by hand beside it."""

from __future__ import annotations

from decimal import Decimal

import pytest
from billing import answered, chat, claude, events, gemini

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
        # 1,000 x $3 + 100 x $15 + 2 searches of $0.01
        (
            "anthropic:claude-sonnet-4-5",
            claude(input_tokens=1_000, output_tokens=100, server_tool_use={"web_search_requests": 2}),
            "0.0245",
        ),
        # in the USA a tenth more for tokens, 1.1 x (1,000 x $5 + 100 x $25), but not for the search
        (
            "anthropic:claude-opus-4-6",
            claude(
                input_tokens=1_000, output_tokens=100, inference_geo="us", server_tool_use={"web_search_requests": 1}
            ),
            "0.01825",
        ),
        ("anthropic:claude-opus-4-6", claude(input_tokens=1_000, output_tokens=100, inference_geo="global"), "0.0075"),
        # fast mode in the USA: 1.1 x (1,000 x $10 + 100 x $50)
        (
            "anthropic:claude-opus-5",
            claude(input_tokens=1_000, output_tokens=100, speed="fast", inference_geo="us"),
            "0.0165",
        ),
        # OpenRouter's own charge, and what the tokens cost on the caller's account
        (
            "openrouter:openai/gpt-4o",
            chat(
                prompt_tokens=1_000,
                completion_tokens=500,
                cost=0.0005,
                is_byok=True,
                cost_details={"upstream_inference_cost": 0.0125},
            ),
            "0.013",
        ),
        # not the caller's account: the same figure stands in both places, and counts once
        (
            "openrouter:openai/gpt-4o",
            chat(prompt_tokens=9, cost=0.01, is_byok=False, cost_details={"upstream_inference_cost": 0.01}),
            "0.01",
        ),
        # Perplexity divides what it charged
        (
            "perplexity:sonar-pro",
            chat(prompt_tokens=3, completion_tokens=440, cost={"request_cost": 0.006, "total_cost": 0.012609}),
            "0.012609",
        ),
        # xAI counts ten thousand million ticks to the dollar
        ("xai:grok-4.3", chat(prompt_tokens=9, completion_tokens=9, cost_in_usd_ticks=37_756_000), "0.0037756"),
        # Cohere bills 5 x $2.50 + 418 x $10, though the model read 71
        (
            "cohere:command-a-03-2025",
            {
                "message": {"content": [{"type": "text", "text": "yes"}]},
                "finish_reason": "COMPLETE",
                "usage": {
                    "billed_units": {"input_tokens": 5, "output_tokens": 418},
                    "tokens": {"input_tokens": 71, "output_tokens": 418},
                },
            },
            "0.0041925",
        ),
    ],
)
def test_a_real_answer_costs_the_amount_computed_by_hand(model, body, cost):
    answer = answered(model, body).cost
    assert (answer.total, answer.lower_bound) == (Decimal(cost), False)


def test_a_streamed_answer_is_priced_by_its_tier_too():
    body = events(
        {"choices": [{"delta": {"content": "yes"}, "finish_reason": None}], "service_tier": "flex"},
        {"choices": [{"delta": {}, "finish_reason": "stop"}], "service_tier": "flex"},
        {"choices": [], "service_tier": "flex", "usage": {"prompt_tokens": 1_000, "completion_tokens": 500}},
    )
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
def test_every_wire_reports_the_service_tier(model, body, tier):
    assert answered(model, body).usage.service_tier == tier


def test_a_tier_that_no_list_prices_makes_the_cost_unknown():
    cost = answered("openai:gpt-5", chat("scale", prompt_tokens=1, completion_tokens=1)).cost
    assert cost.total is None and "'scale'" in (cost.reason or "")
