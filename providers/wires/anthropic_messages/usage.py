"""Token counts, and what is billed beside them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from ....schemas.usage import Usage

CONTAINER = "container"
"""The field of a message for the container that it used, which is billed by the hour."""


_COUNTED = frozenset(("web_search_requests", "web_fetch_requests"))
"""Uses of Anthropic's own tools that are no unpriced charge: searches have their own price, fetches cost only
tokens."""
_ANYWHERE = frozenset(("global", "not_available"))


def usage_of(raw: Mapping[str, Any], message: Mapping[str, Any]) -> Usage:
    """Convert usage. Anthropic's `input_tokens` excludes cache reads and writes; ours includes them.

    raw: the usage object
    message: the message that it belongs to

    https://docs.claude.com/en/docs/build-with-claude/prompt-caching#tracking-cache-performance
    """
    tools = raw.get("server_tool_use") or {}
    geo = raw.get("inference_geo")
    read, wrote = raw.get("cache_read_input_tokens"), raw.get("cache_creation_input_tokens")
    fresh = raw.get("input_tokens")
    # Fast mode has its own prices, whatever the tier:
    # https://platform.claude.com/docs/en/build-with-claude/fast-mode
    tier = "fast" if raw.get("speed") == "fast" else raw.get("service_tier")
    thought = (raw.get("output_tokens_details") or {}).get("thinking_tokens")
    return Usage(
        input_tokens=None if fresh is None else fresh + (read or 0) + (wrote or 0),
        output_tokens=raw.get("output_tokens"),
        cached_input_tokens=read,
        cache_write_tokens=wrote,
        cache_write_1h_tokens=(raw.get("cache_creation") or {}).get("ephemeral_1h_input_tokens"),
        reasoning_tokens=thought,
        service_tier=tier,
        web_searches=tools.get("web_search_requests"),
        region=None if geo in _ANYWHERE else geo,
        unpriced_charges=tuple(_unpriced_charges(raw, tools, message)),
        raw=raw,
    )


def _unpriced_charges(raw: Mapping[str, Any], tools: Mapping[str, Any], message: Mapping[str, Any]) -> Iterator[str]:
    """List what is billed but not counted: containers by the hour, and tokens of other models or rounds (an advisor's,
    a compaction's): https://platform.claude.com/docs/en/build-with-claude/compaction#understanding-usage"""
    yield from (name for name, count in tools.items() if count and name not in _COUNTED)
    yield from {each["type"]: None for each in raw.get("iterations") or () if each.get("type", "message") != "message"}
    if message.get(CONTAINER):
        yield "container"
