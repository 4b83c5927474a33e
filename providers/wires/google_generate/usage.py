"""Token counts. https://ai.google.dev/api/generate-content#UsageMetadata"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from ....schemas.usage import Usage

_TIERS: Mapping[str, str] = {"ON_DEMAND_PRIORITY": "priority", "ON_DEMAND_FLEX": "flex"}
"""Vertex's names of tiers, and the Gemini API's names of the same: google-genai, types.TrafficType."""

TOTAL = "totalTokenCount"
"""The count that all usage has, even of an answer without tokens."""


def usage_of(raw: Mapping[str, Any], grounded: bool) -> Usage:
    """Convert usage. The vendor counts thoughts and its own tools' prompts separately; our totals include them.

    Counts of zero are left out on the wire, so an answer without tokens shows only in the total.
    """
    traffic = raw.get("trafficType")
    prompt, tool_prompt = raw.get("promptTokenCount"), raw.get("toolUsePromptTokenCount") or 0
    written, thought, total = raw.get("candidatesTokenCount"), raw.get("thoughtsTokenCount"), raw.get(TOTAL)
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


def _audio(*lists: Iterable[Mapping[str, Any]] | None) -> int | None:
    count = None
    for details in lists:
        for each in details or ():
            if each.get("modality") == "AUDIO":
                count = (count or 0) + (each.get("tokenCount") or 0)
    return count


def _cached_audio(raw: Mapping[str, Any]) -> int | None:
    """Count the cached audio; None where the cached input is not split by modality."""
    details = raw.get("cacheTokensDetails")
    return _audio(details) or 0 if details else None
