"""Token counts. https://ai.google.dev/api/generate-content#UsageMetadata"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ....schemas.model import Model
from ....schemas.usage import Usage

_TIERS: Mapping[str, str] = {"ON_DEMAND_PRIORITY": "priority", "ON_DEMAND_FLEX": "flex"}
"""What Vertex calls the tiers that the Gemini API knows by these names: google-genai, types.TrafficType."""


def extract_usage(data: Mapping[str, Any], model: Model) -> Usage | None:
    raw = data.get("usageMetadata")
    return usage_of(raw, is_grounded(*(data.get("candidates") or ()))) if raw else None


def is_grounded(*candidates: Mapping[str, Any]) -> bool:
    """Whether Google has searched for it, which it bills apart."""
    return any(candidate.get("groundingMetadata") for candidate in candidates)


def usage_of(raw: Mapping[str, Any], grounded: bool) -> Usage:
    """The vendor counts thoughts beside the candidates, and what its own tools read beside the prompt; ours has it all.

    Counts that are zero are left out on the wire, so that an answer of no tokens shows only in the total.
    """
    traffic = raw.get("trafficType")
    prompt, tool_prompt = raw.get("promptTokenCount"), raw.get("toolUsePromptTokenCount") or 0
    written, thought, total = raw.get("candidatesTokenCount"), raw.get("thoughtsTokenCount"), raw.get("totalTokenCount")
    read = None if prompt is None else prompt + tool_prompt
    if written is None and thought is None:
        output = None if total is None or read is None else max(total - read, 0)
    else:
        output = (written or 0) + (thought or 0)
    return Usage(
        input_tokens=read,
        output_tokens=output,
        cached_input_tokens=raw.get("cachedContentTokenCount"),
        reasoning_tokens=thought,
        input_audio_tokens=_audio(raw.get("promptTokensDetails"), raw.get("toolUsePromptTokensDetails")),
        output_audio_tokens=_audio(raw.get("candidatesTokensDetails")),
        cached_audio_tokens=_cached_audio(raw),
        unpriced_charges=("grounding",) if grounded else (),
        service_tier=raw.get("serviceTier") or _TIERS.get(traffic or "", traffic),
        raw=raw,
    )


def _audio(*lists: Any) -> int | None:
    counts = [each.get("tokenCount") or 0 for each in _all(lists) if each.get("modality") == "AUDIO"]
    return sum(counts) if counts else None


def _cached_audio(raw: Mapping[str, Any]) -> int | None:
    """None where nobody divides the cached input by what it is."""
    details = raw.get("cacheTokensDetails")
    return _audio(details) or 0 if details else None


def _all(lists: Iterable[Any]) -> Iterator[Mapping[str, Any]]:
    return (each for details in lists for each in details or ())
