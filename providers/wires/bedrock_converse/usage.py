"""Token counts, and what is billed beside them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ....schemas.usage import Usage

TIER, TRACE = "serviceTier", "trace"
"""Fields next to the usage that say how it is billed."""


def usage_of(raw: Mapping[str, Any], data: Mapping[str, Any], ran_tools: bool) -> Usage:
    """Convert usage. Converse's `inputTokens` excludes cache reads and writes; ours includes them.

    raw: the usage object
    data: the object that holds it, with tier and trace
    ran_tools: whether Bedrock ran tools itself, which it bills separately, like guardrails
    """
    read, wrote, fresh = raw.get("cacheReadInputTokens"), raw.get("cacheWriteInputTokens"), raw.get("inputTokens")
    hour = [each.get("inputTokens") or 0 for each in raw.get("cacheDetails") or () if each.get("ttl") == "1h"]
    unpriced_charges = ("tools",) if ran_tools else ()
    return Usage(
        input_tokens=None if fresh is None else fresh + (read or 0) + (wrote or 0),
        output_tokens=raw.get("outputTokens"),
        cached_input_tokens=read,
        cache_write_tokens=wrote,
        cache_write_1h_tokens=sum(hour) if hour else None,
        service_tier=(data.get(TIER) or {}).get("type"),
        unpriced_charges=(*unpriced_charges, "guardrail")
        if (data.get(TRACE) or {}).get("guardrail")
        else unpriced_charges,
        raw=raw,
    )
