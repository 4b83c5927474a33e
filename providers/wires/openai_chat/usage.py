"""Usage and costs, under all the names that servers of this format give them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any

from ....schemas.usage import Usage, parse_reported_cost


def usage_of(raw: Mapping[str, Any], service_tier: str | None = None, unpriced_charges: tuple[str, ...] = ()) -> Usage:
    """Convert usage, under any of the names that servers use (see the recordings of DeepSeek, Mistral, Moonshot, xAI).

    raw: the usage object, whose counts are numbers after the rules of side_fields.py
    service_tier: the tier that the answer states; Mistral states it inside of the usage
    unpriced_charges: charges that have no price here
    """
    # Without a call for each field, since every answer and the end of every stream comes here.
    if _RARE.isdisjoint(raw):
        # Many servers count input and output, and no more.
        return Usage(
            raw.get("prompt_tokens"),
            raw.get("completion_tokens"),
            service_tier=service_tier or None,
            unpriced_charges=unpriced_charges,
            raw=raw,
        )
    read = raw.get("prompt_tokens_details") or raw.get("input_tokens_details") or {}
    wrote = raw.get("completion_tokens_details") or raw.get("output_tokens_details") or {}
    if (input_tokens := raw.get("prompt_tokens")) is None:
        input_tokens = raw.get("input_tokens")
    if (output_tokens := raw.get("completion_tokens")) is None:
        output_tokens = raw.get("output_tokens")
    reasoning = wrote.get("reasoning_tokens")
    if reasoning is None:
        reasoning = raw.get("reasoning_tokens")
    if reasoning and raw.get("total_tokens") == (input_tokens or 0) + (output_tokens or 0) + reasoning:
        output_tokens = (output_tokens or 0) + reasoning  # xAI counts reasoning separately from the completion
    cached = read.get("cached_tokens")
    if cached is None and not _CACHED.isdisjoint(raw):
        cached = next((raw[name] for name in _CACHED if raw.get(name) is not None), None)
    # Where writes are counted, they are among the details of the input, or next to all counts.
    places = () if _WRITES.isdisjoint(read) and _WRITES.isdisjoint(raw) else (read, raw)
    charged = None if _CHARGES.isdisjoint(raw) else _reported_cost(raw)
    if charged is None and not _APART.isdisjoint(raw):
        unpriced_charges += tuple(sorted(name for name in _APART.intersection(raw) if raw[name]))
    return Usage(
        input_tokens=input_tokens,
        output_tokens=output_tokens,
        cached_input_tokens=cached,
        cache_write_tokens=_first(places, _WRITES) if places else None,
        cache_write_1h_tokens=_hour_writes(places) if places else None,
        reasoning_tokens=reasoning,
        input_audio_tokens=read.get("audio_tokens"),
        output_audio_tokens=wrote.get("audio_tokens"),
        reported_cost=charged,
        service_tier=service_tier or raw.get("service_tier"),
        unpriced_charges=unpriced_charges,
        raw=raw,
    )


_CACHED = dict.fromkeys(
    ("prompt_cache_hit_tokens", "num_cached_tokens", "cached_tokens", "cache_read_input_tokens")
).keys()
# OpenRouter's; Alibaba's (https://help.aliyun.com/zh/model-studio/context-cache) and Anthropic's; LiteLLM's.
_WRITES = dict.fromkeys(("cache_write_tokens", "cache_creation_input_tokens", "cache_creation_tokens")).keys()
# Charged beside the tokens: xAI's searches, Mistral's audio by the minute, Perplexity's searches.
_APART = frozenset(("is_byok", "num_sources_used", "prompt_audio_seconds", "num_search_queries", "search_context_size"))
_CHARGES = frozenset(("cost", "cost_in_usd_ticks"))
_RARE = frozenset(
    (
        *("prompt_tokens_details", "input_tokens_details", "completion_tokens_details", "output_tokens_details"),
        *("input_tokens", "output_tokens", "reasoning_tokens", "cache_creation"),
        *(*_CACHED, *_WRITES, *_CHARGES, *_APART, "service_tier"),
    )
)
"""All names that are read here beside `prompt_tokens` and `completion_tokens`."""


def _first(places: Iterable[Mapping[str, Any]], names: Iterable[str]) -> Any:
    return next((place[name] for place in places for name in names if place.get(name) is not None), None)


def _hour_writes(places: Iterable[Mapping[str, Any]]) -> Any:
    return _first([place.get("cache_creation") or {} for place in places], ("ephemeral_1h_input_tokens",))


def _reported_cost(raw: Mapping[str, Any]) -> Decimal | None:
    """Return the total cost of the call, where the server reports it.

    Perplexity itemizes its cost. OpenRouter's is only its own charge where the tokens are billed to the caller's own
    key (https://openrouter.ai/docs/use-cases/usage-accounting). xAI's is exact, tools included, in ticks:
    ten thousand million make a dollar (https://docs.x.ai/developers/cost-tracking).
    """
    if ticks := parse_reported_cost(raw.get("cost_in_usd_ticks")):
        return ticks.scaleb(-10)
    cost = raw.get("cost")
    own = parse_reported_cost(cost.get("total_cost") if isinstance(cost, dict) else cost)
    if own is None or raw.get("is_byok") is not True:
        return own
    upstream = parse_reported_cost((raw.get("cost_details") or {}).get("upstream_inference_cost"))
    return None if upstream is None else own + upstream
