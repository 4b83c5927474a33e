"""A cost is exact only if all charges are known, streamed or not; otherwise it is a lower bound."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from billing import answered, chat, claude, events, gemini

from stepwell.schemas.prices import Prices, price
from stepwell.schemas.usage import Usage

COUNTS = {"input_tokens": 1_000, "output_tokens": 100}
CHAT_COUNTS = {"prompt_tokens": 1_000, "completion_tokens": 100}
GEMINI_COUNTS = {"promptTokenCount": 1_000, "candidatesTokenCount": 100, "totalTokenCount": 1_100}
SEARCHED = {"groundingMetadata": {"webSearchQueries": ["sun"]}}
SEARCH_CALL = {"type": "web_search_call", "id": "ws_1", "status": "completed", "action": {"type": "search"}}
CITED = {"type": "url_citation", "url_citation": {"url": "https://example.org"}}
NOVA = {"toolUse": {"toolUseId": "s", "name": "nova_grounding", "input": {}, "type": "server_tool_use"}}


def responded(*items: Any) -> dict[str, Any]:
    return {"id": "r", "status": "completed", "output": list(items), "usage": COUNTS}


def body_with(**message: Any) -> dict[str, Any]:
    body = chat(**CHAT_COUNTS)
    body["choices"][0]["message"] |= message
    return body


def converse(*blocks: Any, **beside: Any) -> dict[str, Any]:
    message = {"role": "assistant", "content": [{"text": "yes"}, *blocks]}
    usage = {"inputTokens": 1_000, "outputTokens": 100}
    return {"output": {"message": message}, "stopReason": "end_turn", "usage": usage, **beside}


PLAIN: dict[str, tuple[str, Any]] = {
    "claude": ("anthropic:claude-sonnet-4-5", claude(**COUNTS, server_tool_use={"web_fetch_requests": 3})),
    "gemini, searching in vain": (
        "google:gemini-2.5-flash",
        {**gemini(**GEMINI_COUNTS), "candidates": [{**gemini()["candidates"][0], "groundingMetadata": {}}]},
    ),
    "responses": ("openai:o3-pro", responded({"type": "function_call", "call_id": "c", "name": "look"})),
    "chat": ("openai:gpt-4o", body_with(annotations=[])),
    "mistral, without sound": ("mistral:mistral-large-latest", chat(**CHAT_COUNTS, prompt_audio_seconds=0)),
    "perplexity, with its bill": (
        "perplexity:sonar-pro",
        chat(**CHAT_COUNTS, search_context_size="low", cost={"total_cost": 0.01}),
    ),
    "nova": ("amazon_bedrock:us.amazon.nova-micro-v1:0", converse()),
}
BILLED_APART: dict[str, tuple[str, Any]] = {
    "claude, in a container": ("anthropic:claude-sonnet-4-5", {**claude(**COUNTS), "container": {"id": "c"}}),
    "claude, advised": (
        "anthropic:claude-sonnet-4-5",
        claude(**COUNTS, iterations=[{"type": "message"}, {"type": "advisor_message"}]),
    ),
    "claude, by a new tool": ("anthropic:claude-sonnet-4-5", claude(**COUNTS, server_tool_use={"new_requests": 1})),
    "claude, somewhere new": ("anthropic:claude-opus-4-6", claude(**COUNTS, inference_geo="moon")),
    "claude, searching where no list has the price": (
        "google_vertex:claude-sonnet-4-5@20250929",
        claude(**COUNTS, server_tool_use={"web_search_requests": 1}),
    ),
    "gemini, grounded": (
        "google:gemini-2.5-flash",
        {**gemini(**GEMINI_COUNTS), "candidates": [{**gemini()["candidates"][0], **SEARCHED}]},
    ),
    "responses, searching": ("openai:o3-pro", responded(SEARCH_CALL)),
    "chat, searching": ("openai:gpt-4o", body_with(annotations=[CITED])),
    "chat, with tools of the server's": (
        "groq:llama-3.3-70b-versatile",
        body_with(executed_tools=[{"type": "search"}]),
    ),
    "grok, with sources": ("xai:grok-4.3", chat(**CHAT_COUNTS, num_sources_used=3)),
    # https://docs.mistral.ai/api, UsageInfo; https://docs.perplexity.ai/getting-started/pricing: a fee for each request
    "mistral, hearing": ("mistral:voxtral-small-latest", chat(**CHAT_COUNTS, prompt_audio_seconds=60)),
    "perplexity, without its bill": ("perplexity:sonar-pro", chat(**CHAT_COUNTS, search_context_size="low")),
    "openrouter, somebody else's bill": ("openrouter:openai/gpt-4o", chat(**CHAT_COUNTS, cost=0, is_byok=True)),
    "nova, grounded": ("amazon_bedrock:us.amazon.nova-micro-v1:0", converse(NOVA)),
    "nova, guarded": (
        "amazon_bedrock:us.amazon.nova-micro-v1:0",
        converse(trace={"guardrail": {"inputAssessment": {}}}),
    ),
}


@pytest.mark.parametrize("name", PLAIN)
def test_without_separately_billed_work_the_cost_is_exact(name):
    model, body = PLAIN[name]
    cost = answered(model, body).cost
    assert cost.total and not cost.lower_bound


@pytest.mark.parametrize("name", BILLED_APART)
def test_separately_billed_work_makes_the_cost_a_lower_bound(name):
    model, body = BILLED_APART[name]
    cost = answered(model, body).cost
    assert cost.total and cost.lower_bound


STREAMS = {
    "claude, in a container": (
        "anthropic:claude-sonnet-4-5",
        events(
            {"type": "message_start", "message": {"id": "m", "usage": COUNTS, "container": {"id": "c"}}},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 100}},
            {"type": "message_stop"},
        ),
    ),
    "gemini, grounded": (
        "google:gemini-2.5-flash",
        events(
            {"candidates": [{"content": {"parts": [{"text": "yes"}]}}], "usageMetadata": GEMINI_COUNTS},
            {"candidates": [{"finishReason": "STOP", **SEARCHED}]},
        ),
    ),
    "responses, searching": (
        "openai:o3-pro",
        events(
            {"type": "response.created", "response": {"id": "r"}},
            {"type": "response.output_item.done", "output_index": 0, "item": SEARCH_CALL},
            {"type": "response.completed", "response": {**responded(), "output": []}},
        ),
    ),
    "chat, searching": (
        "openai:gpt-4o",
        events(
            {"id": "c", "choices": [{"delta": {"content": "yes", "annotations": [CITED]}, "finish_reason": None}]},
            {"id": "c", "choices": [{"delta": {}, "finish_reason": "stop"}]},
            {"id": "c", "choices": [], "usage": CHAT_COUNTS},
        ),
    ),
}


@pytest.mark.parametrize("name", STREAMS)
def test_the_lower_bound_is_the_same_streamed(name):
    model, body = STREAMS[name]
    cost = answered(model, body, stream=True).cost
    assert cost.total and cost.lower_bound


@pytest.mark.parametrize("cost", [-1, True, "free", [], {}, {"total_cost": -0.5}, {"total_cost": None}])
def test_a_reported_cost_that_is_not_a_sum_of_money_is_ignored(cost):
    body = chat(**CHAT_COUNTS)
    body["usage"]["cost"] = cost
    reply = answered("openai:gpt-4o", body)
    assert (reply.text, reply.usage.reported_cost) == ("yes", None)
    assert reply.cost.total == Decimal("0.0035")


@pytest.mark.parametrize("reported", [Decimal(-1), Decimal("NaN"), Decimal("Infinity")])
def test_an_invalid_reported_cost_from_a_custom_wire_is_ignored_too(reported):
    usage = Usage(input_tokens=1_000_000, output_tokens=0, reported_cost=reported)
    assert price(usage, Prices(input=3, output=15)).total == 3


HEARD = Prices(input=1, cache_read="0.1", input_audio=10, cache_read_audio="0.5")
COUNTED: dict[str, Any] = {
    "input_tokens": 1_000_000,
    "input_audio_tokens": 800_000,
    "cached_input_tokens": 500_000,
    "output_tokens": 0,
}


def test_cached_audio_has_a_price_of_its_own():
    usage = Usage(**{**COUNTED, "cached_audio_tokens": 400_000})
    cost = price(usage, HEARD)
    # 100,000 of 200,000 tokens of text and 400,000 of 800,000 of sound are cached
    assert cost.items == {
        "cache_read": Decimal("0.01"),
        "cache_read_audio": Decimal("0.2"),
        "input_audio": Decimal(4),
        "input": Decimal("0.1"),
    }
    assert not cost.lower_bound


def test_an_unknown_share_of_audio_in_the_cache_is_priced_at_the_least():
    least = price(Usage(**COUNTED), HEARD)
    assert least.lower_bound
    for heard in range(300_000, 500_001, 50_000):
        known = price(Usage(**{**COUNTED, "cached_audio_tokens": heard}), HEARD)
        assert not known.lower_bound and known.total >= least.total


def test_where_the_list_has_no_price_for_cached_audio_that_of_text_is_the_least():
    prices = Prices(input=1, cache_read="0.1", input_audio=10)
    cost = price(Usage(**{**COUNTED, "cached_audio_tokens": 500_000}), prices)
    assert cost.lower_bound and cost.items["cache_read_audio"] == Decimal("0.05")


def test_equal_prices_of_audio_and_text_give_an_exact_cost():
    assert not price(Usage(**COUNTED), Prices(input=1, cache_read="0.1")).lower_bound


@pytest.mark.parametrize("stream", [False, True], ids=["whole", "streamed"])
def test_more_reasoning_than_output_is_cut_to_fit_and_reported(stream):
    usage = {"prompt_tokens": 10, "completion_tokens": 5, "completion_tokens_details": {"reasoning_tokens": 50}}
    body: Any = chat(**usage)
    if stream:
        body = events(
            {"choices": [{"delta": {"content": "yes"}, "finish_reason": "stop"}]}, {"choices": [], "usage": usage}
        )
        body += b"data: [DONE]\n\n"
    reply = answered("openai:gpt-4o", body, stream=stream)
    assert (reply.usage.output_tokens, reply.usage.reasoning_tokens) == (5, 5)
    (warning,) = reply.warnings
    assert (warning.subject, warning.model) == ("usage", "openai:gpt-4o")
    assert warning.why == "openai counted wrongly: reasoning_tokens of 50 cut to 5, which is all of output_tokens"
