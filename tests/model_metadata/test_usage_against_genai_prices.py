"""Raw answers decoded and priced by us, and by genai-prices with its own decoding of the same bodies.

The other comparison starts from our Usage; this one starts from the wire, so that a decoder that puts a count into the
wrong bucket, or loses one, shows.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from genai_prices.data_snapshot import get_snapshot

from stepwell.model_metadata import Catalog
from stepwell.providers.wires import (
    anthropic_messages,
    bedrock_converse,
    cohere_chat,
    google_generate,
    openai_chat,
    openai_responses,
)
from stepwell.schemas.model import Model
from stepwell.schemas.prices import price
from stepwell.schemas.usage import Usage

from recordings import Recording, recordings

Extract = Callable[[Any, Model], Usage | None]

DAY = datetime(2026, 8, 18, 12, tzinfo=UTC)
THEIRS = {provider.id: provider for provider in get_snapshot().providers}
"""Wire formats as the recordings name them: our extractor, and their provider (None: the recording's) and flavour."""
READERS: dict[str, tuple[Extract, str | None, str]] = {
    "anthropic_messages": (anthropic_messages.extract_usage, "anthropic", "default"),
    "bedrock_converse": (bedrock_converse.extract_usage, "aws", "default"),
    "cohere_chat": (cohere_chat.extract_usage, "cohere", "default"),
    "google_generate": (google_generate.extract_usage, "google", "default"),
    "mistral_chat": (openai_chat.extract_usage, "mistral", "default"),
    "openai_chat": (openai_chat.extract_usage, None, "chat"),
    "openai_responses": (openai_responses.extract_usage, None, "responses"),
}
THEIR_NAMES = {"amazon_bedrock": "aws", "xai": "x-ai"}
UNKNOWN_THERE = {
    "mistral_chat-mistral-730a2216a904": "genai-prices does not know `num_cached_tokens`",
    "mistral_chat-mistral-b1b4233c48f1": "genai-prices does not know `num_cached_tokens`",
}


def recorded() -> list[tuple[Recording, Any]]:
    """Return the recorded answers whose usage both can read."""
    found = []
    for recording in recordings(*READERS, streaming=False):
        _, provider, flavour = READERS[recording.api]
        theirs = THEIRS.get(provider or THEIR_NAMES.get(recording.provider, recording.provider))
        knows = theirs is not None and any(each.api_flavor == flavour for each in theirs.extractors or ())
        if recording.status == 200 and knows and recording.id not in UNKNOWN_THERE:
            body = orjson.loads(recording.body)
            usage = READERS[recording.api][0](body, Model("acme", "m"))
            if usage is not None and usage.total_tokens is not None:
                found.append((recording, theirs.extract_usage(body, api_flavor=flavour)[1]))
    return found


RECORDED = recorded()


@pytest.mark.parametrize(("recording", "theirs"), RECORDED, ids=[each.id for each, _ in RECORDED])
def test_recorded_counts_are_read_alike(recording, theirs):
    ours = READERS[recording.api][0](orjson.loads(recording.body), Model("acme", "m"))
    billed = ours.billed_input_tokens is not None
    assert {
        "input_tokens": ours.billed_input_tokens if billed else ours.input_tokens,
        "output_tokens": ours.billed_output_tokens if billed else ours.output_tokens,
        "cache_read_tokens": 0 if billed else ours.cached_input_tokens or 0,
        "cache_write_tokens": ours.cache_write_tokens or 0,
        "web_searches": ours.web_searches or 0,
    } == {
        name: getattr(theirs, name, None) or 0
        for name in ("input_tokens", "output_tokens", "cache_read_tokens", "cache_write_tokens", "web_searches")
    }


def test_there_is_enough_to_compare():
    assert len(RECORDED) >= 40
    assert len({recording.api for recording, _ in RECORDED}) == len(READERS)


def chat(**usage: Any) -> dict[str, Any]:
    return {"choices": [{"message": {"content": "yes"}, "finish_reason": "stop"}], "usage": usage}


def tokens(**by_modality: int) -> list[dict[str, Any]]:
    return [{"modality": name.upper(), "tokenCount": count} for name, count in by_modality.items()]


CLAUDE = {"input_tokens": 120, "output_tokens": 400, "service_tier": "standard"}
WRITTEN = {
    "cache_read_input_tokens": 5_000,
    "cache_creation_input_tokens": 3_000,
    "cache_creation": {"ephemeral_5m_input_tokens": 1_000, "ephemeral_1h_input_tokens": 2_000},
}
HEARD = {
    "promptTokenCount": 1_000,
    "candidatesTokenCount": 50,
    "promptTokensDetails": tokens(text=100, audio=900),
}

SONNET = ("anthropic:claude-sonnet-4-5", "anthropic_messages", "anthropic", "default")
FLASH = ("google:gemini-2.5-flash", "google_generate", "google", "default")
"""By name: the model, the wire, and the provider and flavour by which genai-prices reads it."""
BODIES: dict[str, tuple[str, str, str, str, dict[str, Any]]] = {
    "claude": (*SONNET, {"usage": CLAUDE}),
    "claude, cached": (
        *SONNET,
        {"usage": CLAUDE | WRITTEN},
    ),
    "claude, having searched": (
        *SONNET,
        {"usage": CLAUDE | WRITTEN | {"server_tool_use": {"web_search_requests": 3, "web_fetch_requests": 1}}},
    ),
    "gpt, cached, thinking": (
        "openai:gpt-5",
        "openai_chat",
        "openai",
        "chat",
        chat(
            prompt_tokens=2_000,
            completion_tokens=700,
            prompt_tokens_details={"cached_tokens": 1_024},
            completion_tokens_details={"reasoning_tokens": 512},
        ),
    ),
    "gpt, by responses": (
        "openai:gpt-5",
        "openai_responses",
        "openai",
        "responses",
        {
            "output": [],
            "usage": {
                "input_tokens": 2_000,
                "output_tokens": 700,
                "input_tokens_details": {"cached_tokens": 1_024},
                "output_tokens_details": {"reasoning_tokens": 512},
            },
        },
    ),
    "gemini, thinking, with tools": (
        *FLASH,
        {
            "usageMetadata": {
                "promptTokenCount": 300,
                "cachedContentTokenCount": 100,
                "toolUsePromptTokenCount": 40,
                "candidatesTokenCount": 60,
                "thoughtsTokenCount": 200,
                "totalTokenCount": 600,
            }
        },
    ),
    "gemini, hearing": (*FLASH, {"usageMetadata": HEARD}),
    "gemini, hearing from the cache": (
        *FLASH,
        {"usageMetadata": HEARD | {"cachedContentTokenCount": 900, "cacheTokensDetails": tokens(audio=900)}},
    ),
    "gemini, hearing, in part from the cache": (
        "google:gemini-3-flash-preview",
        "google_generate",
        "google",
        "default",
        {"usageMetadata": HEARD | {"cachedContentTokenCount": 500, "cacheTokensDetails": tokens(text=50, audio=450)}},
    ),
    "gemini, reading from the cache": (
        "google:gemini-2.5-flash-lite",
        "google_generate",
        "google",
        "default",
        {"usageMetadata": HEARD | {"cachedContentTokenCount": 60, "cacheTokensDetails": tokens(text=60, audio=0)}},
    ),
    "cohere": (
        "cohere:command-a-03-2025",
        "cohere_chat",
        "cohere",
        "default",
        {
            "usage": {
                "billed_units": {"input_tokens": 5, "output_tokens": 418},
                "tokens": {"input_tokens": 71, "output_tokens": 418},
                "cached_tokens": 64,
            }
        },
    ),
    "gpt-oss, cached": (
        "groq:openai/gpt-oss-120b",
        "openai_chat",
        "groq",
        "default",
        chat(prompt_tokens=900, completion_tokens=80, prompt_tokens_details={"cached_tokens": 512}),
    ),
    "grok, thinking beside the answer": (
        "xai:grok-4.3",
        "openai_chat",
        "x-ai",
        "chat",
        chat(
            prompt_tokens=100,
            completion_tokens=20,
            total_tokens=420,
            prompt_tokens_details={"cached_tokens": 64},
            completion_tokens_details={"reasoning_tokens": 300},
        ),
    ),
}


@pytest.mark.parametrize("name", BODIES)
def test_a_body_costs_the_same_as_there_and_the_cost_is_exact(name):
    named, api, provider, flavour, body = BODIES[name]
    theirs = THEIRS[provider]
    _, usage = theirs.extract_usage(body, api_flavor=flavour)
    listed = theirs.find_model(named.partition(":")[2])
    expected = listed.calc_price(usage, theirs, genai_request_timestamp=DAY).total_price
    model = Catalog().get(named)
    cost = price(READERS[api][0](body, model), model.prices)
    assert (cost.total, cost.lower_bound) == (expected, False)
