"""Our costs against those of genai-prices, an independent price list and calculator, as of the day of our data.

Where the two differ, the price data do, and `DIFFERENCES` says how we know; the arithmetic is the same everywhere else.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from decimal import Decimal
from fnmatch import fnmatchcase
from typing import NamedTuple

import genai_prices
import pytest
from genai_prices.data_snapshot import get_snapshot

from stepwell.model_metadata import Catalog
from stepwell.schemas.model import Model
from stepwell.schemas.prices import price
from stepwell.schemas.usage import Usage

DAY = datetime(2026, 8, 18, 12, tzinfo=UTC)

THEIRS = {provider.id: provider for provider in get_snapshot().providers}

THEIR_NAMES = {
    "amazon-bedrock": "aws",
    "anthropic": "anthropic",
    "arcee": "arcee",
    "azure": "azure",
    "baseten": "baseten",
    "cerebras": "cerebras",
    "cloudflare-workers-ai": "cloudflare",
    "cohere": "cohere",
    "deepseek": "deepseek",
    "fireworks-ai": "fireworks",
    "github-copilot": "github-copilot",
    "google": "google",
    "groq": "groq",
    "meta": "meta",
    "minimax": "minimax",
    "mistral": "mistral",
    "moonshotai": "moonshotai",
    "openai": "openai",
    "ovhcloud": "ovhcloud",
    "perplexity": "perplexity",
    "togetherai": "together",
    "xai": "x-ai",
    "zai": "zai",
}

USAGES = {
    "plain": Usage(input_tokens=1_234, output_tokens=567),
    "cached": Usage(input_tokens=20_000, cached_input_tokens=15_000, output_tokens=900),
    "written": Usage(input_tokens=20_000, cached_input_tokens=9_000, cache_write_tokens=7_000, output_tokens=900),
    "written for an hour": Usage(
        input_tokens=20_000,
        cached_input_tokens=9_000,
        cache_write_tokens=7_000,
        cache_write_1h_tokens=3_000,
        output_tokens=900,
    ),
    "at 200k": Usage(input_tokens=200_000, output_tokens=10),
    "over 200k": Usage(input_tokens=200_001, cached_input_tokens=1_000, output_tokens=10),
    "over 272k": Usage(input_tokens=272_001, output_tokens=10),
    "over 512k": Usage(input_tokens=512_001, output_tokens=10),
}

ONE_NUMBER = "models.dev, 2026-08-18, gives another price for this model"

DIFFERENCES = {
    "google:gemini-*-image*": "models.dev prices output by the image token, genai-prices apart from text",
    "google:gemini-omni-flash-preview": "models.dev prices output by the video token, genai-prices apart from text",
    "google:gemini-3.6-flash": "genai-prices has an introductory price until 2026-12-31, models.dev the price after it",
    "github-copilot:gemini-3.6-flash": "as at Google",
    "google:gemini-flash*-latest": "the alias has moved on since 2026-08-18",
    "amazon-bedrock:google.gemma-3-*": ONE_NUMBER,
    "amazon-bedrock:mistral.voxtral-small-24b-2507": ONE_NUMBER,
    "amazon-bedrock:qwen.qwen3-coder-480b-a35b-v1:0": ONE_NUMBER,
    "amazon-bedrock:qwen.qwen3-vl-235b-a22b": ONE_NUMBER,
    "deepseek:deepseek-*": "DeepSeek's prices vary by the hour since 2026-08-17, after models.dev's last reading",
    "fireworks-ai:accounts/fireworks/models/gpt-oss-120b": ONE_NUMBER,
    "fireworks-ai:accounts/fireworks/models/nemotron-3-ultra-nvfp4": ONE_NUMBER,
    "mistral:labs-devstral-small-2512": "free while in Mistral's labs, says models.dev",
    "mistral:ministral-8b-latest": ONE_NUMBER,
    "mistral:mistral-embed": "genai-prices charges the output of an embedding, of which there is none",
    "mistral:mistral-large-latest": "the alias was Mistral Large 3 on 2026-08-18; genai-prices has Mistral Large 2",
    "mistral:voxtral-small-latest": ONE_NUMBER,
    "moonshotai:kimi-k2-turbo-preview": ONE_NUMBER,
    "minimax:MiniMax-M2.5-highspeed": ONE_NUMBER,
    "perplexity:sonar*": "genai-prices adds a fee per request; our cost is marked as a lower bound",
    "togetherai:Qwen/Qwen3.7-Max": ONE_NUMBER,
    "togetherai:meta-llama/Llama-3.3-70B-Instruct-Turbo": ONE_NUMBER,
    "togetherai:meta-llama/Meta-Llama-3-8B-Instruct-Lite": ONE_NUMBER,
    "baseten:zai-org/GLM-5.2": ONE_NUMBER,
    "github-copilot:gpt-4.1": "included in the plan, says genai-prices",
    "github-copilot:gpt-5.6-luna": "genai-prices starts long context at 200k here and at 272k for its siblings",
    "github-copilot:gpt-5.6-sol": "genai-prices has the cut of 2026-08-21 for every date",
    "cloudflare-workers-ai:@cf/meta/llama-3.2-*": "genai-prices rounds to three digits",
    "cloudflare-workers-ai:@cf/qwen/qwen3-30b-a3b-fp8": "genai-prices rounds to three digits",
    "cloudflare-workers-ai:@cf/zai-org/glm-4.7-flash": "genai-prices rounds to three digits",
    "cloudflare-workers-ai:@cf/qwen/qwen3.8-27b": "genai-prices has no line for cached input",
}


class Record(NamedTuple):
    model: str
    usage: str
    ours: Decimal | None
    theirs: Decimal

    @property
    def why_not_equal(self) -> str | None:
        return next((pattern for pattern in DIFFERENCES if fnmatchcase(self.model, pattern)), None)


@pytest.fixture(scope="module")
def records() -> list[Record]:
    """Draw any usage of any model that both lists have a price for."""
    catalog = Catalog()
    return [
        Record(str(model), name, price(usage, model.prices).total, theirs)
        for ours in THEIR_NAMES
        for model in catalog.find(ours)
        for name, usage in USAGES.items()
        if possible(model, usage) and (theirs := their_cost(model, usage)) is not None
    ]


def possible(model: Model, usage: Usage) -> bool:
    if model.prices is None or (usage.input_tokens or 0) > (model.context_window or 0):
        return False
    if usage.cached_input_tokens and model.prices.cache_read is None:
        return False  # a lower bound here, the price of other input there
    if usage.cache_write_1h_tokens:
        return model.prices.cache_write_1h is not None
    return model.prices.cache_write is not None or not usage.cache_write_tokens


def their_cost(model: Model, usage: Usage) -> Decimal | None:
    counts = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": usage.cached_input_tokens,
        "cache_write_tokens": usage.cache_write_tokens,
        "cache_write_1h_tokens": usage.cache_write_1h_tokens,
    }
    given = genai_prices.Usage(**{name: count for name, count in counts.items() if count})
    provider = THEIRS[THEIR_NAMES[model.provider]]
    listed = provider.find_model(model.id)
    return listed.calc_price(given, provider, genai_request_timestamp=DAY).total_price if listed else None


def test_there_is_enough_to_compare(records):
    agreed = [record for record in records if record.ours == record.theirs]
    assert len(agreed) > 1_000
    assert len({record.model.partition(":")[0] for record in agreed}) >= 20


def test_costs_agree_but_for_differences_in_the_price_data(records):
    assert [record for record in records if record.ours != record.theirs and not record.why_not_equal] == []


def test_every_explained_difference_exists(records):
    met = defaultdict(list)
    for record in records:
        if record.why_not_equal:
            met[record.why_not_equal].append(record.ours != record.theirs)
    assert {pattern for pattern in DIFFERENCES if not any(met[pattern])} == set()


BATCHES = {"openai": "openai", "anthropic": "anthropic", "google": "google", "xai": "x-ai", "mistral": "mistral"}


@pytest.mark.parametrize("provider", BATCHES)
def test_batch_discounts_agree(provider):
    """Compared as ratios, on the day genai-prices verified them: the prices themselves have moved since ours."""
    day = datetime(2026, 10, 20, tzinfo=UTC)
    usage = genai_prices.Usage(input_tokens=20_000, output_tokens=900)
    compared = 0
    for model in Catalog().find(provider):
        if model.prices is None or model.prices.batch_factor is None:
            continue
        listed = THEIRS[BATCHES[provider]].find_model(model.id)
        if listed is None:
            continue
        known = {"provider": THEIRS[BATCHES[provider]], "genai_request_timestamp": day}
        normal = listed.calc_price(usage, **known).total_price
        batch = listed.calc_price(usage, price_context={"processing": "batch"}, **known).total_price
        if batch != normal:  # a price that genai-prices does not know in batch stays as it is
            assert batch == normal * model.prices.batch_factor, str(model)
            compared += 1
    assert compared


TIERS = ("flex", "priority")


@pytest.mark.parametrize("tier", TIERS)
def test_prices_of_service_tiers_agree(tier):
    """Compared as ratios, like batches, and on short prompts: some tiers take no long ones."""
    day = datetime(2026, 10, 20, tzinfo=UTC)
    counts = {"input_tokens": 20_000, "output_tokens": 900}
    compared = []
    for model in Catalog().find("openai"):
        listed = THEIRS["openai"].find_model(model.id)
        variants = (listed.price_variants if listed else None) or []
        if model.prices is None or not any(variant.when == {"service_tier": tier} for variant in variants):
            continue
        if model.id == "gpt-5.2-chat-latest":  # for genai-prices another name of gpt-5.2; OpenAI lists no tier of it
            continue
        known = {"provider": THEIRS["openai"], "genai_request_timestamp": day}
        usage = genai_prices.Usage(**counts)
        normal = listed.calc_price(usage, **known).total_price
        theirs = listed.calc_price(usage, price_context={"service_tier": tier}, **known).total_price
        ours = price(Usage(**counts, service_tier=tier), model.prices).total
        assert ours / price(Usage(**counts), model.prices).total == theirs / normal, str(model)
        compared.append(model.id)
    assert len(compared) >= 15
