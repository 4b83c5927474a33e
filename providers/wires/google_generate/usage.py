"""Token counts. https://ai.google.dev/api/generate-content#UsageMetadata"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....schemas.model import Model
from ....schemas.usage import Usage

_TIERS: Mapping[str, str] = {"ON_DEMAND_PRIORITY": "priority", "ON_DEMAND_FLEX": "flex"}
"""What Vertex calls the tiers that the Gemini API knows by these names: google-genai, types.TrafficType."""


def extract_usage(data: Any, model: Model) -> Usage | None:
    raw = data.get("usageMetadata")
    return usage_of(raw) if raw else None


def usage_of(raw: Mapping[str, Any]) -> Usage:
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
        input_audio_tokens=_audio(raw.get("promptTokensDetails")),
        output_audio_tokens=_audio(raw.get("candidatesTokensDetails")),
        service_tier=raw.get("serviceTier") or _TIERS.get(traffic or "", traffic),
        raw=raw,
    )


def _audio(details: Any) -> int | None:
    counts = [each.get("tokenCount", 0) for each in details or () if each.get("modality") == "AUDIO"]
    return sum(counts) if counts else None
